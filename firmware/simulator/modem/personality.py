"""What makes one modem family differ from another, as data and small functions.

The functions are handed the modem as its parts see it, :class:`Modem`; only those who make one
know :class:`firmware.simulator.modem.modem.SimulatedModem`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique
from random import Random
from typing import Protocol

from firmware.simulator.modem.calls import Call, Phase
from firmware.simulator.modem.card import CardState, SimCard
from firmware.simulator.modem.commandline import Command
from firmware.simulator.modem.faults import FaultWindows
from firmware.simulator.modem.messages import MessageStore
from firmware.simulator.modem.storage import ModuleStorage
from firmware.simulator.modem.timers import Timers
from firmware.simulator.network.scenario import Fault, FaultKind, IncomingSms, LineScenario


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMode:
    """What follows a prompt is data: *length* bytes, or a text ended by Ctrl-Z (None)."""

    length: int | None
    done: Callable[[bytes], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a command answers: information lines, a final result, then notices.

    ``final`` None is no result (yet). ``delay`` are real seconds before anything is sent.
    ``prompt`` with ``data`` asks for a text or a file first.
    """

    lines: tuple[str, ...] = ()
    final: str | None = "OK"
    after: tuple[str, ...] = ()
    delay: float = 0.0
    prompt: str | None = None
    data: DataMode | None = None


OK = Reply()
ERROR = Reply(final="ERROR")


class Calls(Protocol):
    """The modem's calls as its commands see them; CallControl is them."""

    @property
    def call(self) -> Call | None:
        """The call that is up or rings."""

    @property
    def last_cause(self) -> int | None:
        """Why the last call ended (3GPP TS 24.008 annex H)."""

    @property
    def voice_on(self) -> bool:
        """The command that switches the sample stream on was accepted in this call."""

    @property
    def playing(self) -> bool:
        """A stored clip plays to the far end."""

    def dial(self, number: str) -> Reply:
        """Place a call; the number was checked by the dial command."""

    def abort_dial(self) -> bool:
        """A character came from the host; True where it aborted a dial without result."""

    def answer(self) -> bool:
        """Answer an incoming call (ATA); False where none rings."""

    def hang_up(self) -> tuple[str, ...]:
        """End the call from our side; returns the notices that follow the OK."""

    def rows(self) -> list[str]:
        """The lines of +CLCC."""

    def switch_voice(self, *, on: bool) -> bool:
        """Switch the sample stream; False where the modem refuses (there is no call)."""

    def play(self, samples: bytes, finished: Callable[[], None]) -> bool:
        """Play a stored clip to the far end; False where there is no answered call."""

    def stop_playing(self) -> None: ...

    def network_lost(self) -> None:
        """No service any more: a call ends by itself."""


class CommandPorts(Protocol):
    """The AT command interfaces as commands see them."""

    def echo(self, *, on: bool) -> None:
        """Switch the echo of the port whose command runs."""


class Modem(Protocol):
    """The modem as its parts and its commands see it."""

    now: float
    """Box-monotonic seconds."""
    memory: dict[str, str]
    """Settings by command name, as their read form shows them."""
    sent_messages: int

    @property
    def personality(self) -> Personality: ...

    @property
    def settings(self) -> LineScenario: ...

    @property
    def index(self) -> int:
        """The number of the line, from 1."""

    @property
    def speed(self) -> float:
        """Box seconds per real second."""

    @property
    def imei(self) -> str: ...

    @property
    def plugged_in(self) -> bool: ...

    @property
    def card(self) -> SimCard: ...

    @property
    def messages(self) -> MessageStore: ...

    @property
    def storage(self) -> ModuleStorage: ...

    @property
    def faults(self) -> FaultWindows: ...

    @property
    def timers(self) -> Timers:
        """What happens inside the modem; all of it is forgotten when the power goes."""

    @property
    def dice(self) -> Random: ...

    @property
    def interfaces(self) -> CommandPorts: ...

    @property
    def calls(self) -> Calls: ...

    @property
    def card_state(self) -> CardState: ...

    @property
    def registration(self) -> int:
        """The ``stat`` of +CREG: 1 home, 2 searching, 0 off, 3 denied, 6 SMS only."""

    @property
    def notices_first(self) -> bool:
        """The notices of a hang-up go before its OK."""

    @property
    def malformed_creg(self) -> bool: ...

    @property
    def network_time(self) -> datetime | None:
        """The time that the network told, with its zone; None where it never did."""

    @property
    def uptime(self) -> timedelta: ...

    def need_card(self) -> None:
        """Raise the error that a command gets while the SIM does not serve."""

    def flag(self, name: str) -> bool:
        """Whether a numeric setting such as ``+CLCC`` is switched on."""

    def chance(self, probability: float) -> bool:
        """A seeded throw of the dice, for habits that a modem has only sometimes."""

    def notice(self, *lines: str, port: int = 0) -> None:
        """Send unsolicited lines."""

    def call_notice(self, *lines: str) -> None:
        """Send lines about a call, which some firmwares lose and others send twice."""

    def as_sent(self, lines: Iterable[str]) -> list[str]:
        """What of these lines about a call is really sent."""

    def later(self, seconds: float, name: str, action: Callable[[], None]) -> None:
        """Do something after box *seconds*, unless the modem loses its power first."""

    def log(self, event: str, **facts: object) -> None:
        """Tell the shell what the network saw."""

    def send_bytes(self, port: int, data: bytes) -> None: ...

    def send_audio(self, data: bytes) -> None: ...

    def restart(self, *, away: float | None = None, notices: tuple[str, ...] = ()) -> None:
        """Lose power now and come back after *away* box seconds (default: the boot time)."""

    def receive_sms(self, sms: IncomingSms) -> None:
        """A text message comes over the air."""

    def arm_incident(self, fault: Fault) -> None:
        """Let a fault of the line happen once, when its time has come."""


Handler = Callable[[Modem, Command], Reply]


class CmeError(Exception):
    """The command fails with ``+CME ERROR`` (3GPP TS 27.007 §9.2); plain ERROR with CMEE=0."""

    TEXTS: Mapping[int, str] = {
        3: "operation not allowed",
        4: "operation not supported",
        10: "SIM not inserted",
        11: "SIM PIN required",
        12: "SIM PUK required",
        13: "SIM failure",
        14: "SIM busy",
        16: "incorrect password",
        21: "invalid index",
        22: "not found",
        30: "no network service",
        50: "Incorrect parameters",
        100: "unknown",
    }

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    @property
    def text(self) -> str:
        return self.TEXTS[self.code]


class CmsError(Exception):
    """A message command fails with ``+CMS ERROR`` (3GPP TS 27.005 §3.2.5)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@unique
class VoicePath(StrEnum):
    """How the host reaches the callee's ear with samples."""

    NONE = "none"
    """It cannot: clips are stored on the module."""
    IN_CALL = "in-call"
    """The stream flows during every call (a sound card stands in for analogue wires)."""
    ON_SETTING = "on-setting"
    """The stream flows during every call while a setting says so."""
    ON_COMMAND = "on-command"
    """A command switches the stream on while a call exists."""


def _no_progress(_modem: Modem, _call: Call, _phase: Phase) -> list[str]:
    return []


def _no_key_notice(_modem: Modem, _key: str, _milliseconds: int) -> list[str]:
    return []


def standard_release(cause: int) -> str:
    """The unsolicited result that ends a call from the far side (ITU-T V.250 §6.3.1)."""
    if cause == 17:
        return "BUSY"
    return "NO ANSWER" if cause in (18, 19) else "NO CARRIER"


def _released(_modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    if local:
        return []
    if not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults:
        return ["NO CARRIER"]
    return [standard_release(cause)]


def _clcc_row(_modem: Modem, call: Call, state: int) -> str:
    row = f"+CLCC: {call.index},{int(not call.outgoing)},{state},0,0"
    return row if call.number is None else f'{row},"{call.number}",{call.type_of_address}'


def _cause_text(_modem: Modem, cause: int | None) -> str:
    return f"+CEER: {0 if cause is None else cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One family. The functions return the lines that the modem sends by itself."""

    name: str
    manufacturer: str
    model: str
    revision: str
    handlers: Mapping[str, Handler]
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Settings after power-up, by command name, as their read form shows them."""
    voice_path: VoicePath = VoicePath.NONE
    voice_setting: tuple[str, str] = ("", "")
    """For ON_SETTING: the command's name and how its value must begin."""
    flow_notices: tuple[str, str] | None = None
    """Lines that ask the host to stop and to go on sending samples."""
    usb: bool = True
    """Its ports vanish while it resets."""
    boot_seconds: float = 16.0
    boot_notices: tuple[str, ...] = ()
    unknown_command: str = "ERROR"
    first_call_index: int = 1
    extra_clcc_rows: tuple[str, ...] = ()
    cvhu_default: str = "0"
    ring_period: float = 5.0
    cme_errors_on_dial: bool = False
    variant: bool = False
    """Differs from the standard by a few words only: the contract suite leaves it out."""
    dial_result: str = ""
    """Where ATD has no result before the far end answers: what it is then."""
    clcc_notices: bool = False
    """Knows AT+CLCC=1, which announces every change of a call."""
    store_full: str | None = None
    """What it says of a message for a full memory, where it says anything."""
    access: int = 7
    """Access technology of +COPS: 0 GSM, 2 UMTS, 7 LTE."""
    progress: Callable[[Modem, Call, Phase], list[str]] = _no_progress
    released: Callable[[Modem, Call, int, bool], list[str]] = _released
    """(modem, call, cause, local): the lines after an end; *local* means our own hang-up."""
    incoming: Callable[[Modem, Call], list[str]] = lambda _modem, _call: []
    """Lines that follow the first RING."""
    key_notice: Callable[[Modem, str, int], list[str]] = _no_key_notice
    key_notice_lag: float = 0.08
    """Box seconds that the module's tone detector takes, from the beginning of the key"""
    key_notice_at_release: bool = False
    """or, where the notice tells how long the key was held, from its end."""
    clcc_row: Callable[[Modem, Call, int], str] = _clcc_row
    cause_text: Callable[[Modem, int | None], str] = _cause_text
    answered_incoming: Callable[[Modem, Call], list[str]] = lambda _modem, _call: []
    """Lines after the OK of ATA."""
    missed_call: Callable[[Modem, Call], list[str]] = lambda _modem, _call: ["NO CARRIER"]
