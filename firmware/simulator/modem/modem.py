"""A simulated modem without input or output: bytes in at a time, actions out, timers as data.

The shell (:mod:`firmware.simulator.host`, or a test) calls :meth:`SimulatedModem.receive` with
what the host wrote, :meth:`SimulatedModem.advance` when :meth:`SimulatedModem.wake_at` has come,
and carries out the actions that both return. Every *now* is box-monotonic seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from firmware.simulator.modem.call_control import CallControl
from firmware.simulator.modem.card import CardState, SimCard
from firmware.simulator.modem.faults import INCIDENTS, FaultWindows
from firmware.simulator.modem.interfaces import Interfaces
from firmware.simulator.modem.messages import Message, MessageStore, deliver_pdu
from firmware.simulator.modem.personality import (
    CmeError,
    Personality,
)
from firmware.simulator.modem.storage import ModuleStorage
from firmware.simulator.modem.timers import Timers
from firmware.simulator.network.scenario import (
    Fault,
    FaultKind,
    IncomingSms,
    LineScenario,
    Subscribers,
)

_REGISTERS_IN = 1.0
"""Seconds from power-up to registration."""
_BOOT_NOTICE_SECONDS = 0.3
"""Seconds between two lines that a modem says while it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Write these bytes to AT port *port* (0 is the first), in one write."""

    port: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAudio:
    """Write these samples to the audio port."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplugged:
    """The modem's ports vanish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluggedIn:
    """The ports come back, under whatever names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The network saw something."""

    event: str
    at: float
    facts: Mapping[str, object]


Action = Send | SendAudio | Unplugged | PluggedIn | Logged


class SimulatedModem:
    """One modem with its SIM and its place in the network.

    *index* (from 1) numbers the line; *speed* is box seconds per real second, needed only for
    faults of the wire, which last real seconds; *calendar* gives the network's local time.
    """

    def __init__(
        self,
        *,
        personality: Personality,
        subscribers: Subscribers,
        now: float,
        index: int = 1,
        speed: float = 1.0,
        at_ports: int = 2,
        calendar: Callable[[], datetime] | None = None,
    ) -> None:
        self.personality = personality
        self.settings: LineScenario = subscribers.scenario.line(index)
        self.index = index
        self.speed = speed
        self.now = now
        self.imei = self.settings.imei or _luhn(f"00101012345{index:03d}")
        self.card = SimCard(self.settings.sim, iccid=_luhn(f"899990000000000{index:03d}"))
        self.messages = MessageStore()
        self.storage = ModuleStorage()
        self.faults = FaultWindows(speed)
        self.world = Timers()
        """What happens whether or not the modem has power."""
        self.timers = Timers()
        """What happens inside the modem."""
        self.plugged_in = True
        self.memory: dict[str, str] = {}
        self.sent_messages = 0
        self._calendar = calendar
        self.dice = random.Random(f"{subscribers.scenario.seed}:line:{index}")
        self._actions: list[Action] = []
        self.interfaces = Interfaces(self, at_ports)
        self._powered_at = now - 60.0
        self._start_settings()
        self.calls = CallControl(self, subscribers)
        self._arm_line()

    # -- what the shell calls ---------------------------------------------------------------

    def receive(self, data: bytes, now: float, port: int = 0) -> list[Action]:
        """Take bytes that the host wrote to AT port *port*."""
        self._run_timers(now)
        if self.plugged_in and not self._deaf():
            self.interfaces.take(port, data)
        return self._take_actions()

    def receive_audio(self, data: bytes, now: float) -> list[Action]:
        """Take samples that the host wrote to the audio port."""
        self._run_timers(now)
        if self.plugged_in:
            self.calls.take_uplink(data)
        return self._take_actions()

    def advance(self, now: float) -> list[Action]:
        """Let time pass up to *now*."""
        self._run_timers(now)
        self.calls.advance()
        return self._take_actions()

    def wake_at(self) -> float | None:
        """When :meth:`advance` must be called next, or None where nothing is planned."""
        times = (self.timers.next_at, self.world.next_at, self.calls.wake_at())
        return min((time for time in times if time is not None), default=None)

    @property
    def streaming(self) -> bool:
        """Samples flow now: :meth:`advance` produces some every 20 ms."""
        return self.calls.streaming

    # -- what handlers and call control use -------------------------------------------------

    def notice(self, *lines: str, port: int = 0) -> None:
        """Send unsolicited lines."""
        for line in lines:
            self.interfaces.send_line(port, line)

    def call_notice(self, *lines: str) -> None:
        """Send lines about a call, which some firmwares lose and others send twice."""
        self.notice(*self.as_sent(lines))

    def as_sent(self, lines: Iterable[str]) -> list[str]:
        """What of these lines about a call is really sent."""
        if self.faults.active(FaultKind.LOST_NOTICES, self.now):
            return []
        if self.faults.active(FaultKind.EMPTY_LIST, self.now):
            # What knows no rows has none to announce either.
            lines = [line for line in lines if not line.startswith("+CLCC:")]
        twice = self.faults.active(FaultKind.DOUBLE_NOTICES, self.now) is not None
        return [line for line in lines for _ in range(2 if twice else 1)]

    def later(self, seconds: float, name: str, action: Callable[[], None]) -> None:
        """Do something after box *seconds*, unless the modem loses its power first."""
        self.timers.set(self.now + seconds, name, action)

    def chance(self, probability: float) -> bool:
        """A seeded throw of the dice, for habits that a modem has only sometimes."""
        return self.dice.random() < probability

    def log(self, event: str, **facts: object) -> None:
        """Tell the shell what the network saw."""
        self._actions.append(
            Logged(event=event, at=self.now, facts={"line": f"line-{self.index}", **facts})
        )

    def send_bytes(self, port: int, data: bytes) -> None:
        self._actions.append(Send(port=port, data=data))

    def send_audio(self, data: bytes) -> None:
        self._actions.append(SendAudio(data=data))

    def flag(self, name: str) -> bool:
        """Whether a numeric setting such as ``+CLCC`` is switched on."""
        return self.memory.get(name, "0").split(",")[0].strip() not in ("", "0")

    @property
    def card_state(self) -> CardState:
        if self.faults.active(FaultKind.SIM_REMOVED, self.now):
            return CardState.ABSENT
        return self.card.state

    def need_card(self) -> None:
        """Raise the error that a command gets while the SIM does not serve."""
        if self.faults.active(FaultKind.SIM_BUSY, self.now):
            raise CmeError(14)
        match self.card_state:
            case CardState.READY:
                return
            case CardState.PIN:
                raise CmeError(11)
            case CardState.PUK:
                raise CmeError(12)
            case CardState.ABSENT:
                raise CmeError(10)
            case CardState.BLOCKED:
                raise CmeError(13)

    @property
    def registration(self) -> int:
        """The ``stat`` of +CREG: 1 home, 2 searching, 0 off, 3 denied, 6 SMS only."""
        if self.memory.get("+CFUN", "1") != "1" or self.card_state is not CardState.READY:
            return 0
        if self.now < self._powered_at + _REGISTERS_IN:
            return 2
        if self.faults.active(FaultKind.NO_NETWORK, self.now):
            return 2
        return 6 if self.faults.active(FaultKind.SMS_ONLY, self.now) else 1

    @property
    def notices_first(self) -> bool:
        """The notices of a hang-up go before its OK."""
        return self.faults.active(FaultKind.NOTICES_BEFORE_OK, self.now) is not None

    @property
    def malformed_creg(self) -> bool:
        return self.faults.active(FaultKind.MALFORMED_CREG, self.now) is not None

    @property
    def network_time(self) -> datetime | None:
        """The time that the network told, with its zone; None where it never did."""
        if self._calendar is None or not self.settings.network_time or self.registration != 1:
            return None
        return self._calendar()

    @property
    def uptime(self) -> timedelta:
        return timedelta(seconds=self.now - self._powered_at)

    def restart(self, *, away: float | None = None, notices: tuple[str, ...] = ()) -> None:
        """Lose power now and come back after *away* box seconds (default: the boot time)."""
        self.notice(*notices)
        self.calls.power_lost()
        self.timers.clear()
        self.interfaces.reset()
        self.plugged_in = False
        self.log("power_lost")
        if self.personality.usb:
            self._actions.append(Unplugged())
        delay = self.personality.boot_seconds if away is None else away
        self.world.set(self.now + delay, "power up", self._power_up)

    def receive_sms(self, sms: IncomingSms) -> None:
        """A text message comes over the air."""
        self.log("sms", direction="to_line", number=sms.number, text=sms.text)
        # TS 27.005 §3.4.1, <mt>: 1 stored and told of, 2 and 3 handed over and stored nowhere.
        routed = self.memory.get("+CNMI", "").split(",")[1:2]
        if routed in (["2"], ["3"]) and self.memory.get("+CMGF", "0") == "0":
            pdu, size = deliver_pdu(Message(sms.number, sms.text, self._time_stamp()))
            self.notice(f"+CMT: ,{size}", pdu)
            return
        place = self.messages.deliver(sms.number, sms.text, self._time_stamp())
        if place is None:
            self.log("sms_lost", number=sms.number, memory=self.messages.chosen[2])
            if self.personality.store_full is not None:
                self.notice(self.personality.store_full.format(memory=self.messages.chosen[2]))
        elif routed == ["1"]:
            self.notice(f'+CMTI: "{place[0]}",{place[1]}')

    def _time_stamp(self) -> datetime:
        stamp = self.network_time
        return stamp if stamp is not None else datetime.fromisoformat("2026-01-01T12:00:00+00:00")

    # -- power ------------------------------------------------------------------------------

    def _start_settings(self) -> None:
        self.memory = {"+CFUN": "1", "+CMEE": "0", "+CVHU": self.personality.cvhu_default}
        self.memory.update(self.personality.defaults)

    def _power_up(self) -> None:
        if self.plugged_in:
            return
        self.plugged_in = True
        self.card.power_off()
        self._powered_at = self.now
        self._start_settings()
        self.calls.powered_up()
        self.storage.broken = False
        if self.personality.usb:
            self._actions.append(PluggedIn())
        self.log("power_up")
        for position, line in enumerate(self.personality.boot_notices, start=1):
            self.later(position * _BOOT_NOTICE_SECONDS, "boot notice", partial(self.notice, line))
        self.faults.open(
            [f for f in self.settings.faults if f.kind is FaultKind.SIM_BUSY and f.at is None],
            self.now,
            of_call=True,
        )

    def _arm_line(self) -> None:
        always = [f for f in self.settings.faults if f.call is None and f.at is None]
        self.faults.open(always, self.now, of_call=False)
        for fault in self.settings.faults:
            if fault.call is not None:
                continue
            if fault.at is not None:
                self.world.set(self.now + fault.at, fault.kind, partial(self.begin_fault, fault))
            elif fault.kind in INCIDENTS:
                self.arm_incident(fault)
        for incoming in self.settings.incoming:
            self.world.set(self.now + incoming.at, "call", partial(self.calls.ring, incoming))
        for sms in self.settings.sms:
            self.world.set(self.now + sms.at, "sms", partial(self.receive_sms, sms))

    def begin_fault(self, fault: Fault) -> None:
        """A fault of the line begins at this moment."""
        if fault.kind in INCIDENTS:
            self.arm_incident(fault)
            return
        self.faults.open([fault], self.now, of_call=False)
        if fault.kind in (FaultKind.NO_NETWORK, FaultKind.SMS_ONLY, FaultKind.SIM_REMOVED):
            self.later(fault.after, "service lost", self._service_changed)
            if fault.lasts is not None:
                self.later(fault.after + fault.lasts, "service back", self._service_changed)

    def _service_changed(self) -> None:
        stat = self.registration
        if stat != 1:
            self.calls.network_lost()
        if self.card_state is CardState.ABSENT:
            self.notice("+CPIN: NOT INSERTED")
        for name in ("+CREG", "+CEREG"):
            if self.flag(name):
                self.notice(f"{name}: {stat}")

    def arm_incident(self, fault: Fault) -> None:
        """Let a fault that is a moment happen ``after`` seconds from now."""
        self.world.set(self.now + fault.after, fault.kind, lambda: self._incident(fault))

    def _incident(self, fault: Fault) -> None:
        if not self.plugged_in:
            return
        match fault.kind:
            case FaultKind.USB_LOSS:
                self.restart(away=fault.lasts)
            case FaultKind.RESET:
                self.restart(away=fault.seconds)
            case FaultKind.UNDERVOLTAGE:
                # SIM800 spells it like this before it goes down in the middle of a call.
                self.restart(
                    away=fault.seconds,
                    notices=("UNDER-VOLTAGE WARNNING", "UNDER-VOLTAGE POWER DOWN"),
                )
            case FaultKind.AUDIO_STOPS:
                self.calls.stop_audio()
            case _:
                raise AssertionError(fault.kind)

    # -- time ---------------------------------------------------------------------------------

    def _deaf(self) -> bool:
        return any(self.faults.active(kind, self.now) for kind in (FaultKind.DEAF, FaultKind.DEAD))

    def _run_timers(self, now: float) -> None:
        while True:
            times = [t for t in (self.world.next_at, self.timers.next_at) if t is not None]
            if not times or min(times) > now:
                break
            at = min(times)
            source = self.world if self.world.next_at == at else self.timers
            timer = source.pop_due(at)
            if timer is not None:
                self.now = max(self.now, timer.at)
                timer.action()
        self.now = max(self.now, now)

    def _take_actions(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def _luhn(digits: str) -> str:
    """Append the check digit that IMEI and ICCID carry (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)
