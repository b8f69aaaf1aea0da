"""How a status reads for Prometheus: the text format of node_exporter's textfile collector. Pure.

Names follow the conventions (https://prometheus.io/docs/practices/naming/): a prefix, a base unit,
``_total`` where a value only grows. No label names a person or a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

HEADER = "# autodialer metrics, written anew by the box"
Sample = tuple[dict[str, str], float]


def exposition(status: dict[str, Any], at: float) -> str:
    """Return the file for one *status*; *at* is when, in seconds since the epoch by the host."""
    rows = [HEADER]
    for name, kind, text, samples in _families(status, at):
        rows += [f"# HELP autodialer_{name} {text}", f"# TYPE autodialer_{name} {kind}"]
        for labels, value in samples:
            told = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
            rows.append(
                f"autodialer_{name}{{{told}}} {value:.17g}"
                if told
                else f"autodialer_{name} {value:.17g}"
            )
    return "\n".join(rows) + "\n"


def _families(status: dict[str, Any], at: float) -> Iterator[tuple[str, str, str, list[Sample]]]:
    def one(value: object) -> list[Sample]:
        return [({}, float(value))]  # type: ignore[arg-type]

    clock, lines = status["clock"], status["lines"]
    yield "written_timestamp_seconds", "gauge", "When the box wrote this, by the host.", one(at)
    info = {"box": str(status["box"]), "mode": str(status["mode"])}
    yield "box_info", "gauge", "The box.", [(info, 1.0)]
    moment = datetime.fromisoformat(clock["utc"]).timestamp()
    yield "clock_timestamp_seconds", "gauge", "The box's calendar time.", one(moment)
    yield "clock_trusted", "gauge", "1 where the clock may be believed.", one(clock["trusted"])
    yield "stopped", "gauge", "1 while the emergency stop is latched.", one(status["stopped"])
    yield "paused", "gauge", "1 while dialling is paused.", one(status["paused"])
    yield "people", "gauge", "People in the registry.", one(status["people"])
    yield "people_waiting", "gauge", "People who may still be called.", one(status["waiting"])
    yield "attempts_total", "counter", "Calls authorised.", one(status["attempts"])
    yield (
        "calls_total",
        "counter",
        "Calls by outcome.",
        [({"outcome": name}, float(n)) for name, n in sorted(status["outcomes"].items())],
    )
    yield (
        "people_refused",
        "gauge",
        "People without a chance of a call, by rule.",
        [({"rule": name}, float(n)) for name, n in sorted(status["refusals"].items())],
    )
    names = [({"line": str(line["name"])}, line) for line in lines]
    yield (
        "line_ready",
        "gauge",
        "1 where the line can place a call.",
        [(label, float(line["ready"])) for label, line in names],
    )
    yield (
        "line_in_call",
        "gauge",
        "1 while a call is up on the line.",
        [(label, float(bool(line["call"] or line["incoming"]))) for label, line in names],
    )
    yield (
        "line_fault",
        "gauge",
        "1 for the fault that keeps the line out.",
        [
            ({**label, "code": str(line["fault"]["code"])}, 1.0)
            for label, line in names
            if line["fault"] is not None
        ],
    )
    yield (
        "fault",
        "gauge",
        "1 for each fault that the lamp shows.",
        [({"code": str(fault["code"])}, 1.0) for fault in status["faults"]],
    )
    waiting = status["messages"]["waiting"]
    yield "messages_waiting", "gauge", "Text messages that a person must read.", one(waiting)
    seq = status["ledger"]["seq"]
    yield "ledger_rows_total", "counter", "Rows of the ledger.", one(seq)


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
