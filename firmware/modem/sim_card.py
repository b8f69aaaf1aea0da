"""The SIM's PIN: when it may be tried at all, and the memory that keeps it from being tried twice.

Three wrong PINs lock a SIM, ten wrong PUKs destroy it. So a PIN is sent only

* on the exact answer ``+CPIN: SIM PIN`` (not on SIM PUK, PH-SIM PIN, PH-NET PIN or silence),
* with a counter that was read just before and says that three tries or more are left,
* if this PIN was never tried on this SIM, which is written to disk *before* it is sent.

A try that is remembered and not followed by a ready SIM is a wrong PIN until a person says
otherwise, also after a power cut in between: the memory then errs towards not trying.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from firmware.durable import give_folder_to_owner, give_to_owner, sync_folder
from firmware.faults import Fault
from firmware.wording import worded

LEAST_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SimReady:
    """The SIM is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimWait:
    """The SIM is still starting; ask again in a moment."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimAsksPin:
    """The SIM wants its PIN; read the counter and then call :func:`may_try`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRefused:
    """The SIM cannot be used until a person acts."""

    fault: Fault
    detail: str


SimState = SimReady | SimWait | SimAsksPin | SimRefused


def read_sim_state(lines: tuple[str, ...], final: str) -> SimState:
    """Judge the answer to AT+CPIN?: its information lines and its final result.

    CME 10 not inserted, 11 PIN, 12 PUK, 13 failure, 14 busy, 15 wrong (27.007 9.2.1). An error
    result never counts as the PIN prompt, whatever its text.
    """
    for line in lines:
        found = re.fullmatch(r"\+CPIN:\s*(.+)", line.strip())
        if found is None:
            continue
        state = found.group(1).strip().strip('"').upper()
        # The second PIN guards fixed dialling and call charges; calls do not need it.
        if state in ("READY", "SIM PIN2", "SIM PUK2"):
            return SimReady()
        if state == "SIM PIN":
            return SimAsksPin()
        if state == "SIM PUK":
            return SimRefused(
                fault=Fault.SIM_PUK,
                detail=worded("the SIM is blocked and asks for its PUK"),
            )
        if state.startswith("NOT "):
            return SimRefused(
                fault=Fault.SIM_MISSING, detail=worded("the modem says +CPIN: {state}", state=state)
            )
        return SimRefused(
            fault=Fault.SIM_LOCKED, detail=worded("the modem asks for {state}", state=state)
        )
    text, number = _error(final)
    low = text.lower()
    if number in (14, 515) or "busy" in low or "please wait" in low:
        return SimWait(answer=text)
    if number in (10, 310) or "not inserted" in low:
        return SimRefused(
            fault=Fault.SIM_MISSING, detail=worded("the modem says {text}", text=text)
        )
    if number in (13, 313) or "failure" in low:
        return SimRefused(fault=Fault.SIM_FAILED, detail=worded("the modem says {text}", text=text))
    if number == 12 or "puk required" in low:
        return SimRefused(fault=Fault.SIM_PUK, detail=worded("the modem says {text}", text=text))
    # No state and no known error: nothing that a PIN could be the answer to.
    return SimWait(answer=text)


def _error(final: str) -> tuple[str, int | None]:
    text = final.strip()
    code = re.fullmatch(r"\+cm[es] error\s*:\s*(\d+)", text.lower())
    return text, int(code.group(1)) if code else None


def may_try(*, pin: str | None, tries_left: int | None, tried_before: bool) -> SimRefused | None:
    """Say why the PIN must not be sent now, or None where it may be, once."""
    if pin is None:
        return SimRefused(
            fault=Fault.SIM_PIN_MISSING,
            detail=worded("the SIM asks for a PIN and none is configured"),
        )
    if re.fullmatch(r"\d{4,8}", pin) is None:
        return SimRefused(
            fault=Fault.SIM_PIN_INVALID, detail=worded("the configured PIN is not 4 to 8 digits")
        )
    if tried_before:
        return SimRefused(
            fault=Fault.SIM_PIN_REFUSED,
            detail=worded("this PIN was already tried once on this SIM and did not open it"),
        )
    if tries_left is None:
        return SimRefused(
            fault=Fault.SIM_PIN_UNSAFE,
            detail=worded("the modem does not say how many PIN tries are left"),
        )
    if tries_left < LEAST_TRIES:
        return SimRefused(
            fault=Fault.SIM_PIN_UNSAFE,
            detail=worded("only {tries_left} PIN tries are left", tries_left=tries_left),
        )
    return None


class PinMemory:
    """Which (SIM, PIN) pairs were tried and not yet proven right.

    One empty file per pair in a directory that all lines share; its name is a hash of both. That
    a file exists is the whole fact, so that nothing can be torn and lines cannot overwrite each
    other's memory. An unreadable directory raises OSError: without its memory the box tries
    no PIN at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tried(self, card: str, pin: str) -> bool:
        """Whether *pin* was sent to the SIM *card* (its ICCID) and never opened it."""
        try:
            self._place(card, pin).stat()
        except FileNotFoundError:
            return False
        return True

    def remember(self, card: str, pin: str) -> None:
        """Note the try; on disk when this returns, and only then may the PIN be sent."""
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            give_folder_to_owner(self._folder)
        sync_folder(self._folder.parent)
        descriptor = os.open(self._place(card, pin), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            give_to_owner(descriptor, self._folder)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self._folder)

    def forget(self, card: str, pin: str) -> None:
        """The PIN opened the SIM (or a person cleared it): it may be used again."""
        self._place(card, pin).unlink(missing_ok=True)
        if self._folder.is_dir():
            sync_folder(self._folder)

    def _place(self, card: str, pin: str) -> Path:
        return self._folder / hashlib.sha256(f"{card}:{pin}".encode()).hexdigest()
