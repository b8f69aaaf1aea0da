"""VoiceModem: the stock library's SMS half on a floor that never loses, delays or repeats.

python-gsmmodem-new is used for what it does well: PDUs and sending messages. Its reader, writer,
dialling, PIN entry and its 30-command ``connect()`` are replaced, because they lose notices, queue
a hang-up behind other commands, dial again on error 14 and enter a PIN where none was asked for.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from gsmmodem.exceptions import CmeError, CmsError, CommandError, GsmModemException
from gsmmodem.exceptions import TimeoutException as GsmTimeout
from gsmmodem.modem import CTRLZ, TERMINATOR, GsmModem

from firmware.at.command import make_command
from firmware.at.outcomes import Reply, Urc
from firmware.at.results import FinalKind
from firmware.errors import CommandAborted, CommandRefused, CommandTimeout
from firmware.modem import port_users
from firmware.modem.transport import AtTransport, Trace
from firmware.wording import worded

OPEN_SECONDS = 5.0
"""How long a freshly opened port may take to answer AT (autobauding, a modem still busy)."""
BUSY_RETRIES = 2
"""So often is a plain command of the library repeated on "SIM busy" or "please wait"."""

BUSY_SECONDS = 0.2
FED_SECONDS = 1.5
"""How long a module that was fed may take to write its flash and to answer; a UART holds the last
0.4 s of the filler back."""
FEED_TRIES = 20
"""Further hang-ups that may come while a cut upload is filled up."""
_FEED_LOOK = 0.05
_FEED_CHECKS = 3
"""So often a sign of life is followed up; a port that carries something else chatters on."""
_FILLER = b"\r" * 4093 + b"AT\r"

_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_BUSY = frozenset({14, 515})
_RETRYABLE = re.compile(r"AT[+^*%$&#_][A-Z0-9_]+(=?\?)?")


class VoiceModem(GsmModem, AtTransport):
    """One modem on one port: commands, notices, the emergency hang-up, and messages.

    ``on_urc`` gets every notice in order on one thread that is not the reader;
    ``on_lost`` is called once with the reason when the port dies, and may call :meth:`close`.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = 115200,
        rtscts: bool = False,
        emergency_port: str | None = None,
        on_urc: Callable[[Urc], None],
        on_lost: Callable[[str], None],
        trace: Trace | None = None,
        urcs: tuple[str, ...] = (),
        largest_file: int = 0,
    ) -> None:
        super().__init__(
            port,
            baudrate,
            requestDelivery=False,
            rtscts=rtscts,
            emergency_port=emergency_port,
            on_urc=on_urc,
            on_lost=on_lost,
            trace=trace,
            urcs=urcs,
        )
        self._awaiting_payload = threading.local()
        self._largest_file = largest_file

    # -- the box's own half ----------------------------------------------------------------

    def open(self, timeout: float = OPEN_SECONDS) -> None:
        """Open the port and get a clean answer to AT.

        A module that is silent may wait for the rest of a file of ours, whose sender was killed:
        it is fed up to ``largest_file`` bytes first, unless another program has the port open too.
        Raises PortUnusable, or CommandTimeout where nothing on the port answers; the port is
        closed again then.
        """
        AtTransport.connect(self)
        try:
            try:
                self.resync(timeout, quiet=0.1)
            except CommandTimeout:
                # Who shares the port may be why nothing answers, and would get the filler.
                if port_users.holders(self.port) or not self.feed(self._largest_file):
                    raise
        except CommandTimeout as error:
            self.close()
            remedy = worded(
                "check power, cable and baud rate, and that this is the modem's AT port"
            )
            others = ", ".join(
                worded("{h} (pid {pid})", h=h.name, pid=h.pid)
                for h in port_users.holders(self.port)
            )
            if others:
                remedy = worded(
                    "it is also open in {others}, which may take the answers; else {remedy}",
                    others=others,
                    remedy=remedy,
                )
            raise CommandTimeout(
                worded(
                    "nothing on {port} answers AT in {timeout:g} s", port=self.port, timeout=timeout
                ),
                remedy=remedy,
            ) from error
        except BaseException:
            self.close()
            raise

    def command(
        self,
        text: str,
        *,
        owns: tuple[str, ...] | None = None,
        timeout: float = 2.0,
        dial: bool = False,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        """Send *text* (without CR) and return its reply, also where that is an error result.

        ``owns`` are the starts of its information lines, by default its own name. ``dial`` marks
        ATD and ATA. ``payload``, a file whose length *text* declares, is written once
        the modem prompts for it; where a hang-up cuts it off, the module is fed the rest.
        ``epoch``, an earlier ``emergency_count``, refuses the command if a hang-up came in
        between. A resync that an earlier timeout or hang-up made necessary comes first and takes
        up to 5 s of its own.
        An empty answer to AT+CLCC is asked again while late results of others are about.
        Raises ValueError for text that must not reach the port, CommandTimeout, CommandAborted,
        LinkLost.
        """
        command = make_command(text, timeout=timeout, owns=owns, dial=dial, payload=payload)
        if text == "AT+CLCC":
            return self.transact_confirmed(command, epoch=epoch)
        if payload is None:
            return self.transact(command, epoch=epoch)
        with self._command_lock:
            try:
                return self.transact(command, epoch=epoch)
            except CommandAborted:
                for _ in range(FEED_TRIES):
                    # A person in need presses more than once; each hang-up is out by then.
                    with contextlib.suppress(CommandAborted):
                        self.feed(len(payload))
                        break
                raise

    def feed(self, size: int) -> bool:
        """Feed a module that waits for the rest of a file, *size* bytes at most, until it answers.

        Until it has as many bytes as were declared, it takes every command for data, the hang-up
        and its own reset too. The filler does nothing where it is read as commands: empty lines,
        and AT now and then, whose answer shows that the file is full. What then lies on the module
        is no clip. Raises CommandAborted where another hang-up comes, LinkLost.
        """
        epoch = self.emergency_count
        checks = 0
        with self._command_lock:
            for start in range(0, size, len(_FILLER)):
                seen = self._answers_seen()
                self._writer.write(_FILLER, epoch, "filler")
                last = start + len(_FILLER) >= size
                answered = self._answer_follows(seen, FED_SECONDS if last else _FEED_LOOK)
                if not answered or checks == _FEED_CHECKS:
                    continue
                checks += 1
                try:
                    self._resync(epoch, FED_SECONDS, 0.1)
                except CommandTimeout:
                    continue
                return True
        return False

    def _answers_seen(self) -> int:
        with self._condition:
            return self._exchange.dropped

    def _answer_follows(self, seen: int, seconds: float) -> bool:
        """Whether a result comes within real *seconds*; it is nobody's, so it is dropped."""
        with self._condition:
            return self._condition.wait_for(
                lambda: self._down is not None or self._exchange.dropped != seen, seconds
            )

    def send_text(self, number: str, text: str) -> int:
        """Send a message and return its reference, 0 to 255. Raises ValueError, CommandRefused."""
        if _NUMBER.fullmatch(number) is None:
            raise ValueError("not a plain telephone number")
        self._demand("AT+CMGF=0")
        try:
            sent = self.sendSms(number, text)
        except GsmTimeout as error:
            raise CommandTimeout(worded("the message was not taken in time")) from error
        except GsmModemException as error:
            raise CommandRefused(worded("the message was refused"), result=str(error)) from error
        return int(sent.reference)

    def _demand(self, text: str, *, timeout: float = 2.0) -> Reply:
        reply = self.command(text, timeout=timeout)
        if not reply.final.ok:
            raise CommandRefused(worded("{text} was refused", text=text), result=reply.final.text)
        return reply

    # -- what the library's half calls or offers ---------------------------------------------

    def write(
        self,
        data: str,
        waitForResponse: bool = True,  # noqa: N803
        timeout: float = 10,
        parseError: bool = True,  # noqa: N803
        writeTerm: str = TERMINATOR,  # noqa: N803
        expectedResponseTermSeq: str | None = None,  # noqa: N803
    ) -> list[str] | None:
        """The library's way to send a command; raises the library's exceptions.

        The two writes of a prompted command (AT+CMGS, then the PDU) become one exchange, so that
        nothing can come between them. Error 14 or 515 repeats only commands without a value, at
        most :data:`BUSY_RETRIES` times; never a dial, a PIN or a message.
        """
        if expectedResponseTermSeq is not None:
            self._awaiting_payload.text = data
            return [expectedResponseTermSeq]
        payload = None
        if writeTerm == CTRLZ:
            payload = (data + CTRLZ).encode("ascii")
            data, self._awaiting_payload.text = self._awaiting_payload.text, None
        if re.match(r"AT(D|\+CPIN=)", data, re.IGNORECASE):
            raise CommandError(worded("the library may neither dial nor enter a PIN"))
        command = make_command(data, timeout=timeout, payload=payload)
        retries = BUSY_RETRIES if _RETRYABLE.fullmatch(data) else 0
        epoch = self.emergency_count
        try:
            reply = self.transact(command, epoch=epoch)
            while reply.final.code in _BUSY and retries:
                retries -= 1
                time.sleep(BUSY_SECONDS)
                reply = self.transact(command, epoch=epoch)
        except CommandTimeout as error:
            raise GsmTimeout(list(error.lines) or None) from error
        if parseError and not reply.final.ok:
            raise _library_error(command.label, reply)
        return [*reply.lines, reply.final.text] if waitForResponse else None

    def connect(
        self,
        pin: str | None = None,
        waitingForModemToStartInSeconds: float = 0,  # noqa: N803
    ) -> None:
        """Same as :meth:`open`; sends none of the library's 30 commands, and no PIN, ever."""
        if pin is not None:
            raise ValueError("a PIN never goes through the library")
        self.open(OPEN_SECONDS + waitingForModemToStartInSeconds)

    def take_urc(self, urc: Urc) -> None:
        """Pass a notice on; the library sees only what its USSD session waits for."""
        super().take_urc(urc)
        if self._ussdSessionEvent is not None and urc.text.startswith("+CUSD"):
            lines = [urc.text]
            self.defer(lambda: self._handleUssd(lines))

    def _handleModemNotification(self, lines: list[str]) -> None:  # noqa: N802
        """The library's thread-per-notice handler reorders and drops; nothing reaches it."""

    def _unlockSim(self, pin: object) -> NoReturn:  # noqa: N802, ARG002
        raise CommandError(worded("the library may not enter a PIN"))

    def dial(self, *_arguments: Any, **_options: Any) -> NoReturn:
        """Refused: the library gives up on a call without hanging up."""
        raise CommandError(worded("the library may not dial"))

    @property
    def supportedCommands(self) -> list[str]:  # noqa: N802
        """Empty: what a modem can do is its family's table, not AT+CLAC."""
        return []

    @property
    def smsEncoding(self) -> str:  # noqa: N802
        """Coding of the last message; in PDU mode it travels in the message, not in AT+CSCS."""
        return str(self._smsEncoding)

    @smsEncoding.setter
    def smsEncoding(self, encoding: str) -> None:  # noqa: N802
        self._smsEncoding = encoding


def _library_error(command: str, reply: Reply) -> CommandError:
    match reply.final.kind, reply.final.code:
        case FinalKind.CME_ERROR, int(code):
            return CmeError(command, code)
        case FinalKind.CMS_ERROR, int(code):
            return CmsError(command, code)
        case _:
            return CommandError(f"{command} ({reply.final.text})")
