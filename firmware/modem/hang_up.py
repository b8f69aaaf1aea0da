"""Hanging up for real: the family's ladder, each rung proven by an empty voice call list.

``OK`` to a hang-up is not proof: after CVHU=1 a SIM7600 answers ATH with OK and does nothing, and
simulators of real modems do the same. Proof is AT+CLCC, answered OK and in step, without a voice
row, twice in a row, because a call that was ordered a moment ago may not be listed yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from firmware.at.calls import CallRow, CallState, call_list
from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.errors import CommandAborted, CommandTimeout
from firmware.families.base import Family, Rung

_READS = 5
"""Reads of the call list after each rung; networks release a call within a second or so."""
_READ_EVERY = 0.2
"""Box seconds between two of them."""
_PROOFS = 2
_ABORTS = 3
"""An emergency during the ladder restarts its rung this often, then the ladder goes on."""
_MUTE_AFTER = 3
"""Time-outs in a row after which nothing answers: more rungs would only hold up the end."""


class Proof(Enum):
    """What reading the call list proved."""

    SILENT = auto()
    NONE = auto()
    """A call is listed, or the list could not be read."""
    MUTE = auto()
    """The modem answers nothing."""


class _Listening:
    """A modem whose time-outs in a row are counted."""

    def __init__(self, modem: CommandPort) -> None:
        self._modem = modem
        self._timeouts = 0

    @property
    def mute(self) -> bool:
        return self._timeouts >= _MUTE_AFTER

    @property
    def emergency_count(self) -> int:
        return self._modem.emergency_count

    def command(
        self,
        text: str,
        *,
        timeout: float = 2.0,
        dial: bool = False,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        try:
            reply = self._modem.command(
                text, timeout=timeout, dial=dial, payload=payload, epoch=epoch
            )
        except CommandTimeout:
            self._timeouts += 1
            raise
        self._timeouts = 0
        return reply

    def emergency_hang_up(self) -> None:
        self._modem.emergency_hang_up()


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What a ladder achieved."""

    confirmed: bool
    by: str
    """The rung after which the list was empty, or the last one tried."""
    radio_cycled: bool = False
    """The registration was given up for it."""


def waits(row: CallRow) -> bool:
    """Whether somebody who calls here has not been answered."""
    return row.incoming and row.state in (CallState.INCOMING, CallState.WAITING)


def read_calls(
    modem: CommandPort, family: Family, *, spares_callers: bool = False
) -> tuple[CallRow, ...] | None:
    """Return the live voice rows, or None where the list could not be read for certain.

    With *spares_callers* those who ring or wait do not count.
    Raises LinkLost; an emergency that throws the query out reads as None.
    """
    try:
        reply = modem.command("AT+CLCC", timeout=family.timing.call_list)
    except (CommandTimeout, CommandAborted):
        return None
    calls = call_list(reply.lines)
    # The modem asks this query again while older results are owed, so an OK here is its own.
    if not reply.final.ok or calls.unreadable:
        return None
    # A row that came as a notice (SIMCom with CLCC=1) while the query was outstanding stands among
    # its answer: of two rows with one id the later is the newer.
    newest = {row.call_id: row for row in calls.rows if row.voice}
    return tuple(
        row
        for row in newest.values()
        if row.state is not CallState.RELEASED and not (spares_callers and waits(row))
    )


def hang_up(
    modem: CommandPort,
    family: Family,
    *,
    pause: Callable[[float], None],
    spares_callers: bool = False,
) -> Silence:
    """Climb the family's ladder until the modem is silent. Raises LinkLost.

    With *spares_callers* somebody who rings or waits may go on: their call was never up.
    *pause* waits box seconds. The last resort switches the radio off and on, which ends every
    call and costs the registration. A modem that answers nothing any more is given up after
    about fifteen seconds; its hang-up was written all the same.
    """
    listening = _Listening(modem)
    rung = Rung(command="")
    radio_cycled = False
    for rung in (*family.hang_up, *family.last_resort):
        last_resort = rung in family.last_resort
        silent = _climb(listening, family, rung, pause, spares_callers)
        radio_cycled = radio_cycled or last_resort
        # The radio is switched on again even where its end was silence already.
        if silent and (not last_resort or rung is family.last_resort[-1]):
            return Silence(confirmed=True, by=rung.command, radio_cycled=radio_cycled)
        if listening.mute:
            break
    return Silence(confirmed=False, by=rung.command, radio_cycled=radio_cycled)


def is_silent(
    modem: CommandPort,
    family: Family,
    *,
    pause: Callable[[float], None],
    spares_callers: bool = False,
) -> bool:
    """Whether the call list is empty for certain (see the module docstring)."""
    proof = prove_silence(modem, family, pause=pause, spares_callers=spares_callers)
    return proof is Proof.SILENT


def prove_silence(
    modem: CommandPort,
    family: Family,
    *,
    pause: Callable[[float], None],
    spares_callers: bool = False,
) -> Proof:
    """Read the call list until it is empty for certain, or has had its time."""
    return _prove(_Listening(modem), family, pause, spares_callers)


def _prove(
    modem: _Listening, family: Family, pause: Callable[[float], None], spares_callers: bool
) -> Proof:
    proofs = 0
    for attempt in range(_READS):
        if attempt:
            pause(_READ_EVERY)
        rows = read_calls(modem, family, spares_callers=spares_callers)
        proofs = proofs + 1 if rows == () else 0
        if proofs >= _PROOFS:
            return Proof.SILENT
        if modem.mute:
            return Proof.MUTE
    return Proof.NONE


def _climb(
    modem: _Listening,
    family: Family,
    rung: Rung,
    pause: Callable[[float], None],
    spares_callers: bool,
) -> bool:
    for _ in range(_ABORTS):
        try:
            modem.command(rung.command, timeout=rung.timeout)
        except CommandAborted:
            continue
        except CommandTimeout:
            # It may have worked all the same; only the list tells. Or it was never written,
            # because the modem did not answer AT before it: a module that hears but is not heard
            # must get it too.
            modem.emergency_hang_up()
        break
    if rung.settle:
        pause(rung.settle)
    return _prove(modem, family, pause, spares_callers) is Proof.SILENT
