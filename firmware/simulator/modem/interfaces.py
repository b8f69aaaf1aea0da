"""The AT command interfaces of one modem: bytes to command lines, replies to bytes (V.250)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.simulator.modem.commandline import Command, split_commands
from firmware.simulator.modem.personality import ERROR, CmeError, CmsError, DataMode, Modem, Reply
from firmware.simulator.network.scenario import FaultKind

_MAX_COMMAND = 4096
"""Bytes without a carriage return beyond which a modem forgets the line."""
_BYTE_SECONDS = 0.0002
"""Real seconds between two bytes of a line that arrives in pieces."""
_CTRL_Z, _ESCAPE = 0x1A, 0x1B


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


class Interfaces:
    """All AT ports of a modem; each has its own echo and its own half-typed line."""

    def __init__(self, modem: Modem, count: int) -> None:
        self._modem = modem
        self._ports = [AtPort() for _ in range(count)]
        self._current = 0

    def reset(self) -> None:
        """The power went: echo on, nothing typed."""
        self._ports = [AtPort() for _ in self._ports]

    def echo(self, *, on: bool) -> None:
        """Switch the echo of the port whose command runs."""
        self._ports[self._current].echo = on

    def take(self, number: int, data: bytes) -> None:
        """Take bytes that the host wrote to port *number*."""
        position = 0
        while position < len(data) and self._modem.plugged_in:
            position += self._take_some(number, data[position:])

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
        if port.echo or self._modem.faults.active(FaultKind.ECHO, self._modem.now):
            self._send(number, bytes([byte]))
        if byte != 0x0A and self._modem.calls.abort_dial():
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
        self._current = number
        lines: list[str] = []
        after: list[str] = []
        reply = Reply()
        for command in commands:
            reply = self._run(command)
            lines += reply.lines
            after += reply.after
            if reply.final != "OK":
                break
        if not commands and self._modem.faults.use(FaultKind.REFUSE, self._modem.now, "AT"):
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
        if self._modem.faults.use(FaultKind.REFUSE, self._modem.now, command.line):
            return ERROR
        handler = self._modem.personality.handlers.get(command.name)
        if handler is None:
            if self._modem.faults.active(FaultKind.NOT_SUPPORT, self._modem.now):
                return Reply(final="COMMAND NOT SUPPORT")
            return Reply(final=self._modem.personality.unknown_command)
        return self._guarded(lambda: handler(self._modem, command))

    def _guarded(self, run: Callable[[], Reply]) -> Reply:
        try:
            return run()
        except CmeError as error:
            match self._modem.memory.get("+CMEE"):
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
        if command and self._modem.faults.use(FaultKind.DROP_REPLIES, self._modem.now, command):
            self._modem.notice(*reply.after)
            return
        delay = (reply.delay + self._modem.settings.reply_seconds) * self._modem.speed
        late = (
            self._modem.faults.use(FaultKind.DELAY_REPLIES, self._modem.now, command)
            if command
            else None
        )
        if late is not None and late.lasts is not None:
            delay += late.lasts * self._modem.speed

        def send() -> None:
            for line in reply.lines:
                self.send_line(number, line)
            if reply.prompt is not None:
                self._send(number, reply.prompt.encode())
            elif reply.final is not None:
                self.send_line(number, reply.final)
            self._modem.notice(*reply.after)

        if delay > 0:
            self._modem.later(delay, "reply", send)
        else:
            send()

    def send_line(self, number: int, line: str) -> None:
        self._send(number, f"\r\n{line}\r\n".encode())

    def _send(self, number: int, data: bytes) -> None:
        if not self._modem.plugged_in or self._modem.faults.active(FaultKind.DEAD, self._modem.now):
            return
        if len(data) > 1 and self._modem.faults.use(FaultKind.GARBAGE_BYTES, self._modem.now):
            # No carriage return or line feed among it: noise is no line of its own.
            noise = bytes(self._modem.dice.choice(b"\x00\x80\xfe\xff\xc3~") for _ in range(3))
            data = noise + data
        port = self._ports[number]
        split = self._modem.faults.active(FaultKind.SPLIT_LINES, self._modem.now) is not None
        if not split and port.busy_until <= self._modem.now:
            self._modem.send_bytes(number, data)
            return
        at = max(self._modem.now, port.busy_until)
        pieces = [bytes([byte]) for byte in data] if split else [data]
        for piece in pieces:
            at += _BYTE_SECONDS * self._modem.speed
            self._modem.timers.set(at, "byte", self._sender(number, piece))
        port.busy_until = at

    def _sender(self, number: int, data: bytes) -> Callable[[], None]:
        return lambda: self._modem.send_bytes(number, data)
