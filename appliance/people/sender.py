"""Whose number is it that the network tells? Networks write one number in many ways.

``+33639980012``, ``33639980012``, ``0033639980012``, ``0639980012`` and ``639980012`` are one
person for a SIM of France; the type of number that comes with the digits says little, and is wrong
on some networks. So every way of reading is tried, and only numbers that a plan assigns are left.
Pure; the library that knows the plans is imported where it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.numbers import NumberClass, NumberRefused, number_class, read_number, refusal
from firmware.events import AddressKind

_TRUNK_AFTER_CODE = re.compile(r"\(0\)")


def possible_numbers(written: str, kind: AddressKind, countries: Iterable[str]) -> tuple[str, ...]:
    """Return what *written* can be as E.164, the likeliest first; empty where it is no number.

    *countries* are the regions in which national digits are read, the likeliest first: that of
    the law profile, that of the SIM.
    """
    text = _TRUNK_AFTER_CODE.sub("", written)
    text = re.sub(r"[^0-9+]", "", text) if not re.search(r"[^0-9+ .()/\-]", text) else ""
    if kind is AddressKind.NAME or not re.fullmatch(r"\+?[0-9]{7,17}", text):
        return ()
    regions = tuple(dict.fromkeys(region for region in countries if region))
    digits = text.removeprefix("+")
    international = [f"+{digits.removeprefix('00')}"]
    national = [found for region in regions for found in _national(digits, region)]
    if text.startswith("+") or digits.startswith("00"):
        forms = [*international, *national]
    elif kind is AddressKind.NATIONAL:
        forms = [*national, *international]
    elif kind is AddressKind.INTERNATIONAL:
        forms = [*international, *national]
    else:
        forms = [*national, *international]
    assigned = (number for form in forms if (number := _assigned(form)) is not None)
    found = tuple(dict.fromkeys(assigned))
    # What is written as international and is a number so, is nothing else.
    return found[:1] if text.startswith("+") or digits.startswith("00") else found


def home_region(iccid: str | None) -> str:
    """Return the region of a SIM by its ICCID (ITU-T E.118: 89, country code), or nothing."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    if iccid is None or not iccid.startswith("89"):
        return ""
    digits = iccid[2:].removeprefix("0")
    for size in (1, 2, 3):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:size] or "0"))
        if regions and regions[0] != "001":
            return str(regions[0])
    return ""


def _national(digits: str, region: str) -> list[str]:
    """Return *digits* as a number of *region*, with and without the prefix that dials it there."""
    import phonenumbers

    found = []
    for form in (digits, f"0{digits}"):
        try:
            parsed = phonenumbers.parse(form, region)
        except phonenumbers.NumberParseException:
            continue
        found.append(str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)))
    return found


def _assigned(e164: str) -> str | None:
    try:
        number = read_number(e164, "", fiction=True)
    except NumberRefused:
        return None
    fiction = number_class(number) is NumberClass.FICTION
    return number if fiction or refusal(number) is None else None
