"""Ranges that reach services, machines or satellites although their plan looks ordinary. Data only.

``phonenumbers`` reads a numbering plan by its large blocks and calls these numbers fixed or mobile.
What each is stands in the national plan that the row names; a person at an ordinary price has none
of them. A new range is one line here, and one line in ``tests/appliance/test_numbers.py``.
"""

from __future__ import annotations

import re

from firmware.wording import worded

# Numbering areas (NPA) of North America that are no place: personal and follow-me services (5XX),
# Canadian non-geographic and satellite services (6XX), carriers (700), government (710), inbound
# international (456), toll-free (8XX), premium (900). NANPA, "NPA codes: non-geographic".
NANP_SERVICE_AREA = (
    r"456|5(?:00|2[0-9]|33|44|66|77|88)|6(?:00|22|33|44|55|77|88)|700|710"
    r"|8(?:00|22|33|44|55|66|77|88)|900|976"
)

_NEW_YORK = "212|315|332|347|516|518|585|607|631|646|680|716|718|838|845|914|917|929|934"

_RANGES: tuple[tuple[str, str], ...] = (
    # North America (NANPA central office code guidelines): exchanges that are the same everywhere.
    (r"\+1[0-9]{3}976[0-9]{4}", worded("it is a pay-per-call number (exchange 976)")),
    (
        rf"\+1(?:{_NEW_YORK})(?:540|550|970)[0-9]{{4}}",
        worded("it is a pay-per-call number of New York"),
    ),
    (r"\+1[0-9]{3}555(?!01)[0-9]{4}", worded("it is a directory or information service (555)")),
    (r"\+1[0-9]{3}[2-9]11[0-9]{4}", worded("its exchange is a service code, which no person has")),
    (r"\+1[0-9]{3}950[0-9]{4}", worded("it is a carrier's access number (exchange 950)")),
    (r"\+1[0-9]{3}95[89][0-9]{4}", worded("it is a test line of a telephone company")),
    (rf"\+1(?:{NANP_SERVICE_AREA})[0-9]{{7}}", worded("its area code is a service, not a place")),
    # Russia: order 205 of 2014, DEF code 954.
    (r"\+7954[0-9]{7}", worded("it is a satellite telephone")),
    # Australia: Telecommunications Numbering Plan 2015, schedule 5, prefix 014.
    (r"\+6114[0-9]+", worded("it is a satellite telephone")),
    # Indonesia: plan of 2014, 868.
    (r"\+62868[0-9]+", worded("it is a satellite telephone")),
    # China: MIIT plan, 1349 and 1740.
    (r"\+86(?:1349|1740)[0-9]+", worded("it is a satellite telephone")),
    # Netherlands: Nummerplan, 097 and 06-6.
    (r"\+3197[0-9]+", worded("it belongs to a machine (M2M)")),
    # France: Arcep decision 2022-1583, technical platforms and M2M.
    (r"\+33(?:937|938|939[0-4])[0-9]+", worded("it is a calling platform's number")),
    (r"\+33700[0-9]{8,}", worded("it belongs to a machine (M2M)")),
)

_COMPILED = tuple((re.compile(pattern), what) for pattern, what in _RANGES)


def service(e164: str) -> str | None:
    """Say what *e164* reaches where its range is a service's, a machine's or a satellite's."""
    return next((what for pattern, what in _COMPILED if pattern.fullmatch(e164)), None)
