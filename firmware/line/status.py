"""What a line tells about itself: ready or faulty, with whom, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from firmware.call.context import LineContext
from firmware.events import LineReady, Witness
from firmware.families import FAMILIES, Family
from firmware.faults import REMEDIES, Fault
from firmware.modem.identity import Identity
from firmware.voice.path import AudioCounters, AudioPath
from firmware.wording import worded


def none_proven(_identity: Identity, _audio: str) -> bool:
    """No self-test has heard keys by any modem."""
    return False


class LineStatus:
    """The line's standing towards the box. Written by the worker, read by any thread.

    ``proven`` tells whether a self-test has heard keys by a modem on a voice path.
    """

    def __init__(
        self, line: LineContext, *, proven: Callable[[Identity, str], bool] = none_proven
    ) -> None:
        self._line = line
        self._proven = proven
        self.identity: Identity | None = None
        self.path: AudioPath | None = None
        self.voice_failed: str | None = None
        """What was wrong with the voice of the last call that came as far as having one."""
        self._voice_before = AudioCounters()
        """Of the paths before this one."""
        self.voice_note: str | None = None
        """Why the line does not use the voice path of its configuration."""
        self.network_time: tuple[datetime, float] | None = None
        self.operator: str | None = None
        """Whose network told that time, as the modem names it."""
        self.carrier: str | None = None
        """Whose network it was when the line came up."""
        self.signal: int | None = None
        """How strong the network is received, in dBm; None where the modem does not say."""
        self.own_number: str | None = None
        """The SIM's, where it knows it."""
        self._keys_proven = False
        """A self-test has heard keys by this modem although its family promises none."""
        self.power_cuts = 0
        """How often the modem's supply was switched off since the start."""

    @property
    def family(self) -> Family:
        """The modem's family, or the standard's where it is not known yet."""
        return FAMILIES["generic"] if self.identity is None else self.identity.family

    def took_path(self, path: AudioPath | None, note: str | None) -> None:
        """Use *path* from now on; *note* tells why it is not that of the configuration."""
        self._voice_before = self._voice_counters()
        self.path, self.voice_note = path, note
        identity = self.identity
        self._keys_proven = (
            path is not None and identity is not None and self._proven(identity, path.kind)
        )

    def announce(self) -> None:
        """Post LineReady; whatever was wrong is over."""
        identity, path = self.identity, self.path
        if identity is None or path is None:
            raise RuntimeError("a line is ready only after its bring-up")
        line = self._line
        line.told = None
        line.ready = True
        line.post(
            LineReady(
                line=line.name,
                at=line.now(),
                family=identity.family.name,
                model=identity.model,
                imei=identity.imei,
                iccid=identity.iccid,
                witnesses=self.witnesses(),
                audio=path.kind,
            )
        )

    def witnesses(self) -> tuple[Witness, ...]:
        """Who can hear keys on this line."""
        found = []
        family = None if self.identity is None else self.identity.family
        if family is not None and (family.module_keys or self._keys_proven):
            found.append(Witness.MODULE)
        if self.path is not None and self.path.hears:
            found.append(Witness.HOST)
        return tuple(found)

    def unfit(self) -> tuple[Fault, str] | None:
        """Return why no call can be held on this line, where that is so and this is no test."""
        if self._line.settings.tests_keys:
            return None
        path = self.path
        if path is None or path.kind == "none":
            detail = worded("no voice path is configured or was found: nobody would hear the box")
            return Fault.AUDIO_UNUSABLE, detail
        if not self.witnesses():
            detail = worded(
                "nobody hears keys on a {title} on the voice path {kind}",
                title=self.family.title,
                kind=path.kind,
            )
            return Fault.KEYS_UNHEARD, detail
        return None

    def describe(self, *, in_call: bool) -> dict[str, object]:
        """Plain values for status and doctor."""
        identity, path, time = self.identity, self.path, self.network_time
        line, told = self._line, self._line.told
        return {
            "name": line.settings.name,
            "port": line.wiring.port,
            "emergency_port": line.wiring.emergency_port,
            "bench": line.settings.bench,
            "ready": line.ready,
            "in_call": in_call,
            "reachable": line.modem is not None,
            "call_doubtful": line.call_doubtful,
            "family": identity.family.name if identity else None,
            "tier": identity.family.tier if identity else None,
            "model": identity.model if identity else None,
            "revision": identity.revision if identity else None,
            "imei": identity.imei if identity else None,
            "iccid": identity.iccid if identity else None,
            "audio": path.kind if path else None,
            "audio_note": self.voice_note,
            "voice": asdict(self._voice_counters()),
            "voice_failed": self.voice_failed,
            "witnesses": [str(witness) for witness in self.witnesses()],
            "fault": str(told[0]) if told else None,
            "fault_detail": line.detail if told else None,
            "remedy": REMEDIES[told[0]] if told else None,
            "final": told[1] if told else False,
            "network_time": time[0].isoformat() if time else None,
            "network_time_at": time[1] if time else None,
            "operator": self.operator,
            "carrier": self.carrier,
            "signal": self.signal,
            "own_number": None if self.own_number is None else masked(self.own_number),
            "power_pin": line.settings.power_pin,
            "power_cuts": self.power_cuts,
            "callers": line.settings.incoming,
        }

    def _voice_counters(self) -> AudioCounters:
        before = self._voice_before
        return before if self.path is None else before.plus(self.path.counters)


def masked(number: str) -> str:
    """Return *number* as it may stand in a status: its end tells two SIMs apart."""
    return "…" + number[-3:]
