"""What the contract suite plays on every modem family: each fault, and what must come of it.

A scene is one fault and two calls. ``causes`` are the honest endings of the first call, which the
fault may hit; the second call must end as a call without any fault does, or be refused by a line
that says why it is out of service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

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


def _of_call(kind: FaultKind, name: str = "", **settings: object) -> Scene:
    return _scene(kind, Begins.CALL, name, **settings)


def _scene(kind: FaultKind, begins: Begins, name: str = "", **settings: object) -> Scene:
    """Sort *settings* into those of the fault and those of the scene."""
    mine = {k: v for k, v in settings.items() if k in ("behaviour", "causes", "comes")}
    rest = {k: v for k, v in settings.items() if k not in mine}
    fault = Fault(kind=kind, **rest)  # type: ignore[arg-type]
    title = f"{kind} {name}".strip()
    return Scene(name=title, faults=(fault,), begins=begins, **mine)  # type: ignore[arg-type]


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
