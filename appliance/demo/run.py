"""One demonstration from the import to the last call, with what a person does on the way.

Everything goes through the real path: the contacts file through the import command, presses
through the panel, questions through the control socket, calls through pseudo-terminals. On the
way somebody presses the emergency stop, and the power fails once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from appliance.demo.people import Population
from appliance.demo.processes import BoxProcess, Stage, run_command, start_modems
from appliance.effects import Entry
from appliance.errors import Refused
from appliance.ledger import read_entries
from appliance.ledger_words import done_by, kind_name
from appliance.screen.live import Screen
from appliance.screen.local_time import TIME, local
from appliance.screen.status import OUTCOMES
from firmware.wording import Message, joined, plural, worded

LOOK_EVERY = 0.1
INCIDENTS_FROM = 20
"""People below which nobody presses the stop and the power stays on."""
STOP_AFTER = 0.25
POWER_FAILS_AFTER = 0.6
"""Shares of the people called after which the two incidents happen."""
SPOKEN_TO = frozenset({"greeting", "waiting", "reminding", "telling"})
PATIENCE = 10.0
"""Real seconds to wait for a moment in which everybody on the phone hears the message.

The incidents then hit people of whom there are many, and every other story is told to its end.
"""
GIVE_UP = 600.0
"""Real seconds after which something must be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a demonstration came to, besides what the ledger says."""

    exit_code: int
    seconds: float
    imported: dict[str, Any]


class Performance:
    """Runs the processes and plays the people around the box."""

    def __init__(
        self,
        stage: Stage,
        population: Population,
        screen: Screen,
        *,
        expected: int,
        zone: str,
        incidents: bool = True,
    ) -> None:
        """With *incidents* somebody presses the stop, and the power fails once.

        News tell the time of *zone*, the box's own.
        """
        self._zone = zone
        self._stage = stage
        self._screen = screen
        self._expected = expected
        self._seen = 0
        self._called: set[str] = set()
        self._looking_since: float | None = None
        incidents = incidents and population.people >= INCIDENTS_FROM
        self._stop_at: float | None = expected * STOP_AFTER if incidents else None
        self._cut_at: float | None = expected * POWER_FAILS_AFTER if incidents else None
        self._broken_off = False

    def break_off(self) -> None:
        """End at the next look at the box, whatever it does; any thread."""
        self._broken_off = True

    def run(self, *, lines: int, speed: float, seed: int) -> Result:
        """Run to the end; raises ``Refused`` where a part fails."""
        imported = self._import()
        modems = start_modems(
            self._stage,
            lines=lines,
            speed=speed,
            seed=seed,
            recordings=sorted(self._stage.recordings.glob("*.wav")),
        )
        try:
            started = time.monotonic()
            box = BoxProcess(self._stage)
            try:
                box = self._watch(box, started)
            finally:
                code = box.end()
            self._tell_rows()
            return Result(exit_code=code, seconds=time.monotonic() - started, imported=imported)
        finally:
            modems.end()

    def _import(self) -> dict[str, Any]:
        """The contacts file comes from a spreadsheet: some rows are wrong, the others are taken."""
        stage = self._stage
        words = ["contacts", "import", str(stage.contacts), "--json"]
        if not stage.rejects.exists():
            words += ["--accept-valid", "--rejects", str(stage.rejects)]
        # Else a rehearsal: whoever wrote that file kept the wrong rows back.
        done = run_command(stage, *words)
        if done.returncode != 0:
            told = f"{done.stderr}{done.stdout}".strip()
            raise Refused(worded("the demonstration's contacts were refused"), told)
        answer: dict[str, Any] = json.loads(done.stdout)
        self._screen.news(
            worded(
                "imported {people}; {rows}:",
                people=plural("{count} person", "{count} people", answer["new_people"]),
                rows=plural("{count} row refused", "{count} rows refused", answer["rejected_rows"]),
            )
        )
        for fault in answer["faults"]:
            self._screen.news(
                worded(
                    "  row {line}, {column}: {what}",
                    line=fault["line"],
                    column=fault["column"],
                    what=fault["what"],
                )
            )
        return answer

    def _watch(self, box: BoxProcess, started: float) -> BoxProcess:
        while box.exit_code is None:
            if self._broken_off:
                raise Refused(worded("broken off"), "")
            if time.monotonic() - started > GIVE_UP:
                raise Refused(
                    worded("the demonstration does not end"),
                    worded("see {log}", log=self._stage.log),
                )
            self._tell_rows()
            status = box.ask("status")
            if status is None:
                time.sleep(LOOK_EVERY)
                continue
            self._screen.show(status, len(self._called), self._expected)
            called = len(self._called)
            if self._stop_at is not None and called >= self._stop_at and self._moment(status):
                self._stop_at = None
                self._press_stop(box)
            elif self._cut_at is not None and called >= self._cut_at and self._moment(status):
                self._cut_at = None
                self._screen.news(worded("*** the power fails in the middle of a call ***"))
                box.kill()
                box = BoxProcess(self._stage)
                self._screen.news(
                    worded("*** the box starts again; the broken call counts as made ***")
                )
            time.sleep(LOOK_EVERY)
        return box

    def _moment(self, status: dict[str, Any]) -> bool:
        """Whether an incident may happen now: somebody is spoken to, if possible a listener."""
        now = time.monotonic()
        calls = {line["call"] for line in status["lines"]} - {None}
        self._looking_since = self._looking_since or now
        good = calls == {"telling"} or (
            now - self._looking_since > PATIENCE and bool(calls & SPOKEN_TO)
        )
        if good:
            self._looking_since = None
        return good

    def _press_stop(self, box: BoxProcess) -> None:
        self._screen.news(worded("*** somebody presses the emergency stop ***"))
        box.ask("panel", press="stop")
        time.sleep(0.5)
        self._tell_rows()
        try:
            box.ask("reset", by="demo", reason="too early")
        except Refused as refused:
            self._screen.news(worded("*** reset is refused: {refused} ***", refused=refused))
        box.ask("panel", press="stop-release")
        time.sleep(0.3)
        box.ask("reset", by="demo", reason=worded("the demonstration goes on"))
        self._screen.news(worded("*** released, and reset with a name and a reason ***"))

    def _tell_rows(self) -> None:
        for entry in read_entries(self._stage.state / "ledger", self._seen):
            self._seen = entry.seq
            if entry.kind == "call.ended" and entry.subject is not None:
                self._called.add(entry.subject)
            text = news(entry, self._zone)
            if text is not None:
                self._screen.news(text)


def news(entry: Entry, zone: str) -> str | None:
    """Return the line of a screen that tells of *entry* in the time of *zone*; None for most."""
    at = local(entry.at.isoformat(), zone, TIME)
    who = (entry.subject or "")[:8]
    data = entry.data
    match entry.kind:
        case "call.ended":
            keys = [
                worded("key {key} heard by {witness}", key=key["key"], witness=key["witness"])
                for key in data.get("evidence", {}).get("keys", [])
            ]
            outcome = worded(OUTCOMES.get(data["outcome"], data["outcome"]))
            if keys:
                outcome = Message("{outcome:<12}", {"outcome": outcome})
            row = [f"{at}  {who}  {data.get('line', '')}", outcome]
            return joined("  ", [*row, joined(", ", keys)] if keys else row)
        case "consent.revoked":
            return worded(
                "{at}  {who}  will never be called again (said by {by})",
                at=at,
                who=who,
                by=worded(done_by(data["by"])),
            )
        case "stop.pressed" | "stop.reset":
            by = done_by(data["source"]) if "source" in data else data.get("reason", "")
            return joined("  ", [at, worded(kind_name(entry.kind)), worded(by)])
        case "line.fault":
            return worded(
                "{at}  {line}  out: {detail}", at=at, line=data["line"], detail=data["detail"]
            )
        case "line.healed":
            return worded("{at}  {line}  back in service", at=at, line=data["line"])
        case "box.started":
            return worded("{at}  the box starts", at=at)
    return None
