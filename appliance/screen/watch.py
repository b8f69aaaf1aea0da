"""What ``watch`` shows of one status, for any width and height. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from appliance.language import Translate, joined, marked, plural, worded
from appliance.ledger_words import detail_name, fault_name, kind_name, rule_name
from appliance.screen.local_time import MINUTES, TIME, in_local, local
from appliance.screen.status import OUTCOMES

LAMPS = {"ready": "green", "line": "blue", "call": "yellow", "fault": "red", "heartbeat": "white"}
BARS = "▂▄▆█"
BARS_FROM = (-109, -97, -85, -73)
"""dBm from which each bar is shown: hardly, weak, good, best."""
NARROWEST = 30
FIGURES_FROM = 60
"""Columns from which a line has room for all its figures."""
TWO_COLUMNS_FROM = 100
"""Columns from which events stand beside the queue."""

STEPS = {
    "dialling": marked("dialling"),
    "ringing": marked("ringing"),
    "greeting": marked("greeting"),
    "waiting": marked("waits for a key"),
    "reminding": marked("reminding"),
    "telling": marked("telling"),
    "hanging up": marked("hanging up"),
    "ready": marked("ready"),
    "not_ready": marked("comes up"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known of the box at one look."""

    status: dict[str, Any] | None
    """The newest answer; None before the first."""
    silent_for: float = 0.0
    """Seconds since the box answered; 0 where it just did."""
    trouble: str = ""
    """Why it does not answer, in a sentence."""
    headline: str = ""
    """What is played with the box, where it is a demonstration or a rehearsal."""
    note: str = ""
    """What the last key came to."""


def page(view: View, say: Translate, width: int, height: int) -> Text:
    """Return exactly *height* rows of at most *width* columns, the gravest first."""
    width = max(width, NARROWEST)
    rows = list(_head(view, say, width))
    status = view.status
    if status is not None and not status.get("safe_mode"):
        rows += list(_body(status, say, width, height - len(rows)))
    rows = rows[:height]
    rows += [Text()] * (height - len(rows))
    for row in rows:
        row.truncate(width, overflow="ellipsis")
    return Text("\n").join(rows)


def _head(view: View, say: Translate, width: int) -> Iterator[Text]:
    status = view.status
    if status is None:
        yield from _wrapped(
            say(view.trouble) or say("Waiting for the box …"), width, "bold reverse"
        )
        return
    if view.trouble:
        seconds = round(view.silent_for)
        stale = say("STALE: no answer for {seconds} s").format(seconds=seconds)
        yield from _wrapped(
            say(joined(": ", [stale, say(view.trouble)])), width, "bold reverse red"
        )
    title = Text.assemble((f"autodialer {status['box']}", "bold"))
    if status.get("bench"):
        title.append(" ").append(say("bench"))
    clock, doubt = status.get("clock"), Text()
    if clock is not None:
        moment = local(clock["utc"], status.get("timezone"), TIME)
        title.append("  ").append(moment, "" if clock["trusted"] else "bold reverse red")
        if not clock["trusted"]:
            doubt = Text(say("NOT TRUSTED"), "bold red")
    # The name of a box may be long; that its time is not to be believed is not cut off with it.
    beside = doubt.cell_len and title.cell_len + 1 + doubt.cell_len <= width
    yield title.append(" ").append_text(doubt) if beside else title
    if doubt.cell_len and not beside:
        yield doubt
    if view.headline:
        yield from _wrapped(view.headline, width, "bold")
    if status.get("lamps"):
        yield _lamps(status["lamps"], say, width)
    if status.get("stopped"):
        latched = say("EMERGENCY STOP, latched: r resets it with your name and a reason")
        yield from _wrapped(latched, width, "bold reverse red")
    why = status["why"]
    until = ""
    if why.get("next_at"):
        moment = local(why["next_at"], status.get("timezone"), MINUTES)
        until = " " + say("Next: {moment}.").format(moment=moment)
    sentence = in_local(why["sentence"], status.get("timezone"))
    yield from _wrapped(say(sentence) + until, width, "")
    for fault in status.get("faults", ()):
        yield from _wrapped(
            "! " + say(joined(": ", [say(fault["meaning"]), say(fault["remedy"])])), width, "red"
        )
    for doubt in status.get("doubts", ()):
        yield from _wrapped(
            "! " + say(joined(": ", [say(doubt["detail"]), say(doubt["remedy"])])), width, "red"
        )
    if view.note:
        yield from _wrapped(say(view.note), width, "reverse")


def _lamps(lamps: dict[str, str], say: Translate, width: int) -> Text:
    row = Text()
    for name, colour in LAMPS.items():
        pattern = lamps.get(name)
        if pattern is None:
            continue
        lit = pattern != "off"
        row.append("● " if lit else "○ ", f"bold {colour}" if lit else "dim")
        told = f" {say(pattern)}" if lit and width >= 60 else ""
        row.append(f"{say(name)}{told}  ", "bold" if lit else "dim")
    return row


def _body(status: dict[str, Any], say: Translate, width: int, left: int) -> Iterator[Text]:
    lines = list(_lines(status, say, width))
    yield from lines
    counts = list(_counts(status, say, width))
    yield from counts
    left -= len(lines) + len(counts)
    queue, events = list(_queue(status, say)), list(_events(status, say))
    if width >= TWO_COLUMNS_FROM:
        half = width // 2
        for index in range(min(left, max(len(queue), len(events)))):
            first = queue[index].copy() if index < len(queue) else Text()
            first.truncate(half - 2, overflow="ellipsis", pad=True)
            yield first + Text("  ") + (events[index] if index < len(events) else Text())
        return
    share = min(len(queue), max(left // 2, left - len(events)))
    # A heading alone tells nothing; events that have no room are cut off with the page.
    share = share if share > 1 else 0
    yield from queue[:share]
    yield from events if left > 1 else ()


def _lines(status: dict[str, Any], say: Translate, width: int) -> Iterator[Text]:
    yield _heading(say("Lines"))
    for line in status["lines"]:
        fault = line["fault"]
        if fault is not None:
            out = say("OUT")
            code = say(fault_name(fault["code"]))
            told = say(joined(": ", [line["name"], f"{out} ({code}) {say(fault['detail'])}"]))
            remedy = f"; {say(fault['remedy'])}" if fault["remedy"] else ""
            yield from _wrapped(told + remedy, width, "red")
            continue
        caller = line["incoming"]
        step = line["call"] or caller or ("ready" if line["ready"] else "not_ready")
        words = say(STEPS[step]) if step in STEPS else step
        if caller and not line["call"]:
            words = say("caller: {step}").format(step=words)
        busy = bool(line["call"] or caller)
        modem = line["modem"]
        about = [str(modem[key]) for key in ("family", "audio", "operator") if modem.get(key)]
        row = Text.assemble((f"{line['name']:<8}", "bold"), " ")
        row.append(f"{words:<16}", "bold yellow" if busy else "")
        strength = signal(modem.get("signal"))
        heard = loudness(modem.get("level_out"), modem.get("level_in")) if busy else ""
        if width < FIGURES_FROM and busy:
            # The figures of both directions say more than that of the network, beside its bars.
            strength, heard, about = strength[: len(BARS)], heard.removesuffix(" dBFS"), []
        row.append(f" {strength}")
        if busy:
            row.append(f" {heard}", "bold")
        yield row.append(f" {', '.join(about)}" if about else "", "dim")


def signal(dbm: object) -> str:
    """Show how strong the network is: bars as on a telephone, and the figure behind them."""
    if not isinstance(dbm, int):
        return f"{'·' * len(BARS)} {'?':>4} dBm"
    lit = sum(dbm >= least for least in BARS_FROM)
    return f"{BARS[:lit]}{'·' * (len(BARS) - lit)} {dbm:>4} dBm"


def loudness(sent: object, received: object) -> str:
    """Show how loud both directions of a call are: up what the callee is sent, down what comes."""
    shown = (f"{one:>3.0f}" if isinstance(one, float) else " --" for one in (sent, received))
    return "↑{} ↓{} dBFS".format(*shown)


def _counts(status: dict[str, Any], say: Translate, width: int) -> Iterator[Text]:
    told = say(
        worded(
            "{people}, {waiting} may still be called, {calls}",
            people=plural("{count} person", "{count} people", status["people"]),
            waiting=status["waiting"],
            calls=plural("{count} call", "{count} calls", status["attempts"]),
        )
    )
    yield from _wrapped(told, width, "bold")
    outcomes = "  ".join(
        f"{say(OUTCOMES.get(name, name))} {count}"
        for name, count in sorted(status["outcomes"].items())
    )
    if outcomes:
        yield from _wrapped(outcomes, width, "")
    if status["refusals"]:
        rules = ", ".join(
            f"{say(rule_name(rule))} {count}" for rule, count in sorted(status["refusals"].items())
        )
        refused = say("Not called, by rule: {rules}").format(rules=rules)
        yield from _wrapped(refused, width, "dim")


def _queue(status: dict[str, Any], say: Translate) -> Iterator[Text]:
    people = status.get("queue") or []
    if not people:
        return
    yield _heading(say("Next"))
    for one in people:
        row = Text(local(one["opens"], status.get("timezone"), MINUTES))
        row.append(f"  {one['number'] or one['subject'][:8]}")
        if one["attempts"]:
            row.append("  " + say("attempt {number}").format(number=one["attempts"] + 1), "dim")
        yield row


def _events(status: dict[str, Any], say: Translate) -> Iterator[Text]:
    rows = status.get("recent") or []
    if not rows:
        return
    yield _heading(say("Lately"))
    for one in reversed(rows):
        row = Text(f"{local(one['at'], status.get('timezone'), TIME)} ")
        row.append(say(kind_name(one["kind"])))
        detail = str(one.get("detail") or "")
        for part in (OUTCOMES.get(detail) or detail_name(detail), one.get("line")):
            if part:
                row.append(f"  {say(part)}")
        if one.get("subject"):
            row.append(f"  {one['subject'][:8]}", "dim")
        yield row


def _heading(text: str) -> Text:
    # The style is the words' alone: what pads them to a column is not underlined.
    return Text.assemble((text, "underline"))


def _wrapped(text: str, width: int, style: str) -> Iterator[Text]:
    """Fold *text*; what a terminal would obey in it is shown instead."""
    shown = "".join(
        # French sets a hard space before most marks; to Python it is no printable character.
        one if one.isprintable() or one == "\N{NO-BREAK SPACE}" else f"\\u{ord(one):04x}"
        for one in text
    )
    for row in textwrap.wrap(shown, width, subsequent_indent="  "):
        yield Text(row, style)
