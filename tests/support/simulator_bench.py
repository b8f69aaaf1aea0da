"""A bench for one simulated modem without ptys: send text, let time pass, look what came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.modem import (
    Logged,
    PluggedIn,
    Send,
    SendAudio,
    SimulatedModem,
    Unplugged,
)
from firmware.simulator.network.scenario import (
    Answer,
    Behaviour,
    Fault,
    FaultKind,
    LineScenario,
    NumberRule,
    Scenario,
    Subscribers,
)

NUMBER = "+33639980001"
START = 1000.0
NOON = datetime.fromisoformat("2026-11-24T12:00:00+01:00")
FRAME = 0.02


def one_number(behaviour: Behaviour, *faults: Fault | FaultKind) -> Scenario:
    """A world in which every number does the same."""
    listed = tuple(f if isinstance(f, Fault) else Fault(kind=f) for f in faults)
    return Scenario(numbers=(NumberRule(number="*", behaviours=(behaviour,), faults=listed),))


def one_line(line: LineScenario, behaviour: Behaviour | None = None) -> Scenario:
    """A world with something particular about line 1."""
    rule = NumberRule(number="*", behaviours=(behaviour or Answer(),))
    return Scenario(numbers=(rule,), lines=(line,))


class Bench:
    """Feeds one modem and keeps everything that it does."""

    def __init__(
        self, family: str = "sim7600", scenario: Scenario | None = None, *, echo: bool = False
    ) -> None:
        world = one_number(Answer()) if scenario is None else scenario
        self.now = START
        self.modem = SimulatedModem(
            personality=PERSONALITIES[family],
            subscribers=Subscribers(world),
            now=self.now,
            calendar=lambda: NOON,
        )
        self.wire: list[bytes] = []
        self.other_wire: list[bytes] = []
        self.downlink = bytearray()
        self.log: list[Logged] = []
        self.plugs: list[bool] = []
        if not echo:
            self.send("ATE0")

    def send(self, text: str, port: int = 0) -> list[str]:
        """Send one command line; return the lines that came at once."""
        return self.send_bytes(text.encode() + b"\r", port)

    def send_bytes(self, data: bytes, port: int = 0) -> list[str]:
        before = len(self.wire)
        self._keep(self.modem.receive(data, self.now, port))
        return lines_of(b"".join(self.wire[before:]))

    def run(self, seconds: float, uplink: Callable[[], bytes] | None = None) -> list[str]:
        """Let time pass; with *uplink* a frame goes to the modem every 20 ms."""
        before = len(self.wire)
        end = self.now + seconds
        while self.now < end:
            wake = self.modem.wake_at()
            step = end if wake is None else max(self.now, min(end, wake))
            if uplink is not None:
                step = min(step, self.now + FRAME) if self.modem.streaming else step
                step = min(end, max(step, self.now + FRAME))
                self._keep(self.modem.receive_audio(uplink(), step))
            elif step <= self.now:
                step = self.now + 1e-6
            self.now = step
            self._keep(self.modem.advance(self.now))
        return lines_of(b"".join(self.wire[before:]))

    def events(self, *names: str) -> list[str]:
        """Names of the log's events in order, only these where given."""
        return [entry.event for entry in self.log if not names or entry.event in names]

    def fact(self, event: str, name: str) -> object:
        """A fact of the last event of this name."""
        return [entry for entry in self.log if entry.event == event][-1].facts[name]

    def _keep(self, actions: list[object] | object) -> None:
        assert isinstance(actions, list)
        for action in actions:
            match action:
                case Send(port=0, data=data):
                    self.wire.append(data)
                case Send(data=data):
                    self.other_wire.append(data)
                case SendAudio(data=data):
                    self.downlink += data
                case Logged():
                    self.log.append(action)
                case Unplugged():
                    self.plugs.append(False)
                case PluggedIn():
                    self.plugs.append(True)


def lines_of(data: bytes) -> list[str]:
    """The non-empty lines of what a modem sent."""
    text = data.decode("utf-8", "replace").replace("\r", "\n")
    return [line for line in text.split("\n") if line]
