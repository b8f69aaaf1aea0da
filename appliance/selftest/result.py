"""What a self-test found: in words for the technician, and kept per SIM for ``doctor``.

``STATE/selftest.json`` maps a SIM (its ICCID, or the line's name where no command tells it) to
the newest result that says something. It holds no telephone number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.model import utc_text
from appliance.selftest.machine import KEYS
from appliance.selftest.state import Concluded
from appliance.storage.files import make_private_directory, replace_file
from firmware.events import LineReady, Witness
from firmware.json_text import parse_json
from firmware.wording import worded

if TYPE_CHECKING:
    # It imports numpy, which `status` can do without.
    from firmware.clips.levels import Levels

FILE = "selftest.json"
SILENT_DBFS = -60.0
"""Downlink below this is no line noise: nothing comes in at all."""
SLOW_SECONDS = 0.5
"""A greeting that starts later than this after the answer meets a callee who has hung up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """What came from the far end, where the path brings it to the host."""

    byte_count: int
    seconds: float
    """Box seconds from the first to the last byte."""
    levels: Levels | None
    """None where no sample came."""

    @property
    def bytes_per_second(self) -> float | None:
        return self.byte_count / self.seconds if self.seconds > 1 else None


def to_json(
    test: Concluded, line: LineReady, downlink: Downlink | None, at: datetime
) -> dict[str, Any]:
    """Return the result as it is kept; *downlink* is None where the path brings none."""
    levels = None if downlink is None else downlink.levels
    rate = None if downlink is None else downlink.bytes_per_second
    found: dict[str, Any] = {
        "at": utc_text(at),
        "line": line.line,
        "attempt": test.call.attempt,
        "family": line.family,
        "model": line.model,
        "imei": line.imei,
        "iccid": line.iccid,
        "audio": line.audio,
        "witnesses": [witness.value for witness in line.witnesses],
        "passed": passed(test),
        "conclusive": conclusive(test),
        "outcome": test.outcome.value,
        "answered": test.facts.answered_at is not None,
        "keys": {key: heard_by(test, key) for key in test.call.keys},
        "latency_ms": None if test.latency is None else round(test.latency * 1000),
        "downlink": None
        if downlink is None
        else {
            "bytes": downlink.byte_count,
            "bytes_per_second": None if rate is None else round(rate),
            "speech_dbfs": None if levels is None else round(levels.active_dbfs, 1),
            "peak_dbfs": None if levels is None else round(levels.peak_dbfs, 1),
        },
    }
    found["findings"] = findings(test, line, downlink)
    return found


def passed(test: Concluded) -> bool:
    """Whether the callee heard the clip and the box every key that it asks for."""
    return test.facts.answered_at is not None and not test.missing and test.confirmed


def conclusive(test: Concluded) -> bool:
    """Whether the test says anything of voice and keys: a person had the telephone to the ear and
    time to press, and neither a stop, the technician, the end of the window nor a fault of the
    line cut that short."""
    facts = test.facts
    if passed(test):
        return True
    if facts.answered_at is None or facts.machine is not None or not test.confirmed:
        return False
    return not _cut_short(test)


def _cut_short(test: Concluded) -> bool:
    facts = test.facts
    stopped = facts.stopped is not None or facts.withdrawn is not None
    return stopped or facts.hung_up_because == "window_end"


def heard_by(test: Concluded, key: str) -> list[str]:
    """Return who heard *key*, each witness once, the first to hear it first."""
    names: list[str] = []
    for heard in test.heard:
        if heard.key == key:
            names += [str(w) for w in (heard.witness, heard.confirmed_by) if w is not None]
    return list(dict.fromkeys(names))


def findings(test: Concluded, line: LineReady, downlink: Downlink | None) -> list[str]:
    """Return what is worth knowing, each with what to do, worst first."""
    said: list[str] = []
    facts = test.facts
    if facts.audio_failure is not None:
        said.append(worded("The voice failed: {audio_failure}.", audio_failure=facts.audio_failure))
    if facts.answered_at is None:
        said.append(worded("Nobody answered: nothing is known of voice and keys."))
        return said
    if _cut_short(test) and not passed(test):
        said.append(worded("The test was cut short and says nothing of voice and keys: repeat it."))
        return said
    if facts.machine is not None:
        said.append(
            worded(
                "A machine answered ({machine}): answer by hand and repeat.",
                machine=facts.machine.value,
            )
        )
    if not line.witnesses and not test.heard:
        said.append(
            worded("Nobody can hear keys on this line: give it a voice port or a sound card.")
        )
    elif not line.witnesses and not test.missing:
        said.append(
            worded("The module tells keys, which its family does not promise: this line may call.")
        )
    if line.audio == "none":
        said.append(worded("The line has no voice path: nothing was played."))
    if not test.heard:
        said.append(
            worded(
                "No key was heard. If the phone was silent, the voice does not reach it; if it "
                "was not, press the keys one after the other and repeat."
            )
        )
    elif test.missing:
        said.append(worded("Not heard by anybody: {names}.", names=", ".join(test.missing)))
    for witness in line.witnesses:
        deaf = [
            key
            for key in test.call.keys
            if key not in test.missing and str(witness) not in heard_by(test, key)
        ]
        if deaf:
            said.append(
                worded(
                    "The {witness} did not hear {names}, the other did.",
                    witness=witness.value,
                    names=", ".join(deaf),
                )
            )
    said += _of_downlink(downlink, line)
    latency = test.latency
    if latency is not None and latency > SLOW_SECONDS:
        said.append(
            worded(
                "The clip started {latency:.0f} ms after the answer: that is late.",
                latency=latency * 1000,
            )
        )
    if not test.confirmed:
        said.append(worded("The end of the call was not confirmed: see the line's fault."))
    return said


def _of_downlink(downlink: Downlink | None, line: LineReady) -> list[str]:
    if downlink is None:
        only = Witness.MODULE in line.witnesses
        return (
            [worded("The voice path brings no sound back: the module alone hears keys.")]
            if only
            else []
        )
    if downlink.levels is None:
        return [worded("Not one sample came from the far end: check the voice port.")]
    said = []
    if downlink.levels.peak_dbfs < SILENT_DBFS:
        said.append(worded("The far end was digitally silent: the voice comes in on another port."))
    rate = downlink.bytes_per_second
    if rate is not None and rate > 24000:
        said.append(worded("The module streams 16 kHz: keys cannot be heard; set it to 8 kHz."))
    return said


def stream_is_dead(test: Concluded, line: LineReady, downlink: Downlink | None) -> bool:
    """Whether the evidence is that the voice stream does not work, so that clips should be
    played by the module: the call was up, the clip ran to its end, and no key came of it."""
    if line.audio != "pcm-serial" or test.heard or not conclusive(test):
        return False
    nothing_came = downlink is not None and downlink.byte_count == 0
    return test.facts.introduced or nothing_came


def keep(directory: Path, found: Mapping[str, Any]) -> None:
    """Make a result the newest of its SIM, durably.

    One that says nothing (nobody answered, the test was cut short) does not replace one that does:
    that keeps its place, and gets the time of the vain test as ``vain_at``.
    """
    make_private_directory(directory)
    kept = load(directory)
    sim = str(found["iccid"] or found["line"])
    before = kept.get(sim)
    if before is not None and _says_something(before) and not _says_something(found):
        kept[sim] = before | {"vain_at": found["at"]}
    else:
        kept[sim] = dict(found)
    text = json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
    replace_file(directory / FILE, text.encode())


def _says_something(found: Mapping[str, Any]) -> bool:
    # Results of older versions only tell whether there was an answer.
    return found.get("conclusive", found.get("answered")) is not False


def load(directory: Path) -> dict[str, Any]:
    """Return the newest result of each SIM; nothing where the file is missing or damaged."""
    try:
        kept = parse_json((directory / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {key: value for key, value in kept.items() if isinstance(value, dict)}


def module_heard(kept: Mapping[str, Any], imei: str | None, audio: str) -> bool:
    """Whether the newest test of any SIM in the module *imei* had every key from the module.

    Tests that say nothing are passed over.
    """
    mine = [
        one
        for one in kept.values()
        if imei is not None and one.get("imei") == imei and _says_something(one)
    ]
    newest = max(mine, key=lambda one: str(one.get("at", "")), default=None)
    if newest is None or newest.get("audio") != audio or newest.get("passed") is not True:
        return False
    keys = newest.get("keys")
    # A file that lost some of its keys proves nothing.
    whole = isinstance(keys, dict) and len(keys) >= len(KEYS)
    return whole and all(Witness.MODULE.value in (heard or ()) for heard in keys.values())


def of_line(kept: Mapping[str, Any], line: str, iccid: object) -> dict[str, Any] | None:
    """Return the result of the SIM that *line* has, or had last where no SIM is known now."""
    if isinstance(iccid, str) and iccid:
        found = kept.get(iccid)
        return found if isinstance(found, dict) else None
    mine = [one for one in kept.values() if one.get("line") == line]
    return max(mine, key=lambda one: str(one.get("at", "")), default=None)
