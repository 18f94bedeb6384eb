"""Text that strangers may have written, made fit for a line, a terminal or a page: what would be obeyed is shown."""

from __future__ import annotations

from typing import Final

_LARGEST_PLAIN: Final = 0xFFFF


def printable(text: str) -> str:
    """The text in one line: line ends, control signs and those that turn the writing round stand as Python has them."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """The same for a text of several lines: these stay, and so do tabs."""
    if text.isprintable():
        return text
    return "".join(sign if sign in "\n\t" else _shown(sign) for sign in text)


def printable_json(text: str) -> str:
    """JSON with all signs escaped that cannot be seen."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else ascii(sign)[1:-1]


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return sign
    code = ord(sign)
    if code <= _LARGEST_PLAIN:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
