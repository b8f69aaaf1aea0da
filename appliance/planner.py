"""When each person may be called next, kept up to date as things happen.

Reading the whole registry takes seconds on a small computer, so it is done in portions between
which the decision loop goes on; nobody is dialled until it is complete, since the earliest
deadline may come last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from appliance.campaign import CampaignState
from appliance.effects import Now
from appliance.gate import Circumstances
from appliance.interfaces import Gate, People
from appliance.model import Consent, History, Outcome, Retry
from appliance.scheduler import Scheduler

PLANS_PER_STEP = 200
"""People planned per step: a step stays short at any number of people."""

_NEVER_AGAIN = frozenset({Outcome.LISTENED, Outcome.OPTED_OUT, Outcome.UNKNOWN})
"""Whatever the retry rules say. ``unknown`` may have been a whole call."""
_ALWAYS_DUE = datetime(1970, 1, 1, tzinfo=UTC)


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
        scheduler: Callable[[float], Scheduler] = Scheduler,
    ) -> None:
        self.scheduler = scheduler(call_seconds)
        self._gate = gate
        self._people = people
        self._state = state
        self._retry = retry
        self._purpose = purpose
        self._call_seconds = call_seconds
        self._bench = bench
        self._to_load: Iterator[str] | None = None
        self._to_plan: dict[str, None] = {}
        self._refused: dict[str, tuple[str, ...]] = {}
        self._refusals: Counter[str] = Counter()

    @property
    def complete(self) -> bool:
        """Whether everybody has been looked at since the last change."""
        return self._to_load is None and not self._to_plan

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
        self._to_load = iter(tuple(self._people.subjects()))

    def later(self, subjects: Iterable[str]) -> None:
        """Plan these people anew with the next portion; until then they have no place."""
        for subject in subjects:
            self.scheduler.drop(subject)
            self._to_plan[subject] = None

    def portion(self, now: Now) -> None:
        """Plan a bounded number of those that wait for it. The clock must be trusted."""
        for _ in range(PLANS_PER_STEP):
            if self._to_plan:
                subject = next(iter(self._to_plan))
                del self._to_plan[subject]
            elif self._to_load is not None:
                loaded = next(self._to_load, None)
                if loaded is None:
                    self._to_load = None
                    return
                subject = loaded
            else:
                return
            self.plan(subject, now)

    def plan(self, subject: str, now: Now, not_before: datetime | None = None) -> None:
        """Give *subject* a place for their next whole call, or note which rules refuse them."""
        self.scheduler.drop(subject)
        contact = self._people.contact(subject)
        if contact is None or self._state.open_attempt_of(subject) is not None:
            self._note(subject, ())
            return
        consents = self._people.consents(subject)
        history = self._state.history(subject, contact.number_hash)
        due = self.due(history, consents)
        if due is None:
            self._note(subject, ())
            return
        earliest = max(now.utc, due, not_before or now.utc)
        chance = self._gate.next_chance(contact, consents, history, earliest, self._call_seconds)
        if chance is not None:
            self._note(subject, ())
            self.scheduler.plan(subject, chance, earliest, len(history.attempts_for(self._purpose)))
            return
        at_best = Circumstances(
            now=replace(now, trusted=True),
            stopped=False,
            paused=False,
            storage_ok=True,
            line_ready=True,
            bench=self._bench,
            pressed=True,
            call_seconds=self._call_seconds,
        )
        decision = self._gate.decide(contact, consents, history, at_best)
        # Rules of time that only refuse at this hour are not why there is no chance at any.
        lasting = tuple(v.rule for v in decision.refusals if v.until is None)
        self._note(subject, lasting or tuple(v.rule for v in decision.refusals) or ("fit",))

    def park(self, subject: str, rules: tuple[str, ...]) -> None:
        """Note that *rules* refuse *subject* whatever the hour: no place until planned anew."""
        self.scheduler.drop(subject)
        self._note(subject, rules)

    def due(self, history: History, consents: Sequence[Consent]) -> datetime | None:
        """When the next attempt is due by the retry rules alone; None: not any more.

        Only attempts for this campaign's purpose count; the law's caps and rests count all.
        """
        attempts = history.attempts_for(self._purpose)
        if not attempts:
            return _ALWAYS_DUE
        if len(attempts) >= self._retry.max_attempts:
            return None
        last = attempts[-1]
        if last.outcome is None or last.ended_at is None:
            return None
        pause = None if last.outcome in _NEVER_AGAIN else self._retry.after.get(last.outcome)
        if pause is not None:
            return last.ended_at + pause
        # A person who agrees anew after the last call asks to be called again.
        ended_at = last.ended_at
        return _ALWAYS_DUE if any(c.given_at > ended_at for c in consents) else None

    def _note(self, subject: str, rules: tuple[str, ...]) -> None:
        before = self._refused.pop(subject, ())
        if before:
            self._refusals.subtract(before)
        if rules:
            self._refused[subject] = rules
            self._refusals.update(rules)
