"""The modem's side of the PCM stream towards the callee: a small buffer, played in time."""

from __future__ import annotations

from firmware.simulator.network.sounds import BYTES_PER_SECOND, FRAME_BYTES

_FRAME_MS = 20


class Uplink:
    """Bytes from the host, played to the network one frame per 20 ms.

    Like the real thing it forgives jitter and nothing more: what comes faster than it is played
    overflows and is lost, and where nothing has come the callee hears silence. The buffer is
    scaled by *speed*, because the jitter of the machine that runs the bench is not.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._queue = bytearray()
        self._capacity = _whole_frames(max(0.5, 0.1 * speed))
        self._start_level = _whole_frames(0.02 + 0.012 * speed)
        self._playing = False
        self._streamed = False
        self.received = 0
        self.dropped_ms = 0
        self.gap_ms = 0

    def push(self, data: bytes) -> None:
        self.received += len(data)
        space = self._capacity - len(self._queue)
        if len(data) > space:
            # An even number of bytes, or all that follows would be misaligned noise.
            lost = (len(data) - space + 1) & ~1
            self.dropped_ms += lost // (2 * 8)
            data = data[: max(0, len(data) - lost)]
        self._queue += data

    def pull(self, frames: int) -> bytes:
        """Return *frames* frames to play now, silence where the host sent none."""
        if not self._playing and len(self._queue) >= self._start_level:
            self._playing = self._streamed = True
        size = frames * FRAME_BYTES
        if not self._playing:
            if self._streamed:
                self.gap_ms += frames * _FRAME_MS
            return bytes(size)
        whole = min(size, len(self._queue) // FRAME_BYTES * FRAME_BYTES)
        data = bytes(self._queue[:whole])
        del self._queue[:whole]
        if whole < size:
            self._playing = False
            self.gap_ms += (size - whole) // FRAME_BYTES * _FRAME_MS
        return data + bytes(size - whole)

    @property
    def fill(self) -> float:
        """How full the buffer is, 0 to 1."""
        return len(self._queue) / self._capacity


def _whole_frames(seconds: float) -> int:
    return max(1, round(seconds * BYTES_PER_SECOND / FRAME_BYTES)) * FRAME_BYTES
