"""Reading a scenario from YAML: every fault at once, each with its file, line and remedy.

The keys are documented for users in ``docs/scenario.md``. The document is composed to nodes and
read from there, so that places are known and YAML's own guesses (``+33...`` as an integer) are
seen before they do harm.

Long because each key stands here with what to write where it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from firmware.simulator.network import sounds
from firmware.simulator.network.scenario import (
    Answer,
    Behaviour,
    Busy,
    Fault,
    FaultKind,
    IncomingCall,
    IncomingSms,
    KeyPress,
    LineScenario,
    Mix,
    NoAnswer,
    NumberRule,
    Outcome,
    Reject,
    Scenario,
    SimSettings,
    Unreachable,
    Voicemail,
    Weighted,
)
from firmware.simulator.network.yaml_reader import NULL_TAG, Fields, Reader
from firmware.wording import joined, reason_of, worded
from firmware.yaml_document import DocumentFaulty, compose, read_source

_KEYS = "0123456789ABCD*#"
_T = TypeVar("_T")


class ScenarioInvalid(Exception):
    """The scenario cannot be used; each of ``problems`` is ``file:line:column: what, remedy``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(joined("\n", problems))
        self.problems = problems


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file; raises :class:`ScenarioInvalid`."""
    try:
        text = read_source(path, too_large=worded("split it"))
    except DocumentFaulty as faulty:
        raise ScenarioInvalid(str(faulty).splitlines()) from faulty
    return read_scenario(text, name=str(path), directory=path.parent)


def read_scenario(text: str, *, name: str = "scenario.yaml", directory: Path = Path()) -> Scenario:
    """Read a scenario from *text*; WAV paths are relative to *directory*."""
    try:
        node = compose(text, name)
    except DocumentFaulty as faulty:
        raise ScenarioInvalid(str(faulty).splitlines()) from faulty
    reader = _ScenarioReader(name=name, directory=directory)
    scenario = reader.scenario(node)
    if reader.problems:
        raise ScenarioInvalid(reader.problems)
    return scenario


class _ScenarioReader(Reader):
    """The shapes of the scenario."""

    def number(self, fields: Fields, *, pattern: bool = False) -> str | None:
        text = self.text(fields, "number", quoted=True)
        if text is None:
            return None
        allowed = set("0123456789 .-") | (set("*#") if pattern else set())
        if not text or not set(text.removeprefix("+")) <= allowed:
            wanted = (
                worded("digits with an optional + before, * for any digits")
                if pattern
                else worded("digits with an optional + before")
            )
            self.wrong(fields.values["number"], worded("number must be {wanted}", wanted=wanted))
            return None
        return text if text == "*" else "".join(c for c in text if c not in " .-")

    def wav(self, fields: Fields) -> Path | None:
        text = self.text(fields, "speaks")
        if text is None:
            return None
        path = self.directory / text
        node = fields.values["speaks"]
        try:
            sounds.load_wav(path)
        except OSError as error:
            self.wrong(
                node,
                worded(
                    "speaks: {path}: {strerror}; write the path of a WAV file",
                    path=path,
                    strerror=reason_of(error),
                ),
            )
        except sounds.SoundUnusable as error:
            self.wrong(
                node,
                worded(
                    "speaks: {path}: {error}; convert it to 8 kHz 16-bit mono",
                    path=path,
                    error=error,
                ),
            )
        else:
            return path
        return None

    # -- the document -----------------------------------------------------------------------

    def scenario(self, node: yaml.Node | None) -> Scenario:
        if node is None or node.tag == NULL_TAG:
            self.wrong(
                None, worded("the file is empty; write a list of numbers with their behaviour")
            )
            return Scenario()
        if isinstance(node, yaml.SequenceNode):
            return Scenario(numbers=self.all_of(node, worded("the scenario"), self._number_rule))
        top = self.fields(node, worded("the scenario"))
        seed = self.whole(top, "seed", 0, 2**31)
        numbers = self.all_of(top.take("numbers"), "numbers", self._number_rule)
        lines = self.all_of(top.take("lines"), "lines", self._line)
        self.done(top, worded("the scenario"))
        seen: set[int] = set()
        for line in lines:
            if line.line in seen:
                self.wrong(
                    node,
                    worded("line {line} is described twice; join the two entries", line=line.line),
                )
            seen.add(line.line)
        return Scenario(seed=seed or 0, numbers=numbers, lines=lines)

    def _number_rule(self, node: yaml.Node) -> NumberRule | None:
        what = worded("an entry of numbers")
        entry = self.fields(node, what)
        number = self.number(entry, pattern=True)
        if number is None and "number" not in entry.values:
            self.wrong(
                node, worded('the entry has no number; write number: "+33..." or a pattern with *')
            )
        behaviour = entry.take("behaviour")
        behaviours: tuple[Behaviour, ...] = ()
        if behaviour is None:
            self.wrong(
                node, worded("the entry has no behaviour; write one of {names}", names=_NAMES)
            )
        elif isinstance(behaviour, yaml.SequenceNode):
            behaviours = self.all_of(behaviour, "behaviour", self._behaviour)
        else:
            one = self._behaviour(behaviour)
            behaviours = () if one is None else (one,)
        faults = self.all_of(entry.take("faults"), "faults", self._call_fault)
        self.done(entry, what)
        if number is None or not behaviours:
            return None
        return NumberRule(number=number, behaviours=behaviours, faults=faults)

    def _behaviour(self, node: yaml.Node) -> Behaviour | None:
        if isinstance(node, yaml.ScalarNode):
            reader = self._outcomes().get(node.value)
            if reader is not None:
                return reader(Fields(node, {}))
        elif isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, inner = node.value[0]
            if key.value == "mix":
                return self._mix(inner)
            reader = self._outcomes().get(key.value)
            if reader is not None:
                empty = inner.tag == NULL_TAG
                fields = Fields(inner, {}) if empty else self.fields(inner, key.value)
                outcome = reader(fields)
                self.done(fields, key.value)
                return outcome
        self.wrong(node, worded("behaviour must be one of {names}", names=_NAMES))
        return None

    def _mix(self, node: yaml.Node) -> Mix | None:
        choices: list[Weighted] = []
        if isinstance(node, yaml.MappingNode):
            fields = self.fields(node, "mix")
            for word in list(fields.values):
                weight = self.seconds(fields, word)
                reader = self._outcomes().get(word)
                if reader is None:
                    self.wrong(
                        fields.values[word],
                        worded("unknown behaviour {word!r}; use {names}", word=word, names=_NAMES),
                    )
                elif weight:
                    choices.append(Weighted(weight=weight, behaviour=reader(Fields(node, {}))))
        else:
            for item in self.items(node, "mix"):
                entry = self.fields(item, worded("an entry of mix"))
                weight = self.seconds(entry, "weight")
                inner = entry.take("behaviour")
                behaviour = None if inner is None else self._behaviour(inner)
                self.done(entry, worded("an entry of mix"))
                if isinstance(behaviour, Mix):
                    self.wrong(
                        inner, worded("a mix cannot hold a mix; name the behaviours themselves")
                    )
                elif behaviour is None:
                    if inner is None:
                        self.wrong(
                            item,
                            worded(
                                "the entry has no behaviour; write one of {names}", names=_NAMES
                            ),
                        )
                elif weight != 0:
                    weighted = Weighted(weight=weight or 1.0, behaviour=behaviour)
                    choices.append(weighted)
        if not choices:
            self.wrong(node, worded("mix must have at least one behaviour with a weight above 0"))
            return None
        return Mix(choices=tuple(choices))

    def _outcomes(self) -> dict[str, Callable[[Fields], Outcome]]:
        return {
            "answer": self._answer,
            "busy": lambda f: Busy(after=_or(self.seconds(f, "after"), Busy().after)),
            "no_answer": self._no_answer,
            "reject": lambda f: Reject(
                rings_in=_or(self.seconds(f, "rings_in"), Reject().rings_in),
                after=_or(self.seconds(f, "after"), Reject().after),
            ),
            "unreachable": lambda f: Unreachable(
                after=_or(self.seconds(f, "after"), Unreachable().after),
                cause=_or(self.whole(f, "cause", 1, 127), Unreachable().cause),
            ),
            "voicemail": lambda f: Voicemail(
                rings_in=_or(self.seconds(f, "rings_in"), Voicemail().rings_in),
                after=_or(self.seconds(f, "after"), Voicemail().after),
                speaks=self.wav(f),
                records=_or(self.seconds(f, "records"), Voicemail().records),
            ),
        }

    def _answer(self, fields: Fields) -> Answer:
        plain = Answer()
        return Answer(
            rings_in=_or(self.seconds(fields, "rings_in"), plain.rings_in),
            after=_or(self.seconds(fields, "after"), plain.after),
            keys=self.all_of(fields.take("keys"), "keys", self._key),
            hangs_up_after=self.seconds(fields, "hangs_up_after"),
            hangs_up_heard=self.seconds(fields, "hangs_up_heard"),
            speaks=self.wav(fields),
            patience=_or(self.seconds(fields, "patience"), plain.patience),
        )

    def _no_answer(self, fields: Fields) -> NoAnswer:
        plain = NoAnswer()
        gives_up = self.seconds(fields, "gives_up_after")
        if gives_up is None and not fields.says_null("gives_up_after"):
            gives_up = plain.gives_up_after
        return NoAnswer(
            rings_in=_or(self.seconds(fields, "rings_in"), plain.rings_in),
            gives_up_after=gives_up,
        )

    def _key(self, node: yaml.Node) -> KeyPress | None:
        entry = self.fields(node, worded("an entry of keys"))
        key = self.text(entry, "key")
        at, heard = self.seconds(entry, "at"), self.seconds(entry, "heard")
        milliseconds = self.whole(entry, "milliseconds", 20, 5000)
        self.done(entry, worded("an entry of keys"))
        if key is None or len(key) != 1 or key not in _KEYS:
            self.wrong(
                node, worded('key must be one of {keys}; write for example key: "1"', keys=_KEYS)
            )
            return None
        if (at is None) == (heard is None):
            self.wrong(
                node, worded("write either at (seconds after answering) or heard (of sound)")
            )
            return None
        return KeyPress(
            key=key, at=at, heard=heard, milliseconds=120 if milliseconds is None else milliseconds
        )

    # -- faults -----------------------------------------------------------------------------

    def _call_fault(self, node: yaml.Node) -> Fault | None:
        return self._fault(node, of_line=False)

    def _line_fault(self, node: yaml.Node) -> Fault | None:
        return self._fault(node, of_line=True)

    def _fault(self, node: yaml.Node, *, of_line: bool) -> Fault | None:
        if isinstance(node, yaml.ScalarNode):
            entry = Fields(node, {"fault": node})
        else:
            entry = self.fields(node, worded("an entry of faults"))
        word = self.text(entry, "fault")
        call = self.whole(entry, "call", 1, 1_000_000)
        at = self.seconds(entry, "at") if of_line else None
        chance = None if of_line else self.seconds(entry, "chance")
        fault_after = self.seconds(entry, "after")
        lasts = self.seconds(entry, "seconds")
        times = self.whole(entry, "times", 1, 1_000_000)
        command = self.text(entry, "command")
        self.done(entry, worded("an entry of faults"))
        try:
            kind = FaultKind(word or "")
        except ValueError:
            names = ", ".join(sorted(FaultKind))
            self.wrong(
                node, worded("unknown fault {word!r}; write one of {names}", word=word, names=names)
            )
            return None
        if kind is FaultKind.REFUSE and command is None:
            self.wrong(node, worded('refuse needs a command; write for example command: "AT+CMEE"'))
            return None
        if call is not None and at is not None:
            self.wrong(
                node, worded("write either call (which call) or at (seconds after the start)")
            )
            return None
        if chance is not None and chance > 1:
            self.wrong(node, worded("chance must be from 0 to 1"))
            return None
        return Fault(
            kind=kind,
            call=call,
            at=at,
            after=fault_after or 0.0,
            seconds=lasts,
            times=times,
            command=command,
            chance=1.0 if chance is None else chance,
        )

    # -- lines ------------------------------------------------------------------------------

    def _line(self, node: yaml.Node) -> LineScenario | None:
        what = worded("an entry of lines")
        entry = self.fields(node, what)
        index = self.whole(entry, "line", 1, 64)
        plain = LineScenario(line=1)
        network_time = self.truth(entry, "network_time")
        sim = entry.take("sim")
        line = LineScenario(
            line=index or 1,
            sim=SimSettings() if sim is None else self._sim(sim),
            imei=self.text(entry, "imei", quoted=True),
            signal=_or(self.whole(entry, "signal", 0, 99), plain.signal),
            balance=_or(self.text(entry, "balance"), plain.balance),
            network_time=True if network_time is None else network_time,
            call_waiting=self.truth(entry, "call_waiting") or False,
            reply_seconds=_or(self.seconds(entry, "reply_seconds"), plain.reply_seconds),
            faults=self.all_of(entry.take("faults"), "faults", self._line_fault),
            incoming=self.all_of(entry.take("incoming"), "incoming", self._incoming),
            sms=self.all_of(entry.take("sms"), "sms", self._sms),
        )
        self.done(entry, what)
        if index is None:
            if "line" not in entry.values:
                self.wrong(node, worded("the entry has no line; write line: 1 for the first modem"))
            return None
        return line

    def _sim(self, node: yaml.Node) -> SimSettings:
        entry = self.fields(node, "sim")
        plain = SimSettings()
        inserted = self.truth(entry, "inserted")
        sim = SimSettings(
            pin=self.text(entry, "pin", quoted=True),
            tries=_or(self.whole(entry, "tries", 0, 3), plain.tries),
            puk=_or(self.text(entry, "puk", quoted=True), plain.puk),
            puk_tries=_or(self.whole(entry, "puk_tries", 0, 10), plain.puk_tries),
            inserted=True if inserted is None else inserted,
            iccid=self.text(entry, "iccid", quoted=True),
        )
        self.done(entry, "sim")
        return sim

    def _incoming(self, node: yaml.Node) -> IncomingCall | None:
        what = worded("an entry of incoming")
        entry = self.fields(node, what)
        at = self.seconds(entry, "at")
        number = self.number(entry)
        rings_for = _or(self.seconds(entry, "rings_for"), 20.0)
        caller = self._answer(entry)
        self.done(entry, what)
        if at is None:
            self.wrong(node, worded("the entry has no at; write at: seconds after the start"))
            return None
        return IncomingCall(at=at, number=number, rings_for=rings_for, caller=caller)

    def _sms(self, node: yaml.Node) -> IncomingSms | None:
        what = worded("an entry of sms")
        entry = self.fields(node, what)
        at = self.seconds(entry, "at")
        number, text = self.number(entry), self.text(entry, "text")
        self.done(entry, what)
        if at is None or number is None or text is None:
            self.wrong(
                node,
                worded(
                    'an sms needs at, number and text; write {at: 5, number: "+33...", text: '
                    '"STOP"}'
                ),
            )
            return None
        return IncomingSms(at=at, number=number, text=text)


def _or(value: _T | None, default: _T) -> _T:
    return default if value is None else value


_NAMES = worded("answer, busy, no_answer, reject, unreachable, voicemail, or mix")
