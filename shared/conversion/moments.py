"""The form of a datetime. Naive ones come back naive, aware ones in the same zone.

In UTC it is msgpack's own timestamp; otherwise it is ISO 8601 text, followed by the zone's name as in RFC 9557:
``2026-07-01T12:00:00+02:00[Europe/Berlin]``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from monarq.shared.conversion.form import Form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.stand_ins import REAL, real_value


def _encode(value: Any) -> datetime | str:
    if type(value) is not REAL[0] and type(value := real_value(value)) is not REAL[0]:
        refuse("datetime", value)
    zone = value.tzinfo
    if zone is UTC:
        return value
    text: str = value.isoformat()
    return f"{text}[{zone.key}]" if isinstance(zone, ZoneInfo) and zone.key else text


def _decode(plain: Any) -> datetime:
    if type(plain) is REAL[0]:
        return plain
    if type(plain) is not str:
        refuse("datetime", plain)
    text, bracket, zone = plain.partition("[")
    try:
        moment = REAL[0].fromisoformat(text)
        return _in_zone(moment, ZoneInfo(zone.removesuffix("]"))) if bracket else moment
    except (ValueError, OSError) as error:
        if bracket and "zone" in str(error).lower():
            raise MismatchError(f"the time zone of {plain!r} is unknown here: pip install tzdata") from None
        refuse("datetime", plain)
    except KeyError:  # ZoneInfoNotFoundError
        raise MismatchError(f"the time zone of {plain!r} is unknown here: pip install tzdata") from None


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """The local time in the zone at that offset; if the zone's rules differ here, the same instant in the zone."""
    for fold in (0, 1):
        local = moment.replace(tzinfo=zone, fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    return moment.astimezone(zone)


DATETIME: Final = Form("datetime", _encode, _decode, frozenset({datetime, str}), frozenset({datetime}))
