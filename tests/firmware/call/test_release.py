"""Why a call ended: what is known of it, AT+CEER, and the whole verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware.call.release import Ending, EndSign, ReleaseCause, end_sign, judge
from firmware.events import Cause
from firmware.families import FAMILIES

NOTHING = Ending(
    command="ATD",
    ends=(),
    answered=False,
    talked=False,
    weak=False,
    came_back=False,
    rang=False,
    local=False,
    emergency=False,
    lost=None,
    refused=None,
)
BARE = EndSign(evidence="NO CARRIER")
LEFT = "the call left the call list"


def ends(*signs: EndSign) -> dict[str, object]:
    return {"ends": signs}


def coded(code: int, cause: Cause) -> EndSign:
    return EndSign(evidence=f"^CEND: {code}", cause=cause, code=code, certain=True)


VERDICTS: list[tuple[dict[str, object], str | None, tuple[Cause, int | None, str]]] = [
    # What we did ourselves comes before everything that was said.
    (
        {"emergency": True, "lost": "gone", "local": True, **ends(coded(17, Cause.BUSY))},
        "+CEER: 17",
        (Cause.EMERGENCY, None, "emergency hang-up"),
    ),
    (
        {"lost": "gone", "refused": "ERROR", "local": True, "answered": True},
        "+CEER: 17",
        (Cause.LINE_LOST, None, "gone"),
    ),
    ({"refused": "ERROR", "local": True}, None, (Cause.FAILED, None, "ATD: ERROR")),
    ({"refused": "ERROR"}, "+CEER: 34", (Cause.FAILED, 34, "ATD: ERROR")),
    ({"refused": "ERROR"}, "+CEER: 16", (Cause.FAILED, None, "ATD: ERROR")),
    ({"refused": "ERROR"}, "+CEER: 31", (Cause.FAILED, None, "ATD: ERROR")),
    ({"refused": "ERROR", "command": "ATA"}, None, (Cause.FAILED, None, "ATA: ERROR")),
    (
        {"local": True, **ends(coded(17, Cause.BUSY))},
        "+CEER: 17",
        (Cause.LOCAL_HANG_UP, None, "hung up by the box"),
    ),
    (
        {"came_back": True, "answered": True},
        "+CEER: 16",
        (Cause.FAILED, None, f"{LEFT} and came back: hung up by the box"),
    ),
    ({"came_back": True, "rang": True, **ends(BARE)}, None, (Cause.NO_ANSWER, None, "NO CARRIER")),
    # Nothing was said: how far the call had come.
    ({}, None, (Cause.FAILED, None, LEFT)),
    ({"rang": True}, None, (Cause.NO_ANSWER, None, LEFT)),
    ({"answered": True, "rang": True}, None, (Cause.REMOTE_HANG_UP, None, LEFT)),
    ({**ends(BARE)}, "", (Cause.FAILED, None, "NO CARRIER")),
    # A normal release says no more than that the network knows the number.
    ({**ends(BARE)}, "+CEER: 16", (Cause.UNREACHABLE, 16, "NO CARRIER; CEER 16")),
    ({**ends(BARE)}, "+CEER: 31", (Cause.UNREACHABLE, 31, "NO CARRIER; CEER 31")),
    ({"rang": True}, "+CEER: 16", (Cause.NO_ANSWER, 16, f"{LEFT}; CEER 16")),
    ({**ends(BARE)}, "+CEER: new words", (Cause.FAILED, None, "NO CARRIER; CEER new words")),
    ({**ends(BARE)}, "+CEER: 17", (Cause.BUSY, 17, "NO CARRIER; CEER 17")),
    ({"rang": True}, "+CEER: 21", (Cause.REJECTED, 21, f"{LEFT}; CEER 21")),
    ({**ends(BARE)}, "+CEER: 41", (Cause.FAILED, 41, "NO CARRIER; CEER 41")),
    # Whoever has answered was neither busy nor away.
    (
        {"answered": True, **ends(BARE)},
        "+CEER: 16",
        (Cause.REMOTE_HANG_UP, 16, "NO CARRIER; CEER 16"),
    ),
    (
        {"answered": True, **ends(BARE)},
        "+CEER: 41",
        (Cause.REMOTE_HANG_UP, 41, "NO CARRIER; CEER 41"),
    ),
    ({"answered": True, **ends(BARE)}, "+CEER: 17", (Cause.REMOTE_HANG_UP, None, "NO CARRIER")),
    ({"answered": True, **ends(BARE)}, "+CEER: 1", (Cause.REMOTE_HANG_UP, None, "NO CARRIER")),
    (
        {"answered": True, **ends(coded(16, Cause.REMOTE_HANG_UP))},
        "+CEER: 41",
        (Cause.REMOTE_HANG_UP, 16, "^CEND: 16"),
    ),
    (
        {"answered": True, **ends(coded(17, Cause.BUSY))},
        "+CEER: 41",
        (Cause.REMOTE_HANG_UP, None, "^CEND: 17"),
    ),
    (
        {"answered": True, **ends(EndSign(evidence="BUSY", cause=Cause.BUSY))},
        None,
        (Cause.REMOTE_HANG_UP, None, "BUSY"),
    ),
    # A weak answer counts only where nothing better was said.
    (
        {"answered": True, "weak": True, **ends(BARE)},
        None,
        (Cause.REMOTE_HANG_UP, None, "NO CARRIER"),
    ),
    (
        {"answered": True, "weak": True, **ends(BARE)},
        "+CEER: 17",
        (Cause.REMOTE_HANG_UP, None, "NO CARRIER"),
    ),
    (
        {"answered": True, "weak": True, **ends(BARE)},
        "+CEER: 16",
        (Cause.REMOTE_HANG_UP, 16, "NO CARRIER; CEER 16"),
    ),
    (
        {"answered": True, "weak": True, **ends(coded(17, Cause.BUSY))},
        None,
        (Cause.BUSY, 17, "^CEND: 17"),
    ),
    (
        {"answered": True, "weak": True, "talked": True, **ends(coded(17, Cause.BUSY))},
        None,
        (Cause.REMOTE_HANG_UP, None, "^CEND: 17"),
    ),
    # Seconds of talk without an answer say nothing of who talked.
    ({"talked": True, **ends(coded(17, Cause.BUSY))}, None, (Cause.BUSY, 17, "^CEND: 17")),
    # A notice with a cause comes before AT+CEER, save where that tells the same better.
    ({**ends(BARE, coded(17, Cause.BUSY))}, "+CEER: 1", (Cause.BUSY, 17, "^CEND: 17")),
    (
        {"rang": True, **ends(coded(16, Cause.REMOTE_HANG_UP))},
        "+CEER: 17",
        (Cause.NO_ANSWER, 16, "^CEND: 16"),
    ),
    ({**ends(coded(31, Cause.REMOTE_HANG_UP))}, None, (Cause.UNREACHABLE, 31, "^CEND: 31")),
    ({**ends(EndSign(evidence="BUSY", cause=Cause.BUSY))}, None, (Cause.BUSY, None, "BUSY")),
    (
        {**ends(EndSign(evidence="BUSY", cause=Cause.BUSY))},
        "+CEER: 21",
        (Cause.REJECTED, 21, "BUSY; CEER 21"),
    ),
    (
        {**ends(EndSign(evidence="BUSY", cause=Cause.BUSY))},
        "+CEER: 17",
        (Cause.BUSY, 17, "BUSY; CEER 17"),
    ),
    ({**ends(EndSign(evidence="BUSY", cause=Cause.BUSY))}, "+CEER: 16", (Cause.BUSY, None, "BUSY")),
    ({**ends(EndSign(evidence="BUSY", cause=Cause.BUSY))}, "+CEER: ?", (Cause.BUSY, None, "BUSY")),
    (
        {**ends(EndSign(evidence="NO DIALTONE", cause=Cause.FAILED))},
        "+CEER: 41",
        (Cause.FAILED, 41, "NO DIALTONE"),
    ),
]


@pytest.mark.parametrize(("known", "end_cause", "verdict"), VERDICTS)
def test_the_whole_verdict(
    known: dict[str, object],
    end_cause: str | None,
    verdict: tuple[Cause, int | None, str],
) -> None:
    cause, code, evidence = verdict
    ending = replace(NOTHING, **known)  # type: ignore[arg-type]
    assert judge(ending, end_cause) == ReleaseCause(
        cause=cause, code=code, evidence=evidence, talked=ending.talked
    )


@pytest.mark.parametrize(
    ("family", "line", "sign"),
    [
        ("sim7600", "NO CARRIER", EndSign(evidence="x")),
        ("sim7600", "BUSY", EndSign(evidence="x", cause=Cause.BUSY)),
        ("sim7600", "NO ANSWER", EndSign(evidence="x", cause=Cause.NO_ANSWER)),
        ("sim7600", "NO DIALTONE", EndSign(evidence="x", cause=Cause.FAILED)),
        ("sim7600", "VOICE CALL: END: 000001", EndSign(evidence="x", talked=True)),
        ("sim7600", "VOICE CALL: END: 000000", EndSign(evidence="x")),
        (
            "huawei",
            "^CEND:1,1,67,17",
            EndSign(evidence="x", cause=Cause.BUSY, code=17, certain=True, counted=True),
        ),
        (
            "huawei",
            "^CEND:1,0,67,1",
            EndSign(evidence="x", cause=Cause.UNREACHABLE, code=1, certain=True),
        ),
        ("huawei", "^CEND:1,12,104", EndSign(evidence="x", counted=True)),
        ("huawei", "^CEND:1,0,104,0", EndSign(evidence="x")),
    ],
)
def test_what_a_notice_of_the_end_says(family: str, line: str, sign: EndSign) -> None:
    reading = FAMILIES[family].read(line)
    assert reading is not None
    assert end_sign(reading, "x") == sign


def test_what_a_bare_end_leaves_unsaid() -> None:
    assert (BARE.cause, BARE.code) == (None, None)
    assert [BARE.certain, BARE.talked, BARE.counted, BARE.early] == [False] * 4
    assert not ReleaseCause(cause=Cause.FAILED, code=None, evidence="x").talked
