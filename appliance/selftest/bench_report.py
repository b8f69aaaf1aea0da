"""What ``modem bench`` writes, how it is read again, and what it proves of a modem family.

A report proves its family where a real modem went through every step. Nothing else raises a tier:
no simulated modem, no step that failed, and none that was passed over, but for those that a modem
may not have (:data:`MAY_BE_SKIPPED`). Reports that count lie in ``docs/bench/`` of the source tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from firmware.bounded_read import read_bounded
from firmware.errors import ErrorWithRemedy
from firmware.families import FAMILIES
from firmware.wording import worded

FORMAT: Final = "autodialer-modem-bench-1"
LARGEST = 4 << 20
"""Bytes of a report."""

STEPS = (
    "identity",
    "registration",
    "rings",
    "answer",
    "greeting",
    "keys",
    "keys_module",
    "keys_sound",
    "hang_up_box",
    "hang_up_phone",
    "call_list",
    "sms",
    "replug",
)
"""In the order of the checklist in docs/modems.md."""

MAY_BE_SKIPPED = frozenset({"keys_module", "keys_sound", "replug"})
"""A modem may have one witness of keys alone, and one on a UART has no plug."""

Verdict = Literal["passed", "failed", "skipped"]
Sign = Literal["test-imei", "no-imei", "pty", "no-device", "bench-line", "speed", "fiction-number"]
"""Why a modem is not taken for a real one, or a call not for a real call."""

_LONG = re.compile(r"\d{9,}")


def _words(value: object) -> str:
    """Take a text as it is: a message stays one, to be said in the technician's language."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Step(_Section):
    """One step of the checklist. ``detail`` is English, for people."""

    step: str
    verdict: Verdict
    detail: Annotated[str, PlainValidator(_words)] = ""


class Figures(_Section):
    """What was measured; null where nothing was."""

    ready_s: float | None = None
    """From opening the port to a line that may call."""
    ring_s: float | None = None
    """From the dial to the first ring."""
    answer_to_first_frame_ms: int | None = None
    key_delay_ms: dict[str, int] = {}
    """How much later the second witness heard a key, by key."""
    hang_up_ms: int | None = None
    """From the order to an empty call list."""
    replug_s: float | None = None
    """From the loss of the port to a line that may call."""


class Report(_Section):
    """One run of the checklist."""

    format: Literal["autodialer-modem-bench-1"]
    program: Annotated[str, Field(min_length=1)]
    at: str
    family: str
    model: str
    revision: str
    imei_body: Annotated[str, Field(pattern=r"^(\d\d)?$")]
    """The first two digits of the IMEI, who allotted it: 00 is a test equipment."""
    audio: str
    witnesses: tuple[Literal["module", "host"], ...]
    simulated: tuple[Sign, ...]
    steps: tuple[Step, ...]
    figures: Figures
    transcript: tuple[str, ...]

    @field_validator("at")
    @classmethod
    def _moment(cls, text: str) -> str:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("a moment without its zone")
        return text

    @model_validator(mode="after")
    def _whole(self) -> Report:
        if tuple(step.step for step in self.steps) != STEPS:
            raise ValueError("not the steps of the checklist, each once and in order")
        if self.imei_body == "00" and "test-imei" not in self.simulated:
            raise ValueError("the IMEI is a test equipment's and the report does not say so")
        texts = [self.model, self.revision, *self.transcript, *(step.detail for step in self.steps)]
        if any(set(run) != {"0"} for text in texts for run in _LONG.findall(text)):
            raise ValueError("a number that is not masked")
        return self

    @property
    def proves(self) -> bool:
        """Whether a real modem went through the whole checklist."""
        return not self.simulated and bool(self.transcript) and self.complete

    @property
    def complete(self) -> bool:
        """Whether no step failed, and none was passed over that every modem must pass."""
        return all(map(_holds, self.steps))


class ReportUnusable(ErrorWithRemedy, ValueError):
    """A file is no report."""


def read_report(file: Path) -> Report:
    """Return the report in *file*. Raises :class:`ReportUnusable`, OSError."""
    try:
        report = Report.model_validate_json(read_bounded(file, LARGEST))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "-"
        raise ReportUnusable(
            worded("{file}: {place}: {why}", file=file.name, place=place, why=first["msg"]),
            worded("run the checklist again: autodialer modem bench"),
        ) from error
    if not file.name.startswith(f"{report.family}-") or report.family not in FAMILIES:
        raise ReportUnusable(
            worded(
                "{file}: a report of the family {family} under another name",
                file=file.name,
                family=report.family,
            ),
            worded("name it FAMILY-MODEL-DATE.json"),
        )
    return report


def tiers(reports: Iterable[Report]) -> dict[str, str]:
    """Return what *reports* prove of each family: ``simulated`` or ``bench``."""
    proven = {report.family for report in reports if report.proves}
    return {name: "bench" if name in proven else "simulated" for name in FAMILIES}


def file_name(report: Report) -> str:
    """Return what the file is called in ``docs/bench/``."""
    model = re.sub(r"[^A-Za-z0-9]+", "_", report.model).strip("_") or "unknown"
    return f"{report.family}-{model}-{report.at[:10]}.json"


def without_numbers(text: object) -> str:
    """Return what a modem calls itself, with zeros for what could be its IMEI."""
    return _LONG.sub(lambda found: "0" * len(found[0]), str(text or ""))


def _holds(step: Step) -> bool:
    return step.verdict == "passed" or (step.verdict == "skipped" and step.step in MAY_BE_SKIPPED)
