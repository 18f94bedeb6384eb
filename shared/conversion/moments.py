"""The form of a datetime: naive or aware, and in which zone, all of that comes back.

In UTC it is msgpack's own timestamp; otherwise ISO 8601 text, with the zone's name behind it, as RFC 9557 says:
``2026-07-01T12:00:00+02:00[Europe/Berlin]``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from monarq.shared.conversion.form import Form
from monarq.shared.conversion.mismatch import MismatchError, refuse


def _encode(value: Any) -> datetime | str:
    if type(value) is not datetime:
        refuse("datetime", value)
    zone = value.tzinfo
    if zone is UTC:
        return value
    text: str = value.isoformat()
    return f"{text}[{zone.key}]" if isinstance(zone, ZoneInfo) and zone.key else text


def _decode(plain: Any) -> datetime:
    if type(plain) is datetime:
        return plain
    if type(plain) is not str:
        refuse("datetime", plain)
    text, bracket, zone = plain.partition("[")
    try:
        moment = datetime.fromisoformat(text)
        return _in_zone(moment, ZoneInfo(zone.removesuffix("]"))) if bracket else moment
    except (ValueError, OSError) as error:
        if bracket and "zone" in str(error).lower():
            raise MismatchError(f"this machine does not know the time zone of {plain!r}") from None
        refuse("datetime", plain)
    except KeyError:  # ZoneInfoNotFoundError
        raise MismatchError(f"this machine does not know the time zone of {plain!r}") from None


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """The wall clock's time in the zone at that offset; where the zone's rules differ here, the same moment in it."""
    for fold in (0, 1):
        local = moment.replace(tzinfo=zone, fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    return moment.astimezone(zone)


DATETIME: Final = Form("datetime", _encode, _decode, frozenset({datetime, str}), frozenset({datetime}))
