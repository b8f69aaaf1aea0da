from __future__ import annotations

import hmac
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.numbers import (
    NumberClass,
    NumberRefused,
    Refusal,
    hash_number,
    mask,
    number_class,
    plainly,
    read_number,
    refusal,
)

PERSON = "+33639980012"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+33639980012", "FR", PERSON),
        ("+33 6 39 98 00 12", "US", PERSON),
        ("0639980012", "FR", PERSON),
        ("06 39 98 00 12", "FR", PERSON),
        ("06.39.98.00.12", "FR", PERSON),
        ("06-39-98-00-12", "FR", PERSON),
        ("06\u00a039\u202f98 00 12", "FR", PERSON),
        ("06\u201139\u201398 00 12", "FR", PERSON),
        ("+33 (0)6 39 98 00 12", "FR", PERSON),
        ("0033 6 39 98 00 12", "FR", PERSON),
        ("  0639980012  ", "FR", PERSON),
        ("01 99 00 12 34", "FR", "+33199001234"),
        ("+33 2 61 91 12 34", "FR", "+33261911234"),
        ("07700 900123", "GB", "+447700900123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("1-212-555-0123", "US", "+12125550123"),
        ("+1 212 555 0123", "", "+12125550123"),
        # La Réunion has a numbering plan of its own, in which this is nobody's number.
        ("0199001234", "RE", None),
    ],
)
def test_reads_what_people_write(text: str, country: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(NumberRefused):
            read_number(text, country, fiction=True)
    else:
        assert read_number(text, country, fiction=True) == expected


@pytest.mark.parametrize(
    ("text", "country", "kind"),
    [
        ("", "FR", Refusal.EMPTY),
        ("   ", "FR", Refusal.EMPTY),
        ("+33639980012;+CMGD=1,4", "FR", Refusal.HOSTILE),
        ("+33…;+CMGD=1,4", "FR", Refusal.HOSTILE),
        ("0639980012;", "FR", Refusal.HOSTILE),
        ("0639980012\r", "FR", Refusal.HOSTILE),
        ("0639980012\rATH", "FR", Refusal.HOSTILE),
        ("\x1a0639980012", "FR", Refusal.HOSTILE),
        ("0639980012\x00", "FR", Refusal.HOSTILE),
        ("06\u200b39980012", "FR", Refusal.HOSTILE),
        ("\u202e0639980012", "FR", Refusal.HOSTILE),
        ("０６３９９８００１２", "FR", Refusal.HOSTILE),
        ("٠٦٣٩٩٨٠٠١٢", "FR", Refusal.HOSTILE),
        ("1-800-FLOWERS", "US", Refusal.HOSTILE),
        ("tel:+33639980012", "FR", Refusal.HOSTILE),
        ("+33639980012 ext 3", "FR", Refusal.HOSTILE),
        ("06*39980012", "FR", Refusal.HOSTILE),
        ("#31#0639980012", "FR", Refusal.HOSTILE),
        ("+33,639980012", "FR", Refusal.HOSTILE),
        ("06+39980012", "FR", Refusal.HOSTILE),
        ("++33639980012", "FR", Refusal.HOSTILE),
        ("+", "FR", Refusal.HOSTILE),
        ("+3363998001234567", "FR", Refusal.HOSTILE),
        ("9" * 200, "FR", Refusal.HOSTILE),
        ("3.36398E+10", "FR", Refusal.MANGLED),
        ("3,36398E+10", "FR", Refusal.MANGLED),
        ("33639980012,0", "FR", Refusal.MANGLED),
        ("33639980012.00", "FR", Refusal.MANGLED),
        ("639980012", "FR", Refusal.MANGLED),
        ("33639980012", "FR", Refusal.MANGLED),
        ("7700900123", "GB", Refusal.MANGLED),
        ("112", "FR", Refusal.EMERGENCY),
        ("15", "FR", Refusal.EMERGENCY),
        ("17", "FR", Refusal.EMERGENCY),
        ("18", "FR", Refusal.EMERGENCY),
        ("114", "FR", Refusal.EMERGENCY),
        ("115", "FR", Refusal.EMERGENCY),
        ("119", "FR", Refusal.EMERGENCY),
        ("196", "FR", Refusal.EMERGENCY),
        ("116 000", "FR", Refusal.EMERGENCY),
        ("+33112", "FR", Refusal.EMERGENCY),
        ("+33 15", "FR", Refusal.EMERGENCY),
        ("0033112", "FR", Refusal.EMERGENCY),
        ("999", "GB", Refusal.EMERGENCY),
        ("911", "US", Refusal.EMERGENCY),
        ("911", "FR", Refusal.EMERGENCY),
        ("110", "DE", Refusal.EMERGENCY),
        ("3615", "FR", Refusal.SHORT),
        ("118218", "FR", Refusal.SHORT),
        ("+33118218", "FR", Refusal.SHORT),
        ("+333117", "FR", Refusal.SHORT),
        ("0899123456", "FR", Refusal.PREMIUM),
        ("0890123456", "FR", Refusal.PREMIUM),
        ("0836123456", "FR", Refusal.PREMIUM),
        ("0811123456", "FR", Refusal.PREMIUM),
        ("0800123456", "FR", Refusal.PREMIUM),
        ("+19005551234", "FR", Refusal.PREMIUM),
        ("+447012345678", "FR", Refusal.PREMIUM),
        ("+882161234567", "FR", Refusal.PREMIUM),
        ("+80012345678", "FR", Refusal.PREMIUM),
        # Services, machines and satellites that the library's plan calls ordinary.
        ("+12129760123", "US", Refusal.PREMIUM),
        ("(515) 976-0123", "US", Refusal.PREMIUM),
        ("+12125400123", "US", Refusal.PREMIUM),
        ("+17185500123", "US", Refusal.PREMIUM),
        ("+12125551212", "US", Refusal.PREMIUM),
        ("+13125550200", "US", Refusal.PREMIUM),
        ("+12124110123", "US", Refusal.PREMIUM),
        ("+12129500123", "US", Refusal.PREMIUM),
        ("+12129580123", "US", Refusal.PREMIUM),
        ("+16005550123", "US", Refusal.PREMIUM),
        ("+16009870123", "CA", Refusal.PREMIUM),
        ("+16229870123", "CA", Refusal.PREMIUM),
        ("+15005550123", "US", Refusal.PREMIUM),
        ("+18005550123", "US", Refusal.PREMIUM),
        ("+19005550123", "US", Refusal.PREMIUM),
        ("+17009870123", "US", Refusal.PREMIUM),
        ("+79540000012", "FR", Refusal.PREMIUM),
        ("8 954 000-00-12", "RU", Refusal.PREMIUM),
        ("+61147000012", "FR", Refusal.PREMIUM),
        ("0147 000 012", "AU", Refusal.PREMIUM),
        ("+628680000012", "FR", Refusal.PREMIUM),
        ("+8613490000012", "FR", Refusal.PREMIUM),
        ("+8617400000012", "FR", Refusal.PREMIUM),
        ("+3197000000012", "FR", Refusal.PREMIUM),
        ("097 000000012", "NL", Refusal.PREMIUM),
        ("+33937000012", "FR", Refusal.PREMIUM),
        ("09 38 00 00 12", "FR", Refusal.PREMIUM),
        ("+33939100012", "FR", Refusal.PREMIUM),
        ("+33700000000012", "FR", Refusal.PREMIUM),
        ("06 39 98 00 1", "FR", Refusal.INVALID),
        ("06 39 98 00 123", "FR", Refusal.INVALID),
        ("+999123456789", "FR", Refusal.INVALID),
        ("+0639980012", "FR", Refusal.INVALID),
        ("0199001234", "", Refusal.INVALID),
    ],
)
def test_refuses_with_kind_and_remedy(text: str, country: str, kind: Refusal) -> None:
    with pytest.raises(NumberRefused) as refused:
        read_number(text, country, fiction=True)
    assert refused.value.kind is kind
    assert refused.value.reason
    assert refused.value.remedy
    shown = refused.value.reason + refused.value.remedy.replace("33 1 99 00 12 34", "")
    assert not re.search(r"[0-9]{5}", shown), "a refusal never quotes the number"


FICTION = [
    "+33199000000",
    "+33199009999",
    "+33261910000",
    "+33353019999",
    "+33465710000",
    "+33536499999",
    "+33639980000",
    "+33639989999",
    "+447700900000",
    "+447700900999",
    "+442079460000",
    "+442079460999",
    "+12125550100",
    "+19075550199",
]


@pytest.mark.parametrize("number", FICTION)
def test_fiction_is_read_only_where_allowed(number: str) -> None:
    assert number_class(number) is NumberClass.FICTION
    assert read_number(number, "FR", fiction=True) == number
    with pytest.raises(NumberRefused) as refused:
        read_number(number, "FR")
    assert refused.value.kind is Refusal.FICTION


@pytest.mark.parametrize(
    "number",
    [
        "+33198999999",
        "+33199010000",
        "+33199100000",
        "+33261920000",
        "+33353020000",
        "+33465720000",
        "+33536500000",
        "+33639970000",
        "+33639990000",
        "+3363998000",
        "+336399800000",
        "+447700899999",
        "+447700901000",
        "+442079459999",
        "+442079461000",
        "+12125550099",
        "+12125550200",
        "+19115550100",
        "+19005550100",
        "+11125550100",
    ],
)
def test_neighbours_of_fiction_are_real(number: str) -> None:
    assert number_class(number) is NumberClass.REAL


REGIONS = "FR GP MQ GF RE YT BL MF PM NC PF WF GB US DE ES IT CA".split()


@pytest.mark.parametrize("region", REGIONS)
def test_national_numbers_of_every_region_that_a_profile_names(region: str) -> None:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType

    # The library's own examples, so that no real number stands here.
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        assert example is not None
        e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        national = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
        international = phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL)
        assert read_number(national, region, fiction=True) == e164
        assert read_number(international, "", fiction=True) == e164


def test_real_numbers_are_read_with_and_without_fiction() -> None:
    # An Arcep range for automated systems: assigned by the plan, and nobody's telephone.
    for fiction in (False, True):
        assert read_number("01 62 00 00 01", "FR", fiction=fiction) == "+33162000001"
    assert refusal("+33162000001") is None


@pytest.mark.parametrize(
    "text", ["", "112", "+112", "33639980012", "+33639980012;", "+33639980012\n", "+33 639980012"]
)
def test_refusal_of_anything_but_e164(text: str) -> None:
    refused = refusal(text)
    assert refused is not None


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+33639980012", "+33 ••••••• 12"),
        ("+12125550123", "+1 •••••••• 23"),
        ("+447700900199", "+44 •••••••• 99"),
        ("+262262001234", "+262 ••••••• 34"),
        ("+79991234567", "+7 •••••••• 67"),
        ("no number 0639980012", "+•••"),
        ("", "+•••"),
    ],
)
def test_mask(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_country_codes_of_masks_are_those_of_the_library() -> None:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for code in COUNTRY_CODE_TO_REGION_CODE:
        assert mask(f"+{code}98765432").split(" ")[0] == f"+{code}"


def test_hash_is_keyed_and_stable() -> None:
    import hashlib
    import hmac

    expected = hmac.new(b"key", PERSON.encode(), hashlib.sha256).hexdigest()
    assert hash_number(b"key", PERSON) == expected
    assert hash_number(b"other", PERSON) != expected
    with pytest.raises(ValueError, match=r"E\.164"):
        hash_number(b"key", "0639980012")


@given(
    st.one_of(
        st.text(max_size=24),
        st.text(alphabet="0123456789+ ().-/\t;,=AT\r\n", max_size=24),
        st.from_regex(r"\+?[0-9]{1,17}", fullmatch=True),
    ),
    st.sampled_from(["FR", "GB", "US", "DE", "ES", "IT", "CA", "RE", ""]),
)
def test_whatever_is_read_is_e164_and_reads_again(text: str, country: str) -> None:
    try:
        number = read_number(text, country, fiction=True)
    except NumberRefused:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert read_number(number, country, fiction=True) == number
    assert number_class(number) is NumberClass.FICTION or refusal(number) is None


@given(st.data())
def test_plain_digits_are_read_as_the_library_reads_them(data: st.DataObject) -> None:
    """Whatever the quick way takes, it takes for the same number in the same plan."""
    code = data.draw(st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)))
    example = data.draw(st.sampled_from(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]))
    known = phonenumbers.example_number(example)
    national = data.draw(
        st.from_regex(r"[0-9]{4,12}", fullmatch=True)
        | st.just(phonenumbers.national_significant_number(known) if known else "5550100")
    )
    e164 = f"+{code}{national}"[:16]
    plain = plainly(e164)
    if plain is not None:
        library = phonenumbers.parse(e164, None)
        assert plain == library
        assert phonenumbers.format_number(library, phonenumbers.PhoneNumberFormat.E164) == e164


def test_the_quick_way_takes_the_numbers_of_every_profile() -> None:
    """Else it would save nothing: of each country's examples most are plain."""
    regions = ("FR", "DE", "ES", "GB", "US", "CA", "BE", "CH", "RE", "GP")
    for region in regions:
        number = phonenumbers.example_number(region)
        assert number is not None
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert plainly(e164) == number, region


@given(
    st.sampled_from(("19900", "26191", "35301", "46571", "53649", "63998")).map("+33{}".format)
    | st.sampled_from(("+447700900", "+442079460"))
    | st.integers(200, 999).map("+1{}55501".format),
    st.text("0123456789", max_size=5),
    st.sampled_from(("FR", "US", "")),
)
def test_numbers_of_fiction_are_read_as_every_other(begin: str, end: str, country: str) -> None:
    """The short way for them, which the library is not asked on, returns what the long one does."""
    text = (begin + end)[:16]

    def read(written: str) -> str:
        try:
            return read_number(written, country, fiction=True)
        except NumberRefused as refused:
            return refused.kind

    assert read(text) == read(f"{text[:4]} {text[4:]}")


@given(st.binary(max_size=130), st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_the_hash_of_a_number_is_the_hmac_of_the_standard_library(key: bytes, e164: str) -> None:
    assert hash_number(key, e164) == hmac.new(key, e164.encode(), "sha256").hexdigest()
