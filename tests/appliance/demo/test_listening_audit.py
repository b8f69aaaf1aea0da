"""The audit of what callees heard: clean on an honest call, and awake to each lie in the log."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest

from appliance.demo.listening_audit import Claims, Recording, audit_heard, claims
from appliance.effects import Entry
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.modem import Logged, SimulatedModem
from firmware.simulator.network.clip_recognition import Recordings
from firmware.simulator.network.scenario import (
    Answer,
    Behaviour,
    KeyPress,
    NumberRule,
    Scenario,
    Subscribers,
    Voicemail,
)

NUMBER = "+33639980001"
FRAME = 320
Row = dict[str, Any]


def voice(seed: int, seconds: float) -> bytes:
    dice = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    wave = sum(np.sin(2 * np.pi * f * time + f) for f in dice.uniform(200, 900, 5))
    return (1500 * np.asarray(wave)).astype("<i2").tobytes()


CLIPS = {"greeting.fr": voice(1, 2.0), "message.fr": voice(2, 3.0), "farewell.fr": voice(3, 1.2)}
RECORDINGS = {
    name: Recording(
        role=name.partition(".")[0],
        milliseconds=len(pcm) // 16,
        level_db=float(
            10 * np.log10(np.mean((np.frombuffer(pcm, "<i2") / 32768.0) ** 2)),
        ),
    )
    for name, pcm in CLIPS.items()
}
PERSON = Answer(rings_in=0, after=0, keys=(KeyPress(key="1", heard=1.5),))
OBJECTOR = Answer(rings_in=0, after=0, keys=(KeyPress(key="9", heard=1.0),))
MACHINE = Voicemail(rings_in=0, after=0)


def call(behaviour: Behaviour, *clips: str) -> list[Row]:
    """Let a modem call somebody, send *clips*, and return the network's log."""
    rule = NumberRule(number="*", behaviours=(behaviour,))
    now = 100.0
    log: list[Logged] = []
    modem = SimulatedModem(
        personality=PERSONALITIES["generic"],
        subscribers=Subscribers(Scenario(numbers=(rule,)), Recordings(CLIPS)),
        now=now,
    )

    def keep(actions: list[Any]) -> None:
        log.extend(a for a in actions if isinstance(a, Logged))

    keep(modem.receive(f"ATD{NUMBER};\r".encode(), now))
    sent = b"".join(CLIPS[clip] for clip in clips)
    for at in range(0, len(sent) + 10 * FRAME, FRAME):
        now += 0.02
        keep(modem.receive_audio(sent[at : at + FRAME].ljust(FRAME, b"\0"), now))
        keep(modem.advance(now))
    keep(modem.receive(b"AT+CHUP\r", now))
    return [
        {"port": "p", "event": one.event, "monotonic_ms": one.at * 1000, **one.facts} for one in log
    ]


@cache
def honest() -> tuple[Row, ...]:
    return tuple(call(PERSON, "greeting.fr", "message.fr", "farewell.fr"))


LISTENED = Claims(listened=Counter({NUMBER: 1}), keys=Counter({(NUMBER, "1"): 1}))


def findings(rows: list[Row], claims: Claims = LISTENED) -> str:
    return "; ".join(audit_heard(rows, RECORDINGS, claims).findings)


def test_an_honest_call_is_clean() -> None:
    result = audit_heard(honest(), RECORDINGS, LISTENED)
    assert result.findings == ()
    assert (result.calls, result.messages, result.whole_messages) == (1, 1, 1)
    assert "no frame came before the callee's key 1" in result.sentence()


@pytest.mark.parametrize(
    ("behaviour", "clips", "fault"),
    [
        (PERSON, ("message.fr", "greeting.fr"), "the message began"),
        (PERSON, ("message.fr", "greeting.fr"), "not the greeting"),
        (Answer(rings_in=0, after=0), ("greeting.fr", "message.fr"), "without key 1"),
        (MACHINE, ("greeting.fr", "message.fr"), "a machine heard the message"),
        (OBJECTOR, ("greeting.fr", "message.fr"), "after the callee had objected"),
    ],
)
def test_a_box_that_breaks_the_promise_is_found_out(
    behaviour: Behaviour, clips: tuple[str, ...], fault: str
) -> None:
    assert fault in findings(call(behaviour, *clips), Claims())


def _of(rows: list[Row], event: str, clip: str | None = None) -> Row:
    return next(r for r in rows if r["event"] == event and clip in (None, r.get("clip")))


def _early(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["start_ms"] = _of(rows, "key")["at_ms"] - 1


def _late_key(rows: list[Row]) -> None:
    _of(rows, "key")["at_ms"] += 2000


def _no_key(rows: list[Row]) -> None:
    rows.remove(_of(rows, "key"))


def _other_key(rows: list[Row]) -> None:
    _of(rows, "key")["key"] = "2"


def _machine(rows: list[Row]) -> None:
    _of(rows, "answered")["who"] = "machine"


def _hidden_message(rows: list[Row]) -> None:
    rows.remove(_of(rows, "clip", "message.fr"))


def _renamed(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["clip"] = None


def _no_account(rows: list[Row]) -> None:
    rows.remove(_of(rows, "audio"))


def _no_greeting(rows: list[Row]) -> None:
    rows.remove(_of(rows, "clip", "greeting.fr"))


def _faint(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["level_db"] -= 20


def _short(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["milliseconds"] = 1000


def _long(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["milliseconds"] += 500


def _broken_off(rows: list[Row]) -> None:
    _of(rows, "clip", "message.fr")["whole"] = False


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (_early, "began 1 ms before key 1"),
        (_late_key, "ms before key 1"),
        (_no_key, "without key 1"),
        (_other_key, "without key 1"),
        (_machine, "a machine heard the message"),
        (_hidden_message, "accounted for"),
        (_renamed, "in no recording"),
        (_no_account, "no account of what was heard"),
        (_no_greeting, "not the greeting"),
        (_faint, "dBFS"),
        (_short, "lasted 1000 ms"),
        (_long, "lasted 3500 ms"),
        (_broken_off, "0 whole messages"),
    ],
)
def test_a_tampered_log_fails(tamper: Callable[[list[Row]], None], fault: str) -> None:
    rows = copy.deepcopy(list(honest()))
    tamper(rows)
    assert fault in findings(rows)


def test_the_ledger_may_not_have_a_key_that_nobody_pressed() -> None:
    claims = Claims(listened=LISTENED.listened, keys=Counter({(NUMBER, "1"): 2}))
    assert "key 1 2 times" in findings(list(honest()), claims)


@pytest.mark.parametrize(
    ("gap_ms", "pieces", "torn"),
    [
        (400, [(0, 3000)], 1),
        (20_000, [(0, 1000), (960, 900), (1900, 1100)], 1),
        (400, [(0, 1000), (1500, 1500)], 0),
        (400, [(0, 1000)], 0),
        (0, [(0, 3000)], 0),
    ],
)
def test_a_message_in_pieces_is_the_computers_fault(
    gap_ms: int, pieces: list[tuple[int, int]], torn: int
) -> None:
    """But one of which a part never arrived is the box's."""
    rows = copy.deepcopy(list(honest()))
    _broken_off(rows)
    place = rows.index(_of(rows, "clip", "message.fr"))
    rows[place : place + 1] = [
        {**rows[place], "from_ms": begin, "milliseconds": length} for begin, length in pieces
    ]
    _of(rows, "audio")["gap_ms"] = gap_ms
    result = audit_heard(rows, RECORDINGS, LISTENED)
    assert result.torn == torn
    assert any("0 whole messages" in finding for finding in result.findings) is not bool(torn)
    if not result.findings:
        assert "torn by this busy computer" in result.sentence()


def test_only_what_counted_is_claimed() -> None:
    """A second witness that came too late to confirm is a row, and no second press."""

    def row(seq: int, kind: str, **data: object) -> Entry:
        at = datetime(2027, 3, 9, 18, tzinfo=UTC)
        return Entry(seq=seq, at=at, kind=kind, subject="s1", data=data)

    made = claims(
        [
            row(1, "call.key", key="1", witness="module", counted=True),
            row(2, "call.key", key="1", witness="host", counted=False),
            row(3, "call.ended", outcome="listened"),
        ],
        f"subject,number\ns1,{NUMBER}\n",
    )
    assert made == LISTENED


def test_the_keys_are_those_of_the_campaign() -> None:
    other = audit_heard(honest(), RECORDINGS, LISTENED, listen="9", objects="1")
    assert "the message was heard without key 9" in "; ".join(other.findings)
    assert "had objected" in "; ".join(other.findings)
    usual = audit_heard(honest(), RECORDINGS, LISTENED, listen="1", objects="5")
    assert usual.findings == ()
