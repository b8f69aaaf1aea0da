"""A link between a box and the hub that may be cut, held and mended, for a demonstration."""

from __future__ import annotations

import socket
import threading
import time


class LinkProxy:
    """Passes bytes to *target*; one per box, so that each link is cut by itself."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._cut = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._delay = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones, as a link that is gone."""
        self._cut = True
        self._break()

    def mend(self) -> None:
        self._cut = False
        self._delay = 0.0
        self._flowing.set()

    def slow(self, seconds: float) -> None:
        """Let what the hub says arrive that much later; 0 ends it."""
        self._delay = seconds

    def hold(self) -> None:
        """Swallow everything for now, in both directions: nothing arrives, nothing breaks."""
        self._flowing.clear()

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self._flowing.set()
        self._break()

    def _break(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                one.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 2)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._pairs.append((near, far))
            for source, sink, down in ((near, far, False), (far, near, True)):
                pump = threading.Thread(target=self._pump, args=(source, sink, down), daemon=True)
                pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                if down and self._delay:
                    time.sleep(self._delay)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
