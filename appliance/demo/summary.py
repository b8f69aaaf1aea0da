"""The last lines of the demonstration: what happened, for someone who sees it the first time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from appliance.demo.listening_audit import HeardAudit
from appliance.language import Speaker, plural
from appliance.ledger_words import MEANINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that the last lines say."""

    outcomes: dict[str, int]
    people: int
    called: int
    refused_rows: int
    reasons: Counter[str]
    """Why people were not called, by sentence."""
    seconds: float
    speed: float
    ledger: str
    findings: list[str]
    heard: HeardAudit
    files: dict[str, Any]


def as_data(summary: Summary) -> dict[str, Any]:
    """Return the summary for a program."""
    return {
        "outcomes": {outcome: summary.outcomes.get(outcome, 0) for outcome in MEANINGS},
        "people": summary.people,
        "called": summary.called,
        "refused_rows": summary.refused_rows,
        "not_called": {str(reason): count for reason, count in summary.reasons.most_common()},
        "seconds": round(summary.seconds, 1),
        "speed": summary.speed,
        "network_findings": [str(finding) for finding in summary.findings],
        "heard": str(summary.heard.sentence()),
        "heard_findings": [str(finding) for finding in summary.heard.findings],
        "files": summary.files,
    }


def print_summary(summary: Summary, console: Console, say: Speaker) -> None:
    """Print the summary; plain text where the output is no terminal."""
    table = Table(title=say("What became of the calls"), title_justify="left", box=None)
    table.add_column(say("calls"), justify="right")
    table.add_column(say("outcome"))
    table.add_column(say("meaning"))
    for outcome, meaning in MEANINGS.items():
        made = str(summary.outcomes.get(outcome, 0))
        table.add_row(made, say(outcome), say(meaning))
    console.print()
    console.print(table)
    console.print()
    not_called = summary.people - summary.called
    console.print(
        say.several(
            "{count} person was not called, and the box says why:",
            "{count} people were not called, and the box says why:",
            not_called,
        )
    )
    for reason, count in summary.reasons.most_common():
        console.print(f"  {count:>3}  {say(reason)}", highlight=False)
    if summary.refused_rows:
        console.print(
            say.several(
                "{count} row of the contacts file was refused; {rejects} says why.",
                "{count} rows of the contacts file were refused; {rejects} says why each was.",
                summary.refused_rows,
                rejects=summary.files["rejects"],
            ),
            highlight=False,
        )
    console.print()
    calls = sum(summary.outcomes.values())
    console.print(
        say(
            "{calls} to {called} of {people} in {seconds:.0f} s, at {speed:g} "
            "times the speed of life.",
            calls=plural("{count} call", "{count} calls", calls),
            called=summary.called,
            people=plural("{count} person", "{count} people", summary.people),
            seconds=summary.seconds,
            speed=summary.speed,
        ),
        highlight=False,
    )
    console.print(say(summary.ledger), highlight=False)
    if summary.findings:
        console.print(say("The network saw something else than the ledger says:"))
        for finding in summary.findings:
            console.print(f"  {say(finding)}", highlight=False)
    else:
        console.print(
            say("Audit: the network saw no call that the ledger had not authorised before.")
        )
    console.print(say(summary.heard.sentence()), highlight=False)
    for finding in summary.heard.findings:
        console.print(f"  {say(finding)}", highlight=False)
    console.print(say("Evidence: {ledger}", ledger=summary.files["ledger"]), highlight=False)
    console.print(
        say("What the network saw: {network}", network=summary.files["network"]), highlight=False
    )
