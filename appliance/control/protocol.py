"""The technician's door to the running box: one JSON line each way over a Unix socket.

The socket lies in the state directory with mode 0600, so file permissions decide who may speak.
Requests are ``{"operation": NAME, "arguments": {…}}``; replies are ``{"result": …}`` or
``{"refused": TEXT, "remedy": TEXT}``. The server knows nothing of operations: it hands each
request to a callable and sends back what that returns.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.errors import NobodyListens, Refused

SOCKET_NAME = "control.sock"
REQUEST_LIMIT = 64 << 20
"""Bytes; an import of 100,000 people is about 20 MiB."""
REPLY_TIMEOUT = 120.0
MOST_CLIENTS = 64
TAKES_LONG = frozenset({"contacts.import", "contacts.export", "contacts.list", "contacts.expire"})
"""Operations that the box works at beside its calls: their answer comes when it comes."""
URGENT_CLIENTS = 8
"""Places kept for what cannot wait behind clients that never end."""
URGENT_SECONDS = 5.0
"""How long one of the kept places waits for its request."""
_TOO_MANY = {
    "refused": "too many commands are connected to this box already",
    "remedy": "end some (watch, status in a loop) and try again; stop has places of its own",
}


Handler = Callable[[str, dict[str, Any]], Any]


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
    ) -> None:
        """Bind the socket in *directory*, which the caller holds the lock of.

        Operations named in *urgent* are served even where *most_clients* are connected.
        """
        self._handle = handle
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
        try:
            with connection:
                connection.settimeout(seconds)
                for line in _lines(connection):
                    connection.sendall(_encode(self._answer(line, crowded=crowded)))
                    if crowded:
                        break
        except OSError:
            pass  # the client went away; nobody is left to tell
        finally:
            places.release()

    def _answer(self, line: bytes, *, crowded: bool) -> dict[str, Any]:
        try:
            request = json.loads(line)
            name, arguments = request["operation"], request.get("arguments", {})
            if not isinstance(name, str) or not isinstance(arguments, dict):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"refused": "the request is not of the control protocol", "remedy": ""}
        if crowded and name not in self._urgent:
            return _TOO_MANY
        try:
            return {"result": self._handle(name, arguments)}
        except Refused as refusal:
            return {"refused": str(refusal), "remedy": refusal.remedy}


class ControlClient:
    """One connection to the running box; raises :class:`NobodyListens` where there is none."""

    def __init__(self, directory: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(REPLY_TIMEOUT)
        try:
            with _address(directory) as address:
                self._socket.connect(address)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise NobodyListens(str(directory)) from error
        except PermissionError as error:
            self._socket.close()
            raise Refused(
                f"{directory / SOCKET_NAME} may not be used by this account",
                "run the command as the box's user, for example with sudo -u autodialer",
            ) from error
        self._lines = _lines(self._socket)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, operation: str, arguments: dict[str, Any] | None = None) -> Any:
        """Return the result of *operation*; raises :class:`Refused`."""
        if operation in TAKES_LONG:
            self._socket.settimeout(None)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # A server that hung up may have said why.
                self._socket.sendall(
                    _encode({"operation": operation, "arguments": arguments or {}})
                )
            reply = json.loads(next(self._lines))
        except (OSError, StopIteration) as error:
            raise NobodyListens("the box closed the connection") from error
        if "refused" in reply:
            raise Refused(reply["refused"], reply.get("remedy", ""))
        return reply["result"]


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _lines(connection: socket.socket) -> Iterator[bytes]:
    buffer = bytearray()
    while True:
        end = buffer.find(b"\n")
        if end >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + 1]
            continue
        if len(buffer) > REQUEST_LIMIT:
            return
        chunk = connection.recv(1 << 16)
        if not chunk:
            return
        buffer += chunk
