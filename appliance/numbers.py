"""Telephone numbers: reading them, refusing what may never be dialled, masking, hashing.

A number enters the box as text written by people and spreadsheets and leaves this module either
as E.164 (ITU-T E.164: ``+`` and 7 to 15 digits) or as a :class:`NumberRefused` that says what to
write instead. Nothing else in the box turns text into something that can be dialled.

The ``phonenumbers`` library (Google's libphonenumber metadata) knows the numbering plans. It is
imported inside the functions that need it: masking and classing, which every command uses, do
not pay for it.

Long because whatever may not be dialled is refused here and nowhere else, each with its remedy.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from enum import StrEnum, unique
from functools import lru_cache
from typing import TYPE_CHECKING

from appliance.service_ranges import NANP_SERVICE_AREA, service
from firmware.errors import ErrorWithRemedy
from firmware.wording import worded

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

MAX_DIGITS = 15
"""ITU-T E.164 allows no more, country code included."""

_MAX_TEXT = 64
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_WRITTEN = re.compile(r"(?:\+|00)?[0-9 .()/-]+")
_MANGLED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+]?[0-9]{1,3}|[0-9]+[.,]0+")

# Spreadsheets and word processors write these where people typed a space or a hyphen.
_TYPOGRAPHY = {
    0x00A0: " ",
    0x2007: " ",
    0x2009: " ",
    0x202F: " ",
    0x2010: "-",
    0x2011: "-",
    0x2012: "-",
    0x2013: "-",
}

# Reserved for fiction by the regulators: Arcep numbering plan, Ofcom, NANPA (555-0100 to 0199 in
# any area code; N11 codes and the areas of services are none).
_FICTION = re.compile(
    r"\+33(?:19900|26191|35301|46571|53649|63998)[0-9]{4}"
    r"|\+44(?:7700900|2079460)[0-9]{3}"
    rf"|\+1(?!{NANP_SERVICE_AREA})[2-9](?!11)[0-9]{{2}}55501[0-9]{{2}}"
)

# Harmonised European numbers of social value (decision 2007/116/EC), and national emergency and
# distress numbers that the library's table leaves out.
_DISTRESS = frozenset(
    {"112", "911", "999", "000", "110", "113", "114", "115", "116", "117", "118", "119"}
    | {"15", "17", "18", "061", "062", "080", "091", "092", "101", "111", "191", "196", "197"}
    | {"116000", "116006", "116111", "116117", "116123", "988", "3114", "1522", "1525", "105"}
)

# ITU-T E.164 list of assigned country codes: 1 and 7 have one digit, these two, the rest three.
_TWO_DIGIT_CODES = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")


@unique
class Refusal(StrEnum):
    """Why a text is not a number that this box may hold."""

    EMPTY = "empty"
    HOSTILE = "hostile"
    """Holds something that has no place in a number: letters, controls, AT syntax, 16 digits."""
    MANGLED = "mangled"
    """A spreadsheet turned it into a quantity or ate its leading zero or plus."""
    EMERGENCY = "emergency"
    SHORT = "short"
    PREMIUM = "premium"
    """Premium, shared cost, personal, toll-free, paging, voicemail, satellite: never a person at
    an ordinary price."""
    INVALID = "invalid"
    """No numbering plan assigns it."""
    FICTION = "fiction"
    """Reserved for fiction; only bench lines dial those."""


@unique
class NumberClass(StrEnum):
    """Whether a number can belong to somebody."""

    REAL = "real"
    FICTION = "fiction"


class NumberRefused(ErrorWithRemedy, ValueError):
    """The text is not a number that may be called. Never quotes the text: it may be a number."""

    def __init__(self, kind: Refusal, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.kind = kind
        self.reason = reason


def read_number(text: str, country: str, *, fiction: bool = False) -> str:
    """Return *text* as E.164, or raise :class:`NumberRefused`.

    *country* is the ISO 3166 code (or library region, ``RE`` for Réunion) in which national
    numbers are read; empty where only international ones are accepted. Numbers reserved for
    fiction are accepted only with *fiction*; real ones are accepted either way, because which
    line may dial which is the gate's decision (:func:`number_class`).
    """
    if _E164.fullmatch(text):
        plain = plain_parts(text) if fiction and _FICTION.fullmatch(text) else None
        if plain is not None and plain[1] not in _DISTRESS:
            # Just what the rest would return, without an object in between.
            return text
        number, e164 = _parse(text, country)
    else:
        written = _clean(text)
        digits = re.sub(r"[^0-9]", "", written)
        international = written.startswith(("+", "00"))
        if not international:
            _refuse_service(digits, country)
            _refuse_lost_prefix(digits, country)
        number, e164 = _parse(f"+{digits.removeprefix('00')}" if international else digits, country)
    if number_class(e164) is NumberClass.FICTION:
        if not fiction:
            raise NumberRefused(
                Refusal.FICTION,
                worded("the number is reserved for fiction and belongs to nobody"),
                worded("write a real one; autodialer rehearse takes such numbers, to try out"),
            )
        return e164
    refused = _judge(number)
    if refused is not None:
        raise refused
    return e164


def refusal(e164: str) -> NumberRefused | None:
    """Say why a real E.164 number may never be dialled, or None where it may.

    The gate asks again before every call, so that a number which came into the registry by any
    other way, or changed class with a newer numbering plan, is refused all the same.
    """
    import phonenumbers

    if not _E164.fullmatch(e164):
        return NumberRefused(
            Refusal.HOSTILE,
            worded("it is not an E.164 number"),
            worded("write + and 7 to 15 digits"),
        )
    try:
        return _judge(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return _invalid()


def _judge(number: PhoneNumber) -> NumberRefused | None:
    import phonenumbers
    from phonenumbers import PhoneNumberType

    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    national = phonenumbers.national_significant_number(number)
    # Service numbers are matched on what follows the country code: +33 112 reaches 112 on some
    # networks.
    if national in _DISTRESS or phonenumbers.is_emergency_number(national, region):
        return _emergency()
    if len(national) <= 6 and not phonenumbers.is_valid_number(number):
        return _short()
    reached = service(f"+{number.country_code}{national}")
    if reached is not None:
        return _premium(reached)
    if region == "001":
        return _premium(worded("it is an international service or satellite number"))
    kind = phonenumbers.number_type(number)
    priced = _priced_kinds().get(kind)
    if priced is not None:
        return _premium(priced)
    if kind == PhoneNumberType.UNKNOWN:
        return _invalid()
    return None


@lru_cache(maxsize=1)
def _priced_kinds() -> dict[int, str]:
    """Return what the library calls kinds of numbers that are refused for their price."""
    from phonenumbers import PhoneNumberType

    return {
        PhoneNumberType.PREMIUM_RATE: worded("it is a premium-rate number"),
        PhoneNumberType.SHARED_COST: worded("it is a shared-cost number"),
        PhoneNumberType.TOLL_FREE: worded("it is a toll-free service number"),
        PhoneNumberType.PERSONAL_NUMBER: worded(
            "it is a personal follow-me number at a premium price"
        ),
        PhoneNumberType.PAGER: worded("it is a pager"),
        PhoneNumberType.UAN: worded("it is a company's universal access number"),
        PhoneNumberType.VOICEMAIL: worded("it is a voicemail access number"),
    }


def number_class(e164: str) -> NumberClass:
    """Tell numbers reserved for fiction from all others."""
    return NumberClass.FICTION if _FICTION.fullmatch(e164) else NumberClass.REAL


def mask(e164: str) -> str:
    """Show the country code and the last two digits: ``+33 ••••••• 45``.

    Anything that is not E.164 is hidden whole, so that masking cannot leak a text that was
    never a number.
    """
    if not _E164.fullmatch(e164):
        return "+•••"
    code = country_code(e164)
    hidden = len(e164) - 1 - len(code) - 2
    return f"+{code} {'•' * hidden} {e164[-2:]}"


def national_digits(e164: str) -> str:
    """Return the digits of *e164* behind the country's code."""
    import phonenumbers

    parsed = phonenumbers.parse(e164, None)
    return phonenumbers.national_significant_number(parsed)


def load_plans(country: str) -> None:
    """Load the library of numbering plans, and that of *country*, before anybody waits for it.

    It takes a fifth of a second, which the first number that is read would cost otherwise.
    """
    import phonenumbers

    if country:
        phonenumbers.example_number(country)


def grouped(e164: str) -> str:
    """Return *e164* in groups, ``+33 6 39 98 00 12``: a spreadsheet keeps that as it stands.

    Without the spaces it would take the number for a quantity and lose the plus.
    """
    import phonenumbers

    written = phonenumbers.format_number(
        phonenumbers.parse(e164, None), phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    groups = re.sub(r"[^0-9]+", " ", written).strip()
    if " " not in groups:  # a plan that the library knows no groups of
        code = country_code(e164)
        groups = f"{code} {e164[1 + len(code) :]}"
    return f"+{groups}"


def hash_number(key: bytes, e164: str) -> str:
    """Return HMAC-SHA-256 of the number in hex (64 digits).

    Keyed, because the number space is small enough to try every number against a plain hash.
    """
    if not _E164.fullmatch(e164):
        raise ValueError("only an E.164 number can be hashed")
    keyed = _keyed(key).copy()
    keyed.update(e164.encode("ascii"))
    return keyed.hexdigest()


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return HMAC with the key taken in: :func:`hmac.digest` takes it in anew for each text, which
    makes up half of its time."""
    return hmac.new(key, digestmod="sha256")


def _clean(text: str) -> str:
    written = text.translate(_TYPOGRAPHY).strip(" ")
    if not written:
        raise NumberRefused(
            Refusal.EMPTY, worded("there is no number"), worded("write one: +33 1 99 00 12 34")
        )
    if len(text) <= _MAX_TEXT and _MANGLED.fullmatch(written):
        raise NumberRefused(
            Refusal.MANGLED,
            worded("a spreadsheet turned the number into a quantity and lost digits"),
            worded("format the column as text and type the number again, like +33 1 99 00 12 34"),
        )
    odd = next((c for c in written if unicodedata.category(c)[0] == "C"), None)
    if odd is not None:
        raise _hostile(worded("it holds a control character (U+{code:04X})", code=ord(odd)))
    if len(text) > _MAX_TEXT:
        raise _hostile(worded("it is longer than {max_text} characters", max_text=_MAX_TEXT))
    if any(c.isdigit() and not c.isascii() for c in written):
        raise _hostile(worded("it holds digits that are not the plain 0 to 9"))
    if any(c.isalpha() for c in written):
        raise _hostile(worded("it holds letters"))
    if not _WRITTEN.fullmatch(written):
        raise _hostile(worded("it holds characters that have no place in a number"))
    digits = sum(c.isdigit() for c in written.removeprefix("00"))
    if digits > MAX_DIGITS:
        raise _hostile(
            worded(
                "it has {digits} digits; no number in the world has more than {max_digits}",
                digits=digits,
                max_digits=MAX_DIGITS,
            )
        )
    if digits == 0:
        raise _hostile(worded("it holds no digit"))
    return written


def _refuse_service(digits: str, country: str) -> None:
    import phonenumbers

    if digits in _DISTRESS or (
        country and phonenumbers.connects_to_emergency_number(digits, country)
    ):
        raise _emergency()
    if len(digits) <= 6 and not _whole(digits, country):
        raise _short()


def _whole(digits: str, country: str) -> bool:
    """Tell whether so few digits are a whole national number, as in New Caledonia."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(country, None) if country else None
    if metadata is None or metadata.national_prefix or metadata.general_desc is None:
        return False
    return len(digits) in metadata.general_desc.possible_length


def _refuse_lost_prefix(digits: str, country: str) -> None:
    """Refuse a national number without its trunk prefix: a spreadsheet ate zero or plus."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    if not country:
        raise NumberRefused(
            Refusal.INVALID,
            worded(
                "the law profile has no country of its own, so a national number could be anybody's"
            ),
            worded("write it in international form, with + and the country code"),
        )
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if metadata is None:
        raise ValueError(f"no numbering plan for region {country!r}")
    if metadata.national_prefix == "0" and not digits.startswith("0"):
        code = next(c for c, regions in COUNTRY_CODE_TO_REGION_CODE.items() if country in regions)
        reading = _with_a_plus(digits)
        if reading is not None and not (reading[0] != code and len(digits) <= 9):
            raise NumberRefused(
                Refusal.MANGLED,
                worded(
                    "the plus sign is missing, as when a spreadsheet took the number for a quantity"
                ),
                worded(
                    "if it is a number of {country} (+{code}), write the plus before it; "
                    "format the column as text",
                    country=reading[1],
                    code=reading[0],
                ),
            )
        raise NumberRefused(
            Refusal.MANGLED,
            worded(
                "the leading zero is missing, as when a spreadsheet took the number for a quantity"
            ),
            worded(
                "if it is a number of {country}, write it with its leading 0 or with +{code}; "
                "format the column as text",
                country=country,
                code=code,
            ),
        )


def _with_a_plus(digits: str) -> tuple[int, str] | None:
    """Return the country's code and region that *digits* would be of behind a plus, if any."""
    import phonenumbers

    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    code = number.country_code or 0
    region = phonenumbers.region_code_for_number(number)
    return code, region or phonenumbers.region_code_for_country_code(code)


def plainly(e164: str) -> PhoneNumber | None:
    """Return what the library reads of *e164* where that is plain, in a tenth of its time.

    None where its digits could be anything but the country's code and a national number as it
    is: the library knows which countries' numbers have prefixes to be taken off.
    """
    from phonenumbers import PhoneNumber

    parts = plain_parts(e164)
    if parts is None:
        return None
    return PhoneNumber(country_code=parts[0], national_number=int(parts[1]))


def plain_parts(e164: str) -> tuple[int, str] | None:
    """Return the country's code and the national digits of *e164* where it is plain."""
    trunk = _trunk(e164[1:4])
    if trunk is None:
        return None
    code, begin, prefix = trunk
    national = e164[begin:]
    if national[0] == "0" or len(national) < 4:
        return None
    if prefix is not None and prefix.match(national):
        return None
    return code, national


@lru_cache(maxsize=1024)
def _trunk(digits: str) -> tuple[int, int, re.Pattern[str] | None] | None:
    """Return the country's code that the first three *digits* of a number name, where the national
    number begins, and what may stand before it; None where the code is unknown."""
    import phonenumbers

    text = country_code(f"+{digits}")
    code = int(text)
    region = phonenumbers.region_code_for_country_code(code)
    plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if code not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE or plan is None:
        return None
    before = plan.national_prefix_for_parsing
    return code, 1 + len(text), re.compile(before) if before else None


def _parse(written: str, country: str) -> tuple[PhoneNumber, str]:
    import phonenumbers

    if _E164.fullmatch(written) and (plain := plainly(written)) is not None:
        if str(plain.national_number) in _DISTRESS:
            raise _emergency()
        return plain, written
    try:
        number = phonenumbers.parse(written, country or None)
    except phonenumbers.NumberParseException as error:
        raise _invalid() from error
    e164 = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    national = phonenumbers.national_significant_number(number)
    if national in _DISTRESS:
        raise _emergency()
    if not _E164.fullmatch(e164):
        raise _short() if len(national) <= 6 else _invalid()
    return number, e164


def country_code(e164: str) -> str:
    """Return the digits of the country code (ITU-T E.164) that *e164* begins with."""
    digits = e164[1:]
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if _TWO_DIGIT_CODES.match(digits) else digits[:3]


def _hostile(what: str) -> NumberRefused:
    return NumberRefused(
        Refusal.HOSTILE,
        what,
        worded("write digits, spaces and one leading + only, like +33 1 99 00 12 34"),
    )


def _emergency() -> NumberRefused:
    return NumberRefused(
        Refusal.EMERGENCY,
        worded("it is, or reaches, an emergency or distress number"),
        worded("such numbers are never dialled: write the person's own"),
    )


def _short() -> NumberRefused:
    return NumberRefused(
        Refusal.SHORT,
        worded("it is a short number or incomplete; it cannot be a person's"),
        worded("write the whole number with its country code"),
    )


def _premium(what: str) -> NumberRefused:
    return NumberRefused(
        Refusal.PREMIUM, what, worded("write the person's own fixed or mobile number instead")
    )


def _invalid() -> NumberRefused:
    return NumberRefused(
        Refusal.INVALID,
        worded("no numbering plan assigns this number"),
        worded("check for a missing or doubled digit, and write the country code with +"),
    )


_NUMBER = re.compile(r"\+\d(?:[ .\-()]?\d){7,}")

_DIALLED = re.compile(r"(?<![\w+])(?!\d{4}-\d\d-\d\d(?!\d))\+?\d(?:[ .\-/()]{0,2}\d){6,}")


def said_by_a_person(text: str) -> str:
    """Return *text*, typed for the ledger, with whatever may be a telephone number replaced.

    People write numbers as their neighbours dial them, without a country code. That takes digits
    of other kinds along; only a date such as 2027-03-10 is left alone.
    """
    return _DIALLED.sub("(number)", text)


def without_numbers(value: object) -> object:
    """Return *value* with what looks like an international number replaced, in nested text too.

    Free text is a modem's reply or an operator's reason. The ledger refuses a row that holds a
    number outright, and a refused row would hold up all that stands behind it.
    """
    if isinstance(value, str):
        return _NUMBER.sub("(number)", value) if "+" in value else value
    if isinstance(value, dict):
        return {key: without_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_numbers(inner) for inner in value]
    return value
