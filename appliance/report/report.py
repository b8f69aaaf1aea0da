"""The campaign as a page that a manager shows and a regulator trusts. Pure.

Everything on it is read from the ledger, but for the law's hours and sources, which the profile
tells. The hash at its end is an anchor: whoever keeps the page can later show that the ledger was
not cut off behind it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appliance.language import Speaker, marked, translator
from appliance.ledger_words import (
    CAUSES,
    MACHINES,
    MEANINGS,
    OUTCOMES,
    done_by,
    fault_name,
    rule_name,
    rule_names,
)
from appliance.report import charts
from appliance.report.figures import AttemptRow, Cell, Figures
from appliance.report.pages import duration, head, local, render
from firmware.wording import plural

_EVENTS = {
    "stop": marked("emergency stop"),
    "reset": marked("stop released"),
    "pause": marked("paused"),
    "resume": marked("resumed"),
    "clock": marked("clock corrected"),
    "restored": marked("state restored from a backup"),
    "accepted": marked("restored state accepted"),
}
_DAYS = (
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
    marked("Sunday"),
)
_SECONDS = (2, 5, 10, 15, 20, 30, 60)
"""Upper ends of the classes of times to the first key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFacts:
    """What the profile in force says, for the page."""

    label: str = ""
    title: str = ""
    rules: tuple[tuple[str, str, str, str], ...] = ()
    """Name, text, source and date of each."""
    hours: frozenset[Cell] = frozenset()
    """Hours of the week that its rules of hours leave open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the figures."""

    title: str
    head: tuple[int, str]
    """Sequence number and hash of the newest row."""
    zone: ZoneInfo
    language: str = "en"
    law: LawFacts = field(default_factory=LawFacts)
    anchor: str = "report.html.anchor"
    version: str = ""


def _people(count: int) -> str:
    return plural("{count} person", "{count} people", count)


def as_html(figures: Figures, frame: Frame) -> str:
    """Return the page; it needs nothing beside itself."""
    return _Report(figures, frame).page()


class _Report:
    """The values of the page, a part each."""

    def __init__(self, figures: Figures, frame: Frame) -> None:
        self._figures = figures
        self._frame = frame
        self._say: Speaker = translator(frame.language)

    def page(self) -> str:
        say, figures, frame = self._say, self._figures, self._frame
        values: dict[str, object] = {
            "title": frame.title,
            "span": self._span(),
            "bench": figures.bench_only,
            "sums": self._sums(),
            "heads": self._heads(),
            "outcomes": self._outcomes(),
            "when": say("Times are in {zone}.").format(zone=frame.zone.key),
            "heat": self._heat(),
            "days": self._days(),
            "waiting": self._waiting(),
            "refused": [
                (say(rule_name(rule)), str(n)) for rule, n in figures.refused.most_common()
            ],
            "keys": self._keys(),
            "often": self._often(),
            "consent": say(
                "{consents} of {people} recorded, {erased} erased.",
                consents=plural("{count} consent", "{count} consents", figures.consents),
                people=_people(figures.people),
                erased=_people(figures.erased),
            ),
            "objections": [(say(done_by(by)), str(n)) for by, n in figures.revoked.most_common()],
            "events": self._events(),
            "lines": self._lines(),
            "law": self._law(),
            "calls": [self._call(row) for row in figures.rows],
            "calls_summary": say(
                "Show {what}", what=plural("{count} call", "{count} calls", len(figures.rows))
            ),
            "proof": say("Row {seq} of the ledger has this hash:").format(seq=frame.head[0]),
            "head_hash": frame.head[1],
            "anchor_name": frame.anchor,
            "footer": say("Made by autodialer {version} on {boxes}, from its ledger alone.").format(
                version=frame.version, boxes=", ".join(sorted(figures.boxes)) or "-"
            ),
            "charts": self._charts(),
        }
        return render("report.html", frame.language, values)

    def _span(self) -> str:
        figures, zone, say = self._figures, self._frame.zone, self._say
        if figures.first is None or figures.last is None:
            return say("The ledger is empty.")
        return say("{first} to {last} ({zone})").format(
            first=local(figures.first, zone), last=local(figures.last, zone), zone=zone.key
        )

    def _sums(self) -> list[dict[str, object]]:
        figures = self._figures
        latest = figures.people_by_outcome
        made, people = sum(figures.outcomes.values()), len({row.subject for row in figures.rows})
        asked = latest["listened"] + latest["partial"]
        objected, waiting = sum(figures.revoked.values()), len(figures.waiting)
        sums = (
            (made, plural("call made", "calls made", made)),
            (people, plural("person called", "people called", people)),
            (asked, plural("person asked for the message", "people asked for the message", asked)),
            (objected, plural("objection, final", "objections, each final", objected)),
            (waiting, plural("person not called yet", "people not called yet", waiting)),
        )
        return [{"value": value, "text": self._say(text)} for value, text in sums]

    def _heads(self) -> dict[str, list[dict[str, object]]]:
        say = self._say
        calls = head(say("calls"), number=True)
        people = head(say("people"), number=True)
        return {
            "outcomes": [head(say("outcome")), people, calls, head(say("meaning"))],
            "days": [
                head(say("day")),
                calls,
                head(say("listened"), number=True),
                head(say("objected"), number=True),
            ],
            "waiting": [head(say("last refused by")), people],
            "refused": [head(say("rule")), head(say("refusals"), number=True)],
            "presses": [head(say("seconds")), calls],
            "often": [head(say("calls")), people],
            "objections": [head(say("by")), head(say("objections"), number=True)],
            "events": [
                head(say("when")),
                head(say("what")),
                head(say("by")),
                head(say("reason")),
            ],
            "lines": [
                head(say("line")),
                calls,
                head(say("answered"), number=True),
                head(say("failed"), number=True),
                head(say("out of service"), number=True),
                head(say("faults")),
            ],
            "law": [head(say("rule")), head(say("what it says")), head(say("source"))],
            "calls": [
                head(say("begun")),
                head(say("person")),
                head(say("line")),
                head(say("outcome")),
                head(say("rang"), number=True),
                head(say("talked"), number=True),
                head(say("keys")),
                head(say("evidence")),
            ],
        }

    def _outcomes(self) -> list[tuple[str, str, str, str]]:
        latest = self._figures.people_by_outcome
        return [
            (
                self._say(OUTCOMES[outcome]),
                str(latest[outcome]),
                str(self._figures.outcomes[outcome]),
                self._say(meaning),
            )
            for outcome, meaning in MEANINGS.items()
        ]

    def _heat(self) -> dict[str, object]:
        cells, law = self._figures.cells, self._frame.law.hours
        most = max(cells.values(), default=0)
        used = {hour for _, hour in (*cells, *law, *self._figures.wished)} or {9, 20}
        hours = range(min(used), max(used) + 1)
        rows = [
            {
                "day": self._say(day),
                "cells": [
                    {
                        "count": cells[weekday, hour],
                        "classes": self._classes((weekday, hour), most),
                    }
                    for hour in hours
                ],
            }
            for weekday, day in enumerate(_DAYS)
        ]
        return {"hours": [f"{hour:02d}" for hour in hours], "rows": rows}

    def _classes(self, cell: Cell, most: int) -> str:
        count = self._figures.cells[cell]
        shade = f"h{1 + 4 * count // (most + 1)}" if count else ""
        law = "law" if cell in self._frame.law.hours and not count else ""
        wished = "wished" if cell in self._figures.wished else ""
        return " ".join(filter(None, (shade, law, wished)))

    def _days(self) -> list[tuple[str, ...]]:
        return [
            (
                day,
                str(sum(counts.values())),
                str(counts["listened"]),
                str(counts["opted_out"]),
            )
            for day, counts in sorted(self._figures.days.items())
        ]

    def _waiting(self) -> list[tuple[str, str]]:
        say = self._say
        nothing = say("no rule yet: their turn has not come")
        reasons = Counter(
            rule_names(rules, say) or nothing for rules in self._figures.waiting.values()
        )
        return [(reason, str(count)) for reason, count in reasons.most_common()]

    def _keys(self) -> dict[str, object]:
        say = self._say
        times = [t for row in self._figures.rows if (t := row.seconds_to_key) is not None]
        counts = self._key_classes()
        pressed = Counter(key for row in self._figures.rows for key in row.keys)
        if not times:
            return {"sentence": say("Nobody pressed a key."), "rows": []}
        middle = sorted(times)[len(times) // 2]
        sentence = say(
            "{calls} had a key; half of the first ones came within {seconds:.1f} s of the "
            "answer. Presses: {presses}.",
            calls=plural("{count} call", "{count} calls", len(times)),
            seconds=middle,
            presses=", ".join(f"{key} × {count}" for key, count in sorted(pressed.items())),
        )
        return {"sentence": sentence, "rows": [(label, str(n)) for label, n in counts.items()]}

    def _key_classes(self) -> dict[str, int]:
        times = [t for row in self._figures.rows if (t := row.seconds_to_key) is not None]
        counts: dict[str, int] = {}
        low = 0
        for high in _SECONDS:
            counts[f"{low}-{high}"] = sum(low <= t < high for t in times)
            low = high
        counts[f"{low}+"] = sum(t >= low for t in times)
        return counts

    def _often(self) -> list[tuple[str, str]]:
        people = self._figures.attempts_per_person
        return [(str(times), str(count)) for times, count in sorted(people.items())]

    def _events(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                local(event.at, self._frame.zone),
                self._say(_EVENTS[event.what]),
                self._say(done_by(event.by)),
                self._say(event.reason),
            )
            for event in self._figures.events
        ]

    def _lines(self) -> list[tuple[str, ...]]:
        return [
            (
                name,
                str(line.calls),
                str(line.answered),
                str(line.failed),
                duration(line.down_seconds, self._say),
                ", ".join(
                    f"{self._say(fault_name(fault))} × {count}"
                    for fault, count in line.faults.most_common()
                ),
            )
            for name, line in sorted(self._figures.lines.items())
        ]

    def _law(self) -> dict[str, object]:
        law, say = self._frame.law, self._say
        used = ", ".join(sorted(self._figures.profiles))
        sentence = say("Each call was judged by the profile {used}.").format(used=used or law.label)
        if not used:
            sentence = say("No call was judged yet; the profile is {label}.").format(
                label=law.label
            )
        rules = [
            (name, say(text), f"{say(source)} ({dated})") for name, text, source, dated in law.rules
        ]
        return {"sentence": sentence, "rules": rules}

    def _call(self, row: AttemptRow) -> tuple[str, ...]:
        outcome = OUTCOMES.get(row.outcome, row.outcome)
        return (
            local(row.authorised_at, self._frame.zone),
            row.subject[:8],
            row.line,
            self._say(outcome),
            f"{row.ring_seconds:.0f} s",
            f"{row.talk_seconds:.0f} s",
            " ".join(row.keys),
            self._evidence(row),
        )

    def _evidence(self, row: AttemptRow) -> str:
        """Say what the end rests on, and where its whole evidence stands."""
        say, told = self._say, []
        if row.cause:
            told.append(say(CAUSES.get(row.cause, row.cause)))
        if row.evidence.get("code") is not None:
            told.append(say("code {code}", code=row.evidence["code"]))
        if machine := str(row.evidence.get("machine") or ""):
            told.append(say(MACHINES.get(machine, machine)))
        if row.evidence.get("audio_failure"):
            told.append(say("the voice failed"))
        if row.evidence.get("confirmed") is False:
            told.append(say("end not confirmed"))
        if row.ended_seq is not None:
            told.append(say("ledger row {seq}", seq=row.ended_seq))
        return ", ".join(told)

    def _charts(self) -> dict[str, str]:
        say, figures = self._say, self._figures
        latest = figures.people_by_outcome
        people = {say(OUTCOMES[o]): latest[o] for o in MEANINGS if latest[o]}
        drawn = {
            "people": charts.bars(
                "people", say("People by the outcome of their newest call"), people
            )
            if people
            else "",
            "days": "",
            "presses": "",
        }
        if len(figures.days) > 1:
            days = sorted(figures.days)
            shown = [o for o in MEANINGS if any(figures.days[day][o] for day in days)][:6]
            drawn["days"] = charts.columns(
                "days",
                say("Calls by day"),
                days,
                {say(OUTCOMES[o]): [figures.days[day][o] for day in days] for o in shown},
            )
        counts = self._key_classes()
        if any(counts.values()):
            drawn["presses"] = charts.columns(
                "keys",
                say("Seconds from the answer to the first key"),
                list(counts),
                {say("calls"): list(counts.values())},
            )
        return drawn
