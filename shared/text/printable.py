"""Escaping of untrusted text for a line, a terminal or a page: control characters are shown, not executed."""

from __future__ import annotations

from typing import Final

_LARGEST_BMP: Final = 0xFFFF


def printable(text: str) -> str:
    """The text in one line: line ends, control and bidirectional characters become Python escapes."""
    return text if text.isprintable() else "".join(map(_python_escape, text))


def printable_lines(text: str) -> str:
    """The same for a text of several lines: line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else _python_escape(char) for char in text)


def printable_json(text: str) -> str:
    """JSON with all unprintable characters escaped."""
    return text if text.isprintable() else "".join(map(_json_escape, text))


def _python_escape(char: str) -> str:
    return char if char.isprintable() else ascii(char)[1:-1]


def _json_escape(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code <= _LARGEST_BMP:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
