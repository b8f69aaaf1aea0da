"""What a technician may ask of a box, by name: the same whether it runs or not.

Each operation takes plain JSON arguments and returns plain JSON. A running box performs it in its
decision loop, between two steps; otherwise the command opens the state itself and performs it
there. Refusals are :class:`~appliance.errors.Refused`.

Long because the table of all operations stands here, with what a running box answers beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from appliance.box.box import Box
from appliance.box.lamps import BoxFacts, faults, lamps
from appliance.call.state import AttemptState, Concluded, progress
from appliance.campaign import inputs
from appliance.clearance.circumstances import Circumstances, longest_call
from appliance.control import acceptance, clock_operations
from appliance.control.job import Job
from appliance.control.kept_withdrawals import withdraw_kept
from appliance.control.message_operations import MessageOperations
from appliance.control.people_operations import PeopleOperations
from appliance.control.provisioned_folders import Folders
from appliance.control.update_hold import UpdateHold
from appliance.errors import Refused
from appliance.model import Consent, Contact, Decision, History, utc_text
from appliance.numbers import hash_number, mask, said_by_a_person
from appliance.selftest import result as selftest_result
from firmware.events import StopRaised
from firmware.gpio.lamp import describe
from firmware.wording import worded

QUEUE = 8
"""People of the queue that a status names."""
TOLD = ("outcome", "key", "cause", "reason", "by", "fault", "source")
"""What a status tells of a row: the first of these that it has."""


class Fingers(Protocol):
    """A simulated panel's buttons."""

    def press_stop(self) -> None: ...

    def release_stop(self) -> None: ...

    def press_start(self, seconds: float = 0.2) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What only a running box has; the defaults stand for a box that does not run."""

    running: bool = False
    describe_line: Callable[[str], Mapping[str, object]] | None = None
    fingers: Fingers | None = None
    fleet: Callable[[], dict[str, Any]] | None = None
    """How the box stands to headquarters, where it belongs to a fleet."""
    host: Callable[[], list[dict[str, object]]] | None = None
    """What ails the computer."""
    go_on_anew: Callable[[], None] | None = None
    """Ends the box between two calls, so that it starts with its new configuration."""


class Operations:
    """The operations of one box."""

    def __init__(self, box: Box, surroundings: Surroundings | None = None) -> None:
        self._box = box
        self._around = surroundings or Surroundings()
        self._messages = MessageOperations(box)
        self._people = PeopleOperations(box, self._messages)
        self._table: dict[str, Callable[[dict[str, Any]], Any]] = {
            "status": self._status,
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
            "reset": self._reset,
            "why": self._why,
            "panel": self._panel,
            "clock": self._clock,
            "clock.correct": self._correct_clock,
            "contacts.import": self._people.import_file,
            "contacts.export": self._people.export,
            "contacts.list": self._people.list,
            "contacts.zones": self._people.zones,
            "contacts.revoke": self._people.revoke,
            "contacts.revoke_all": self._people.revoke_all,
            "contacts.erase": self._people.erase,
            "contacts.expire": self._people.expire,
            "messages.list": self._messages.all,
            "messages.show": self._messages.show,
            "messages.delete": self._messages.delete,
            "dossier": self._people.dossier,
            "delivered": self._people.delivered,
            "provision.told": self._provision_told,
            "update.hold": self._update_hold,
            "update.release": self._update_release,
        }
        self.folders = Folders(box)
        self.update = UpdateHold(box)

    def perform(
        self,
        name: str,
        arguments: dict[str, Any],
        told: Callable[[float], None] | None = None,
    ) -> Any:
        """Perform one operation to its end; raises :class:`~appliance.errors.Refused`.

        *told* hears the share that is done of an operation that takes long.
        """
        outcome = self.begin(name, arguments)
        return outcome.run(told) if isinstance(outcome, Job) else outcome

    def begin(self, name: str, arguments: dict[str, Any]) -> Any:
        """Perform one operation, or return the :class:`Job` that does; raises as above."""
        operation = self._table.get(name)
        if operation is None:
            raise Refused(
                worded("{name!r} is not an operation", name=name),
                worded("is the box of another version?"),
            )
        return operation(arguments)

    def withdraw_kept(self) -> Job:
        """Begin to withdraw whom a stick named while no box could write it down."""
        return Job(withdraw_kept(self._box.state.directory, self._people.revoke_all))

    def keep_house(self) -> None:
        """Do a little of what is due once a day; between two steps of a running box."""
        self._people.keep_house()

    # --- the running box ---------------------------------------------------------------------

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        box, engine = self._box, self._box.engine
        now = box.now()
        idle = engine.why_idle(now)
        campaign = engine.state
        facts = self.facts()
        seq, digest = box.state.ledger.head
        return {
            "box": box.config.settings.box.name,
            "running": self._around.running,
            "bench": box.config.bench,
            "mode": box.config.settings.campaign.mode,
            "clock": {"utc": utc_text(now.utc), "trusted": now.trusted, "source": now.source},
            "language": box.config.settings.language,
            "timezone": str(box.config.settings.law.timezone),
            "stopped": campaign.stopped,
            "stop_contact_open": engine.stop_contact_open,
            "paused": campaign.paused,
            "why": {
                "code": idle.code,
                "sentence": idle.sentence,
                "next_at": None if idle.next_at is None else utc_text(idle.next_at),
            }
            if self._around.running
            else {"code": "off", "sentence": worded("The box is not running."), "next_at": None},
            "lines": [self._line(line.name) for line in box.config.settings.lines],
            "people": len(box.state.registry),
            "waiting": engine.planned,
            "attempts": campaign.authorised,
            "outcomes": {
                outcome.value: count for outcome, count in campaign.outcomes.items() if count
            },
            "refusals": dict(engine.refusals),
            "lamps": {lamp.value: describe(pattern) for lamp, pattern in lamps(facts).items()},
            "faults": [
                {"code": fault.name.lower(), "meaning": fault.meaning, "remedy": fault.remedy}
                for fault in faults(facts)
            ]
            if self._around.running
            else [],
            "messages": self._messages.facts(),
            "queue": self._queue(),
            "recent": [
                {
                    "at": utc_text(entry.at),
                    "kind": entry.kind,
                    "subject": entry.subject,
                    "line": entry.data.get("line"),
                    "detail": next(
                        (str(entry.data[key]) for key in TOLD if entry.data.get(key)), None
                    ),
                }
                for entry in self._box.recent
            ],
            "ledger": {"seq": seq, "hash": digest},
            **({} if self._around.fleet is None else {"fleet": self._around.fleet()}),
            "doubts": [
                {"code": doubt.code, "detail": doubt.detail, "remedy": doubt.remedy}
                for doubt in engine.doubts.all()
            ],
            "remarks": list(box.state.remarks),
            "host": [] if self._around.host is None else self._around.host(),
        }

    def _queue(self) -> list[dict[str, Any]]:
        """Who is likely called next, masked, and from when."""
        people = self._box.people
        rows = []
        for subject, opens, attempts in self._box.engine.upcoming(QUEUE):
            contact = people.contact(subject)
            rows.append(
                {
                    "subject": subject,
                    "number": None if contact is None else mask(contact.number),
                    "opens": utc_text(opens),
                    "attempts": attempts,
                }
            )
        return rows

    def facts(self) -> BoxFacts:
        """Return what the lamps depend on."""
        engine = self._box.engine
        now = self._box.now()
        idle = engine.why_idle(now)
        calls = list(engine.calls.values())
        talking = sum(_answered(call) for call in calls)
        talking += sum(
            call.facts.answered_at is not None for call in engine.incoming_calls.values()
        )
        # Hung up is neither: the lamp goes dark as soon as the callee is free.
        dialling = sum(progress(call) in ("dialling", "ringing") for call in calls)
        fleet = {} if self._around.fleet is None else self._around.fleet()
        return BoxFacts(
            lines=len(self._box.config.settings.lines),
            lines_ready=len(engine.ready_lines),
            lines_out=sum(fault.final for fault in engine.line_faults.values()),
            dialling=dialling,
            talking=talking,
            paused=engine.state.paused,
            awaiting_press=idle.code == "press",
            done=idle.code == "done",
            stopped=engine.state.stopped or engine.stop_contact_open,
            clock_trusted=now.trusted,
            storage_ok=engine.storage_failure is None
            and not any(doubt.is_storage for doubt in engine.doubts.all()),
            host_ok=not any(
                doubt.is_host and not doubt.is_storage for doubt in engine.doubts.all()
            ),
            state_ok=not any(doubt.is_fault for doubt in engine.doubts.all()),
            law_refuses=self._law_refuses(),
            audio_ok=engine.audio_ok,
            panel_ok=engine.panel_ok,
            provisioned=self.folders.shown(),
            updated=self.update.shown(),
            fleet_barred=bool(fleet.get("barred")),
            fleet_unheard=bool(fleet.get("objections_unsent")) and not fleet.get("connected"),
        )

    def _law_refuses(self) -> bool:
        """Whether the numbering gate forbids every call of this box."""
        bench = any(line.bench for line in self._box.config.settings.lines)
        return any(not one.allowed for one in self._box.config.rules.caller_verdicts(bench))

    def _line(self, name: str) -> dict[str, Any]:
        engine = self._box.engine
        call = engine.calls.get(name)
        caller = engine.incoming_calls.get(name)
        fault = engine.line_faults.get(name)
        described = self._around.describe_line(name) if self._around.describe_line else {}
        tests = selftest_result.load(self._box.state.directory)
        now = self._box.now()
        limit = engine.line_limit(name, now)
        return {
            "name": name,
            "used": engine.state.usage.used(name, now.utc),
            "limit": None
            if limit is None
            else {
                "limit": limit.limit,
                "detail": limit.detail,
                "until": utc_text(limit.until),
            },
            "ready": name in engine.ready_lines,
            "call": None if call is None else progress(call),
            "attempt": None if call is None else call.call.attempt,
            "incoming": None if caller is None else progress(caller),
            "fault": None
            if fault is None
            else {
                "code": fault.fault,
                "detail": fault.detail,
                "remedy": fault.remedy,
                "final": fault.final,
            },
            "modem": dict(described),
            "selftest": selftest_result.of_line(tests, name, described.get("iccid")),
        }

    def _pause(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self._box.take([inputs.Pause(by=_said(arguments, "by", "command"))])
        self._must_be_recorded(worded("the pause"))
        return {"paused": self._box.engine.state.paused}

    def _resume(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._box.engine.state.stopped:
            raise Refused(
                worded("the emergency stop is latched"),
                worded("release it first: autodialer reset --by --reason"),
            )
        self._box.take([inputs.Resume(by=_said(arguments, "by", "command"))])
        self._must_be_recorded(worded("the resumption"))
        return {"paused": self._box.engine.state.paused}

    def _stop(self, _: dict[str, Any]) -> dict[str, Any]:
        self._box.stop_everything()
        now = self._box.now()
        self._box.take([StopRaised(at=now.monotonic, source="command")])
        self._must_be_recorded(
            worded("every line was hung up, but the latch that outlasts a restart")
        )
        return {"stopped": self._box.engine.state.stopped, "unreached": self.unreached()}

    def unreached(self) -> list[dict[str, Any]]:
        """Return the lines to which no hang-up could be written, as a stop has to say. Any
        thread."""
        described = self._around.describe_line
        if described is None:
            return []
        lines = [described(line.name) for line in self._box.config.settings.lines]
        return [
            {"line": line["name"], "port": line["port"], "in_call": line["call_doubtful"]}
            for line in lines
            if not line["reachable"]
        ]

    def _reset(self, arguments: dict[str, Any]) -> Any:
        """Release the stop or, where none is latched, accept what was lost: one thing at a time."""
        by, reason = _said(arguments, "by"), _said(arguments, "reason")
        if not self._box.engine.state.stopped and self._box.engine.doubts:
            refused = acceptance.refusal(self._box)
            if refused is not None:
                raise Refused(refused)
            return Job(acceptance.accept_steps(self._box, by, reason))
        refusal = self._box.reset_refusal()
        if refusal is not None:
            raise Refused(refusal)
        self._box.take([inputs.Reset(by=by, reason=reason)])
        self._must_be_recorded(worded("the reset"))
        waits = self._box.engine.doubts.sentence
        return {"stopped": self._box.engine.state.stopped, "waits": waits}

    def _update_hold(self, _: dict[str, Any]) -> dict[str, Any]:
        """Begin no further call; returns how many are up, callers included."""
        if self._around.go_on_anew is None:
            raise Refused(worded("the box does not run, so nothing holds it"), worded("go on"))
        self.update.hold()
        engine = self._box.engine
        up = sum(not isinstance(call, Concluded) for call in engine.calls.values())
        return {"calls": up + len(engine.incoming_calls) + len(engine.unconfirmed_lines)}

    def _update_release(self, _: dict[str, Any]) -> dict[str, Any]:
        """Nothing is written any more: start anew, since a retired engine does not come back."""
        held = self.update.held
        if held and self._around.go_on_anew is not None:
            self._around.go_on_anew()
        return {"anew": held}

    def _provision_told(self, _: dict[str, Any]) -> Job:
        return Job(self._look_at_folder())

    def _look_at_folder(self) -> Generator[float | None, None, dict[str, Any]]:
        # Whoever brought it may have asked for this box in vain while it was starting.
        yield from withdraw_kept(self._box.state.directory, self._people.revoke_all)
        anew = self.folders.take()
        if anew and self._around.go_on_anew is not None:
            self._around.go_on_anew()
        return {"anew": anew}

    def _clock(self, _: dict[str, Any]) -> dict[str, Any]:
        return clock_operations.report(self._box, self._around.describe_line)

    def _correct_clock(self, arguments: dict[str, Any]) -> dict[str, Any]:
        by, reason = _said(arguments, "by"), _said(arguments, "reason")
        describe = self._around.describe_line
        return clock_operations.correct(self._box, describe, by=by, reason=reason)

    def _must_be_recorded(self, what: str) -> None:
        """Refuse to call done what a restart would not know of."""
        failure = self._box.engine.storage_failure
        if failure is not None:
            raise Refused(worded("{what} could not be recorded", what=what), failure)

    def _panel(self, arguments: dict[str, Any]) -> dict[str, Any]:
        fingers = self._around.fingers
        if fingers is None:
            raise Refused(
                worded("this box has no simulated panel"), worded("press the real button")
            )
        press = _text(arguments, "press")
        if press == "stop":
            fingers.press_stop()
        elif press == "stop-release":
            fingers.release_stop()
        elif press == "start":
            fingers.press_start()
        elif press == "start-long":
            fingers.press_start(2.0)
        elif press == "start-reset":
            fingers.press_start(5.5)
        else:
            raise Refused(
                worded("{press!r} is not a button", press=press),
                worded("stop, stop-release, start, start-long, start-reset"),
            )
        return {"pressed": press}

    # --- one person --------------------------------------------------------------------------

    def _why(self, arguments: dict[str, Any]) -> dict[str, Any]:
        number = self._people.number(arguments)
        now = self._box.now()
        at = arguments.get("at")
        if at is not None:
            asked = datetime.fromisoformat(str(at))
            now = type(now)(
                monotonic=now.monotonic,
                utc=asked.astimezone(UTC),
                trusted=True,
                source=worded("asked for this time"),
            )
        registry = self._box.state.registry
        contact = registry.by_number(number)
        if contact is None:
            number_hash = hash_number(registry.number_key, number)
            revoked = self._box.engine.state.history("", number_hash).revocation
            if revoked is None:
                reason = worded("This number is not in the registry: nobody with it gave consent.")
            else:
                day = f"{revoked.at:%Y-%m-%d}"
                reason = (
                    worded("This number was forgotten on {day} and is in no registry.", day=day)
                    if revoked.by == "erased"
                    else worded("This number objected on {day} and is in no registry.", day=day)
                )
            return {
                "number": mask(number),
                "known": False,
                "timezone": str(self._box.config.settings.law.timezone),
                "may_be_called": False,
                "at": utc_text(now.utc),
                "verdicts": [{"rule": "consent", "allowed": False, "reason": reason}],
                "next_chance": None,
            }
        consents = registry.consents(contact.subject)
        history = self._box.engine.state.history(contact.subject, contact.number_hash)
        decision = self._decide(contact, consents, history, now, timeless=at is not None)
        chance = decision.next_chance
        place = self._box.config.rules.place(contact.number, contact.timezone)
        return {
            "number": mask(number),
            "known": True,
            "subject": contact.subject,
            "timezone": contact.timezone,
            "territories": [] if place is None else sorted(place.territories),
            "at": utc_text(now.utc),
            "may_be_called": not decision.refusals,
            "verdicts": [
                {
                    "rule": verdict.rule,
                    "allowed": verdict.allowed,
                    "reason": verdict.reason,
                    "until": None if verdict.until is None else utc_text(verdict.until),
                }
                for verdict in decision.verdicts
            ],
            "next_chance": None
            if chance is None
            else {"start": utc_text(chance.start), "end": utc_text(chance.end)},
            "attempts": len(history.attempts),
        }

    def _decide(
        self,
        contact: Contact,
        consents: tuple[Consent, ...],
        history: History,
        now: Any,
        *,
        timeless: bool,
    ) -> Decision:
        """Ask the gate as the engine would; a question about another time is not about the box."""
        engine, campaign = self._box.engine, self._box.config.campaign
        bench = any(line.bench for line in self._box.config.settings.lines)
        call_seconds = longest_call(campaign.script(contact.language), campaign.timers)
        if timeless:
            best = Circumstances.at_best(now, bench=bench, call_seconds=call_seconds)
            circumstances = replace(best, storage_ok=engine.storage_failure is None)
        else:
            circumstances = engine.circumstances(
                now,
                bench=bench,
                call_seconds=call_seconds,
                line_ready=not self._around.running or bool(engine.ready_lines),
                number=contact.number,
            )
        return self._box.gate.decide(contact, consents, history, circumstances)


def _answered(call: AttemptState) -> bool:
    return progress(call) not in ("dialling", "ringing", "hanging up", "concluded")


def _text(arguments: dict[str, Any], name: str, default: str | None = None) -> str:
    value = arguments.get(name, default)
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise Refused(worded("{name} is missing or not a short text", name=name))
    return value.strip()


def _said(arguments: dict[str, Any], name: str, default: str | None = None) -> str:
    return said_by_a_person(_text(arguments, name, default))
