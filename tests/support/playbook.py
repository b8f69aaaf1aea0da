"""One call of the machine, told in seconds after the clearance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appliance.call import attempt
from appliance.call.state import (
    AttemptInput,
    AttemptState,
    Keys,
    TimeReached,
)
from appliance.effects import Now, Record, Send, StoreRevocation
from appliance.model import Clearance, Interval, Outcome, Script, Timers
from firmware import events
from firmware.events import Cause, Machine, Witness
from firmware.orders import Play

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


SCRIPT = Script(
    language="fr",
    greeting="greeting",
    prompt="prompt",
    message="message",
    farewell="farewell",
    opted_out="confirmation",
    durations={
        "greeting": 10.0,
        "prompt": 5.0,
        "message": 30.0,
        "farewell": 2.0,
        "confirmation": 3.0,
    },
)


def at(seconds: float, *, trusted: bool = True) -> Now:
    return Now(
        monotonic=100.0 + seconds,
        utc=T0 + timedelta(seconds=seconds),
        trusted=trusted,
        source="ntp",
    )


class Playbook:
    """One call, told in seconds after the clearance."""

    def __init__(
        self,
        timers: Timers | None = None,
        window: float = 3600.0,
        *,
        keys: Keys | None = None,
        linger: float = 0.0,
    ) -> None:
        clearance = Clearance(
            subject="s" * 32,
            number="+33639980001",
            language="fr",
            consent="c" * 32,
            window=Interval(T0, T0 + timedelta(seconds=window)),
            profile="fr/1",
            rules=("consent", "window"),
            clock="ntp",
            granted_at=T0,
            expires_at=T0 + timedelta(seconds=60),
            bench=False,
        )
        begun = attempt.begin(
            clearance,
            script=SCRIPT,
            timers=timers or Timers(),
            keys=keys or Keys(),
            linger=linger,
            line="line-1",
            attempt="a1",
            number_hash="hash",
            now=at(0),
            purpose="survey",
        )
        self.state: AttemptState = begun.state
        self.out: list[object] = list(begun.effects)
        self.told: list[str] = []
        self._tell(begun.effects)

    def _tell(self, effects: object) -> None:
        assert isinstance(effects, tuple)
        for effect in effects:
            match effect:
                case Record():
                    self.told.append(effect.kind)
                case Send(order=Play(clip=clip)):
                    self.told.append(f"play {clip}")
                case Send(order=order):
                    self.told.append(type(order).__name__)
                case StoreRevocation():
                    self.told.append("store revocation")

    def take(self, seconds: float, event: AttemptInput) -> list[str]:
        """Feed one event; return what came of it, in order."""
        before = len(self.told)
        moved = attempt.step(self.state, event, at(seconds))
        self.state = moved.state
        self.out += moved.effects
        self._tell(moved.effects)
        return self.told[before:]

    def time(self, seconds: float) -> list[str]:
        return self.take(seconds, TimeReached())

    def dialled(self, seconds: float) -> list[str]:
        return self.take(seconds, events.Dialled(line="line-1", at=100 + seconds, attempt="a1"))

    def ringing(self, seconds: float) -> list[str]:
        return self.take(
            seconds,
            events.Ringing(line="line-1", at=100 + seconds, attempt="a1", evidence="CLCC 3"),
        )

    def answered(self, seconds: float, *, weak: bool = False) -> list[str]:
        return self.take(
            seconds,
            events.Answered(
                line="line-1", at=100 + seconds, attempt="a1", evidence="CLCC 0", weak=weak
            ),
        )

    def started(self, seconds: float, clip: str) -> list[str]:
        return self.take(
            seconds, events.ClipStarted(line="line-1", at=100 + seconds, attempt="a1", clip=clip)
        )

    def finished(
        self, seconds: float, clip: str, *, complete: bool = True, cut: bool = False
    ) -> list[str]:
        return self.take(
            seconds,
            events.ClipFinished(
                line="line-1",
                at=100 + seconds,
                attempt="a1",
                clip=clip,
                played_ms=1234,
                complete=complete,
                cut=cut,
            ),
        )

    def key(self, seconds: float, key: str) -> list[str]:
        return self.take(
            seconds,
            events.KeyHeard(
                line="line-1",
                at=100 + seconds,
                attempt="a1",
                key=key,
                witness=Witness.HOST,
                sureness=0.9,
            ),
        )

    def machine(self, seconds: float, machine: Machine) -> list[str]:
        return self.take(
            seconds,
            events.MachineHeard(
                line="line-1", at=100 + seconds, attempt="a1", machine=machine, evidence="425 Hz"
            ),
        )

    def audio_failed(self, seconds: float) -> list[str]:
        return self.take(
            seconds,
            events.AudioFailed(line="line-1", at=100 + seconds, attempt="a1", detail="blocked"),
        )

    def ended(
        self,
        seconds: float,
        cause: Cause,
        *,
        confirmed: bool = True,
        code: int | None = 16,
        talked: bool = False,
    ) -> Outcome:
        told = self.take(
            seconds,
            events.Ended(
                line="line-1",
                at=100 + seconds,
                attempt="a1",
                cause=cause,
                evidence="NO CARRIER",
                code=code,
                confirmed=confirmed,
                talked=talked,
            ),
        )
        assert told[-1] == "call.ended"
        assert told in (["call.ended"], ["call.answered", "call.ended"])
        return self.outcome

    def to_greeting(self) -> Playbook:
        self.dialled(1)
        self.ringing(3)
        self.answered(10)
        self.started(10, "greeting")
        return self

    @property
    def rows(self) -> list[Record]:
        return [effect for effect in self.out if isinstance(effect, Record)]

    def row(self, kind: str) -> Record:
        (found,) = [row for row in self.rows if row.kind == kind]
        return found

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.row("call.ended").data["outcome"])
