"""When each person may be called next, kept up to date as things happen.

Looking at everybody whole takes many seconds on a small computer, so it is done in two passes,
in portions between which the decision loop goes on. The survey gives each person a place from
their hours and the retry rules alone: exact for those without a recent past, and for the others
a bound, since rests, caps and withdrawals only make a chance later or take it away. Nobody is
dialled until the survey is complete, since the earliest deadline may come last. The second pass
makes the bounds exact, and whoever is about to be called before it came to them is made exact
then: what still stands on a bound behind them cannot have an earlier deadline than the bound
says, so the order is the one that exact places give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from appliance.campaign.history import CampaignState
from appliance.campaign.interfaces import Gate, People
from appliance.campaign.scheduler import Scheduler
from appliance.clearance.circumstances import Circumstances
from appliance.effects import Now
from appliance.law import Place
from appliance.model import Consent, HexId, History, Outcome, Retry, hex_id, hex_text

PLANS_PER_STEP = 200
"""People planned per step while nobody may be dialled: a step stays short at any number."""
SURVEYED_PER_STEP = 1000
SETTLED_PER_STEP = 16
"""People whose bound is made exact per step: calls are running by then."""

_NEVER_AGAIN = frozenset({Outcome.LISTENED, Outcome.OPTED_OUT, Outcome.UNKNOWN})
"""Whatever the retry rules say. ``unknown`` may have been a whole call."""
_ALWAYS_DUE = datetime.min.replace(tzinfo=UTC)


class Planner:
    """Keeps the scheduler filled. ``bench`` says whether the box has a bench line."""

    def __init__(
        self,
        *,
        gate: Gate,
        people: People,
        state: CampaignState,
        retry: Retry,
        purpose: str = "",
        call_seconds: float,
        bench: bool,
        scheduler: Callable[[], Scheduler] = Scheduler,
    ) -> None:
        self.scheduler = scheduler()
        self._gate = gate
        self._people = people
        self._state = state
        self._retry = retry
        self._purpose = purpose
        self._call_seconds = call_seconds
        self._bench = bench
        self._lookback = gate.lookback.total_seconds()
        self._to_survey: Iterator[HexId] | None = None
        self._to_settle: Iterator[HexId] | None = None
        self._to_plan: dict[HexId, None] = {}
        """As numbers: an import puts all of its people here, and a text takes twice the memory."""
        self._bounds: set[HexId] = set()
        """Whose place is a bound."""
        self._hours: dict[tuple[Place, str], tuple[float, float]] = {}
        """When the next chance of everybody at this place with these windows opens, and the
        latest start of a call in it."""
        self._refused: dict[str, tuple[str, ...]] = {}
        self._refusals: Counter[str] = Counter()

    @property
    def complete(self) -> bool:
        """Whether everybody has a place, if only a bound, since the last change."""
        return self._to_survey is None and not self._to_plan

    @property
    def settled(self) -> bool:
        """Whether everybody's place is exact, and all refusals are known."""
        return self.complete and self._to_settle is None

    @property
    def refused(self) -> int:
        """People whom a rule leaves no chance of a call."""
        return len(self._refused)

    @property
    def refusals(self) -> dict[str, int]:
        """The same, counted by rule; one person may count under several."""
        return {rule: count for rule, count in self._refusals.items() if count > 0}

    def refusal_of(self, subject: str) -> tuple[str, ...]:
        """The rules that leave *subject* no chance, or none."""
        return self._refused.get(subject, ())

    def everybody(self) -> None:
        """Plan all people anew, from the next portion on."""
        self.scheduler.clear()
        self._to_plan.clear()
        self._bounds = set()
        self._hours.clear()
        self._to_survey = iter(self._people.subjects())

    def later(self, subjects: Iterable[str]) -> None:
        """Plan these people anew with the next portion; until then they have no place."""
        for subject in subjects:
            key = hex_id(subject)
            self.scheduler.drop(key)
            self._to_plan[key] = None

    def portion(self, now: Now) -> None:
        """Plan a bounded number of those that wait for it. The clock must be trusted."""
        if self._to_plan:
            for key in [*islice(self._to_plan, PLANS_PER_STEP)]:
                del self._to_plan[key]
                self.plan(hex_text(key), now)
        elif self._to_survey is not None:
            some = [*islice(self._to_survey, SURVEYED_PER_STEP)]
            instant = now.utc.timestamp()
            for key in some:
                self._survey(key, now, instant)
            if len(some) < SURVEYED_PER_STEP:
                self._to_survey = None
                self._to_settle = iter(tuple(self._bounds)) if self._bounds else None
        elif self._to_settle is not None:
            some = [*islice(self._to_settle, SETTLED_PER_STEP)]
            for key in some:
                if key in self._bounds:
                    self.plan(hex_text(key), now)
            if len(some) < SETTLED_PER_STEP:
                self._to_settle = None

    def take(self, now: Now) -> str | None:
        """Take out who should be called first, or None where nobody may be; see :meth:`plan`.

        Empty where somebody came up whose place was a bound, or passed by unused, and who was
        planned anew: ask again.
        """
        taken = self.scheduler.take(now.utc)
        if taken is None:
            return None
        _, closes, attempts, key = taken
        subject = hex_text(key)
        if closes >= now.utc.timestamp():
            if key not in self._bounds:
                return subject
            exact = self._exact(subject, now)
            if exact is None:
                return ""
            opens, *rest = exact
            if rest == [closes, attempts] and opens <= now.utc.timestamp():
                return subject
            self.scheduler.place(key, *exact)
        else:
            self.plan(subject, now)
        return ""

    def _survey(self, subject: HexId, now: Now, instant: float) -> None:
        """Place *subject* by their hours and the retry rules, or :meth:`plan` them whole."""
        sketch = self._people.sketch(subject)
        past = self._state.outline(subject, self._purpose)
        if (
            sketch is None
            or sketch.purpose != self._purpose
            or sketch.given_at > now.utc
            or not sketch.proven
            or past.revoked
            or self._state.is_in_call(subject)
        ):
            self.plan(hex_text(subject), now)
            return
        due: datetime | None = _ALWAYS_DUE
        if past.made:
            due = self._due(past.made, past.outcome, past.ended_at, (sketch.given_at,))
        if due is None:
            self.plan(hex_text(subject), now)
            return
        place = self._gate.place(sketch.number, sketch.timezone)
        hours = None
        if place is not None:
            hours = self._hours.get((place, sketch.windows))
            if hours is None or hours[1] < instant:
                hours = self._next_hours(place, sketch.windows, now)
        if hours is None:
            # No place; the second pass finds out what refuses.
            self._bounds.add(subject)
            return
        opens, closes = hours
        until = sketch.valid_until
        if until is not None and until.timestamp() < closes + self._call_seconds:
            self.plan(hex_text(subject), now)
            return
        if past.made:
            opens = max(opens, due.timestamp())
        weighs = past.newest_ms > (instant - self._lookback) * 1000.0
        if weighs or self._state.suppresses:
            self._bounds.add(subject)
        elif self._refused:
            # Exact: what refused them before everybody was planned anew does so no more.
            self._note(hex_text(subject), ())
        self.scheduler.place(subject, opens, closes, past.made)

    def _next_hours(self, place: Place, windows: str, now: Now) -> tuple[float, float] | None:
        chance = self._gate.next_hours(place, windows, now.utc, self._call_seconds)
        if chance is None:
            return None
        opens = max(chance.start, now.utc).timestamp()
        hours = opens, chance.end.timestamp() - self._call_seconds
        self._hours[place, windows] = hours
        return hours

    def plan(self, subject: str, now: Now, not_before: datetime | None = None) -> None:
        """Give *subject* an exact place for their next whole call, or note what refuses them."""
        exact = self._exact(subject, now, not_before)
        if exact is not None:
            self.scheduler.place(hex_id(subject), *exact)

    def _exact(
        self, subject: str, now: Now, not_before: datetime | None = None
    ) -> tuple[float, float, int] | None:
        """Return where the next whole call opens and closes, and the attempts used so far.

        None where there is no place: that is noted, and one that was there is gone.
        """
        key = hex_id(subject)
        self._bounds.discard(key)
        contact = self._people.contact(subject)
        if contact is None or self._state.open_attempt_of(subject) is not None:
            self._drop(key, subject)
            return None
        consents = self._people.consents(subject)
        given = [consent.given_at for consent in consents]
        past = self._state.outline(key, self._purpose)
        if past.made and self._due(past.made, past.outcome, past.ended_at, given) is None:
            # Attempts of an earlier registration, which the outline does not know, only add to
            # these: most people end here, and their whole past need not be unpacked.
            self._drop(key, subject)
            return None
        history = self._state.history(subject, contact.number_hash)
        attempts = history.attempts_for(self._purpose)
        due = self.due(history, consents)
        if due is None:
            self._drop(key, subject)
            return None
        earliest = max(now.utc, due, not_before or now.utc)
        chance = self._gate.next_chance(contact, consents, history, earliest, self._call_seconds)
        if chance is not None:
            self._note(subject, ())
            opens = max(chance.start, earliest).timestamp()
            return opens, chance.end.timestamp() - self._call_seconds, len(attempts)
        at_best = Circumstances.at_best(
            replace(now, trusted=True), bench=self._bench, call_seconds=self._call_seconds
        )
        decision = self._gate.decide(contact, consents, history, at_best)
        # Rules of time that only refuse at this hour are not why there is no chance at any.
        lasting = tuple(v.rule for v in decision.refusals if v.until is None)
        self.park(subject, lasting or tuple(v.rule for v in decision.refusals) or ("fit",))
        return None

    def park(self, subject: str, rules: tuple[str, ...]) -> None:
        """Note that *rules* refuse *subject* whatever the hour: no place until planned anew."""
        self._drop(hex_id(subject), subject, rules)

    def _drop(self, key: HexId, subject: str, rules: tuple[str, ...] = ()) -> None:
        self.scheduler.drop(key)
        self._note(subject, rules)

    def due(self, history: History, consents: Sequence[Consent]) -> datetime | None:
        """When the next attempt is due by the retry rules alone; None: not any more.

        Only attempts for this campaign's purpose count; the law's caps and rests count all.
        """
        attempts = history.attempts_for(self._purpose)
        last = attempts[-1] if attempts else None
        return self._due(
            len(attempts),
            None if last is None else last.outcome,
            None if last is None else last.ended_at,
            [consent.given_at for consent in consents],
        )

    def _due(
        self,
        made: int,
        outcome: Outcome | None,
        ended_at: datetime | None,
        given: Iterable[datetime],
    ) -> datetime | None:
        """The retry rules, of the last of *made* attempts and when the consents were given."""
        if not made:
            return _ALWAYS_DUE
        if made >= self._retry.max_attempts or outcome is None or ended_at is None:
            return None
        pause = None if outcome in _NEVER_AGAIN else self._retry.after.get(outcome)
        if pause is not None:
            return ended_at + pause
        # A person who agrees anew after the last call asks to be called again.
        return _ALWAYS_DUE if any(at > ended_at for at in given) else None

    def _note(self, subject: str, rules: tuple[str, ...]) -> None:
        before = self._refused.pop(subject, ())
        if before:
            self._refusals.subtract(before)
        if rules:
            self._refused[subject] = rules
            self._refusals.update(rules)
