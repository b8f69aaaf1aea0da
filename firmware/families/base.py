"""What a modem family is: one row of data that the generic line code reads.

Everything that differs between vendors stands here as values: how the modem is recognised, the
commands that bring it up and why each is sent, what its notices mean, how it hangs up, where its
audio goes, how many PIN tries it has left. The code that uses a row never asks for its name, so a
new modem is a new file and nothing else.

Notices are matched with :meth:`re.Pattern.fullmatch` on one stripped line. Named groups carry the
facts: ``state`` (looked up in :attr:`UrcPattern.states`), ``dir`` (0 mobile originated), ``mode``
(0 voice), ``cause`` (3GPP TS 24.008 cause number), ``duration`` (HHMMSS), ``key``, ``number``,
``index``, ``stat``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Sign(StrEnum):
    """What a notice means."""

    DIALLING = "dialling"
    ALERTING = "alerting"
    ANSWERED = "answered"
    HELD = "held"
    ENDED = "ended"
    """The call is over, cause not told (or told by the ``cause`` group)."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    NO_NETWORK = "no_network"
    """No dial tone: there is no network to call through."""
    INCOMING = "incoming"
    CALLER = "caller"
    """Number of an incoming caller (+CLIP)."""
    WAITING = "waiting"
    """Somebody calls while a call is up (+CCWA)."""
    KEY = "key"
    SMS = "sms"
    SMS_FULL = "sms_full"
    """A message store takes no more: the network keeps what comes, and gives it up in the end."""
    REGISTRATION = "registration"
    SIM_MISSING = "sim_missing"
    BOOT = "boot"
    """The module has started: whatever it knew (call, settings) is gone."""
    POWER_LOW = "power_low"
    POWER_DOWN = "power_down"
    FLOW_STOP = "flow_stop"
    """Stop sending audio until :attr:`FLOW_GO`."""
    FLOW_GO = "flow_go"
    PLAY_ENDED = "play_ended"
    """The module's own playback is over, at the clip's end or because it was stopped."""
    PLAY_FAILED = "play_failed"
    NOISE = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrcPattern:
    """One spelling of one notice. ``states`` maps the ``state`` group to its sign, by family."""

    pattern: re.Pattern[str]
    sign: Sign
    states: Mapping[str, Sign]
    key_code: bool
    """The ``key`` group is a decimal ASCII code (49 means ``1``), not the key itself."""
    check: bool
    """One CLCC read must agree before the notice is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one line meant, with its captured fields."""

    sign: Sign
    fields: Mapping[str, str]
    check: bool = False


def urc(
    pattern: str,
    sign: Sign,
    *,
    states: Mapping[str, Sign] | None = None,
    key_code: bool = False,
    check: bool = False,
) -> UrcPattern:
    """Build a :class:`UrcPattern`; *pattern* must match the whole line, letter case ignored."""
    return UrcPattern(
        pattern=re.compile(pattern, re.IGNORECASE),
        sign=sign,
        states=states or {},
        key_code=key_code,
        check=check,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of the bring-up. ``reason`` is shown by the doctor when it fails."""

    command: str
    reason: str
    required: bool = False
    """Without it no call may be placed; others may answer ERROR."""
    timeout: float = 3.0
    """Real seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the hang-up ladder; ``settle`` real seconds pass before the list is read."""

    command: str
    timeout: float = 5.0
    settle: float = 0.0


@unique
class AudioMoment(StrEnum):
    """When the voice path may be switched on."""

    DIALLED = "dialled"
    """As soon as the dial command is accepted; refusals before the answer are normal."""
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialAudio:
    """Voice as 8 kHz s16le PCM on a second serial port.

    Before the answer a refused ``start`` is repeated at each change of the call; after it every
    ``retry_after`` real seconds, ``tries`` times.
    """

    start: tuple[str, ...]
    stop: tuple[str, ...]
    """Sent one after the other until one is accepted."""
    moment: AudioMoment
    tries: int = 10
    retry_after: float = 0.1
    resets_after_refusal: bool = False
    """A refused start after the answer announces bad audio: reset the module between calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAudio:
    """Clips stored on the module and played to the far end by command.

    Command templates take ``{path}`` (folder and name), ``{name}`` and ``{size}`` (bytes of the
    part that follows). ``folder`` is where clips must lie.
    """

    folder: str
    enter: tuple[str, ...] = ()
    """Sent before files are listed or measured."""
    listing: str = ""
    """Lists the folder; empty where no command is known."""
    listed: re.Pattern[str] | None = None
    """One listed file: group ``name``, and ``bytes`` where the family tells it."""
    measure: str = ""
    """Asks for one file's length, and is refused where there is no such file."""
    measured: re.Pattern[str] | None = None
    """Group ``bytes``."""
    create: tuple[str, ...] = ()
    """Sent once before the data."""
    upload: str
    """Raises the prompt for the data; sent once for each part of at most ``part`` bytes."""
    part: int | None = None
    uploaded: re.Pattern[str] | None = None
    """What the module says of the data it took: groups ``bytes`` and ``sum`` (hexadecimal)."""
    checksum: Callable[[bytes], int] | None = None
    delete: str
    """Only sent for files that are there: on A7670E a wrong name breaks the file system."""
    play: str
    stop: str
    stop_announced: bool = False
    """A stop of ours is followed by the same notice as the natural end."""
    tries: int = 10
    """The play command is refused until the module has connected the call's voice."""
    retry_after: float = 0.2
    """Box seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCounter:
    """How many PIN tries are left: query and a pattern whose ``left`` group says it."""

    command: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTime:
    """How the network's time is read: ``time`` group ``yy/MM/dd,hh:mm:ss``, ``zone`` quarters."""

    enable: tuple[str, ...]
    query: str
    pattern: re.Pattern[str]
    utc: bool
    """The time stamp is UTC already (the zone is then only information)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbIdentity:
    """USB ids and the interfaces that carry AT, spare AT and PCM (None where there is none)."""

    vendor: int
    product: int
    at: int
    spare_at: int | None = None
    audio: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Deadlines. AT deadlines are real seconds; the others box seconds."""

    dial: float = 8.0
    """Real: the longest wait for the result of ATD before the call list is asked instead."""
    call_list: float = 2.0
    """Real: the longest wait for AT+CLCC."""
    sim_state: float = 5.0
    """Real: the longest wait for AT+CPIN?, which a busy SIM holds up."""
    poll: float = 0.5
    """Box: between two reads of the call list during a call."""
    row_missing: float = 10.0
    """Box: a dialled call that never showed a row or notice is given up after this."""
    registration: float = 60.0
    """Box: how long bring-up waits for the network before it reports a fault."""
    boot: float = 30.0
    """Box: the longest time between a reset and a module that answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One modem family. See the module docstring."""

    name: str
    title: str
    tier: str
    """``simulated``, ``bench`` or ``field``: the best that was really proven."""
    makers: re.Pattern[str]
    """Matches the answer to AT+CGMI."""
    models: re.Pattern[str]
    """Matches the answer to AT+CGMM."""
    models_suffice: bool = False
    """No other maker has models of such names, so that the model alone tells the family."""
    usb: tuple[UsbIdentity, ...] = ()
    bring_up: tuple[Step, ...]
    before_call: tuple[Step, ...] = ()
    """Sent before ATD and before ATA; an ERROR does not keep the call from being made."""
    dial: str = "ATD{number};"
    answer: str = "ATA"
    """Takes an incoming call (V.250 6.3.5)."""
    turn_away: tuple[Step, ...] = ()
    """Sent at bring-up where callers are to hear busy without ringing here."""
    let_in: tuple[Step, ...] = ()
    """Sent at bring-up where callers are to be heard; undoes :attr:`turn_away`."""
    urcs: tuple[UrcPattern, ...]
    weak_answer: bool = False
    """The answer notice is known to come at ringback on some networks."""
    hang_up: tuple[Rung, ...]
    last_resort: tuple[Rung, ...] = (
        Rung(command="AT+CFUN=4", timeout=10.0, settle=0.3),
        Rung(command="AT+CFUN=1", timeout=10.0, settle=0.3),
    )
    """Radio off and on: ends every call at the price of the registration."""
    reset: str = "AT+CFUN=1,1"
    end_cause: str = "AT+CEER"
    module_keys: bool = False
    """The module reports keys itself (the host may listen as well)."""
    audio: SerialAudio | None = None
    sound_card: SerialAudio | None = None
    """How the voice is switched to the module's USB sound card, where it has one."""
    stored_clips: FileAudio | None = None
    pin_counter: PinCounter | None = None
    card_id: tuple[str, ...] = ("AT+CCID", "AT+ICCID")
    registration: tuple[str, ...] = ("AT+CREG?", "AT+CEREG?")
    network_time: NetworkTime
    timing: Timing = Timing()

    def read(self, line: str) -> Reading | None:
        """Return what *line* means, or None where it is not a notice of this family."""
        for row in self.urcs:
            found = row.pattern.fullmatch(line)
            if found is None:
                continue
            fields = {name: value for name, value in found.groupdict().items() if value is not None}
            sign = row.sign
            if "state" in fields:
                mapped = row.states.get(fields["state"])
                if mapped is None:
                    return Reading(sign=Sign.NOISE, fields=fields)
                sign = mapped
            if row.key_code and "key" in fields:
                code = int(fields["key"])
                if not 32 < code < 127:
                    return Reading(sign=Sign.NOISE, fields=fields)
                fields["key"] = chr(code)
            if sign is Sign.KEY:
                fields["key"] = fields["key"].upper()
                if fields["key"] not in KEYS:
                    return Reading(sign=Sign.NOISE, fields=fields)
            return Reading(sign=sign, fields=fields, check=row.check)
        return None


KEYS = frozenset("0123456789ABCD*#")


def talk_seconds(duration: str) -> int:
    """Return the seconds of SIMCom's HHMMSS duration: ``001404`` is 844, not 1404."""
    return int(duration[:2]) * 3600 + int(duration[2:4]) * 60 + int(duration[4:6])
