"""What a person calls that which the ledger writes as an id: one table a kind of id.

The ledger, JSON and tables for spreadsheets keep the ids; pages, letters and screens say these
messages in their reader's language. What the law's rules say comes from their profile, whose
sentences are messages too. ``tests/appliance/test_ledger_words.py`` finds each id in the code that
writes it, so that a new one has to be named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.language import Translate, marked
from firmware.faults import Fault


class RuleWords:
    """A rule of the box itself.

    Neither a dataclass nor a named tuple, and the tables below are keyed by the plain words of the
    enumerations: `status` shows these names, and would wait for all that makes the others.
    """

    __slots__ = ("allowed", "name", "refused")

    def __init__(self, name: str, allowed: str, refused: str) -> None:
        self.name = name
        self.allowed = allowed
        """What was so where it let a call through."""
        self.refused = refused
        """What was so where it did not."""


RULES: dict[str, RuleWords] = {
    "stop": RuleWords(
        marked("emergency stop"),
        marked("the emergency stop was not pressed"),
        marked("the emergency stop was pressed"),
    ),
    "pause": RuleWords(
        marked("pause"), marked("the box was not paused"), marked("the box was paused")
    ),
    "clock": RuleWords(
        marked("clock"),
        marked("the clock could be trusted"),
        marked("the clock could not be trusted"),
    ),
    "storage": RuleWords(
        marked("storage"),
        marked("the evidence could be written"),
        marked("the evidence could not be written, or waited for a person"),
    ),
    "line": RuleWords(marked("line"), marked("a line was ready"), marked("no line was ready")),
    "limit": RuleWords(
        marked("limits of the lines"),
        marked("the limits of the lines left room for a call"),
        marked("the limits of the lines were reached"),
    ),
    "attended": RuleWords(
        marked("who starts the call"),
        marked("the campaign runs by itself, or a person pressed start for this call"),
        marked("nobody pressed start for this call"),
    ),
    "number": RuleWords(
        marked("the number"),
        marked("the number may be dialled at all"),
        marked("the number may never be dialled"),
    ),
    "line_kind": RuleWords(
        marked("kind of line"),
        marked("the line is one for this kind of number"),
        marked("the line is not one for this kind of number"),
    ),
    "consent": RuleWords(
        marked("consent"),
        marked("a consent of this person for this purpose was live"),
        marked("no consent of this person for this purpose was live"),
    ),
    "zone": RuleWords(
        marked("time zone"),
        marked("the person's time zone was known"),
        marked("the person's time zone was not known"),
    ),
    "window": RuleWords(
        marked("chosen hours"),
        marked("it was within the hours that the person chose"),
        marked("it was outside the hours that the person chose"),
    ),
    "message": RuleWords(
        marked("text messages"),
        marked("no message of this person waited for a reader"),
        marked("a message of this person waited for a reader"),
    ),
    "in_call": RuleWords(
        marked("call under way"),
        marked("no other call to this person was under way"),
        marked("another call to this person was under way, or its end was not known"),
    ),
    "attempts": RuleWords(
        marked("attempts of the campaign"),
        marked("the campaign's own limit of calls was not reached"),
        marked("the campaign's own limit of calls was reached"),
    ),
    "fit": RuleWords(
        marked("time left"),
        marked("the whole call fitted into the hours left"),
        marked("the whole call did not fit into the hours left"),
    ),
    "fleet": RuleWords(
        marked("other boxes"),
        marked("no other box had this call"),
        marked("headquarters could not be asked, or did not allow this call"),
    ),
    "floor.attempts": RuleWords(
        marked("most calls in 30 days"),
        marked("fewer than 4 calls were made in the last 30 days"),
        marked("4 calls were made in the last 30 days"),
    ),
    "floor.busy": RuleWords(
        marked("rest after a busy line"),
        marked("the line had not been busy in the 15 minutes before"),
        marked("the line had been busy in the 15 minutes before"),
    ),
    "floor.pause": RuleWords(
        marked("rest after any call"),
        marked("no call had been made in the hour before"),
        marked("a call had been made in the hour before"),
    ),
    "floor.answered": RuleWords(
        marked("rest after an answered call"),
        marked("no call had been answered in the day before"),
        marked("a call had been answered in the day before"),
    ),
}
"""The box's own rules and the product's floor, by the name that verdicts and rows carry."""

OUTCOMES: dict[str, str] = {
    "listened": marked("listened"),
    "partial": marked("partial"),
    "declined": marked("declined"),
    "opted_out": marked("objected"),
    "voicemail": marked("voicemail"),
    "busy": marked("busy"),
    "no_answer": marked("no answer"),
    "rejected": marked("rejected"),
    "unreachable": marked("unreachable"),
    "failed": marked("failed"),
    "stopped": marked("stopped"),
    "unknown": marked("unknown"),
}
MEANINGS: dict[str, str] = {
    "listened": marked("pressed the key to listen and heard the whole message"),
    "partial": marked("pressed the key to listen and hung up during the message"),
    "declined": marked("answered and did not press the key to listen"),
    "opted_out": marked("pressed the key to object: never called again"),
    "voicemail": marked("a machine answered: it got no message"),
    "busy": marked("the phone was in use"),
    "no_answer": marked("nobody picked up"),
    "rejected": marked("the call was refused"),
    "unreachable": marked("switched off, no coverage, or no such number"),
    "failed": marked("a technical fault ended the call"),
    "stopped": marked("the emergency stop or the end of the program cut the call"),
    "unknown": marked("the power failed during the call: it counts as made"),
}
"""Each outcome in words for those who see it the first time."""

CAUSES: dict[str, str] = {
    "remote_hang_up": marked("the other side hung up"),
    "local_hang_up": marked("the box hung up"),
    "busy": marked("busy"),
    "no_answer": marked("no answer"),
    "rejected": marked("rejected"),
    "unreachable": marked("unreachable"),
    "failed": marked("technical fault"),
    "line_lost": marked("modem lost"),
    "emergency": marked("emergency stop"),
}
"""What the modem said of the end of a call."""

MACHINES: dict[str, str] = {
    "beep": marked("beep of an answering machine"),
    "fax": marked("fax"),
    "sit": marked("the network's announcement"),
    "ringback": marked("ringback after the answer"),
    "busy_tone": marked("busy tone"),
    "monologue": marked("long speech without a pause"),
}

WITNESSES: dict[str, str] = {
    "module": marked("heard by the modem"),
    "host": marked("heard by the box"),
}

FAULTS: dict[Fault, str] = {
    Fault.PORT_MISSING: marked("port-missing"),
    Fault.PORT_UNUSABLE: marked("port-unusable"),
    Fault.PORT_LOST: marked("port-lost"),
    Fault.NO_REPLY: marked("no-reply"),
    Fault.NO_MODEM: marked("no-modem"),
    Fault.WRONG_MODEM: marked("wrong-modem"),
    Fault.UNKNOWN_FAMILY: marked("unknown-family"),
    Fault.BRING_UP_FAILED: marked("bring-up-failed"),
    Fault.UNNAMED: marked("unnamed-modem"),
    Fault.NAMED_LATE: marked("named-late"),
    Fault.SIM_MISSING: marked("sim-missing"),
    Fault.SIM_FAILED: marked("sim-failed"),
    Fault.SIM_BUSY: marked("sim-busy"),
    Fault.SIM_LOCKED: marked("sim-locked"),
    Fault.SIM_PIN_MISSING: marked("sim-pin-missing"),
    Fault.SIM_PIN_INVALID: marked("sim-pin-invalid"),
    Fault.SIM_PIN_UNSAFE: marked("sim-pin-unsafe"),
    Fault.SIM_PIN_REFUSED: marked("sim-pin-refused"),
    Fault.SIM_PUK: marked("sim-puk"),
    Fault.NOT_REGISTERED: marked("not-registered"),
    Fault.REGISTRATION_DENIED: marked("registration-denied"),
    Fault.SMS_ONLY: marked("sms-only"),
    Fault.RESTARTED: marked("module-restarted"),
    Fault.RESETTING: marked("module-resetting"),
    Fault.POWER_LOW: marked("power-low"),
    Fault.AUDIO_UNUSABLE: marked("audio-unusable"),
    Fault.KEYS_UNHEARD: marked("keys-unheard"),
    Fault.HANG_UP_UNCONFIRMED: marked("hang-up-unconfirmed"),
    Fault.OUT_OF_SERVICE: marked("out-of-service"),
    Fault.INTERNAL: marked("internal-error"),
}
"""In English they are the codes themselves, by which the guide's table is searched."""

BY: dict[str, str] = {
    "key": marked("the key to object in a call"),
    "sms": marked("text message"),
    "incoming": marked("a call to the box"),
    "command": marked("command"),
    "provisioning": marked("a list on a stick"),
    "fleet": marked("another box or headquarters"),
    "erased": marked("erasure"),
    "retention": marked("end of the retention time"),
    "restored": marked("restored backup"),
    "panel": marked("the panel"),
    "start": marked("the start of the box"),
    "interruptions": marked("the box, after power cuts in calls"),
    "watch": marked("the screen"),
    "storage": marked("storage fault"),
    "technician": marked("technician"),
    "auditor": marked("the fleet's auditor"),
    "unknown": marked("unknown"),
    "button": marked("stop button"),
    "wire": marked("cut or unplugged stop wire"),
    "fault": marked("internal fault"),
    "supervisor": marked("the supervisor"),
    "demo": marked("demonstration"),
}
"""Who or what did it: ``by`` of a row, or its ``source``; of any other it is a person's name."""

KINDS: dict[str, str] = {
    "box.started": marked("box started"),
    "box.stopped": marked("box ended"),
    "config.loaded": marked("configuration read"),
    "clock.trusted": marked("clock trusted"),
    "clock.lost": marked("clock no longer trusted"),
    "clock.corrected": marked("clock corrected"),
    "key.noted": marked("key of the number hashes noted"),
    "consent.granted": marked("consent"),
    "consent.revoked": marked("objection"),
    "consent.lost": marked("consents lost"),
    "contact.erased": marked("person erased"),
    "contact.lost": marked("person lost"),
    "call.refused": marked("call refused by a rule"),
    "call.authorised": marked("call authorised"),
    "call.answered": marked("answered"),
    "call.key": marked("key pressed"),
    "call.ended": marked("call ended"),
    "call.restored": marked("broken call counted"),
    "incoming.answered": marked("caller answered"),
    "incoming.key": marked("key of a caller"),
    "incoming.ended": marked("call to the box ended"),
    "message.kept": marked("text message kept"),
    "message.read": marked("text message read"),
    "message.deleted": marked("text message deleted"),
    "stop.pressed": marked("EMERGENCY STOP"),
    "stop.reset": marked("stop reset"),
    "dialling.paused": marked("paused"),
    "dialling.resumed": marked("resumed"),
    "limit.reached": marked("limit reached"),
    "line.fault": marked("fault of a line"),
    "line.healed": marked("line healed"),
    "panel.pressed": marked("start pressed"),
    "panel.fault": marked("fault of the panel"),
    "panel.healed": marked("panel healed"),
    "provision.applied": marked("stick applied"),
    "provision.refused": marked("stick refused"),
    "fleet.claim_asked": marked("headquarters asked for a call"),
    "fleet.claim_refused": marked("call refused by headquarters"),
    "fleet.claim_unused": marked("permit of headquarters not used"),
    "fleet.attempt_elsewhere": marked("call by another box"),
    "fleet.objection": marked("objection passed on to headquarters"),
    "fleet.stopped": marked("stopped by headquarters"),
    "fleet.resumed": marked("resumed by headquarters"),
    "state.restored": marked("state restored from a backup"),
    "state.accepted": marked("loss accepted"),
}
"""Rows of the ledger, by their kind."""

LANGUAGES: dict[str, str] = {"en": marked("English"), "fr": marked("French")}
"""Languages of people; of another one its ISO code stands for itself."""

_DAYS = {
    "mon": marked("mon"),
    "tue": marked("tue"),
    "wed": marked("wed"),
    "thu": marked("thu"),
    "fri": marked("fri"),
    "sat": marked("sat"),
    "sun": marked("sun"),
}
_DAY = re.compile(rf"\b({'|'.join(_DAYS)})\b")


def rule_name(rule: str) -> str:
    """Return the message that names *rule*; a rule of a law profile keeps its name there."""
    words = RULES.get(rule)
    return rule if words is None else words.name


def rule_names(rules: Iterable[str], say: Translate) -> str:
    """Return *rules* in a row, in the language of *say*."""
    return ", ".join(say(rule_name(rule)) for rule in rules)


def done_by(by: str) -> str:
    """Return the message for *by*: of a person's name the name itself."""
    return BY.get(by, by)


def kind_name(kind: str) -> str:
    """Return the message for a row's *kind*; of one that only a newer box writes, the kind."""
    return KINDS.get(kind, kind)


def fault_name(code: str) -> str:
    """Return the message for a line's fault *code*."""
    try:
        return FAULTS[Fault(code)]
    except ValueError:
        return code


def detail_name(detail: str) -> str:
    """Return the message for the one value that a screen shows of a row: its cause, its fault or
    who did it; of any other the value itself."""
    return CAUSES.get(detail) or BY.get(detail) or fault_name(detail)


def hours(windows: str, say: Translate) -> str:
    """Return weekly *windows*, such as ``mon-fri 18:00-20:00``, with the days in the language."""
    return _DAY.sub(lambda day: say(_DAYS[day[1]]), windows)
