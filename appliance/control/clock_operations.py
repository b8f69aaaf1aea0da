"""``clock`` and ``clock correct``: what the clock is believed for, and the way back for time that
ran ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from appliance.box.box import Box
from appliance.box.calendar_clock import time_zone_database
from appliance.box.clock import BUILD_FLOOR, ask_about_kernel, judge
from appliance.box.clock_sources import read_all
from appliance.effects import Record
from appliance.errors import Refused
from appliance.model import utc_text
from firmware.kernel_clock import boot_id, since_boot
from firmware.wording import worded

DescribeLine = Callable[[str], Mapping[str, object]]


def report(box: Box, describe: DescribeLine | None) -> dict[str, Any]:
    """Return the time, whether it is believed, and what each witness says."""
    now = box.now()
    told: dict[str, Any] = {
        "utc": utc_text(now.utc),
        "trusted": now.trusted,
        "source": now.source,
        "sources": list(box.config.settings.clock.sources),
        "floor": utc_text(max(box.state.floor, BUILD_FLOOR)),
        "time_zones": time_zone_database(),
        "witnesses": [],
        "synchronised": None,
    }
    if box.config.simulated_start is not None:
        return told
    readings = read_all(_lines(box, describe), now.monotonic, box.state.campaign.clock_word)
    kernel = ask_about_kernel()
    told["synchronised"] = readings.ntp
    told["kernel_answers"] = kernel is not None
    told["witnesses"] = [
        {
            "kind": witness.kind.value,
            "name": witness.name,
            "operator": witness.operator,
            "title": witness.title,
            "utc": utc_text(witness.at),
            "ahead_seconds": round((witness.at - readings.utc).total_seconds(), 1),
        }
        for witness in readings.heard()
    ]
    return told


def correct(box: Box, describe: DescribeLine | None, *, by: str, reason: str) -> dict[str, Any]:
    """Record a person's word that the clock is right now, and forget that time once ran ahead.

    Consents, attempts and objections keep the times that were written down: whoever was called or
    objected in the time that ran ahead is left alone until that time has come.
    """
    now = box.now()
    if box.config.simulated_start is not None:
        raise Refused(
            worded("the clock of this bench is simulated"),
            worded("clock.simulated_start says where it begins"),
        )
    if now.utc < BUILD_FLOOR:
        raise Refused(
            worded(
                "the clock shows {utc} UTC, before this software was built",
                utc=f"{now.utc:%Y-%m-%d %H:%M}",
            ),
            worded('set it first: date --set "2026-12-31 18:00"'),
        )
    before = box.state.floor
    data = {
        "by": by,
        "reason": reason,
        "was": utc_text(before),
        "boot": boot_id(),
        "since_boot": round(since_boot(), 3),
    }
    box.note([Record(kind="clock.corrected", data=data)])
    failure = box.engine.storage_failure
    if failure is not None:
        raise Refused(worded("the correction could not be recorded"), failure)
    # Judged anew: the loop's own judgement may be a second old.
    readings = read_all(_lines(box, describe), now.monotonic, box.state.campaign.clock_word)
    after = judge(readings, box.config.settings.clock.sources, box.state.floor)
    return {
        "utc": utc_text(now.utc),
        "was": utc_text(before),
        "trusted": after.trusted,
        "source": after.source,
    }


def _lines(box: Box, describe: DescribeLine | None) -> list[Mapping[str, object]]:
    return [describe(line.name) for line in box.config.settings.lines] if describe else []
