"""How a status reads in a terminal. Pure."""

from __future__ import annotations

from appliance.language import Speaker, joined, marked, translator, worded
from appliance.ledger_words import fault_name, rule_name
from appliance.screen.local_time import DAY, MINUTES, in_local, local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENGLISH = translator("en")
LABEL = 9
"""Columns before the words of a row."""
CLOCK = marked("clock")
"""The label of the row that changes at every look."""
_MODES = {
    "automatic": marked("automatic"),
    "attended": marked("attended"),
    "safe mode": marked("safe mode"),
}
CALL_STATES = {
    "dialling": marked("dialling"),
    "ringing": marked("ringing"),
    "greeting": marked("greeting"),
    "waiting": marked("waiting"),
    "reminding": marked("reminding"),
    "telling": marked("telling"),
    "hanging up": marked("hanging up"),
}
OUTCOMES = {
    "listened": marked("listened"),
    "partial": marked("partial"),
    "declined": marked("declined"),
    "opted_out": marked("opted_out"),
    "voicemail": marked("voicemail"),
    "busy": marked("busy"),
    "no_answer": marked("no_answer"),
    "rejected": marked("rejected"),
    "unreachable": marked("unreachable"),
    "failed": marked("failed"),
    "stopped": marked("stopped"),
    "unknown": marked("unknown"),
}


def folded(text: str, width: int) -> str:
    """Fold each row to *width*, below the column where its words begin."""
    import re
    import textwrap

    return "\n".join(
        textwrap.fill(
            # "busy 2" stays together: textwrap breaks at no hard space.
            re.sub(r"(?<=\w) (?=\d)", "\N{NO-BREAK SPACE}", row),
            max(width, 40),
            subsequent_indent=" " * LABEL,
            break_on_hyphens=False,
            break_long_words=False,
        ).replace("\N{NO-BREAK SPACE}", " ")
        for row in text.split("\n")
    )


def as_text(status: dict[str, Any], say: Speaker = ENGLISH) -> str:
    """Lay a status out, one fact a row, in the language of *say*."""
    faults = [
        _row(say, marked("FAULT"), say(joined(": ", [fault["meaning"], fault["remedy"]])))
        for fault in status["faults"]
    ]
    if status.get("safe_mode"):
        return "\n".join(
            [
                _row(
                    say,
                    marked("box"),
                    say(
                        "{box}: {mode}, nobody is called",
                        box=status["box"],
                        mode=say(status["mode"]).upper(),
                    ),
                ),
                *_stop_rows(status["stopped"], say),
                _row(say, marked("now"), say(status["why"]["sentence"])),
                *faults,
            ]
        )
    clock, zone = status["clock"], status.get("timezone")
    trust = (
        say("trusted ({source})", source=say(clock["source"]))
        if clock["trusted"]
        else say("NOT trusted: {source}", source=say(clock["source"]))
    )
    bench = say(", bench") if status["bench"] else ""
    rows = [_row(say, marked("box"), f"{status['box']}, {say(_MODES[status['mode']])}{bench}")]
    rows += _stop_rows(status["stopped"], say)
    rows.append(_row(say, CLOCK, f"{local(clock['utc'], zone)}  {trust}"))
    rows.append(_row(say, marked("now"), say(in_local(status["why"]["sentence"], zone))))
    if status["why"]["next_at"]:
        rows.append(_row(say, marked("next"), local(status["why"]["next_at"], zone, MINUTES)))
    rows += [_row(say, marked("line"), line_text(line, say, zone)) for line in status["lines"]]
    if "fleet" in status:
        rows.append(_row(say, marked("fleet"), fleet_text(status["fleet"], say)))
    known = say(
        "{people} known, {waiting} may still be called",
        people=status["people"],
        waiting=status["waiting"],
    )
    rows.append(_row(say, marked("people"), known))
    outcomes = ", ".join(
        f"{say(OUTCOMES.get(name, name))} {count}"
        for name, count in sorted(status["outcomes"].items())
    )
    made = (
        say("{count} made: {outcomes}", count=status["attempts"], outcomes=outcomes)
        if outcomes
        else say("{count} made", count=status["attempts"])
    )
    rows.append(_row(say, marked("calls"), made))
    if status["refusals"]:
        refused = ", ".join(
            f"{say(rule_name(rule))} {n}" for rule, n in sorted(status["refusals"].items())
        )
        rows.append(_row(say, marked("refused"), refused))
    if status["running"]:
        lamps = ", ".join(f"{say(lamp)} {say(how)}" for lamp, how in status["lamps"].items())
        rows.append(_row(say, marked("lamps"), lamps))
    rows += faults
    rows += [
        _row(say, marked("WAITS"), say(joined(": ", [one["detail"], one["remedy"]])))
        for one in status.get("doubts", ())
    ]
    head = say(
        "row {seq}, head {hash}…",
        seq=status["ledger"]["seq"],
        hash=status["ledger"]["hash"][:16],
    )
    rows.append(_row(say, marked("ledger"), head))
    return "\n".join(rows)


def without_configuration(stopped: bool | None, say: Speaker = ENGLISH) -> str:
    """Say what is known of a box whose configuration is faulty."""
    released = _row(say, marked("stop"), say("the emergency stop is released"))
    told = say("does not run: its configuration is faulty")
    return "\n".join([_row(say, marked("box"), told), *(_stop_rows(stopped, say) or [released])])


def _stop_rows(stopped: bool | None, say: Speaker) -> list[str]:
    """Say that the stop is latched, or that nobody can tell; nothing where it is released."""
    if stopped is None:
        return [_row(say, marked("STOP"), say("cannot be read: take it for latched"))]
    if stopped:
        told = say("the emergency stop is latched: nobody is called until autodialer reset")
        return [_row(say, marked("STOP"), told)]
    return []


def _row(say: Speaker, label: str, words: str) -> str:
    return f"{say(label):<{LABEL - 1}} {words}"


def fleet_text(fleet: dict[str, Any], say: Speaker = ENGLISH) -> str:
    """Say how the box stands to headquarters in one line of text."""
    link = (
        say("connected to {server}", server=fleet["server"])
        if fleet["connected"]
        else say("NOT CONNECTED")
    )
    of = say("{box} of {campaign}", box=fleet["box"], campaign=fleet["campaign"])
    words = [say(joined(": ", [of, link]))]
    if fleet["barred"]:
        words.append(say("calls nobody: {why}", why=say(fleet["barred"])))
    if fleet.get("lost"):
        words.append(say(fleet["lost"]))
    unsent = fleet["objections_unsent"]
    if unsent:
        told = say.several(
            "{count} OBJECTION NOT SENT YET", "{count} OBJECTIONS NOT SENT YET", unsent
        )
        words.append(told)
    heard = fleet["objections_heard"]
    words.append(
        say.several(
            "{count} objection heard of others", "{count} objections heard of others", heard
        )
    )
    words.append(
        say(
            "ledger {sent} sent, {verified} verified",
            sent=fleet["ledger_sent"],
            verified=fleet["ledger_verified"],
        )
    )
    if fleet["last_list"]:
        words.append(say("list {name}", name=fleet["last_list"]))
    return ", ".join(words)


def line_text(line: dict[str, Any], say: Speaker = ENGLISH, zone: str | None = None) -> str:
    """Say a line's state in one line of text, with times of *zone*."""
    name = line["name"]
    if line["fault"] is not None:
        fault = line["fault"]
        code = worded(fault_name(fault["code"]))
        out = worded("{name}: OUT ({code})", name=name, code=code)
        told = joined(": ", [out, fault["detail"]])
        return say(joined("; ", [told, fault["remedy"]]) if fault["remedy"] else told)
    if line["call"]:
        state = say(CALL_STATES.get(line["call"], line["call"]))
    elif line["incoming"]:
        what = CALL_STATES.get(line["incoming"], line["incoming"])
        state = say("called, {what}", what=say(what))
    else:
        state = say("ready") if line["ready"] else say("not ready")
    family = line["modem"].get("family", "")
    limit = line.get("limit")
    words = [say(joined(": ", [name, state + (f" ({family})" if family else "")]))]
    modem = line["modem"]
    dbm, sent, heard = (modem.get(key) for key in ("signal", "level_out", "level_in"))
    if dbm is not None:
        words.append(say("signal {dbm} dBm", dbm=dbm))
    if sent is not None:
        words.append(say("sends {level:.0f} dBFS", level=sent))
    if heard is not None:
        words.append(say("hears {level:.0f} dBFS", level=heard))
    if limit:
        words.append(say("limit reached: {detail}", detail=say(limit["detail"])))
        words.append(say("until {time}", time=local(limit["until"], zone, MINUTES)))
    return ", ".join([*words, _self_test(line, say, zone)])


def _self_test(line: dict[str, Any], say: Speaker, zone: str | None) -> str:
    test = line["selftest"]
    if test is None:
        return say("never self-tested")
    day = local(str(test["at"]), zone, DAY)
    if test["passed"]:
        return say("self-test passed {day}", day=day)
    return say("self-test FAILED {day}", day=day)
