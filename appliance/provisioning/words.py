"""The result of a folder as its sender reads it: plain words, in the language of the box."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from appliance.language import Translate, plural, worded
from appliance.provisioning.apply import Outcome
from appliance.provisioning.folder import CONTACTS, WITHDRAWALS

HEAD = "autodialer RESULT"
"""First line of every result: by it the box knows what it wrote itself."""
RESULT = "RESULT.txt"
MOST_LINES_NAMED = 50


def result_text(outcome: Outcome, say: Translate, *, box: str, at: datetime | None) -> str:
    """Return the text of the result file."""
    lines = [HEAD, "", *_told(outcome, say, box), ""]
    if at is not None:
        when = say("At {time}, by the clock of the box.")
        lines += [when.format(time=at.isoformat(sep=" ", timespec="minutes")), ""]
    return "\n".join(lines)


def _told(outcome: Outcome, say: Translate, box: str) -> Iterator[str]:
    result = outcome.result
    if result.verdict == "refused":
        yield say("REFUSED by {box}. Nothing of this folder was applied but withdrawals.").format(
            box=box
        )
        yield ""
        for fault in outcome.faults:
            yield f"- {say(fault.message)}"
        yield ""
        yield say("Correct this, pack the folder anew, and plug it in again.")
    elif result.verdict == "unchanged":
        yield say("{box} has this folder already: nothing changed.").format(box=box)
    else:
        yield say("APPLIED by {box}.").format(box=box)
        if result.config:
            yield say("- The new configuration holds; the box goes on with it by itself.")
        if result.people or result.consents:
            yield say(
                worded(
                    "- {people} and {consents} from {file}.",
                    people=plural("{count} new person", "{count} new people", result.people),
                    consents=plural("{count} new consent", "{count} new consents", result.consents),
                    file=CONTACTS,
                )
            )
    yield from _withdrawn(outcome, say)
    for warning in outcome.warnings:
        yield "- " + say("PLEASE LOOK: {what}.").format(what=say(warning))
    if result.verdict != "refused":
        who = result.key or say("nobody: it is not signed")
        yield say("Signed by: {key}").format(key=who)


def _withdrawn(outcome: Outcome, say: Translate) -> Iterator[str]:
    result = outcome.result
    if result.withdrawals and outcome.kept:
        yield say(
            plural(
                "- {count} withdrawal is kept; the box takes it before it calls anybody.",
                "- {count} withdrawals are kept; the box takes them before it calls anybody.",
                result.withdrawals,
            )
        )
    elif result.withdrawals:
        yield say(
            plural(
                "- {count} person who withdrew will not be called again.",
                "- {count} people who withdrew will not be called again.",
                result.withdrawals,
            )
        )
    if outcome.unread:
        named = ", ".join(map(str, outcome.unread[:MOST_LINES_NAMED]))
        more = ", …" if len(outcome.unread) > MOST_LINES_NAMED else ""
        text = say(
            "- PLEASE LOOK: these lines of {file} are no number, so nobody was withdrawn by them: "
            "{lines}. Correct them and bring the list again."
        )
        yield text.format(file=WITHDRAWALS, lines=named + more)
