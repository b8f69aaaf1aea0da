"""What the steps of the checklist came to. Pure: from events and a technician's answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.ledger_words import CAUSES
from appliance.selftest.bench_report import STEPS, Sign, Step, Verdict
from appliance.selftest.bench_transcript import masked
from appliance.selftest.result import heard_by
from appliance.selftest.state import Concluded
from firmware import events
from firmware.faults import Fault
from firmware.wording import worded

NOT_REACHED = worded("the checklist ended before this step")
PASSED_OVER = worded("the technician passed it over")
LOST = worded("the modem was gone in the middle of the call")
PLUG_IN = worded(
    "see to its plug, cable and supply, then run the checklist again: a report of this one is "
    "written, and proves nothing"
)
_GONE = (Fault.PORT_LOST, Fault.PORT_MISSING)


def was_lost(seen: Iterable[object]) -> bool:
    """Whether the modem was unplugged in what was *seen* of a call, or its port died."""
    return any(isinstance(event, events.LineFault) and event.fault in _GONE for event in seen)


def cut_short(steps: Iterable[Step]) -> list[Step]:
    """Return the *steps* of a call whose modem was lost: the first that did not pass is the one
    that was lost, and says so; what would have come after it says nothing of the modem."""
    found: list[Step] = []
    lost = False
    for step in steps:
        if step.verdict == "passed":
            found.append(step)
        else:
            found.append(
                skipped(step.step, NOT_REACHED) if lost else _step(step.step, "failed", LOST)
            )
            lost = True
    return found


def signs(
    *, imei: str | None, device: str, is_device: bool, bench: bool, speed: float, fiction: bool
) -> tuple[Sign, ...]:
    """Return why this is no real call on a real modem; nothing where it seems one.

    *device* is the port with its links followed. The simulator's IMEIs begin with 00, which no
    equipment on sale has: it is allotted for tests (3GPP TS 23.003, GSMA TS.06).
    """
    found: list[Sign] = []
    if not imei:
        found.append("no-imei")
    elif imei.startswith("00"):
        found.append("test-imei")
    if device.startswith("/dev/pts/"):
        found.append("pty")
    elif not is_device:
        found.append("no-device")
    if bench:
        found.append("bench-line")
    if speed != 1.0:
        found.append("speed")
    if fiction:
        found.append("fiction-number")
    return tuple(found)


def asked(step: str, answer: bool | None, why: str) -> Step:
    """Return the verdict of a technician, who may pass a question over; *why* tells a no."""
    if answer is None:
        return _step(step, "skipped", PASSED_OVER)
    return _step(step, "passed" if answer else "failed", "" if answer else why)


def identity(line: dict[str, Any], configured: str) -> Step:
    """Return whether the modem said who it is; its family is to be told by that, not *configured*,
    or a wrong setting would prove a family that the modem is not of."""
    if configured != "auto":
        return _step("identity", "failed", worded("the configuration names the family: write auto"))
    missing = [name for name in ("model", "imei", "iccid") if not line.get(name)]
    told = worded("not told: {names}", names=", ".join(missing)) if missing else ""
    return _step("identity", "failed" if missing else "passed", told)


def registration(line: dict[str, Any]) -> Step:
    """Return whether the network took the modem and is heard; the line was ready before."""
    signal = line.get("signal")
    if signal is None:
        return _step("registration", "failed", worded("the modem tells no signal"))
    return _step("registration", "passed", worded("signal {signal} dBm", signal=signal))


def answer(test: Concluded) -> Step:
    """Return whether the network's own notice told of the answer."""
    evidence = test.facts.answer
    if test.facts.answered_at is None or evidence is None:
        return _step("answer", "failed", worded("nothing told that somebody answered"))
    if evidence.startswith("key "):
        return _step("answer", "failed", worded("only a key told that somebody answered"))
    return _step("answer", "passed", evidence)


def keys(test: Concluded, witnesses: Iterable[events.Witness]) -> list[Step]:
    """Return whether each key was heard: by anybody, by the module, in the sound."""
    wanted = ", ".join(test.missing)
    whole = worded("not heard by anybody: {names}", names=wanted) if wanted else ""
    found = [_step("keys", "failed" if wanted else "passed", whole)]
    there = set(witnesses)
    for step, witness in (
        ("keys_module", events.Witness.MODULE),
        ("keys_sound", events.Witness.HOST),
    ):
        deaf = [key for key in test.call.keys if witness.value not in heard_by(test, key)]
        if not deaf:
            found.append(_step(step, "passed"))
        elif witness in there or len(deaf) < len(test.call.keys):
            names = ", ".join(deaf)
            found.append(_step(step, "failed", worded("not heard: {names}", names=names)))
        else:
            found.append(_step(step, "skipped", worded("the line has no such witness")))
    return found


def box_hung_up(test: Concluded, end: events.Ended | None) -> Step:
    """Return whether the call ended because the box ended it."""
    if end is None or not test.confirmed:
        return _step("hang_up_box", "failed", worded("the end was not confirmed"))
    if end.cause is not events.Cause.LOCAL_HANG_UP:
        return _step(
            "hang_up_box",
            "failed",
            worded("how it ended: {cause}", cause=worded(CAUSES[end.cause])),
        )
    return _step("hang_up_box", "passed", end.evidence)


def phone_hung_up(test: Concluded, end: events.Ended | None) -> Step:
    """Return whether a hang-up of the phone, after it answered, was told as one."""
    if test.facts.answered_at is None:
        return _step("hang_up_phone", "failed", worded("nobody answered"))
    if end is None or end.cause is not events.Cause.REMOTE_HANG_UP:
        cause = "-" if end is None else worded(CAUSES[end.cause])
        return _step("hang_up_phone", "failed", worded("how it ended: {cause}", cause=cause))
    return _step("hang_up_phone", "passed", end.evidence)


def call_list(tests: Iterable[Concluded]) -> Step:
    """Return whether the modem's call list was read empty after every call."""
    told = [test.confirmed for test in tests]
    if not told:
        return _step("call_list", "skipped", NOT_REACHED)
    if all(told):
        return _step("call_list", "passed")
    return _step("call_list", "failed", worded("after a call it was not read empty"))


def replug(
    seen: Iterable[events.LineFault | events.LineReady], imei: str | None
) -> tuple[Step, float | None]:
    """Return whether the line went with its plug and came back as the same modem, and how soon."""
    gone: float | None = None
    for event in seen:
        if isinstance(event, events.LineFault):
            if gone is None and event.fault in _GONE:
                gone = event.at
        elif gone is not None:
            if event.imei != imei:
                return _step("replug", "failed", worded("another modem came back")), None
            return _step("replug", "passed"), event.at - gone
    if gone is None:
        return _step("replug", "failed", worded("the loss of the port was not noticed")), None
    return _step("replug", "failed", worded("the line did not come back")), None


def key_delays(seen: Iterable[events.Event]) -> dict[str, int]:
    """Return by key how much later the second witness heard it, in milliseconds."""
    first: dict[str, float] = {}
    delays: dict[str, int] = {}
    for event in seen:
        if isinstance(event, events.KeyHeard):
            first.setdefault(event.key, event.at)
        elif isinstance(event, events.KeyConfirmed) and event.key in first:
            delays.setdefault(event.key, round(1000 * (event.at - first[event.key])))
    return delays


def whole(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return every step of the checklist; what never came is skipped, and says so."""
    done = {step.step: step for step in steps}
    return tuple(done.get(name) or _step(name, "skipped", NOT_REACHED) for name in STEPS)


def failed(step: str, why: str) -> Step:
    """Return a step that failed because of *why*."""
    return _step(step, "failed", why)


def skipped(step: str, why: str = PASSED_OVER) -> Step:
    """Return a step that was not made because of *why*."""
    return _step(step, "skipped", why)


def passed(step: str, detail: str = "") -> Step:
    """Return a step that passed."""
    return _step(step, "passed", detail)


def _step(step: str, verdict: Verdict, detail: str = "") -> Step:
    clean = masked(detail)
    # Unchanged it stays a message, which can be said in the technician's language.
    return Step(step=step, verdict=verdict, detail=detail if clean == detail else clean)
