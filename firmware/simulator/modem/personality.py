"""What makes one modem family differ from another, as data and small functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from firmware.simulator.modem.calls import Call, Phase
from firmware.simulator.modem.commandline import Command
from firmware.simulator.network.scenario import FaultKind

if TYPE_CHECKING:
    from firmware.simulator.modem.modem import SimulatedModem


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

Handler = Callable[["SimulatedModem", Command], Reply]


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


def _no_progress(_modem: SimulatedModem, _call: Call, _phase: Phase) -> list[str]:
    return []


def _no_key_notice(_modem: SimulatedModem, _key: str, _milliseconds: int) -> list[str]:
    return []


def standard_release(cause: int) -> str:
    """The unsolicited result that ends a call from the far side (ITU-T V.250 §6.3.1)."""
    if cause == 17:
        return "BUSY"
    return "NO ANSWER" if cause in (18, 19) else "NO CARRIER"


def _released(_modem: SimulatedModem, call: Call, cause: int, local: bool) -> list[str]:
    if local:
        return []
    if not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults:
        return ["NO CARRIER"]
    return [standard_release(cause)]


def _clcc_row(_modem: SimulatedModem, call: Call, state: int) -> str:
    row = f"+CLCC: {call.index},{int(not call.outgoing)},{state},0,0"
    return row if call.number is None else f'{row},"{call.number}",{call.type_of_address}'


def _cause_text(_modem: SimulatedModem, cause: int | None) -> str:
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
    access: int = 7
    """Access technology of +COPS: 0 GSM, 2 UMTS, 7 LTE."""
    progress: Callable[[SimulatedModem, Call, Phase], list[str]] = _no_progress
    released: Callable[[SimulatedModem, Call, int, bool], list[str]] = _released
    """(modem, call, cause, local): the lines after an end; *local* means our own hang-up."""
    incoming: Callable[[SimulatedModem, Call], list[str]] = lambda _modem, _call: []
    """Lines that follow the first RING."""
    key_notice: Callable[[SimulatedModem, str, int], list[str]] = _no_key_notice
    key_notice_lag: float = 0.08
    """Box seconds that the module's tone detector takes, from the beginning of the key"""
    key_notice_at_release: bool = False
    """or, where the notice tells how long the key was held, from its end."""
    clcc_row: Callable[[SimulatedModem, Call, int], str] = _clcc_row
    cause_text: Callable[[SimulatedModem, int | None], str] = _cause_text
    answered_incoming: Callable[[SimulatedModem, Call], list[str]] = lambda _modem, _call: []
    """Lines after the OK of ATA."""
    missed_call: Callable[[SimulatedModem, Call], list[str]] = lambda _modem, _call: ["NO CARRIER"]
