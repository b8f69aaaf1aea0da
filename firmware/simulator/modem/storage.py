"""The module's own file system, and the player that sends a stored clip to the far end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.simulator.network import sounds

_AMR_MAGIC = b"#!AMR\n"
# 3GPP TS 26.101 / RFC 4867 §5.3: bytes of a frame after its header byte, by frame type.
_AMR_FRAME_BYTES = (12, 13, 15, 17, 19, 20, 26, 31, 5)


class ModuleStorage:
    """Files by name, compared without case as these modules do. Survives a reset."""

    def __init__(self, capacity: int = 4 * 1024 * 1024) -> None:
        self._files: dict[str, tuple[str, bytes]] = {}
        self._capacity = capacity
        self.broken = False
        """Nothing can be written or deleted until the next reset (A7670E)."""

    @property
    def free(self) -> int:
        return self._capacity - sum(len(data) for _, data in self._files.values())

    def store(self, name: str, data: bytes) -> bool:
        """Write a file; False where it does not fit."""
        old = self._files.get(name.lower(), ("", b""))[1]
        if len(data) > self.free + len(old):
            return False
        self._files[name.lower()] = (name, data)
        return True

    def append(self, name: str, data: bytes) -> bool:
        return self.store(name, (self.read(name) or b"") + data)

    def read(self, name: str) -> bytes | None:
        entry = self._files.get(name.lower())
        return None if entry is None else entry[1]

    def delete(self, name: str) -> bool:
        return self._files.pop(name.lower(), None) is not None

    def names(self) -> list[tuple[str, int]]:
        return [(name, len(data)) for name, data in self._files.values()]


def samples_of(data: bytes) -> bytes | None:
    """Return what a stored clip sounds like, or None where the module cannot play it.

    WAV is played as it is. AMR is not decoded here: a murmur of the right length stands in.
    """
    if data.startswith(_AMR_MAGIC):
        position, frames = len(_AMR_MAGIC), 0
        while position < len(data):
            kind = (data[position] >> 3) & 0x0F
            position += 1 + (_AMR_FRAME_BYTES[kind] if kind < len(_AMR_FRAME_BYTES) else 0)
            frames += 1
        return sounds.murmur(frames * sounds.FRAME_SECONDS) if frames else None
    try:
        return sounds.read_wav(data)
    except sounds.SoundUnusable:
        return None


@dataclass(slots=True)
class Player:
    """A clip that plays into the call; ``finished`` is called once it is over, not when stopped."""

    samples: bytes
    finished: Callable[[], None]

    def take(self, size: int) -> bytes:
        data, self.samples = self.samples[:size], self.samples[size:]
        return data + bytes(size - len(data))
