"""From an open port to a modem that may dial: who it is, silence, SIM, settings, network.

Calls that were left over from before (a crash, a power cut on our side only) are ended first, as
soon as the family is known: nobody owns them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.errors import CommandTimeout
from firmware.families import FAMILIES
from firmware.families.base import Family
from firmware.faults import Fault, LineDown
from firmware.modem.hang_up import hang_up, is_silent
from firmware.modem.identity import Identity, ask, ask_name, first_line
from firmware.modem.network import read_service, service_fault
from firmware.modem.sim_card import (
    PinMemory,
    SimAsksPin,
    SimReady,
    SimRefused,
    SimState,
    SimWait,
    may_try,
    read_sim_state,
)
from firmware.wording import worded

SIM_WAIT = 30.0
"""Box seconds that a SIM may stay busy after a start."""
_SIM_EVERY = 1.0
_REGISTRATION_EVERY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BringUp:
    """What bring-up needs to know and use. ``pause`` waits box seconds, ``now`` tells them."""

    modem: CommandPort
    family: str
    pin: str | None
    pins: PinMemory
    pause: Callable[[float], None]
    now: Callable[[], float]
    log: logging.Logger
    turns_away: bool = True
    """Callers are rejected."""

    def identify(self) -> Identity:
        """Ask who answers. Raises LineDown for a family name that does not exist."""
        self._ask("ATE0")
        # Only a numbered error tells a missing SIM from a busy one.
        self._ask("AT+CMEE=1")
        named = ask_name(self.modem)
        if self.family == "auto":
            family = named.family
        elif self.family in FAMILIES:
            family = FAMILIES[self.family]
        else:
            raise LineDown(
                Fault.UNKNOWN_FAMILY,
                worded("there is no modem family {family}", family=self.family),
                final=True,
            )
        imei = re.search(r"\d{15}", self._plain("AT+CGSN"))
        return Identity(
            family=family,
            maker=named.maker,
            model=named.model or "unknown",
            revision=self._plain("AT+CGMR"),
            imei=imei.group() if imei else None,
            iccid=self.card(family),
            certain=self.family != "auto" or named.certain,
        )

    def card(self, family: Family) -> str | None:
        """Read the SIM's number (ICCID), or None where no command tells it."""
        for command in family.card_id:
            reply = self._ask(command)
            for line in reply.lines if reply is not None and reply.final.ok else ():
                found = re.search(r"(?<!\d)89\d{16,18}[0-9Ff]?(?![0-9A-Fa-f])", line)
                if found is not None:
                    return found.group().rstrip("Ff")
        return None

    def adopt(self, family: Family) -> None:
        """End any call that is up. Raises LineDown where silence cannot be proven.

        Somebody who rings just now is left ringing, unless callers are turned away.
        """
        spares = not self.turns_away
        if is_silent(self.modem, family, pause=self.pause, spares_callers=spares):
            return
        if isinstance(self._sim_state(family), SimAsksPin | SimRefused):
            # Until the SIM is open many modems refuse even AT+CLCC (CME 10 to 13), and none can
            # have a call up. The list is read again before each dial.
            return
        self.log.warning("a call was up, or the call list unreadable: hanging up")
        silence = hang_up(self.modem, family, pause=self.pause, spares_callers=spares)
        if not silence.confirmed:
            raise LineDown(
                Fault.HANG_UP_UNCONFIRMED,
                worded("the modem's call list could not be brought to empty"),
            )

    def configure(self, family: Family) -> tuple[str, ...]:
        """Send the family's settings; return those that were refused. Raises LineDown."""
        refused = []
        callers = family.turn_away if self.turns_away else family.let_in
        for step in (*family.bring_up, *callers):
            reply = self._ask(step.command, timeout=step.timeout)
            if reply is not None and reply.final.ok:
                continue
            if step.required:
                raise LineDown(
                    Fault.BRING_UP_FAILED,
                    worded("{command} refused: {reason}", command=step.command, reason=step.reason),
                )
            self.log.debug("%s refused (%s)", step.command, step.reason)
            refused.append(step.command)
        return tuple(refused)

    def open_sim(self, identity: Identity) -> None:
        """Make the SIM ready, trying the PIN at most once ever. Raises LineDown."""
        until = self.now() + SIM_WAIT
        tried = False
        answer = "nothing"
        while self.now() < until:
            state = self._sim_state(identity.family)
            match state:
                case SimReady():
                    if self.pin is not None and tried:
                        self.pins.forget(_card(identity), self.pin)
                    return
                case SimRefused(fault=fault, detail=detail):
                    raise LineDown(fault, detail, final=True)
                case SimAsksPin():
                    if not tried:
                        self._try_pin(identity)
                        tried = True
                    answer = "SIM PIN"
                case SimWait():
                    answer = state.answer
            self.pause(_SIM_EVERY)
        if tried:
            raise LineDown(
                Fault.SIM_PIN_REFUSED, worded("the SIM did not take the PIN"), final=True
            )
        raise LineDown(
            Fault.SIM_BUSY, worded("the SIM did not become ready: {answer}", answer=answer)
        )

    def _sim_state(self, family: Family) -> SimState:
        try:
            reply = self.modem.command("AT+CPIN?", timeout=family.timing.sim_state)
        except CommandTimeout as error:
            # Wavecom modules say "+CPIN: READY" and no OK after it.
            state = read_sim_state(error.lines, "")
            return state if isinstance(state, SimReady) else SimWait(answer=worded("no reply"))
        if reply.doubtful:
            return SimWait(answer=worded("no reply"))
        return read_sim_state(reply.lines, reply.final.text)

    def await_service(self, family: Family) -> None:
        """Wait until calls can be made. Raises LineDown with the network's answer in words."""
        until = self.now() + family.timing.registration
        while True:
            fault = service_fault(read_service(self.modem, family))
            if fault is None:
                return
            if self.now() >= until:
                raise LineDown(fault.fault, fault.detail)
            self.pause(_REGISTRATION_EVERY)

    def _try_pin(self, identity: Identity) -> None:
        pin, card = self.pin, _card(identity)
        left = self._tries_left(identity.family)
        refused = may_try(
            pin=pin,
            tries_left=left,
            tried_before=pin is not None and self._tried(card, pin),
        )
        if refused is not None:
            raise LineDown(refused.fault, refused.detail, final=True)
        assert pin is not None
        try:
            self.pins.remember(card, pin)
        except OSError as error:
            raise LineDown(
                Fault.SIM_PIN_UNSAFE,
                worded("the PIN try could not be remembered: {error}", error=error),
                final=True,
            ) from error
        reply = self._ask(f'AT+CPIN="{pin}"', timeout=10.0)
        self.log.info("SIM PIN sent once, result %s", reply.final.text if reply else "none")
        if reply is not None and not reply.final.ok and not reply.doubtful:
            raise LineDown(
                Fault.SIM_PIN_REFUSED,
                worded("the SIM said {final} to the PIN", final=reply.final.text),
                final=True,
            )

    def _tried(self, card: str, pin: str) -> bool:
        try:
            return self.pins.tried(card, pin)
        except OSError as error:
            raise LineDown(
                Fault.SIM_PIN_UNSAFE,
                worded("the memory of PIN tries is unreadable: {error}", error=error),
                final=True,
            ) from error

    def _tries_left(self, family: Family) -> int | None:
        counter = family.pin_counter
        if counter is None:
            return None
        reply = self._ask(counter.command)
        if reply is None or not reply.final.ok or reply.doubtful:
            return None
        for line in reply.lines:
            found = counter.pattern.fullmatch(line)
            if found is not None:
                return int(found["left"])
        return None

    def _plain(self, command: str) -> str:
        return first_line(self._ask(command))

    def _ask(self, command: str, *, timeout: float = 3.0) -> Reply | None:
        return ask(self.modem, command, timeout=timeout)


def _card(identity: Identity) -> str:
    """What the PIN memory knows a SIM by; without an ICCID, the modem that it sits in."""
    return identity.iccid or f"imei:{identity.imei or 'unknown'}"
