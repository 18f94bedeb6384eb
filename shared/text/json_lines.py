"""JSON for people's terminals and logs; apart from `monarq.shared.text.printable`, which is to load at once."""

from __future__ import annotations

import msgspec

from monarq.shared.text.printable import printable_json


def json_line(value: object) -> str:
    """A value as JSON in one line that a terminal can show: what would be obeyed is escaped, and decodes as it was."""
    return printable_json(msgspec.json.encode(value, enc_hook=repr).decode())
