"""Everybody who tells this box the time at one instant: the machine, its lines, and a person.

A line's network and the stamps of text messages are facts that it noted on the clock of durations;
here they are carried on to now. Each counts for a while only: what nobody asked again is no
witness any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from appliance.box.clock import Kind, Readings, Witness, read_system
from appliance.model import ClockWord
from firmware.kernel_clock import boot_id, since_boot

NETWORK_FOR = timedelta(hours=1)
"""A line asks its modem every ten minutes; of an answer that was never renewed no more is left."""
MESSAGE_FOR = timedelta(days=1)

LineFacts = Mapping[str, object]
"""What a line says of itself (:meth:`firmware.line.line.Line.describe`)."""


def read_all(lines: Iterable[LineFacts], monotonic: float, word: ClockWord | None) -> Readings:
    """Ask the machine, the lines' *facts* and the person whose *word* was last recorded."""
    machine = read_system()
    hints = line_witnesses(lines, monotonic)
    network = max((one.at for one in hints if one.kind is Kind.NETWORK), default=None)
    witnesses = (*machine.witnesses, *hints)
    spoken = word_witness(word, boot_id(), since_boot())
    if spoken is not None:
        witnesses = (*witnesses, spoken)
    return replace(machine, network=network, witnesses=witnesses)


def line_witnesses(lines: Iterable[LineFacts], monotonic: float) -> tuple[Witness, ...]:
    """Return what networks and message centres told, carried on to *monotonic* box seconds."""
    found: list[Witness] = []
    for facts in lines:
        name, operator = str(facts.get("name") or ""), str(facts.get("operator") or "")
        messages = facts.get("messages")
        stamps = messages if isinstance(messages, Mapping) else {}
        for kind, at, since, longest in (
            (Kind.NETWORK, facts.get("network_time"), facts.get("network_time_at"), NETWORK_FOR),
            (Kind.MESSAGE, stamps.get("stamp"), stamps.get("stamp_at"), MESSAGE_FOR),
        ):
            if not isinstance(at, str) or not isinstance(since, float):
                continue
            passed = timedelta(seconds=monotonic - since)
            if passed <= longest:
                told = datetime.fromisoformat(at) + passed
                found.append(Witness(kind=kind, name=name, at=told, operator=operator))
    return tuple(found)


def word_witness(word: ClockWord | None, boot: str, now: float) -> Witness | None:
    """Return a person's word, carried on by the clock that nobody can step; None after a boot."""
    if word is None or not boot or word.boot != boot or now < word.since_boot:
        return None
    at = word.at + timedelta(seconds=now - word.since_boot)
    return Witness(kind=Kind.WORD, name=word.by, at=at)
