"""The last lines of the demonstration: what happened, for someone who sees it the first time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from appliance.demo.listening_audit import HeardAudit
from appliance.report.report import MEANINGS


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


def print_summary(summary: Summary, console: Console) -> None:
    """Print the summary; plain text where the output is no terminal."""
    table = Table(title="What became of the calls", title_justify="left", box=None)
    table.add_column("calls", justify="right")
    table.add_column("outcome")
    table.add_column("meaning")
    for outcome, meaning in MEANINGS.items():
        table.add_row(str(summary.outcomes.get(outcome.value, 0)), outcome.value, meaning)
    console.print()
    console.print(table)
    console.print()
    not_called = summary.people - summary.called
    console.print(f"{not_called} people were not called, and the box says why:")
    for reason, count in summary.reasons.most_common():
        console.print(f"  {count:>3}  {reason}", highlight=False)
    console.print(
        f"{summary.refused_rows} rows of the contacts file were refused; "
        f"{summary.files['rejects']} says why each was.",
        highlight=False,
    )
    console.print()
    calls = sum(summary.outcomes.values())
    console.print(
        f"{calls} calls to {summary.called} of {summary.people} people in "
        f"{summary.seconds:.0f} s, at {summary.speed:g} times the speed of life.",
        highlight=False,
    )
    console.print(summary.ledger, highlight=False)
    if summary.findings:
        console.print("The network saw something else than the ledger says:")
        for finding in summary.findings:
            console.print(f"  {finding}", highlight=False)
    else:
        console.print("Audit: the network saw no call that the ledger had not authorised before.")
    console.print(summary.heard.sentence(), highlight=False)
    for finding in summary.heard.findings:
        console.print(f"  {finding}", highlight=False)
    console.print(f"Evidence: {summary.files['ledger']}", highlight=False)
    console.print(f"What the network saw: {summary.files['network']}", highlight=False)
