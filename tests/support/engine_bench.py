"""An engine with a gate and a registry small enough to see through, and a ledger in memory."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from appliance.campaign import inputs
from appliance.campaign.engine import Engine
from appliance.campaign.fleet_inputs import Fleet
from appliance.campaign.history import CampaignState
from appliance.campaign.inputs import Input
from appliance.campaign.options import Options
from appliance.clearance.circumstances import Circumstances
from appliance.effects import (
    AskClaim,
    Effect,
    Entry,
    KeepMessage,
    Now,
    Record,
    Send,
    StoreRevocation,
)
from appliance.law import Place
from appliance.model import (
    Campaign,
    Clearance,
    Consent,
    Contact,
    Decision,
    HexId,
    History,
    Interval,
    KeptMessage,
    Outcome,
    Retry,
    Script,
    Timers,
    Verdict,
)
from firmware import events
from firmware.events import AddressKind, Cause, Witness

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CLIPS = ("greeting", "prompt", "message", "farewell", "opted")
SCRIPT = Script(
    language="fr",
    greeting="greeting",
    prompt="prompt",
    message="message",
    farewell="farewell",
    opted_out="opted",
    durations=dict.fromkeys(CLIPS, 5.0),
)


def hours(start: float, end: float) -> Interval:
    return Interval(T0 + timedelta(hours=start), T0 + timedelta(hours=end))


class Registry:
    """People whose only rule is one span of time each."""

    def __init__(self, **spans: Interval) -> None:
        self.spans = spans
        self.given: dict[str, list[Consent]] = {}

    def subjects(self) -> list[HexId]:
        return list(self.spans)

    def contact(self, subject: str) -> Contact | None:
        if subject not in self.spans:
            return None
        place = list(self.spans).index(subject)
        return Contact(
            subject=subject,
            number=f"+3363998{place:04d}",
            number_hash=f"hash-{subject}",
            name="",
            language="fr",
            timezone="Europe/Paris",
        )

    def consents(self, subject: str) -> Sequence[Consent]:
        return self.given.get(subject, ())

    def sketch(self, subject: HexId) -> None:
        return None

    def by_number(self, number: str) -> Contact | None:
        for subject in self.spans:
            contact = self.contact(subject)
            if contact is not None and contact.number == number:
                return contact
        return None

    def possible(self, number: str, _kind: AddressKind, _iccid: str | None) -> tuple[str, ...]:
        return (number,) if number.startswith("+") else ()

    def message_id(self, mark: str) -> str:
        return hashlib.sha256(mark.encode()).hexdigest()[:32]

    def arriving(self, _: str, /) -> datetime | None:
        return None

    def number_hash(self, number: str) -> str | None:
        contact = self.by_number(number)
        if contact is not None:
            return contact.number_hash
        return f"hash-of{number[1:]}" if number.startswith("+") else None

    # the gate

    lookback = timedelta()

    def place(self, number: str, timezone: str) -> Place | None:
        return Place(ZoneInfo(timezone))

    def next_hours(
        self, place: Place, windows: str, after: datetime, call_seconds: float
    ) -> Interval | None:
        return None

    def next_chance(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        after: datetime,
        call_seconds: float,
    ) -> Interval | None:
        span = self.spans[contact.subject]
        late = max(after, span.start) + timedelta(seconds=call_seconds)
        gone = history.revocation is not None or history.waiting
        return None if gone or late > span.end else span

    def decide(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        circumstances: Circumstances,
    ) -> Decision:
        span = self.spans[contact.subject]
        now = circumstances.now
        verdicts = tuple(
            Verdict(rule=rule, allowed=allowed, reason=rule, until=until)
            for rule, allowed, until in (
                ("stop", not circumstances.stopped, None),
                ("pause", not circumstances.paused, None),
                ("clock", now.trusted, None),
                ("consent", history.revocation is None, None),
                ("message", not history.waiting, None),
                ("window", span.start <= now.utc < span.end, span.start),
                ("line_kind", not circumstances.bench, None),
            )
        )
        clearance = None
        if all(verdict.allowed for verdict in verdicts):
            clearance = Clearance(
                subject=contact.subject,
                number=contact.number,
                language="fr",
                consent="consent",
                window=span,
                profile="test/1",
                rules=tuple(verdict.rule for verdict in verdicts),
                clock=now.source,
                granted_at=now.utc,
                expires_at=now.utc + timedelta(minutes=1),
                bench=circumstances.bench,
            )
        return Decision(verdicts=verdicts, clearance=clearance, next_chance=span)


class OpenFleet:
    """A fleet that bars nobody and has heard of no objection."""

    heard = 0

    def barred(self) -> str | None:
        return None

    def pseudonym(self, number: str) -> str:
        return number[-4:].zfill(16)

    def objected(self, pid: str) -> None:
        return None


class Box:
    """An engine with a ledger in memory; time is told in seconds.

    *bench* says whether the lines are bench lines, one for all or one for each.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        lines: int = 1,
        attended: bool = False,
        bench: bool | Sequence[bool] = False,
        options: Options | None = None,
        ready: bool = True,
        entries: Sequence[Entry] = (),
        fleet: Fleet | None = None,
        retry_minutes: float = 10.0,
        script: Script = SCRIPT,
    ) -> None:
        kinds = [bench] * lines if isinstance(bench, bool) else list(bench)
        self.registry = registry
        self.entries = list(entries)
        self.kept: list[KeptMessage] = []
        self.effects: list[Effect] = []
        """Of the last step."""
        self.trusted = True
        self.shift = timedelta()
        state = CampaignState()
        for entry in entries:
            state.apply(entry)
        self.engine = Engine(
            campaign=Campaign(
                purpose="survey",
                attended=attended,
                scripts={"fr": script},
                default_language="fr",
                timers=Timers(),
                retry=Retry(
                    max_attempts=2,
                    after={
                        Outcome.BUSY: timedelta(minutes=retry_minutes),
                        Outcome.UNKNOWN: timedelta(minutes=1),
                        Outcome.LISTENED: timedelta(minutes=1),
                    },
                ),
            ),
            lines={f"line-{n + 1}": kind for n, kind in enumerate(kinds)},
            gate=registry,
            people=registry,
            state=state,
            ids=(f"a{n}" for n in itertools.count(1)),
            options=options,
            fleet=fleet,
        )
        self.seconds = 0.0
        self.recovered = self._keep(self.engine.recover(self.now()))
        if ready:
            for n in range(len(kinds)):
                self.ready(f"line-{n + 1}")

    def now(self) -> Now:
        utc = T0 + timedelta(seconds=self.seconds) + self.shift
        return Now(monotonic=self.seconds, utc=utc, trusted=self.trusted, source="ntp")

    def _keep(self, effects: list[Effect]) -> list[str]:
        told = []
        self.effects = effects
        for effect in effects:
            match effect:
                case Record():
                    told.append(effect.kind)
                    self.entries.append(
                        Entry(
                            seq=len(self.entries) + 1,
                            at=self.now().utc,
                            kind=effect.kind,
                            subject=effect.subject,
                            data=effect.data,
                        )
                    )
                case Send(order=order):
                    told.append(type(order).__name__)
                case StoreRevocation():
                    told.append("store revocation")
                case KeepMessage(message=message):
                    self.kept.append(message)
                    told.append("keep message")
                case AskClaim():
                    told.append("ask claim")
        return told

    def take(self, given: Input, after: float = 0.0) -> list[str]:
        self.seconds += after
        return self._keep(self.engine.step(given, self.now()))

    def tick(self, after: float = 0.0) -> list[str]:
        return self.take(inputs.Tick(), after)

    def ready(self, line: str = "line-1") -> list[str]:
        return self.take(
            events.LineReady(
                line=line,
                at=self.seconds,
                family="f",
                model="m",
                imei=None,
                iccid=None,
                witnesses=(),
                audio="none",
            )
        )

    def fault(self, line: str = "line-1", fault: str = "no-reply") -> list[str]:
        return self.take(
            events.LineFault(
                line=line,
                at=self.seconds,
                fault=fault,
                detail="the modem is silent",
                remedy="check its plug",
                final=False,
            )
        )

    def end(
        self,
        attempt: str,
        cause: Cause = Cause.BUSY,
        *,
        line: str = "line-1",
        confirmed: bool = True,
    ) -> list[str]:
        return self.take(
            events.Ended(
                line=line,
                at=self.seconds,
                attempt=attempt,
                cause=cause,
                evidence="x",
                code=None,
                confirmed=confirmed,
            ),
            after=1.0,
        )

    def key(self, attempt: str, key: str) -> list[str]:
        return self.take(
            events.KeyHeard(
                line="line-1",
                at=self.seconds,
                attempt=attempt,
                key=key,
                witness=Witness.HOST,
                sureness=1.0,
            )
        )

    def called(self) -> list[str]:
        return [e.subject or "" for e in self.entries if e.kind == "call.authorised"]

    def last(self, kind: str) -> Entry:
        return [entry for entry in self.entries if entry.kind == kind][-1]
