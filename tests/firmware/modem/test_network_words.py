"""What the network's answers say, domain by domain and line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.parsing import Registration
from firmware.at.results import Final, FinalKind
from firmware.errors import CommandTimeout
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.modem.network import (
    Service,
    ServiceFault,
    judge_service,
    read_network_time,
    read_operator,
    read_own_number,
    read_service,
    read_signal,
    service_fault,
)

OK = Final(kind=FinalKind.OK, text="OK")


def answer(domain: str, stat: int) -> Registration:
    return Registration(domain=domain, stat=stat, access=None)


ALONE = [
    Service.NONE,
    Service.VOICE,
    Service.SEARCHING,
    Service.DENIED,
    Service.NONE,
    Service.VOICE,
    Service.SMS_ONLY,
    Service.SMS_ONLY,
    Service.NONE,
]
"""By the state that one domain is in, alone."""


@pytest.mark.parametrize("domain", ["+CREG", "+CGREG", "+CEREG"])
@pytest.mark.parametrize("stat", range(9))
def test_one_domain_alone(domain: str, stat: int) -> None:
    assert judge_service([answer(domain, stat)]) is ALONE[stat]


@pytest.mark.parametrize(
    ("circuit", "lte", "service"),
    [
        (6, 1, Service.SMS_ONLY),
        (7, 5, Service.SMS_ONLY),
        (0, 1, Service.VOICE),
        (0, 5, Service.VOICE),
        (1, 6, Service.VOICE),
        (5, 7, Service.VOICE),
        (2, 6, Service.SMS_ONLY),
        (0, 7, Service.SMS_ONLY),
        (3, 2, Service.SEARCHING),
        (2, 3, Service.SEARCHING),
        (3, 0, Service.DENIED),
        (0, 3, Service.DENIED),
        (4, 0, Service.NONE),
    ],
)
def test_two_domains(circuit: int, lte: int, service: Service) -> None:
    answers = [answer("+CREG", circuit), answer("+CEREG", lte)]
    assert judge_service(answers) is service
    assert judge_service(reversed(answers)) is service


def test_of_two_answers_of_one_domain_the_later_counts() -> None:
    assert judge_service([answer("+CREG", 2), answer("+CREG", 1)]) is Service.VOICE
    assert judge_service([]) is Service.UNKNOWN


@pytest.mark.parametrize(
    ("service", "fault", "detail"),
    [
        (Service.SEARCHING, Fault.NOT_REGISTERED, "the modem searches a network"),
        (Service.NONE, Fault.NOT_REGISTERED, "the modem has no network"),
        (Service.DENIED, Fault.REGISTRATION_DENIED, "the network refused the registration"),
        (Service.SMS_ONLY, Fault.SMS_ONLY, "the network registered the SIM for SMS only"),
    ],
)
def test_why_no_call_may_be_placed(service: Service, fault: Fault, detail: str) -> None:
    assert service_fault(service) == ServiceFault(fault=fault, detail=detail)
    assert service_fault(Service.VOICE) is None
    assert service_fault(Service.UNKNOWN) is None


class Modem:
    """Answers each question in turn; None is no answer."""

    emergency_count = 0

    def __init__(self, *answers: tuple[str, ...] | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, object]] = []

    def command(self, text: str, **options: object) -> Reply:
        self.asked.append((text, options.get("timeout")))
        found = self.answers.pop(0)
        if found is None:
            raise CommandTimeout(text)
        return Reply(final=OK, lines=found)

    def emergency_hang_up(self) -> None: ...


TWO: Any = SimpleNamespace(registration=("AT+CREG?", "AT+CEREG?"))


@pytest.mark.parametrize(
    ("answers", "service"),
    [
        ((("+CREG: 0,1",), ("+CEREG: 0,0",)), Service.VOICE),
        ((None, ("+CEREG: 0,1",)), Service.VOICE),
        ((("+CREG: 0,2",), None), Service.SEARCHING),
        (((), ()), Service.UNKNOWN),
        ((("words",), ("+CEREG: 0,3",)), Service.DENIED),
    ],
)
def test_every_domain_is_asked_and_one_answer_is_enough(
    answers: tuple[tuple[str, ...] | None, ...], service: Service
) -> None:
    modem = Modem(*answers)
    assert read_service(cast(Any, modem), TWO) is service
    assert modem.asked == [("AT+CREG?", 3.0), ("AT+CEREG?", 3.0)]


def test_a_modem_that_answers_no_question_is_down() -> None:
    with pytest.raises(LineDown) as down:
        read_service(cast(Any, Modem(None, None)), TWO)
    assert (down.value.fault, down.value.answering) == (Fault.NO_REPLY, False)
    assert down.value.detail == "the modem stopped answering"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('+COPS: 0,0,"Orange F",7', "Orange F"),
        ('+COPS: 0,2,"20801"', "20801"),
        ('+COPS:0,0," Cell "', "Cell"),
        ('+COPS: 0,0,"' + "x" * 40 + '"', "x" * 40),
        ('+COPS: 0,0,"' + "x" * 41 + '"', None),
        ('+COPS: 0,0,""', None),
        ('+COPS: 0,0,"a\x07b"', None),
        ("+COPS: 0", None),
    ],
)
def test_the_network_s_name(line: str, name: str | None) -> None:
    assert read_operator([line]) == name
    assert read_operator(["words", line]) == name
    assert read_operator([line, '+COPS: 0,0,"B"']) == (name or "B")


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ('+CNUM: "me","+33639980001",145', "+33639980001"),
        ('+CNUM: ,"0639980001",129', "0639980001"),
        ('+CNUM: "","123"', "123"),
        ('+CNUM: "me","12"', None),
        ('+CNUM: "me",""', None),
        ("+CNUM:", None),
    ],
)
def test_the_sim_s_own_number(line: str, number: str | None) -> None:
    assert read_own_number([line]) == number
    assert read_own_number(["words", line, '+CNUM: ,"999"']) == (number or "999")


@pytest.mark.parametrize(
    ("lines", "dbm"),
    [
        (["+CSQ: 0,99"], -113),
        (["+CSQ: 1,99"], -111),
        (["+CSQ: 30,99"], -53),
        (["+CSQ: 31,99"], -51),
        (["+CSQ: 32,99"], None),
        (["+CSQ: 99,99", "+CSQ: 5,0"], -103),
        ([], None),
    ],
)
def test_the_strength_of_the_network(lines: list[str], dbm: int | None) -> None:
    assert read_signal(lines) == dbm


@pytest.mark.parametrize(
    ("family", "lines", "told"),
    [
        ("sim7600", ['+CCLK: "25/01/01,01:00:00+04"'], datetime(2025, 1, 1, tzinfo=UTC)),
        ("sim7600", ['+CCLK: "25/01/01,00:59:59+04"'], None),
        ("sim7600", ['+CCLK: "27/01/01,01:15:00+05"'], datetime(2027, 1, 1, tzinfo=UTC)),
        ("sim7600", ['+CCLK: "27/01/01,00:00:00-01"'], datetime(2027, 1, 1, 0, 15, tzinfo=UTC)),
        (
            "sim7600",
            [
                "words",
                '+CCLK: "27/01/01,00:00:00"',
                '+CCLK: "27/13/01,00:00:00+00"',
                '+CCLK: "80/01/01,00:00:00+00"',
                '+CCLK: "27/01/01,00:00:00+00"',
            ],
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
        ("quectel", ['+QLTS: "2027/01/01,00:00:00+04,0"'], datetime(2027, 1, 1, tzinfo=UTC)),
        ("sim7600", [], None),
    ],
)
def test_the_time_that_the_network_told(
    family: str, lines: list[str], told: datetime | None
) -> None:
    built = datetime(2025, 1, 1, tzinfo=UTC)
    assert read_network_time(FAMILIES[family], lines, not_before=built) == told
