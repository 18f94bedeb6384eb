"""JSON lines for terminals and logs. Separate from `monarq.shared.text.printable`, which must load without msgspec."""

from __future__ import annotations

import msgspec

from monarq.shared.text.printable import printable_json


def json_line(value: object) -> str:
    """A value as JSON in one line, with control characters escaped so that it still decodes to the same value."""
    return printable_json(msgspec.json.encode(value, enc_hook=repr).decode())
