"""The technician's door to the running box: one JSON line each way over a Unix socket.

The socket lies in the state directory with mode 0600, so file permissions decide who may speak.
Requests are ``{"operation": NAME, "arguments": {…}}``; replies are ``{"result": …}`` or
``{"refused": TEXT, "remedy": TEXT}``. The server knows nothing of operations but two: ``alive``,
which it answers itself with the age of the box's last turn, so that every command learns within
three seconds that a box is dead, stopped or frozen, and with the share that is done of what the
box works at; and ``piece``, which brings a file in parts
(base64) for the next request of the same connection, since a line that holds a whole file would
keep the interpreter, and with it the box, from everything else while it is read. All other
requests go to a callable, and what that returns goes back.

Long because both ends of the socket stand here: what one sends is what the other reads.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.errors import NobodyListens, Refused, Unresponsive
from firmware.json_text import parse_json
from firmware.wording import Message, carried, received, said_by, worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from typing import Any

    Handler = Callable[[str, dict[str, Any]], Any]
    """Performs an operation; of a request with pieces, ``contents`` is the list of them."""

SOCKET_NAME = "control.sock"
REQUEST_LIMIT = 2 << 20
"""Bytes of one line: read and understood in some 20 ms."""
PIECE = 1 << 18
"""Bytes of a file that one ``piece`` brings."""
FILE_LIMIT = 24 << 20
"""Bytes of a file that comes in pieces: some 150,000 people. The loop copies it in one go once."""
ALIVE_WITHIN = 2.0
"""Seconds in which a box that is well has turned its loop, and answers that it has."""
LATCH_WITHIN = 1.5
"""Seconds that the answer to a stop, which has hung up by then, waits for its row: less than the
client waits for the answer."""
TOLD_EVERY = 0.5
"""Seconds between two questions how much is done, for somebody who watches."""
REPLY_TIMEOUT = 120.0
MOST_CLIENTS = 64
TAKES_LONG = frozenset({"contacts.import", "contacts.export", "contacts.list", "contacts.expire"})
"""Operations that the box works at beside its calls: their answer comes when it comes."""
URGENT_CLIENTS = 8
"""Places kept for what cannot wait behind clients that never end."""
URGENT_SECONDS = 5.0
"""How long one of the kept places waits for its request."""
ANSWER_LIMIT = 1 << 30
ROWS_AT_ONCE = 500
"""Rows of an answer that are encoded without a pause."""
_PEER = struct.Struct("3i")
_TOO_MANY = {
    "refused": worded("too many commands are connected to this box already"),
    "remedy": worded(
        "end some (watch, status in a loop) and try again; stop has places of its own"
    ),
}


@contextlib.contextmanager
def _address(directory: Path) -> Iterator[str]:
    # A sun_path holds 108 bytes; a state directory may lie deeper than that.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


class ControlServer:
    """Accepts requests on a thread of its own and answers each on another."""

    def __init__(
        self,
        directory: Path,
        handle: Handler,
        *,
        most_clients: int = MOST_CLIENTS,
        urgent: frozenset[str] = frozenset({"stop"}),
        pulse: Callable[[], float] = float,
        share: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Bind the socket in *directory*, which the caller holds the lock of.

        Operations named in *urgent* are served even where *most_clients* are connected. *pulse*
        tells how many seconds ago the box was last seen at work, *share* how much is done of what
        takes long.
        """
        # Here and below: what only this end of the socket needs, the commands do not wait for.
        import threading

        self._handle = handle
        self._pulse = pulse
        self._share = share
        self._urgent = urgent
        self._path = directory / SOCKET_NAME
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        mask = os.umask(0o177)
        try:
            with _address(directory) as address:
                self._socket.bind(address)
                self._give_to_owner(directory)
        finally:
            os.umask(mask)
        self._socket.listen(MOST_CLIENTS)
        self._places = threading.BoundedSemaphore(most_clients)
        self._urgent_places = threading.BoundedSemaphore(URGENT_CLIENTS)
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _give_to_owner(self, directory: Path) -> None:
        """Let the owner of the state talk to a box that root started there."""
        if os.geteuid() == 0:
            owner = directory.stat()
            os.chown(self._path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _accept(self) -> None:
        import threading

        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._places.acquire(blocking=False):
                places, seconds = self._places, REPLY_TIMEOUT
            elif self._urgent_places.acquire(blocking=False):
                places, seconds = self._urgent_places, URGENT_SECONDS
            else:
                with connection, contextlib.suppress(OSError):
                    connection.sendall(_encode(_TOO_MANY))
                continue
            threading.Thread(
                target=self._serve,
                args=(connection, places, seconds),
                name="control-client",
                daemon=True,
            ).start()

    def _serve(
        self, connection: socket.socket, places: threading.BoundedSemaphore, seconds: float
    ) -> None:
        crowded = places is self._urgent_places
        pieces: list[bytes] = []
        try:
            with connection:
                connection.settimeout(seconds)
                lines = _LineReader(connection, REQUEST_LIMIT)
                while (line := lines.next()) is not None:
                    # A program that knows nothing of messages gets sentences.
                    messages = b'"messages": true' in line
                    reply = self._answer(line, pieces, crowded=crowded)
                    for part in _encoded(reply, messages=messages):
                        connection.sendall(part)
                    if crowded:
                        break
        except OSError:
            pass  # the client went away; nobody is left to tell
        finally:
            places.release()

    def _answer(self, line: bytes, pieces: list[bytes], *, crowded: bool) -> dict[str, Any]:
        try:
            request = parse_json(line)
            name, arguments = request["operation"], request.get("arguments", {})
            if not isinstance(name, str) or not isinstance(arguments, dict):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"refused": worded("the request is not of the control protocol"), "remedy": ""}
        if crowded and name not in self._urgent:
            return _TOO_MANY
        try:
            if name == "alive":
                return {"result": {"turned": self._pulse(), "share": self._share()}}
            if name == "piece":
                return {"result": {"bytes": _take_piece(pieces, arguments)}}
            if pieces:
                arguments["contents"] = list(pieces)
                pieces.clear()
            return {"result": self._handle(name, arguments)}
        except Refused as refusal:
            return {"refused": said_by(refusal), "remedy": refusal.remedy}


def _take_piece(pieces: list[bytes], arguments: dict[str, Any]) -> int:
    """Keep a piece of a file; returns how many bytes of it are here."""
    import base64
    import binascii

    try:
        piece = base64.b64decode(str(arguments["data"]), validate=True)
    except (KeyError, ValueError, binascii.Error):
        raise Refused(worded("the file did not arrive whole")) from None
    size = sum(map(len, pieces)) + len(piece)
    if size > FILE_LIMIT:
        raise Refused(
            worded("the file is larger than 24 MiB"), worded("split it into several files")
        )
    pieces.append(piece)
    return size


class ControlClient:
    """One connection to the running box.

    Raises :class:`~appliance.errors.NobodyListens` where there is none, and
    :class:`~appliance.errors.Unresponsive` where one has the socket and does not work: within
    three seconds, whatever was asked.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(ALIVE_WITHIN)
        try:
            with _address(directory) as address:
                self._socket.connect(address)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise NobodyListens(str(directory)) from error
        except (TimeoutError, BlockingIOError) as error:
            self._socket.close()
            raise Unresponsive(
                None, worded("takes no command for {alive_within:.0f} s", alive_within=ALIVE_WITHIN)
            ) from error
        except PermissionError as error:
            self._socket.close()
            raise Refused(
                worded(
                    "{directory} may not be used by this account", directory=directory / SOCKET_NAME
                ),
                worded("run the command as the box's user, for example with sudo -u autodialer"),
            ) from error
        self._lines = _LineReader(self._socket, ANSWER_LIMIT)
        self._alive = False

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    @property
    def process(self) -> int | None:
        """The process that listens (``SO_PEERCRED``, unix(7))."""
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        except OSError:
            return None
        return int(_PEER.unpack(told)[0])

    def ask(
        self,
        operation: str,
        arguments: dict[str, Any] | None = None,
        told: Callable[[float], None] | None = None,
    ) -> Any:
        """Return the result of *operation*; raises :class:`~appliance.errors.Refused`.

        Bytes under ``contents`` are a file and go in pieces. A stop is sent before anything is
        asked, and waits for no loop. *told* hears the share that is done of what takes long.
        """
        given = dict(arguments or {})
        contents = given.pop("contents", None)
        if operation != "stop" and not self._alive:
            self.must_be_alive()
            self._alive = True
        for piece in _pieces(contents):
            self._exchange("piece", {"data": piece})
        return self._exchange(operation, given, patient=operation != "stop", told=told)

    def must_be_alive(self) -> float | None:
        """Raise :class:`~appliance.errors.Unresponsive` where the box has stopped working.

        Returns the share that is done of what it works at, where it tells.
        """
        answer = self._exchange("alive", {})
        turned, share = float(answer["turned"]), answer.get("share")
        if turned > ALIVE_WITHIN:
            raise Unresponsive(
                self.process, worded("has done nothing for {turned:.0f} s", turned=turned)
            )
        return share if isinstance(share, float) else None

    def _exchange(
        self,
        operation: str,
        arguments: dict[str, Any],
        *,
        patient: bool = False,
        told: Callable[[float], None] | None = None,
    ) -> Any:
        """Send one request and return what comes back.

        *patient*: wait for as long as the box works, and :data:`REPLY_TIMEOUT` for what does not
        take long by its nature; *told* hears how much is done.
        """
        process = self.process
        last = time.monotonic() + REPLY_TIMEOUT
        try:
            self._socket.settimeout(ALIVE_WITHIN)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # A server that hung up may have said why.
                self._socket.sendall(
                    _encode({"operation": operation, "arguments": arguments, "messages": True})
                )
            if told is not None:
                self._socket.settimeout(TOLD_EVERY)
            while True:
                try:
                    line = self._lines.next()
                    break
                except TimeoutError:
                    if not patient or (operation not in TAKES_LONG and time.monotonic() > last):
                        raise
                    with ControlClient(self._directory) as other:
                        share = other.must_be_alive()
                    if told is not None and share is not None:
                        told(share)
        except TimeoutError as error:
            raise Unresponsive(process, worded("does not answer")) from error
        except OSError as error:
            raise NobodyListens(worded("the box closed the connection")) from error
        if line is None:
            raise NobodyListens(worded("the box closed the connection"))
        # Looking at each object costs time, and most answers are people.
        hook = received if b'"$message"' in line else None
        reply = json.loads(line, object_hook=hook)
        if "refused" in reply:
            raise Refused(reply["refused"], reply.get("remedy", ""))
        return reply["result"]


def _pieces(contents: object) -> Iterator[str]:
    if isinstance(contents, bytes):
        import base64

        for start in range(0, len(contents), PIECE):
            yield base64.b64encode(contents[start : start + PIECE]).decode("ascii")


def _encode(value: object) -> bytes:
    # ASCII with escapes: whatever a text holds, halves of surrogate pairs too, can be sent.
    return json.dumps(value).encode("ascii") + b"\n"


def _encoded(reply: dict[str, Any], *, messages: bool) -> Iterator[bytes]:
    """Encode a reply in parts: the library keeps the interpreter until a text is whole.

    *messages*: sentences go as messages with their values, for whoever speaks another language.
    """
    result = reply.get("result")
    told = carried if messages else _as_it_is
    if not isinstance(result, dict):
        yield _encode(told(reply))
        return
    yield b'{"result": {'
    for number, (key, value) in enumerate(result.items()):
        yield (b", " if number else b"") + json.dumps(key).encode("ascii") + b": "
        if isinstance(value, list):
            yield from _encoded_in_parts(value, b"[", b", ", b"]", ROWS_AT_ONCE, told)
        elif isinstance(value, str) and not isinstance(value, Message):
            yield from _encoded_in_parts(value, b'"', b"", b'"', PIECE, _as_it_is)
        else:
            yield json.dumps(told(value)).encode("ascii")
    yield b"}}\n"


def _as_it_is(value: object) -> object:
    return value


def _encoded_in_parts(
    value: list[Any] | str,
    opening: bytes,
    between: bytes,
    closing: bytes,
    size: int,
    told: Callable[[object], object],
) -> Iterator[bytes]:
    yield opening
    for start in range(0, len(value), size):
        some = json.dumps(told(value[start : start + size])).encode("ascii")
        yield (between if start else b"") + some[1:-1]
    yield closing


class _LineReader:
    """The lines that come over a socket; a time-out loses nothing of the one under way."""

    def __init__(self, connection: socket.socket, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0

    def next(self) -> bytes | None:
        """Return the next line; None where the other side is gone or its line has no end."""
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if self._searched > self._limit:
                return None
            chunk = self._connection.recv(1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
