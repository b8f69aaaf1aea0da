"""What the hardware reports: facts in the past tense, each stamped where it was seen. Pure.

``at`` is box-monotonic seconds (:mod:`firmware.clock`). ``line`` is the configured name of the
line. ``attempt`` is the id that came with the :class:`~firmware.orders.Dial` order, or that the
line gave to an incoming call (:class:`IncomingRinging`); an event of a call always carries it, so
that a late event of an old call can be told from a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Witness(StrEnum):
    """Who heard a key."""

    MODULE = "module"
    """The modem's own tone detector sent a notification."""
    HOST = "host"
    """The box's detector found the tone pair in the downlink audio."""


@unique
class Cause(StrEnum):
    """Why a call ended, in the box's terms (3GPP TS 24.008 causes are folded into these)."""

    REMOTE_HANG_UP = "remote_hang_up"
    LOCAL_HANG_UP = "local_hang_up"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    """Unassigned, switched off, out of coverage, barred, number changed."""
    FAILED = "failed"
    """Technical: the modem refused the command, the network failed, the audio never started."""
    LINE_LOST = "line_lost"
    """The modem disappeared or reset during the call."""
    EMERGENCY = "emergency"
    """The stop path hung up."""


@unique
class Machine(StrEnum):
    """What answered, when it was not a person. Passive findings during a call, with evidence."""

    BEEP = "beep"
    FAX = "fax"
    SIT = "sit"
    RINGBACK = "ringback"
    BUSY_TONE = "busy_tone"
    MONOLOGUE = "monologue"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReady:
    """The line is registered, idle (its call list was read and is empty) and may dial."""

    line: str
    at: float
    family: str
    model: str
    imei: str | None
    iccid: str | None
    witnesses: tuple[Witness, ...]
    audio: str
    """How the callee hears us: ``pcm-serial``, ``module-file``, ``alsa``, ``none``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFault:
    """The line cannot be used now. ``final`` means a person must act; otherwise it heals itself."""

    line: str
    at: float
    fault: str
    """Stable code, e.g. ``port-missing``, ``no-reply``, ``sim-pin-refused``, ``not-registered``."""
    detail: str
    remedy: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """The dial command was accepted (or its first progress was seen)."""

    line: str
    at: float
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """The far phone rings."""

    line: str
    at: float
    attempt: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The network says somebody answered. That is not a person: only a key is."""

    line: str
    at: float
    attempt: str
    evidence: str
    """The notice or CLCC row that said so, digits masked."""
    weak: bool
    """True where this notice may have come at ringback already."""
    greetings: int = 1
    """How often the line has begun the greeting by itself in this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipStarted:
    """The first frame of a clip went out. Keys count from here for a greeting."""

    line: str
    at: float
    attempt: str
    clip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFinished:
    """A clip ended; ``complete`` is False where it was stopped, replaced or failed.

    ``cut`` tells the first two from the third: an order of ours, the stop or the end of the call
    cut it.
    """

    line: str
    at: float
    attempt: str
    clip: str
    played_ms: int
    complete: bool
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHeard:
    """One press of one key, reported once, by whoever heard it first."""

    line: str
    at: float
    attempt: str
    key: str
    witness: Witness
    sureness: float
    """0 to 1, the witness's own estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConfirmed:
    """The other witness heard the press that was already reported."""

    line: str
    at: float
    attempt: str
    key: str
    witness: Witness
    sureness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUnconfirmed:
    """The other witness of this line had its time and did not hear a reported press."""

    line: str
    at: float
    attempt: str
    key: str
    witness: Witness
    """Who heard the press."""
    missed_by: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineHeard:
    """The downlink sounds like a machine; never a reason to play content, only to end early."""

    line: str
    at: float
    attempt: str
    machine: Machine
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFailed:
    """The voice path did not start or died; the callee hears nothing."""

    line: str
    at: float
    attempt: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The call is over. Sent exactly once for every Dial and every :class:`IncomingRinging`,
    whatever happened.

    ``confirmed`` says that the modem's voice call list was read empty afterwards. Where it is
    False the line has also reported a :class:`LineFault` and takes no further call.
    """

    line: str
    at: float
    attempt: str
    cause: Cause
    evidence: str
    """The notice, row or result that said so, digits masked."""
    code: int | None
    """24.008/Q.850 cause number where the modem gave one."""
    confirmed: bool
    talked: bool = False
    """The modem counted seconds of talk, so that somebody has answered, whoever missed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRinging:
    """Somebody calls, on a line that asks before it answers.

    The order is :class:`~firmware.orders.AnswerCall`, or HangUp to reject; without one the line
    rejects by itself after a while. ``number`` is as the network shows it, None where withheld.
    """

    line: str
    at: float
    attempt: str
    """An id that the line has made up: no Dial has it."""
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRejected:
    """A call came in and is being turned away; a hang-up that fails is told as a fault.

    ``number`` is E.164 where the caller showed one.
    """

    line: str
    at: float
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsReceived:
    """A text message was read. It stays on the SIM until it is ordered away.

    The order is :class:`~firmware.orders.DeleteSms`, given once what the message asks for is on
    disk: a power cut in between must not lose an objection, so the message is read again.
    """

    line: str
    at: float
    number: str
    text: str
    index: int = 0
    """Its place in the SIM's storage, for the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRaised:
    """Emergency stop: button, cut wire, read error, or command. Already acted on when posted."""

    at: float
    source: str
    """``button``, ``wire`` (not readable), ``command``, ``fault`` (of the program)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReleased:
    """The stop contact is closed again; the latch stays until a deliberate reset."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPressed:
    """Short press of the start button."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StartHeld:
    """Long press of the start button."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelFault:
    """A button or lamp callback failed; the level poll still guards the stop."""

    at: float
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelHealed:
    """Whatever failed on the panel has worked again for a while."""

    at: float


LineEvent = (
    LineReady
    | LineFault
    | Dialled
    | Ringing
    | Answered
    | ClipStarted
    | ClipFinished
    | KeyHeard
    | KeyConfirmed
    | KeyUnconfirmed
    | MachineHeard
    | AudioFailed
    | Ended
    | IncomingRinging
    | IncomingRejected
    | SmsReceived
)
PanelEvent = StopRaised | StopReleased | StartPressed | StartHeld | PanelFault | PanelHealed
Event = LineEvent | PanelEvent


MODULE_LAG: Final = 1.2
"""Seconds by which a module may be later than the host detector."""
