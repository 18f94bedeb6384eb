"""A Django project whose tasks monarq runs.

    python manage.py migrate --run-syncdb
    python manage.py monarq_worker                         workers in one terminal
    python manage.py runserver                             the server in another
    curl -d customer=a@example.com -d total=12 http://127.0.0.1:8000/orders/

`python manage.py test` runs its tests, which need neither.
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
