"""A simulated modem without input or output: bytes in at a time, actions out, timers as data.

The shell (:mod:`firmware.simulator.host`, or a test) calls :meth:`SimulatedModem.receive` with
what the host wrote, :meth:`SimulatedModem.advance` when :meth:`SimulatedModem.wake_at` has come,
and carries out the actions that both return. Every *now* is box-monotonic seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from firmware.simulator.call_control import CallControl
from firmware.simulator.card import CardState, SimCard
from firmware.simulator.commandline import Command, split_commands
from firmware.simulator.faults import INCIDENTS, FaultWindows
from firmware.simulator.messages import MessageStore
from firmware.simulator.personality import (
    ERROR,
    CmeError,
    CmsError,
    DataMode,
    Personality,
    Reply,
)
from firmware.simulator.scenario import (
    Fault,
    FaultKind,
    IncomingSms,
    LineScenario,
    Subscribers,
)
from firmware.simulator.storage import ModuleStorage
from firmware.simulator.timers import Timers

_MAX_COMMAND = 4096
"""Bytes without a carriage return beyond which a modem forgets the line."""
_REGISTERS_IN = 1.0
"""Seconds from power-up to registration."""
_BOOT_NOTICE_SECONDS = 0.3
"""Seconds between two lines that a modem says while it starts."""
_BYTE_SECONDS = 0.0002
"""Real seconds between two bytes of a line that arrives in pieces."""
_CTRL_Z, _ESCAPE = 0x1A, 0x1B


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


@dataclass(slots=True)
class AtPort:
    """One AT command interface."""

    echo: bool = True
    buffer: bytearray = field(default_factory=bytearray)
    last_line: str = "AT"
    data_mode: DataMode | None = None
    data: bytearray = field(default_factory=bytearray)
    busy_until: float = 0.0
    """When the last byte of a line that is sent in pieces will be out."""


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
        self.started_at = now
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
        self.current_port = 0
        self.sent_messages = 0
        self._calendar = calendar
        self._dice = random.Random(f"{subscribers.scenario.seed}:line:{index}")
        self._actions: list[Action] = []
        self._ports = [AtPort() for _ in range(at_ports)]
        self._powered_at = now - 60.0
        self._start_settings()
        self.calls = CallControl(self, subscribers)
        self._arm_line()

    # -- what the shell calls ---------------------------------------------------------------

    def receive(self, data: bytes, now: float, port: int = 0) -> list[Action]:
        """Take bytes that the host wrote to AT port *port*."""
        self._run_timers(now)
        if self.plugged_in and not self._deaf():
            position = 0
            while position < len(data):
                position += self._take_some(port, data[position:])
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
            self._send_line(port, line)

    def call_notice(self, *lines: str) -> None:
        """Send lines about a call, which some firmwares lose and others send twice."""
        self.notice(*self.as_sent(lines))

    def as_sent(self, lines: Iterable[str]) -> list[str]:
        """What of these lines about a call is really sent."""
        if self.faults.active(FaultKind.LOST_NOTICES, self.now):
            return []
        twice = self.faults.active(FaultKind.DOUBLE_NOTICES, self.now) is not None
        return [line for line in lines for _ in range(2 if twice else 1)]

    def later(self, seconds: float, name: str, action: Callable[[], None]) -> None:
        """Do something after box *seconds*, unless the modem loses its power first."""
        self.timers.set(self.now + seconds, name, action)

    def chance(self, probability: float) -> bool:
        """A seeded throw of the dice, for habits that a modem has only sometimes."""
        return self._dice.random() < probability

    def log(self, event: str, **facts: object) -> None:
        """Tell the shell what the network saw."""
        self._actions.append(
            Logged(event=event, at=self.now, facts={"line": f"line-{self.index}", **facts})
        )

    def send_audio(self, data: bytes) -> None:
        self._actions.append(SendAudio(data=data))

    def flag(self, name: str) -> bool:
        """Whether a numeric setting such as ``+CLCC`` is switched on."""
        return self.memory.get(name, "0").split(",")[0].strip() not in ("", "0")

    def echo(self, *, on: bool) -> None:
        self._ports[self.current_port].echo = on

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
        self._ports = [AtPort() for _ in self._ports]
        self.plugged_in = False
        self.log("power_lost")
        if self.personality.usb:
            self._actions.append(Unplugged())
        delay = self.personality.boot_seconds if away is None else away
        self.world.set(self.now + delay, "power up", self._power_up)

    def receive_sms(self, sms: IncomingSms) -> None:
        """A text message comes over the air."""
        self.log("sms", direction="to_line", number=sms.number, text=sms.text)
        index = self.messages.deliver(sms.number, sms.text, self._time_stamp())
        if index is not None and self.memory.get("+CNMI", "").split(",")[1:2] == ["1"]:
            self.notice(f'+CMTI: "SM",{index}')

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
                self.world.set(self.now + fault.at, fault.kind, self._opener(fault))
            elif fault.kind in INCIDENTS:
                self.arm_incident(fault)
        for incoming in self.settings.incoming:
            self.world.set(self.now + incoming.at, "call", partial(self.calls.ring, incoming))
        for sms in self.settings.sms:
            self.world.set(self.now + sms.at, "sms", partial(self.receive_sms, sms))

    def _opener(self, fault: Fault) -> Callable[[], None]:
        def begin() -> None:
            if fault.kind in INCIDENTS:
                self.arm_incident(fault)
                return
            self.faults.open([fault], self.now, of_call=False)
            if fault.kind in (FaultKind.NO_NETWORK, FaultKind.SMS_ONLY, FaultKind.SIM_REMOVED):
                self.later(fault.after, "service lost", self._service_changed)
                if fault.lasts is not None:
                    self.later(fault.after + fault.lasts, "service back", self._service_changed)

        return begin

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

    # -- command lines ----------------------------------------------------------------------

    def _deaf(self) -> bool:
        return any(self.faults.active(kind, self.now) for kind in (FaultKind.DEAF, FaultKind.DEAD))

    def _take_some(self, number: int, data: bytes) -> int:
        """Take a command's next byte, or as much of a file as there is; returns how many."""
        port = self._ports[number]
        mode = port.data_mode
        if mode is None:
            self._take_byte(number, port, data[0])
            return 1
        if mode.length is None:
            self._take_text(number, port, mode, data[0])
            return 1
        size = min(len(data), mode.length - len(port.data))
        port.data += data[:size]
        if len(port.data) == mode.length:
            self._data_done(number, port, mode)
        return size

    def _take_byte(self, number: int, port: AtPort, byte: int) -> None:
        if port.echo or self.faults.active(FaultKind.ECHO, self.now):
            self._send(number, bytes([byte]))
        if byte != 0x0A and self.calls.abort_dial():
            # Any character before the result of a dial command aborts it (V.250 §6.3.1).
            port.buffer.clear()
            return
        if byte == 0x0D:
            text = port.buffer.decode("ascii", "replace").strip()
            port.buffer.clear()
            if text:
                self._run_line(number, text)
        elif byte == 0x08:
            del port.buffer[-1:]
        elif byte not in (0x0A, _CTRL_Z, _ESCAPE):
            port.buffer.append(byte)
            if len(port.buffer) > _MAX_COMMAND:
                port.buffer.clear()

    def _take_text(self, number: int, port: AtPort, mode: DataMode, byte: int) -> None:
        if byte == _CTRL_Z:
            self._data_done(number, port, mode)
        elif byte == _ESCAPE:
            port.data_mode = None
            self._answer(number, Reply(), "")
        else:
            port.data.append(byte)

    def _data_done(self, number: int, port: AtPort, mode: DataMode) -> None:
        data = bytes(port.data)
        port.data_mode = None
        self._answer(number, self._guarded(lambda: mode.done(data)), "")

    def _run_line(self, number: int, text: str) -> None:
        port = self._ports[number]
        if text.upper() == "A/":
            text = port.last_line
        commands = split_commands(text)
        if commands is None:
            return
        port.last_line = text
        self.current_port = number
        lines: list[str] = []
        after: list[str] = []
        reply = Reply()
        for command in commands:
            reply = self._run(command)
            lines += reply.lines
            after += reply.after
            if reply.final != "OK":
                break
        if not commands and self.faults.use(FaultKind.REFUSE, self.now, "AT"):
            reply = ERROR
        whole = Reply(
            lines=tuple(lines),
            final=reply.final,
            after=tuple(after),
            delay=reply.delay,
            prompt=reply.prompt,
            data=reply.data,
        )
        self._answer(number, whole, commands[0].line if commands else "AT")

    def _run(self, command: Command) -> Reply:
        if self.faults.use(FaultKind.REFUSE, self.now, command.line):
            return ERROR
        handler = self.personality.handlers.get(command.name)
        if handler is None:
            if self.faults.active(FaultKind.NOT_SUPPORT, self.now):
                return Reply(final="COMMAND NOT SUPPORT")
            return Reply(final=self.personality.unknown_command)
        return self._guarded(lambda: handler(self, command))

    def _guarded(self, run: Callable[[], Reply]) -> Reply:
        try:
            return run()
        except CmeError as error:
            match self.memory.get("+CMEE"):
                case "1":
                    return Reply(final=f"+CME ERROR: {error.code}")
                case "2":
                    return Reply(final=f"+CME ERROR: {error.text}")
                case _:
                    return ERROR
        except CmsError as error:
            return Reply(final=f"+CMS ERROR: {error.code}")

    def _answer(self, number: int, reply: Reply, command: str) -> None:
        if reply.data is not None:
            port = self._ports[number]
            port.data_mode = reply.data
            port.data.clear()
        if command and self.faults.use(FaultKind.DROP_REPLIES, self.now, command):
            self.notice(*reply.after)
            return
        delay = (reply.delay + self.settings.reply_seconds) * self.speed
        late = self.faults.use(FaultKind.DELAY_REPLIES, self.now, command) if command else None
        if late is not None and late.lasts is not None:
            delay += late.lasts * self.speed

        def send() -> None:
            for line in reply.lines:
                self._send_line(number, line)
            if reply.prompt is not None:
                self._send(number, reply.prompt.encode())
            elif reply.final is not None:
                self._send_line(number, reply.final)
            self.notice(*reply.after)

        if delay > 0:
            self.later(delay, "reply", send)
        else:
            send()

    # -- bytes out --------------------------------------------------------------------------

    def _send_line(self, number: int, line: str) -> None:
        self._send(number, f"\r\n{line}\r\n".encode())

    def _send(self, number: int, data: bytes) -> None:
        if not self.plugged_in or self.faults.active(FaultKind.DEAD, self.now):
            return
        if len(data) > 1 and self.faults.use(FaultKind.GARBAGE_BYTES, self.now):
            # No carriage return or line feed among it: noise is no line of its own.
            noise = bytes(self._dice.choice(b"\x00\x80\xfe\xff\xc3~") for _ in range(3))
            data = noise + data
        port = self._ports[number]
        split = self.faults.active(FaultKind.SPLIT_LINES, self.now) is not None
        if not split and port.busy_until <= self.now:
            self._actions.append(Send(port=number, data=data))
            return
        at = max(self.now, port.busy_until)
        pieces = [bytes([byte]) for byte in data] if split else [data]
        for piece in pieces:
            at += _BYTE_SECONDS * self.speed
            self.timers.set(at, "byte", self._sender(number, piece))
        port.busy_until = at

    def _sender(self, number: int, data: bytes) -> Callable[[], None]:
        return lambda: self._actions.append(Send(port=number, data=data))

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
