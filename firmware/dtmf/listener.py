"""Both listeners on one front end: what a line gives its downlink audio to."""

from __future__ import annotations

from firmware.dtmf.detector import ALL_KEYS, Detected, ToneDetector
from firmware.dtmf.spectrum import Spectra
from firmware.dtmf.tones import MachineFound, ProgressListener


class DownlinkDetector:
    """Keys and machines in one downlink stream, for the price of one set of spectra."""

    def __init__(self, keys: str = ALL_KEYS, *, careful: str = "") -> None:
        self._spectra = Spectra()
        self._keys = ToneDetector(keys, careful=careful)
        self._machines = ProgressListener()

    @property
    def we_speak(self) -> bool:
        """Whether one of our clips is playing; see :class:`ProgressListener`."""
        return self._machines.we_speak

    @we_speak.setter
    def we_speak(self, speaking: bool) -> None:
        self._machines.we_speak = speaking

    def feed(self, pcm: bytes) -> list[Detected | MachineFound]:
        """Take the next bytes of the stream; return what became certain in them, in order."""
        found: list[Detected | MachineFound] = []
        for block in self._spectra.feed(pcm):
            found += self._keys.take(block)
            found += self._machines.take(block, key=self._keys.sounding)
        return found
