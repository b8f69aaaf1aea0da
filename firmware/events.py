"""What the hardware reports: facts in the past tense, each stamped where it was seen. Pure.

``at`` is box-monotonic seconds (:mod:`firmware.clock`). ``line`` is the configured name of the
line. ``attempt`` is the id that came with the :class:`~firmware.orders.Dial` order, or that the
line gave to an incoming call (:class:`IncomingRinging`); an event of a call always carries it, so
that a late event of an old call can be told from a new one.

Long because everything that a line can say to the engine stands in one union.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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


@unique
class AddressKind(StrEnum):
    """The type of a number that the network tells, as far as it says how to read the digits."""

    INTERNATIONAL = "international"
    NATIONAL = "national"
    UNKNOWN = "unknown"
    """Nobody says: as the person would dial it, or international without its plus."""
    NAME = "name"
    """Letters: nobody can be called back on it."""


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
class ClipAdvanced:
    """A clip goes on: so much of it went out by now, told about once a second of it.

    On a starved machine a clip takes longer than it is long, and is no lost notice of its end.
    """

    line: str
    at: float
    attempt: str
    clip: str
    played_ms: int


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
    rejects by itself after a while. ``number`` is as the network shows it, with a plus where it
    is international, None where withheld.
    """

    line: str
    at: float
    attempt: str
    """An id that the line has made up: no Dial has it."""
    number: str | None
    kind: AddressKind = AddressKind.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRejected:
    """A call came in and is being turned away; a hang-up that fails is told as a fault.

    ``number`` is as for :class:`IncomingRinging`.
    """

    line: str
    at: float
    attempt: str
    """An id that the line has made up."""
    number: str | None
    kind: AddressKind = AddressKind.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGone:
    """Somebody who called while a call was up was not answered afterwards: they hung up, or the
    modem let them go together with the call that ended."""

    line: str
    at: float
    attempt: str
    """An id that the line has made up."""
    number: str | None
    kind: AddressKind = AddressKind.UNKNOWN
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAt:
    """One unit of a message where the modem holds it."""

    memory: str
    """``SM`` the SIM, ``ME`` the modem (27.005, 3.2.2); empty where it came inline and is stored
    nowhere."""
    index: int
    pdu: str
    """What stood there when it was read: places are used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsReceived:
    """A text message was read. It stays where it is until it is ordered away.

    The order is :class:`~firmware.orders.DeleteSms`, given once what the message asks for is on
    disk: a power cut in between must not lose an objection, so the message is read again.
    """

    line: str
    at: float
    number: str
    """As the network gave it, with a plus where it is international; letters of a name."""
    text: str | None
    """The likeliest reading; None where no text could be made of it."""
    sender: AddressKind = AddressKind.UNKNOWN
    other_readings: tuple[str, ...] = ()
    """Where its coding is doubtful."""
    sent_at: datetime | None = None
    """The message centre's time stamp, aware; None where it made no sense."""
    mark: str = ""
    """Tells this message from every other: the same whenever it is read, whole or in part. Holds
    personal data; empty where nothing but its place tells it from an equal one."""
    places: tuple[StoredAt, ...] = ()
    waiting: bool = False
    """Parts of it are missing and may still come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTold:
    """The network told the balance of a line's SIM, in whatever currency it is kept."""

    line: str
    at: float
    amount: float


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
class StartHeldToReset:
    """The start button was held for five seconds, with a stop latched and its contact closed."""

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


CallerEvent = IncomingRinging | IncomingRejected | WaitingGone
"""Somebody called: where calling objects, each of them is an objection."""

LineEvent = (
    LineReady
    | LineFault
    | Dialled
    | Ringing
    | Answered
    | ClipStarted
    | ClipAdvanced
    | ClipFinished
    | KeyHeard
    | KeyConfirmed
    | KeyUnconfirmed
    | MachineHeard
    | AudioFailed
    | Ended
    | IncomingRinging
    | IncomingRejected
    | WaitingGone
    | SmsReceived
    | BalanceTold
)
PanelEvent = (
    StopRaised
    | StopReleased
    | StartPressed
    | StartHeld
    | StartHeldToReset
    | PanelFault
    | PanelHealed
)
Event = LineEvent | PanelEvent


MODULE_LAG: Final = 1.2
"""Seconds by which a module may be later than the host detector."""
