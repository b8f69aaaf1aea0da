"""The supervisor's loop: one thread, one poll, nothing in it that waits for a disk or a modem.

Beside the loop there are short threads: one for each port while it hangs up, and one that writes
the notes. The order of the start matters: the contact of the last plan is taken first, and only
then is anything else loaded.

Long because one loop owns every descriptor, the contact's, the box's and the guests', and no two
owners could be sure in which order a press, a death and a message are taken.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from firmware.service_manager import notify
from firmware.supervisor import decisions as d
from firmware.supervisor.contact import Change, Seen, StopContact
from firmware.supervisor.messages import MESSAGE_BYTES, SOCKET, channel, decode, send
from firmware.supervisor.pins import Contact, FaultLamp, Outputs, open_contact
from firmware.supervisor.plan import Notes, Plan, from_json
from firmware.supervisor.ports import Ports

LOOK_SECONDS = 0.01
"""The level is read so often, besides the edges."""
ALIVE_SECONDS = 0.5
"""The box is told so often that it is watched."""
_RETRY_CONTACT_SECONDS = 1.0
_CREDENTIALS = struct.Struct("3i")


class Supervisor:
    """One run. *run* holds the socket, *state* is the box's state directory."""

    def __init__(self, run: Path, state: Path) -> None:
        self._run = run
        self._notes = Notes(state)
        self._plan = self._notes.load_plan() or Plan()
        self._latched_at_start = self._notes.latched()
        self._supervision = d.Supervision(latched=self._latched_at_start)
        self._contact: Contact | None = None
        self._stop = StopContact()
        self._contact_retry = 0.0
        self._unreadable = False
        self._outputs = Outputs(run, simulated=self._plan.simulated, tell=self._say)
        self._lamp = FaultLamp()
        self._poll = select.poll()
        self._box: socket.socket | None = None
        self._pidfd: int | None = None
        self._pid = 0
        self._guests: dict[int, socket.socket] = {}
        self._asked: list[socket.socket] = []
        """Guests that wait until every line is proven silent."""
        self._ports = Ports(proven=self._line_proven, unproven=self._line_unproven)
        self._facts: queue.SimpleQueue[d.Fact] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._writing: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._alive_at = 0.0
        self._ending = False
        self._server: socket.socket | None = None

    # --- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Watch the contact, then open the door. Raises OSError where the folder is unusable."""
        self._run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_contact(time.monotonic())
        self._server = channel()
        path = self._run / SOCKET
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server.bind(str(path))
        finally:
            os.umask(mask)
        self._server.listen(16)
        self._server.setblocking(False)
        for descriptor in (self._server.fileno(), self._wake_read):
            self._poll.register(descriptor, select.POLLIN)
        threading.Thread(target=self._write_notes, name="notes", daemon=True).start()
        if self._latched_at_start is None:
            # The file gets its size now, so that a full card can still take a stop.
            self._note(self._notes.release)
        # Until a box is here, and where none ever comes.
        self._lamp.light()
        notify("READY=1")
        self._preload()

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._signalled)
        while not self._ending:
            self._turn()
        if self._server is not None:
            self._server.close()
            (self._run / SOCKET).unlink(missing_ok=True)

    def _signalled(self, _signum: int, _frame: object) -> None:
        self._ending = True

    @staticmethod
    def _preload() -> None:
        """Load what a hang-up needs, so that it need not be read from a slow card then."""
        import firmware.modem.port  # noqa: F401

    def _turn(self) -> None:
        ready = {descriptor for descriptor, _ in self._quiet()}
        now = time.monotonic()
        self._look(now)
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._facts.get_nowait())
        if self._pidfd is not None and self._pidfd in ready:
            # Its last words may have come with its end: a farewell is no death in a call.
            if self._box is not None:
                self._hear_box()
            self._part()
            self._take(d.Gone())
        if self._box is not None and self._box.fileno() in ready:
            self._hear_box()
        for descriptor in ready & self._guests.keys():
            self._hear_guest(self._guests[descriptor])
        if self._server is not None and self._server.fileno() in ready:
            self._welcome_guest()
        self._take(d.Tick())
        self._lamp.turn(now, self._plan.fault_pin, self._supervision.code, self._outputs)
        if self._asked:
            self._answer_asked()
        if now >= self._alive_at:
            self._alive_at = now + ALIVE_SECONDS
            self._tell_box({"alive": True})
            notify("WATCHDOG=1")

    def _quiet(self) -> list[tuple[int, int]]:
        """Wait until there is something to do: a message, an edge, a deadline, an open contact.

        A hundred times a second only the level is read, which costs some microseconds.
        """
        until = self._deadline(time.monotonic())
        contact = self._contact
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return self._poll.poll(0)
            ready = self._poll.poll(min(left, LOOK_SECONDS if contact else left) * 1000)
            if ready or self._ending or (contact is not None and not contact.at_peace()):
                return ready

    def _deadline(self, now: float) -> float:
        """When to look at the latest, beside what the contact asks for."""
        times = [self._alive_at]
        if self._contact is None and self._plan.stop_pin is not None:
            times.append(self._contact_retry)
        if self._stop.pressed or self._unreadable:
            times.append(now + LOOK_SECONDS)
        due = (self._supervision.wake_at(), self._stop.due_at, self._lamp.change_at)
        times += [at for at in due if at is not None]
        return min(times)

    # --- the contact -------------------------------------------------------------------------

    def _take_contact(self, now: float) -> None:
        """Take the plan's contact anew."""
        if self._contact is not None:
            self._poll.unregister(self._contact.descriptor)
            self._contact.close()
            self._contact = None
        self._stop = StopContact(max(self._plan.channels, 1))
        try:
            self._contact = open_contact(self._plan, self._run)
        except OSError as error:
            self._say(f"the stop contact cannot be watched, which is a stop: {error}")
            self._contact_retry = now + _RETRY_CONTACT_SECONDS
            self._failed()
            return
        if self._contact is not None:
            self._poll.register(self._contact.descriptor, select.POLLIN)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        """Take the edges that wait, then the level, and act on both."""
        contact = self._contact
        if contact is None:
            if self._plan.stop_pin is not None and now >= self._contact_retry:
                self._take_contact(now)
            return
        # A level that was read before an edge says nothing any more once the edge is known.
        at = time.monotonic()
        try:
            levels = contact.levels()
            facts = contact.edges()
        except OSError as error:
            if not self._unreadable:
                self._say(f"the stop contact cannot be read, which is a stop: {error}")
            self._failed()
            return
        if self._unreadable:
            self._unreadable = False
            if not self._stop.pressed:
                # One that is open is raised again in a moment.
                self._take(d.Released())
        if not any(fact.at >= at for fact in facts):
            facts += [Seen(number, is_open, at) for number, is_open in enumerate(levels)]
        for fact in facts:
            began = self._stop.began
            for change in self._stop.take(fact):
                self._changed(change, began if began is not None else self._stop.began)

    def _failed(self) -> None:
        if not self._unreadable:
            self._unreadable = True
            self._take(d.Pressed("wire"))

    def _changed(self, change: Change, began: float | None) -> None:
        match change:
            case Change.PRESSED:
                self._take(d.Pressed("button", began))
            case Change.RELEASED:
                self._take(d.Released())
            case Change.DISAGREE:
                self._say("the two contacts of the stop button disagree")
                self._tell_box({"contacts": "the two contacts of the stop button disagree"})
            case Change.AGREE:
                self._tell_box({"contacts": ""})

    # --- the box -----------------------------------------------------------------------------

    def _welcome_guest(self) -> None:
        assert self._server is not None
        with contextlib.suppress(OSError):
            guest, _ = self._server.accept()
            guest.setblocking(False)
            self._guests[guest.fileno()] = guest
            self._poll.register(guest.fileno(), select.POLLIN)

    def _dismiss(self, guest: socket.socket) -> None:
        if guest.fileno() in self._guests:
            self._poll.unregister(guest.fileno())
            del self._guests[guest.fileno()]
        if guest in self._asked:
            self._asked.remove(guest)
        guest.close()

    def _hear_guest(self, guest: socket.socket) -> None:
        try:
            message = decode(guest.recv(MESSAGE_BYTES))
        except OSError:
            message = None
        if message is None:
            self._dismiss(guest)
        elif "hello" in message:
            self._adopt(guest, message["hello"])
        elif "stop" in message:
            self._asked.append(guest)
            self._take(d.Pressed("command"))
        elif "hang_up" in message:
            if self._supervision.watching:
                # Another box has the ports already, and the watch over them.
                send(guest, {"silenced": True, "silent": []})
                return
            self._asked.append(guest)
            self._perform([d.WriteHangUp(), d.TakePorts()])

    def _answer_asked(self, *, silenced: bool = False) -> None:
        """Tell those who wait how it stands, as soon as there is an answer."""
        if not silenced:
            if self._supervision.watching:
                return
            if not self._ports.all_silent(self._plan.lines):
                return
        for guest in tuple(self._asked):
            send(guest, {"silenced": silenced, "silent": sorted(self._ports.silent)})
            self._asked.remove(guest)

    def _adopt(self, guest: socket.socket, hello: Any) -> None:
        """Watch the process behind *guest* from now on."""
        peer = guest.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid = _CREDENTIALS.unpack(peer)[0]
        try:
            deadline = float(hello["deadline"])
            plan = None if hello["plan"] is None else from_json(hello["plan"])
            pidfd = os.pidfd_open(pid)
        except (KeyError, TypeError, ValueError, OSError) as error:
            self._say(f"a process that is no box has called: {error}")
            self._dismiss(guest)
            return
        if self._box is not None:
            # One box a state directory, by its lock: the other one is on its way out.
            self._part()
        del self._guests[guest.fileno()]
        self._box, self._pidfd, self._pid = guest, pidfd, pid
        self._poll.register(pidfd, select.POLLIN)
        if plan is not None and plan != self._plan:
            self._follow(plan)
        self._take(d.Connected(pid, deadline))

    def _follow(self, plan: Plan) -> None:
        wires = (self._plan.stop_pin, self._plan.stop_second_pin, self._plan.stop_second_opens)
        changed = wires != (plan.stop_pin, plan.stop_second_pin, plan.stop_second_opens)
        self._plan = plan
        self._outputs.release()
        self._outputs = Outputs(self._run, simulated=plan.simulated, tell=self._say)
        self._note(partial(self._notes.save_plan, plan))
        if changed or self._contact is None:
            self._take_contact(time.monotonic())

    def _part(self) -> None:
        """Forget the box's descriptors."""
        if self._pidfd is not None:
            self._poll.unregister(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self._drop_connection()

    def _drop_connection(self) -> None:
        if self._box is not None:
            self._poll.unregister(self._box.fileno())
            self._box.close()
            self._box = None

    def _hear_box(self) -> None:
        assert self._box is not None
        while self._box is not None:
            try:
                data = self._box.recv(MESSAGE_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                # It ended with words of ours unread, which is told once and ahead of its own.
                continue
            except OSError:
                data = b""
            if not data:
                self._drop_connection()
                # A process that dies closes its socket a moment before it can be seen as dead.
                if self._pidfd is not None and not select.select([self._pidfd], [], [], 0.01)[0]:
                    self._take(d.Detached())
                return
            self._understand(decode(data))

    def _understand(self, message: dict[str, Any] | None) -> None:
        match message:
            case {"beat": {"deadline": float(wait), "calls": dict(calls)}}:
                self._take(d.Beat(wait, {str(k): float(v) for k, v in calls.items()}))
            case {"found": dict(ports)}:
                self._learn_ports(ports)
            case {"silenced": _}:
                self._take(d.Silenced())
                self._answer_asked(silenced=True)
            case {"recorded": _}:
                self._take(d.Recorded())
            case {"code": int() | None as code} if code is None or 0 <= code <= 9:
                self._take(d.Told(code))
            case {"farewell": _}:
                self._take(d.Farewell())
            case _:
                self._say("the box said what nobody understands")

    def _learn_ports(self, ports: dict[str, Any]) -> None:
        """Take in where a line that looks for its modem by itself has found it."""
        try:
            lines = tuple(
                from_json({"lines": [{**line._asdict(), **ports.get(line.name, {})}]}).lines[0]
                for line in self._plan.lines
            )
        except (TypeError, ValueError) as error:
            self._say(f"the box told a port that is none: {error}")
            return
        if lines != self._plan.lines:
            plan = self._plan._replace(lines=lines)
            self._plan = plan
            self._note(partial(self._notes.save_plan, plan))

    def _tell_box(self, message: dict[str, Any]) -> None:
        if self._box is not None:
            send(self._box, message)

    # --- doing -------------------------------------------------------------------------------

    def _take(self, fact: d.Fact) -> None:
        self._perform(self._supervision.step(fact, time.monotonic()))

    def _perform(self, actions: list[d.Action]) -> None:
        for action in actions:
            match action:
                case d.TellStop(source=source):
                    self._tell_box({"stop": source})
                case d.TellReleased():
                    self._tell_box({"released": True})
                case d.Welcome(open_now=open_now, latched=latched):
                    self._tell_box({"welcome": {"open": open_now, "latched": latched}})
                case d.WriteHangUp():
                    self._ports.write_hang_up(self._plan.lines)
                case d.TakePorts():
                    self._ports.take(self._plan.lines)
                case d.GivePorts():
                    self._give_ports()
                case d.Kill(why=why):
                    with contextlib.suppress(OSError):
                        if self._pidfd is not None:
                            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                    self._say(f"the box (pid {self._pid}) is ended: {why}")
                case d.Latch(source=source):
                    self._note(partial(self._notes.latch, source))
                case d.Unlatch():
                    self._note(self._notes.release)
                case d.LightFault():
                    self._lamp.light()
                case d.CutPower(line=name):
                    for line in self._plan.lines:
                        if line.power_pin is not None and name in (None, line.name):
                            self._outputs.drive(line.power_pin, high=line.power_cuts_high)

    def _give_ports(self) -> None:
        self._ports.give_back()
        self._lamp.release()
        self._outputs.release()

    def _line_proven(self, name: str) -> None:
        self._say(f"{name}: hung up, the call list is empty")
        self._facts.put(d.Proven())
        self._wake()

    def _line_unproven(self, name: str) -> None:
        self._facts.put(d.Unproven(name))
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    # --- notes -------------------------------------------------------------------------------

    def _note(self, write: Callable[[], None]) -> None:
        """Have *write* done in order, beside the loop: a card may take a second."""
        self._writing.put(write)

    def _write_notes(self) -> None:
        while True:
            write = self._writing.get()
            try:
                write()
            except OSError as error:
                self._say(f"a note could not be kept: {error}")
                self._facts.put(d.Kept(well=False))
            else:
                self._facts.put(d.Kept(well=True))
            self._wake()

    @staticmethod
    def _say(text: str) -> None:
        # The journal may be full or gone; the watch goes on.
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"supervisor: {text}\n".encode())
