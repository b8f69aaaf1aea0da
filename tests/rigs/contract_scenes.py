"""What the contract suite plays on every modem family: each fault, and what must come of it.

A scene is one fault and two calls. ``causes`` are the honest endings of the first call, which the
fault may hit; the second call must end as a call without any fault does, or be refused by a line
that says why it is out of service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from appliance.model import Outcome
from firmware.events import Cause
from firmware.simulator.network.scenario import (
    Answer,
    Behaviour,
    Busy,
    Fault,
    FaultKind,
    KeyPress,
    NoAnswer,
    Reject,
    Unreachable,
)

K = FaultKind


class Begins(Enum):
    """When the fault begins."""

    CALL = auto()
    """With the dial command of the first call; it belongs to that call."""
    START = auto()
    """Before the line is opened for the first time."""
    RINGING = auto()
    ANSWERED = auto()
    IDLE = auto()
    """In service, before the first call."""


class Comes(Enum):
    """What becomes of the line."""

    BACK = auto()
    """In service again, by itself."""
    OUT = auto()
    """Out of service, with a fault and a remedy, and every further call refused."""
    EITHER = auto()
    """Whichever the family's ladder reaches, but never neither."""


LISTENS = Answer(rings_in=1.0, after=1.5, patience=120.0, keys=(KeyPress(key="1", heard=0.8),))
"""A person who picks up, and presses 1 once most of the greeting's first second was heard."""


LEAVES = Answer(rings_in=1.0, after=1.5, patience=120.0, hangs_up_after=2.6)
"""A person who picks up, hears the greeting and hangs up without a key."""
AT_ONCE = Answer(rings_in=1.0, after=0.1, patience=120.0, hangs_up_after=2.6)
"""The same, with the telephone in the hand."""
STAYS = Answer(rings_in=1.0, after=1.5, patience=120.0)
STAYS_A_WHILE = Answer(rings_in=1.0, after=1.5, patience=120.0, hangs_up_heard=1.5)
DECLINED = frozenset({Outcome.DECLINED})
REMOTE = frozenset({Cause.REMOTE_HANG_UP})
NO_NOTICES = frozenset({"generic", "option", "wavecom"})
"""Families that tell of an answer in the call list alone (Wavecom in the result of ATD too)."""
ANY_WORD = frozenset({Cause.REMOTE_HANG_UP, Cause.BUSY, Cause.NO_ANSWER, Cause.REJECTED})
"""The line tells what the modem said; what it means for an answer without ringing, the box."""


OURS = frozenset({Cause.LOCAL_HANG_UP})
LOST = frozenset({Cause.LINE_LOST})
FAILED = frozenset({Cause.FAILED})
NO_SERVICE = frozenset({Cause.LOCAL_HANG_UP, Cause.FAILED, Cause.UNREACHABLE})
"""The network went at about the moment of the dial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One row of the matrix."""

    name: str
    faults: tuple[Fault, ...] = ()
    begins: Begins = Begins.CALL
    behaviour: Behaviour = LISTENS
    """Of the first call; the second is always answered."""
    causes: frozenset[Cause] = OURS
    comes: Comes = Comes.BACK
    outcomes: frozenset[Outcome] | None = None
    """What the box must make of the first call; None where the causes say enough."""
    everywhere: bool = False
    """Also on the variants of the standard."""
    mute: frozenset[str] = frozenset()
    """Families that give no sign of an answer here at all: a clean end is all that can be asked."""
    speed: float | None = None
    """At most so fast: real deadlines of the wire must not outlast what a person hears."""


def _of_call(kind: FaultKind, name: str = "", **settings: object) -> Scene:
    return _scene(kind, Begins.CALL, name, **settings)


def _scene(kind: FaultKind, begins: Begins, name: str = "", **settings: object) -> Scene:
    """Sort *settings* into those of the fault and those of the scene."""
    scene = ("behaviour", "causes", "comes", "outcomes", "everywhere", "mute", "speed", "more")
    mine = {k: v for k, v in settings.items() if k in scene}
    rest = {k: v for k, v in settings.items() if k not in mine}
    also = tuple(Fault(kind=other) for other in mine.pop("more", ()))  # type: ignore[attr-defined]
    fault = Fault(kind=kind, **rest)  # type: ignore[arg-type]
    title = f"{kind} {name}".strip()
    return Scene(name=title, faults=(fault, *also), begins=begins, **mine)  # type: ignore[arg-type]


def _ending(name: str, kind: FaultKind, *more: FaultKind, **settings: object) -> Scene:
    """A call whose end, row or result is told in a way of its own, on every family."""
    return _scene(kind, Begins.CALL, name, more=more, everywhere=True, **settings)


SCENES: tuple[Scene, ...] = (
    Scene(name="no fault"),
    Scene(name="no fault, busy", behaviour=Busy(after=1.0), causes=frozenset({Cause.BUSY})),
    Scene(
        name="no fault, no answer",
        behaviour=NoAnswer(rings_in=1.0, gives_up_after=4.0),
        causes=frozenset({Cause.NO_ANSWER}),
    ),
    Scene(
        name="no fault, rejected",
        behaviour=Reject(rings_in=1.0, after=1.0),
        causes=frozenset({Cause.REJECTED}),
    ),
    Scene(
        name="no fault, unreachable",
        behaviour=Unreachable(after=1.0),
        causes=frozenset({Cause.UNREACHABLE}),
    ),
    # The wire.
    _of_call(K.DROP_REPLIES, "ATD", command="ATD"),
    _of_call(K.DROP_REPLIES, "CLCC", command="AT+CLCC", times=2),
    _of_call(K.DROP_REPLIES, "CHUP", command="AT+CHUP"),
    _of_call(K.DROP_REPLIES, "ATH", command="ATH"),
    _of_call(K.DELAY_REPLIES, "ATD", command="ATD", seconds=0.5),
    _of_call(K.DELAY_REPLIES, "CLCC", command="AT+CLCC", seconds=0.3),
    _of_call(K.DELAY_REPLIES, "CHUP", command="AT+CHUP", seconds=0.5),
    _of_call(K.REFUSE, "CHUP", command="AT+CHUP"),
    _of_call(K.REFUSE, "CLCC, 5 times", command="AT+CLCC", times=5),
    _scene(
        K.REFUSE, Begins.IDLE, "CLCC for ever", command="AT+CLCC", causes=OURS | FAILED | LOST,
        comes=Comes.OUT,
    ),
    _scene(K.REFUSE, Begins.START, "every setting", command="AT+C", comes=Comes.OUT),
    _of_call(K.ECHO),
    _of_call(K.GARBAGE_BYTES),
    _of_call(K.SPLIT_LINES),
    _scene(K.DEAF, Begins.RINGING, "ringing", seconds=0.8),
    _scene(K.DEAF, Begins.ANSWERED, "in the greeting", seconds=0.8),
    _scene(K.DEAD, Begins.RINGING, "ringing", causes=OURS | LOST | FAILED, comes=Comes.OUT),
    _scene(K.DEAD, Begins.IDLE, "idle", causes=FAILED | LOST, comes=Comes.OUT),
    # The call.
    _of_call(K.FALSE_ANSWER),
    _of_call(K.FALSE_ANSWER, "busy in band", behaviour=Busy(after=1.0)),
    _of_call(K.LATE_OK, seconds=0.5),
    _of_call(K.NO_OK),
    _of_call(K.NO_OK, "busy", behaviour=Busy(after=1.0), causes=frozenset({Cause.BUSY})),
    _of_call(K.NOTICES_BEFORE_OK),
    _of_call(K.IGNORE_HANG_UP, "once"),
    _of_call(K.IGNORE_HANG_UP, "every time", times=1000, comes=Comes.EITHER),
    _of_call(K.DIAL_ERROR, causes=FAILED),
    _of_call(K.NEVER_ALERTING),
    _of_call(
        K.PLAIN_RELEASE, "busy", behaviour=Busy(after=1.0), causes=frozenset({Cause.BUSY})
    ),
    _of_call(K.LOST_NOTICES),
    _of_call(
        K.LOST_NOTICES,
        "rejected",
        behaviour=Reject(rings_in=1.0, after=1.0),
        causes=frozenset({Cause.REJECTED}),
    ),
    _of_call(K.DOUBLE_NOTICES),
    _of_call(K.INCOMING_AFTER_END),
    # How the call is listed, and with which words it ends.
    _ending("listens", K.EMPTY_LIST, outcomes=DECLINED, mute=NO_NOTICES),
    _ending("leaves", K.EMPTY_LIST, behaviour=LEAVES, causes=REMOTE, outcomes=DECLINED,
            mute=NO_NOTICES),
    _ending("busy", K.EMPTY_LIST, behaviour=Busy(after=1.0), causes=frozenset({Cause.BUSY})),
    _ending(
        "rings long",
        K.EMPTY_LIST,
        behaviour=NoAnswer(rings_in=1.0, gives_up_after=10.0),
        causes=frozenset({Cause.NO_ANSWER}),
        # SIMCom announces the ringing as a row.
        mute=NO_NOTICES | {"sim7600", "a76xx"},
    ),
    _ending("ringing", K.NEW_CALL_ID, after=1.2),
    _ending("answered", K.NEW_CALL_ID, after=3.0),
    _ending("answered, then leaves", K.NEW_CALL_ID, after=2.7, seconds=0.9, behaviour=LEAVES,
            causes=REMOTE, outcomes=DECLINED),
    _ending("lost", K.DROP_REPLIES, command="ATD", behaviour=STAYS, outcomes=DECLINED,
            mute=NO_NOTICES, speed=2.0),
    _ending("leaves", K.LATE_RESULT, behaviour=STAYS_A_WHILE, causes=REMOTE, outcomes=DECLINED,
            mute=NO_NOTICES | {"zte"}, speed=2.0),
    _ending("listens", K.LATE_RESULT, outcomes=DECLINED, mute=NO_NOTICES | {"zte"}, speed=2.0),
    _ending("leaves", K.NEVER_ALERTING, behaviour=LEAVES, causes=ANY_WORD, outcomes=DECLINED),
    _ending("listens", K.NEVER_ALERTING, outcomes=DECLINED),
    _ending("at once", K.STALE_CAUSE, behaviour=AT_ONCE, causes=ANY_WORD, outcomes=DECLINED),
    _ending("leaves", K.STALE_CAUSE, behaviour=LEAVES, causes=REMOTE, outcomes=DECLINED),
    _ending("leaves", K.WRONG_END_WORD, behaviour=LEAVES, causes=ANY_WORD, outcomes=DECLINED),
    _ending("at once", K.WRONG_END_WORD, K.STALE_CAUSE, behaviour=AT_ONCE, causes=ANY_WORD,
            outcomes=DECLINED),
    _ending("without ringing", K.WRONG_END_WORD, K.NEVER_ALERTING, behaviour=LEAVES,
            causes=ANY_WORD, outcomes=DECLINED),
    _ending("busy", K.END_BEFORE_WORD, behaviour=Busy(after=1.0), causes=frozenset({Cause.BUSY})),
    _ending("leaves", K.END_BEFORE_WORD, behaviour=LEAVES, causes=REMOTE, outcomes=DECLINED),
    _ending("ringing", K.WORD_IN_TEXT, after=1.4, outcomes=DECLINED),
    _ending("answered", K.WORD_IN_TEXT, after=3.2, outcomes=DECLINED),
    # Ears and voice.
    _of_call(K.NO_KEY_NOTICES),
    _of_call(K.LATE_KEY_NOTICES),
    _of_call(K.NO_KEY_TONES),
    _of_call(K.UPLINK_DEAD),
    _scene(K.AUDIO_ROT, Begins.START),
    _of_call(K.AUDIO_STOPS, after=3.0),
    # Power, USB, SIM, network.
    _of_call(K.USB_LOSS, after=2.0, seconds=3.0, causes=LOST),
    _scene(K.USB_LOSS, Begins.IDLE, "idle", seconds=3.0, causes=OURS | FAILED | LOST),
    _of_call(K.RESET, after=2.0, causes=LOST),
    _scene(K.RESET, Begins.ANSWERED, "in the greeting", causes=LOST),
    _of_call(K.UNDERVOLTAGE, after=2.0, causes=LOST),
    _scene(K.SIM_BUSY, Begins.START),
    _scene(K.SIM_REMOVED, Begins.RINGING, "ringing", causes=frozenset(Cause) - {Cause.EMERGENCY},
           comes=Comes.OUT),
    _scene(K.NO_NETWORK, Begins.RINGING, "ringing", seconds=8.0,
           causes=frozenset({Cause.UNREACHABLE, Cause.FAILED})),
    _scene(K.NO_NETWORK, Begins.IDLE, "idle", seconds=8.0, causes=NO_SERVICE),
    _scene(K.SMS_ONLY, Begins.IDLE, "idle", seconds=8.0, causes=NO_SERVICE),
    _of_call(K.MALFORMED_CREG),
    _of_call(K.NOT_SUPPORT),
)  # fmt: skip
"""Every :class:`FaultKind` is here, which a test checks."""
