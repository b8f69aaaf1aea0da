"""Who answers how, and what goes wrong: the scenario, as data.

Seconds are box seconds (they pass faster on a bench that runs faster than life), except where
:class:`Fault` says otherwise.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum, unique
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.simulator.network.clip_recognition import Recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPress:
    """A key that the callee presses.

    Exactly one of ``at`` (seconds after answering) and ``heard`` (seconds of audible sound that
    really arrived since answering) is set.
    """

    key: str
    at: float | None = None
    heard: float | None = None
    milliseconds: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person picks up ``after`` seconds of ringing.

    ``patience``: hangs up after so many seconds in a row without any audible sound.
    """

    rings_in: float = 2.0
    after: float = 3.0
    keys: tuple[KeyPress, ...] = ()
    hangs_up_after: float | None = None
    hangs_up_heard: float | None = None
    speaks: Path | None = None
    patience: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """The far phone is in use; the network says so ``after`` seconds."""

    after: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """It rings; the network gives up after ``gives_up_after`` seconds of ringing, or never."""

    rings_in: float = 2.0
    gives_up_after: float | None = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """It rings and the callee refuses the call ``after`` seconds of ringing."""

    rings_in: float = 2.0
    after: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No phone rings; the network ends the call ``after`` seconds with a 24.008 ``cause``."""

    after: float = 3.0
    cause: int = 27


@dataclass(frozen=True, slots=True, kw_only=True)
class Voicemail:
    """A machine picks up, speaks, beeps and records for ``records`` seconds."""

    rings_in: float = 2.0
    after: float = 12.0
    speaks: Path | None = None
    records: float = 60.0


Outcome = Answer | Busy | NoAnswer | Reject | Unreachable | Voicemail


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """One choice of a mix."""

    weight: float
    behaviour: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A seeded choice, made anew for each call from the seed, the number and the call's count."""

    choices: tuple[Weighted, ...]


Behaviour = Outcome | Mix


@unique
class FaultKind(StrEnum):
    """What can go wrong. The user's page ``docs/scenario.md`` says what each one does."""

    # The wire.
    DROP_REPLIES = "drop_replies"
    DELAY_REPLIES = "delay_replies"
    REFUSE = "refuse"
    ECHO = "echo"
    GARBAGE_BYTES = "garbage_bytes"
    SPLIT_LINES = "split_lines"
    DEAF = "deaf"
    DEAD = "dead"
    # The call.
    FALSE_ANSWER = "false_answer"
    LATE_OK = "late_ok"
    NO_OK = "no_ok"
    NOTICES_BEFORE_OK = "notices_before_ok"
    IGNORE_HANG_UP = "ignore_hang_up"
    DIAL_ERROR = "dial_error"
    NEVER_ALERTING = "never_alerting"
    PLAIN_RELEASE = "plain_release"
    LOST_NOTICES = "lost_notices"
    DOUBLE_NOTICES = "double_notices"
    INCOMING_AFTER_END = "incoming_after_end"
    EMPTY_LIST = "empty_list"
    NEW_CALL_ID = "new_call_id"
    LATE_RESULT = "late_result"
    WRONG_END_WORD = "wrong_end_word"
    STALE_CAUSE = "stale_cause"
    END_BEFORE_WORD = "end_before_word"
    WORD_IN_TEXT = "word_in_text"
    # Ears and voice.
    NO_KEY_NOTICES = "no_key_notices"
    LATE_KEY_NOTICES = "late_key_notices"
    NO_KEY_TONES = "no_key_tones"
    UPLINK_DEAD = "uplink_dead"
    AUDIO_ROT = "audio_rot"
    AUDIO_STOPS = "audio_stops"
    # Power, USB, SIM, network.
    USB_LOSS = "usb_loss"
    RESET = "reset"
    UNDERVOLTAGE = "undervoltage"
    SIM_BUSY = "sim_busy"
    SIM_REMOVED = "sim_removed"
    NO_NETWORK = "no_network"
    SMS_ONLY = "sms_only"
    MALFORMED_CREG = "malformed_creg"
    NOT_SUPPORT = "not_support"


DEFAULT_SECONDS: dict[FaultKind, float] = {
    FaultKind.DELAY_REPLIES: 1.0,
    FaultKind.DEAF: 5.0,
    FaultKind.LATE_OK: 1.0,
    FaultKind.LATE_RESULT: 8.0,
    FaultKind.NEW_CALL_ID: 1.2,
    FaultKind.LATE_KEY_NOTICES: 1.0,
    FaultKind.USB_LOSS: 5.0,
    FaultKind.SIM_BUSY: 5.0,
    FaultKind.NO_NETWORK: 20.0,
    FaultKind.SMS_ONLY: 20.0,
}
"""How long a fault lasts where the scenario does not say; the others last for ever."""

REAL_SECONDS = frozenset(
    {FaultKind.DELAY_REPLIES, FaultKind.DEAF, FaultKind.LATE_OK, FaultKind.LATE_RESULT}
)
"""Faults of the wire are counted in real seconds: so are a driver's command deadlines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    In a number's list it acts during calls to that number (only the ``call``-th where given). In
    a line's list it acts on the line's ``call``-th call, or from ``at`` seconds after the start,
    or always. ``after`` waits from then on. ``times`` bounds how often it acts.
    """

    kind: FaultKind
    call: int | None = None
    at: float | None = None
    after: float = 0.0
    seconds: float | None = None
    times: int | None = None
    command: str | None = None
    chance: float = 1.0

    @property
    def lasts(self) -> float | None:
        return self.seconds if self.seconds is not None else DEFAULT_SECONDS.get(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """What happens to calls to one number, or to all that a pattern with ``*`` matches.

    ``behaviours`` serve the first call, the second, and so on; the last one serves all later.
    """

    number: str
    behaviours: tuple[Behaviour, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall:
    """Somebody calls a line ``at`` seconds after the start; ``number`` None is withheld."""

    at: float
    number: str | None
    rings_for: float = 20.0
    caller: Answer = Answer(patience=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingSms:
    """A text message arrives ``at`` seconds after the start."""

    at: float
    number: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """The SIM card. ``pin`` None is a card that asks for none."""

    pin: str | None = None
    tries: int = 3
    puk: str = "12345678"
    puk_tries: int = 10
    inserted: bool = True
    iccid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineScenario:
    """What is particular to one line (counted from 1)."""

    line: int
    sim: SimSettings = SimSettings()
    imei: str | None = None
    signal: int = 16
    network_time: bool = True
    balance: str = "Credit 12.34 EUR"
    """What the network answers to a USSD code of the form ``*100#``."""
    reply_seconds: float = 0.0
    call_waiting: bool = False
    """A second caller waits during a call; otherwise they hear busy."""
    faults: tuple[Fault, ...] = ()
    incoming: tuple[IncomingCall, ...] = ()
    sms: tuple[IncomingSms, ...] = ()


_PRESSES_ONE = Answer(keys=(KeyPress(key="1", heard=2.0),))

DEFAULT_MIX = Mix(
    choices=(
        Weighted(weight=5, behaviour=_PRESSES_ONE),
        Weighted(weight=1, behaviour=Answer(hangs_up_after=12.0)),
        Weighted(weight=1, behaviour=Answer(keys=(KeyPress(key="9", heard=3.0),))),
        Weighted(weight=1, behaviour=Busy()),
        Weighted(weight=1, behaviour=NoAnswer()),
        Weighted(weight=1, behaviour=Reject()),
        Weighted(weight=1, behaviour=Unreachable()),
        Weighted(weight=1, behaviour=Voicemail()),
    )
)
"""What numbers do where there is no scenario at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a simulation follows; the same scenario and seed give the same calls."""

    seed: int = 0
    numbers: tuple[NumberRule, ...] = ()
    lines: tuple[LineScenario, ...] = ()

    def line(self, index: int) -> LineScenario:
        """Return what is said of line *index* (from 1), or a plain line."""
        for line in self.lines:
            if line.line == index:
                return line
        return LineScenario(line=index)


DEFAULT_SCENARIO = Scenario(numbers=(NumberRule(number="*", behaviours=(DEFAULT_MIX,)),))


def normalise(number: str) -> str:
    """Reduce a dialled number to digits with a leading ``+`` where it is international."""
    digits = "".join(c for c in number if c.isdigit() or c in "*#")
    if number.strip().startswith("+"):
        return "+" + digits
    return "+" + digits[2:] if digits.startswith("00") else digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the network will do with one call."""

    behaviour: Outcome
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Subscribers:
    """All the phones of a simulation, shared by its lines; remembers how often each was called.

    A number that no rule names does not exist: unreachable, cause 1 (unassigned).
    """

    scenario: Scenario
    recordings: Recordings | None = None
    """What the callees recognise when they hear it."""
    _calls: Counter[str] = field(default_factory=Counter)

    def plan(self, dialled: str) -> Plan:
        number = normalise(dialled)
        self._calls[number] += 1
        count = self._calls[number]
        dice = random.Random(f"{self.scenario.seed}:{number}:{count}")
        rule = self._rule(number)
        if rule is None:
            return Plan(behaviour=Unreachable(cause=1))
        behaviour = rule.behaviours[min(count, len(rule.behaviours)) - 1]
        if isinstance(behaviour, Mix):
            weights = [choice.weight for choice in behaviour.choices]
            behaviour = dice.choices(behaviour.choices, weights)[0].behaviour
        faults = tuple(
            fault
            for fault in rule.faults
            if fault.call in (None, count) and dice.random() < fault.chance
        )
        return Plan(behaviour=behaviour, faults=faults)

    def _rule(self, number: str) -> NumberRule | None:
        patterns: list[NumberRule] = []
        for rule in self.scenario.numbers:
            if "*" in rule.number:
                patterns.append(rule)
            elif normalise(rule.number) == number:
                return rule
        for rule in patterns:
            if fnmatchcase(number, rule.number):
                return rule
        return None
