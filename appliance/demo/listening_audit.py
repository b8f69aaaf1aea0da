"""Did the callees hear what they should, when they should? Read from the network's log alone.

The simulated network recognises the campaign's recordings in the samples that really arrived at
each callee, and logs them as ``clip`` beside the keys that the callee pressed, on one clock. So
the order of the two is a fact that the box has no part in.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from appliance.effects import Entry
from firmware.clips.clip import SAMPLE_RATE, Clip
from firmware.clips.levels import measure
from firmware.wording import joined, plural, worded

GREETING, MESSAGE = "greeting", "message"
LISTEN, OBJECT = "1", "9"
LEVEL_RANGE_DB = (-32.0, -12.0)
"""RMS of a clip's audible frames, against a full-scale square wave, that a phone carries well."""
LEVEL_OFF_DB = 1.5
"""By how much a clip may arrive louder or softer than its recording."""
LENGTH_OFF_MS = 60
"""By how much a clip that was heard to its end may be longer or shorter than its recording."""
UNKNOWN_MS = 100
"""Sound in no recording that is still a click, and no content."""
UNACCOUNTED_MS = 200
"""Audible sound of one call that no row of the log explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a clip is for, and what it is like."""

    role: str
    milliseconds: int
    level_db: float


def recordings_in(folder: Path) -> dict[str, Recording]:
    """Read what the network was told: WAV files named ``ROLE.LANGUAGE``."""
    found = {}
    for file in sorted(folder.glob("*.wav")):
        clip = Clip.load(file, file.stem)
        samples = np.frombuffer(clip.pcm, "<i2") / 32768.0
        audible = measure(samples, SAMPLE_RATE).active_dbfs
        found[clip.name] = Recording(
            role=clip.name.partition(".")[0],
            milliseconds=round(clip.seconds * 1000),
            level_db=audible,
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAudit:
    """What the ears at the far ends say about all calls."""

    findings: tuple[str, ...]
    """Every fault, in sentences; empty is a clean audit."""
    calls: int
    """Calls in which somebody or something at the far end heard sound."""
    messages: int
    """Messages that were heard, whole or in part."""
    whole_messages: int
    levels_db: tuple[float, float] | None
    listen: str = LISTEN
    """The key that asks for the message."""
    torn: int
    """Calls whose message arrived in pieces, every one of them, with gaps in between: the bench
    plays many times faster than life, and a busy computer comes late with its samples."""

    def sentence(self) -> str:
        """One line for the summary."""
        if self.findings:
            return plural(
                "Ears: {count} fault in what the callees heard:",
                "Ears: {count} faults in what the callees heard:",
                len(self.findings),
            )
        torn = worded(", {torn} torn by this busy computer", torn=self.torn) if self.torn else ""
        levels = ""
        if self.levels_db is not None:
            levels = worded(
                "; levels {levels_db:.1f} to {levels_db2:.1f} dBFS",
                levels_db=self.levels_db[0],
                levels_db2=self.levels_db[1],
            )
        return worded(
            "Ears: {calls} heard the greeting first; of {messages} "
            "({whole_messages} whole{torn}) no frame came before the callee's key "
            "{listen}{levels}.",
            listen=self.listen,
            calls=plural("{count} callee", "{count} callees", self.calls),
            messages=plural("{count} message", "{count} messages", self.messages),
            whole_messages=self.whole_messages,
            torn=torn,
            levels=levels,
        )


@dataclass(slots=True)
class _Call:
    name: str
    number: str
    machine: bool = False
    keys: list[tuple[str, int]] = field(default_factory=list)
    clips: list[Mapping[str, Any]] = field(default_factory=list)
    answered: bool = False
    ended: bool = False
    audible_ms: int | None = None
    gap_ms: int = 0


@dataclass(slots=True)
class Claims:
    """What the ledger says of calls, by number: the ears must bear it out."""

    listened: Counter[str] = field(default_factory=Counter)
    """Calls whose outcome is ``listened``."""
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Presses that counted, by number and key. What was heard and did not count claims nothing: on
    a busy computer one witness may be too late to be taken for the other."""


def claims(entries: Iterable[Entry], contacts_csv: str) -> Claims:
    """Read the ledger's claims; *contacts_csv* is an export with the ``subject`` column."""
    rows = csv.DictReader(io.StringIO(contacts_csv))
    numbers = {row["subject"]: row["number"].replace(" ", "") for row in rows}
    made = Claims()
    for entry in entries:
        number = numbers.get(entry.subject or "")
        if number is None:
            continue
        if entry.kind == "call.key" and entry.data["counted"]:
            made.keys[number, str(entry.data["key"])] += 1
        elif entry.kind == "call.ended" and entry.data["outcome"] == "listened":
            made.listened[number] += 1
    return made


def audit_heard(
    events: Iterable[Mapping[str, Any]],
    recordings: Mapping[str, Recording],
    ledger: Claims,
    *,
    listen: str = LISTEN,
    objects: str = OBJECT,
) -> HeardAudit:
    """Judge the *events* of a network log, and whether they bear out what the *ledger* says.

    *listen* and *objects* are the keys of the campaign.
    """
    calls = list(_calls(events))
    findings = [
        joined(": ", [call.name, fault])
        for call in calls
        for fault in _faults(call, recordings, listen, objects)
    ]
    whole: Counter[str] = Counter()
    torn: Counter[str] = Counter()
    messages = 0
    levels: list[float] = []
    for call in calls:
        levels += [clip["level_db"] for clip in call.clips if clip["whole"]]
        mine = [c for c in call.clips if _role(c, recordings) == MESSAGE]
        messages += len(mine)
        heard = sum(clip["whole"] for clip in mine)
        whole[call.number] += heard
        torn[call.number] += not heard and call.gap_ms > 0 and _in_pieces(mine, recordings)
    findings += [
        worded(
            "the ledger says that somebody listened {times}, where {messages} heard",
            times=plural("{count} time", "{count} times", count),
            messages=plural(
                "{count} whole message was", "{count} whole messages were", whole[number]
            ),
        )
        for number, count in ledger.listened.items()
        if whole[number] + torn[number] < count
    ]
    pressed = Counter((call.number, key) for call in calls for key, _ in call.keys)
    findings += [
        worded(
            "the ledger has key {key} {times} where the callee pressed it {pressed}",
            key=key,
            times=plural("{count} time", "{count} times", count),
            pressed=plural("{count} time", "{count} times", pressed[number, key]),
        )
        for (number, key), count in ledger.keys.items()
        if pressed[number, key] < count
    ]
    return HeardAudit(
        findings=tuple(findings),
        listen=listen,
        calls=sum(bool(call.audible_ms) for call in calls),
        messages=messages,
        whole_messages=whole.total(),
        levels_db=(min(levels), max(levels)) if levels else None,
        torn=torn.total(),
    )


def _calls(events: Iterable[Mapping[str, Any]]) -> Iterable[_Call]:
    """Gather the rows of each call; a line counts its calls."""
    found: dict[tuple[str, int], _Call] = {}
    for event in events:
        if "call" not in event:
            continue
        key = (str(event["port"]), int(event["call"]))
        name = worded("call {call} of {line}", call=event["call"], line=event["line"])
        call = found.setdefault(key, _Call(name=name, number=str(event.get("number"))))
        match event["event"]:
            case "answered":
                call.answered = True
                call.machine = event.get("who") == "machine"
            case "key":
                call.keys.append((event["key"], event["at_ms"]))
            case "clip":
                call.clips.append(event)
            case "ended":
                call.ended = True
            case "audio":
                call.audible_ms = event["milliseconds"]
                call.gap_ms = event["gap_ms"] + event["dropped_ms"]
    return found.values()


def _in_pieces(clips: Iterable[Mapping[str, Any]], recordings: Mapping[str, Recording]) -> bool:
    """Whether the pieces of one recording add up to the whole of it."""
    missing = UNACCOUNTED_MS
    name, reached = "", 0
    for clip in sorted(clips, key=lambda clip: clip["from_ms"]):
        missing -= max(0, clip["from_ms"] - reached)
        name, reached = clip["clip"], max(reached, clip["from_ms"] + clip["milliseconds"])
    return bool(name) and recordings[name].milliseconds - reached <= missing


def _role(clip: Mapping[str, Any], recordings: Mapping[str, Recording]) -> str | None:
    recording = recordings.get(clip["clip"] or "")
    return None if recording is None else recording.role


def _faults(
    call: _Call, recordings: Mapping[str, Recording], listen: str, objects: str
) -> Iterable[str]:
    known = [clip for clip in call.clips if _role(clip, recordings) is not None]
    for clip in call.clips:
        if clip not in known and clip["milliseconds"] > UNKNOWN_MS:
            yield worded(
                "{milliseconds} ms of sound that is in no recording",
                milliseconds=clip["milliseconds"],
            )
    explained = sum(clip["milliseconds"] for clip in call.clips)
    if call.audible_ms is None:
        if call.answered and call.ended:
            yield worded("answered, and no account of what was heard")
    elif call.audible_ms > explained + UNACCOUNTED_MS:
        yield worded(
            "{audible_ms} ms were heard, and only {explained} ms of them are accounted for",
            audible_ms=call.audible_ms,
            explained=explained,
        )
    if known and _role(known[0], recordings) != GREETING:
        yield worded("the first that was heard is {clip}, not the greeting", clip=known[0]["clip"])
    opened = min((at for key, at in call.keys if key == listen), default=None)
    closed = min((at for key, at in call.keys if key == objects), default=None)
    for clip in known:
        yield from _of_its_kind(clip, recordings[clip["clip"]], call.gap_ms)
        if _role(clip, recordings) != MESSAGE:
            continue
        if call.machine:
            yield worded("a machine heard the message")
        elif opened is None:
            yield worded("the message was heard without key {listen}", listen=listen)
        elif clip["start_ms"] < opened:
            yield worded(
                "the message began {opened} ms before key {listen}",
                opened=opened - clip["start_ms"],
                listen=listen,
            )
        if closed is not None and clip["start_ms"] >= closed:
            yield worded("the message began after the callee had objected")


def _of_its_kind(clip: Mapping[str, Any], recording: Recording, gap_ms: int) -> Iterable[str]:
    """Level and length of one clip that arrived."""
    level, length = clip["level_db"], clip["milliseconds"]
    long_enough = length >= 1000
    if long_enough and abs(level - recording.level_db) > LEVEL_OFF_DB and clip["whole"]:
        yield worded(
            "{clip} came at {level} dBFS, recorded at {level_db:.1f}",
            clip=clip["clip"],
            level=level,
            level_db=recording.level_db,
        )
    if long_enough and not LEVEL_RANGE_DB[0] <= level <= LEVEL_RANGE_DB[1]:
        yield worded("{clip} came at {level} dBFS", clip=clip["clip"], level=level)
    most = recording.milliseconds + gap_ms + LENGTH_OFF_MS
    if length > most or (clip["whole"] and length < recording.milliseconds - LENGTH_OFF_MS):
        yield worded(
            "{clip} lasted {length} ms, recorded {milliseconds} ms",
            clip=clip["clip"],
            length=length,
            milliseconds=recording.milliseconds,
        )
