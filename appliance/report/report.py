"""The campaign for people: a page and a table, read from the ledger alone.

No number and no name can be in it, because none is in the ledger. The head hash at the end is an
anchor: whoever keeps the page can later show that the ledger was not cut off behind it.
"""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.effects import Entry
from appliance.model import Outcome

COLUMNS = (
    "attempt",
    "subject",
    "line",
    "authorised_at",
    "ended_at",
    "outcome",
    "cause",
    "ring_seconds",
    "talk_seconds",
    "keys",
    "heard_by",
    "bench",
)

MEANINGS: dict[Outcome, str] = {
    Outcome.LISTENED: "pressed 1 and heard the whole message",
    Outcome.PARTIAL: "pressed 1 and hung up during the message",
    Outcome.DECLINED: "answered and did not press 1",
    Outcome.OPTED_OUT: "pressed 9: never called again",
    Outcome.VOICEMAIL: "a machine answered: it got no message",
    Outcome.BUSY: "the phone was in use",
    Outcome.NO_ANSWER: "nobody picked up",
    Outcome.REJECTED: "the call was refused",
    Outcome.UNREACHABLE: "switched off, no coverage, or no such number",
    Outcome.FAILED: "a technical fault ended the call",
    Outcome.STOPPED: "the emergency stop or the end of the program cut the call",
    Outcome.UNKNOWN: "the power failed during the call: it counts as made",
}
"""Each outcome in words for those who see it the first time."""


@dataclass(slots=True)
class AttemptRow:
    """One attempt, as the table shows it."""

    attempt: str
    subject: str
    line: str
    authorised_at: datetime
    bench: bool
    ended_at: datetime | None = None
    outcome: str = "running"
    cause: str = ""
    ring_seconds: float = 0.0
    talk_seconds: float = 0.0
    keys: list[str] = field(default_factory=list)
    heard_by: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Figures:
    """What a ledger adds up to."""

    rows: list[AttemptRow] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    revoked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Refusals by the rule that refused; one refusal may name several."""
    consents: int = 0
    erased: int = 0
    stops: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    purposes: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)


def add_up(entries: Iterable[Entry], zone: ZoneInfo) -> Figures:
    """Fold ledger rows into figures; days are days in *zone*."""
    figures = Figures()
    running: dict[str, AttemptRow] = {}
    for entry in entries:
        data = entry.data
        figures.first = figures.first or entry.at
        figures.last = entry.at
        match entry.kind:
            case "consent.granted":
                figures.consents += 1
            case "consent.revoked":
                figures.revoked[str(data.get("by"))] += 1
            case "contact.erased":
                figures.erased += 1
            case "call.refused":
                figures.refused.update(str(rule) for rule in data.get("rules") or ())
            case "stop.pressed":
                figures.stops += 1
            case "line.fault":
                figures.faults[str(data.get("fault"))] += 1
            case "config.loaded":
                figures.purposes.add(str(data.get("purpose")))
            case "call.authorised":
                row = AttemptRow(
                    attempt=str(data["attempt"]),
                    subject=entry.subject or "",
                    line=str(data.get("line")),
                    authorised_at=entry.at,
                    bench=bool(data.get("bench")),
                )
                figures.profiles.add(str(data.get("profile")))
                running[row.attempt] = row
                figures.rows.append(row)
            case "call.key" if str(data.get("attempt")) in running:
                row = running[str(data["attempt"])]
                row.keys.append(str(data.get("key")))
                row.heard_by.append(str(data.get("witness")))
            case "call.ended" if str(data.get("attempt")) in running:
                row = running.pop(str(data["attempt"]))
                row.ended_at = entry.at
                row.outcome = str(data["outcome"])
                row.cause = str(data.get("cause") or "")
                row.ring_seconds = float(data.get("ring_seconds") or 0)
                row.talk_seconds = float(data.get("talk_seconds") or 0)
                figures.outcomes[row.outcome] += 1
                day = f"{row.authorised_at.astimezone(zone):%Y-%m-%d}"
                figures.days.setdefault(day, Counter())[row.outcome] += 1
    return figures


def as_csv(figures: Figures) -> str:
    """Return one line per attempt."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in figures.rows:
        writer.writerow(
            (
                row.attempt,
                row.subject,
                row.line,
                row.authorised_at.isoformat(timespec="milliseconds"),
                "" if row.ended_at is None else row.ended_at.isoformat(timespec="milliseconds"),
                row.outcome,
                row.cause,
                row.ring_seconds,
                row.talk_seconds,
                " ".join(row.keys),
                " ".join(row.heard_by),
                "yes" if row.bench else "no",
            )
        )
    return stream.getvalue()


def as_html(figures: Figures, *, title: str, head: tuple[int, str], zone: ZoneInfo) -> str:
    """Return a page that needs nothing beside itself."""
    total = sum(figures.outcomes.values())
    reached = figures.outcomes["listened"] + figures.outcomes["partial"]
    subjects = len({row.subject for row in figures.rows})
    span = ""
    if figures.first is not None and figures.last is not None:
        span = f"{_local(figures.first, zone)} to {_local(figures.last, zone)} ({zone.key})"
    bench = "<p class=bench>Bench: no real phone rang.</p>" if _bench_only(figures) else ""
    outcomes = "".join(
        f"<tr><td>{outcome.value}<td class=n>{figures.outcomes[outcome.value]}"
        f"<td><span class=bar style='width:{_share(figures.outcomes[outcome.value], total)}em'>"
        f"</span><td>{html.escape(meaning)}"
        for outcome, meaning in MEANINGS.items()
    )
    days = "".join(
        f"<tr><td>{day}<td class=n>{sum(counts.values())}<td class=n>"
        f"{counts['listened']}<td class=n>{counts['opted_out']}"
        for day, counts in sorted(figures.days.items())
    )
    objections = ", ".join(f"{by} {count}" for by, count in sorted(figures.revoked.items()))
    refused = "".join(
        f"<tr><td>{html.escape(rule)}<td class=n>{count}"
        for rule, count in figures.refused.most_common()
    )
    refusals = (
        f"<table><tr><th>rule<th class=n>refusals{refused}</table>"
        if refused
        else ("<p>No rule refused a call that was about to be placed.</p>")
    )
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(figures.faults.items()))
    return f"""<!doctype html>
<html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>
<meta name=viewport content="width=device-width">
<style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}}
h1{{font-size:1.6em;margin-bottom:0}} h2{{font-size:1.15em;margin-top:2em}}
table{{border-collapse:collapse}} td,th{{padding:.2em .8em .2em 0;text-align:left}}
.n{{text-align:right;font-variant-numeric:tabular-nums}}
.bar{{display:inline-block;height:.8em;background:#3b7a57;min-width:1px}}
.bench{{background:#fff3cd;padding:.5em 1em}} code{{overflow-wrap:anywhere;font-size:.85em}}
.sum{{display:flex;gap:2.5em;flex-wrap:wrap}} .sum b{{display:block;font-size:1.8em}}
</style>
<h1>{html.escape(title)}</h1>
<p>{html.escape(span)}</p>
{bench}
<div class=sum>
<div><b>{total}</b>calls</div><div><b>{subjects}</b>people called</div>
<div><b>{reached}</b>asked for the message</div>
<div><b>{figures.outcomes["opted_out"]}</b>objected by key 9</div></div>
<h2>What became of the calls</h2>
<table><tr><th>outcome<th class=n>calls<th><th>meaning{outcomes}</table>
<h2>By day</h2>
<table><tr><th>day<th class=n>calls<th class=n>listened<th class=n>objected{days}</table>
<h2>Calls that a rule refused</h2>
{refusals}
<h2>Consent</h2>
<p>{figures.consents} consents were recorded, {figures.erased} people erased. Objections:
{html.escape(objections) or "none"}.
Law profile: {html.escape(", ".join(sorted(figures.profiles)) or "none used")}.</p>
<h2>The box</h2>
<p>Emergency stop pressed {figures.stops} times. Line faults: {html.escape(faults) or "none"}.</p>
<h2>Anchor</h2>
<p>Row {head[0]} of the ledger has the hash <code>{head[1]}</code>. Keep this page: with it anybody
can show later that the ledger was neither changed nor cut off before that row.</p>
</html>
"""


def _bench_only(figures: Figures) -> bool:
    return bool(figures.rows) and all(row.bench for row in figures.rows)


def _share(count: int, total: int) -> float:
    return round(12 * count / total, 2) if total else 0


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
