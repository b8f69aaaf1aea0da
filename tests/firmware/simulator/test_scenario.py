"""The scenario file: what it may say, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.simulator.network.scenario import (
    Answer,
    Busy,
    Fault,
    FaultKind,
    KeyPress,
    Mix,
    NoAnswer,
    NumberRule,
    Scenario,
    Subscribers,
    Unreachable,
)
from firmware.simulator.network.scenario_file import ScenarioInvalid, load_scenario, read_scenario
from firmware.simulator.network.sounds import beep

FULL = """
seed: 7
numbers:
  - number: "+33 6 39 98 00 01"
    behaviour:
      answer:
        after: 2.5
        keys:
          - {key: "1", heard: 3}
          - {key: "9", at: 20, milliseconds: 80}
        hangs_up_after: 40
        patience: 12
    faults:
      - late_ok
      - {fault: usb_loss, call: 2, after: 5, seconds: 3}
      - {fault: garbage_bytes, chance: 0.5}
  - number: "+33639981*"
    behaviour: [busy, {no_answer: {gives_up_after: null}}, answer]
  - number: "*"
    behaviour: {mix: {answer: 3, busy: 1, voicemail: 0}}
lines:
  - line: 2
    sim: {pin: "0123", tries: 2}
    signal: 9
    faults:
      - {fault: sim_busy, seconds: 4}
      - {fault: deaf, at: 30}
    incoming: [{at: 5, number: "+33639980009", keys: [{key: "9", at: 4}]}]
    sms: [{at: 3, number: "+33639980009", text: "STOP"}]
"""


def test_everything_that_can_be_said() -> None:
    scenario = read_scenario(FULL)
    assert scenario.seed == 7
    first, second, rest = scenario.numbers
    assert first.number == "+33639980001"
    assert first.behaviours == (
        Answer(
            after=2.5,
            keys=(KeyPress(key="1", heard=3), KeyPress(key="9", at=20, milliseconds=80)),
            hangs_up_after=40,
            patience=12,
        ),
    )
    assert first.faults == (
        Fault(kind=FaultKind.LATE_OK),
        Fault(kind=FaultKind.USB_LOSS, call=2, after=5, seconds=3),
        Fault(kind=FaultKind.GARBAGE_BYTES, chance=0.5),
    )
    assert second.behaviours == (Busy(), NoAnswer(gives_up_after=None), Answer())
    assert isinstance(rest.behaviours[0], Mix)
    line = scenario.line(2)
    assert (line.sim.pin, line.sim.tries, line.signal) == ("0123", 2, 9)
    assert line.faults[1] == Fault(kind=FaultKind.DEAF, at=30)
    assert line.incoming[0].caller.keys == (KeyPress(key="9", at=4),)
    assert line.sms[0].text == "STOP"
    assert scenario.line(1).sim.pin is None


def test_a_bare_list_is_enough() -> None:
    scenario = read_scenario('- number: "*"\n  behaviour: busy\n')
    assert scenario == Scenario(numbers=(NumberRule(number="*", behaviours=(Busy(),)),))


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("", "", "the file is empty"),
        ("- {", ":1:3", "not YAML"),
        ("- number: +33639980001\n  behaviour: busy", ":1:11", 'write "+33639980001"'),
        ('- number: "+33x"\n  behaviour: busy', ":1:11", "number must be digits"),
        ('- number: "1"', ":1:3", "no behaviour"),
        ("- behaviour: busy", ":1:3", "no number"),
        ('- number: "1"\n  behaviour: bussy', ":2:14", "behaviour must be one of answer"),
        ('- number: "1"\n  behaviour: busy\n  fault: x', ":3:3", "unknown key 'fault'"),
        ('- number: "1"\n  behaviour: busy\n  behaviour: busy', ":3:3", "given twice"),
        ('- number: "1"\n  behaviour: {busy: {afters: 1}}', ":2:22", "unknown key 'afters'"),
        ('- number: "1"\n  behaviour: {busy: {after: -1}}', ":2:29", "after must be seconds"),
        ('- number: "1"\n  behaviour: {answer: {keys: [{key: "1"}]}}', ":2:31", "either at"),
        (
            '- number: "1"\n  behaviour: {answer: {keys: [{key: "x", at: 1}]}}',
            ":2:31",
            "key must be one of",
        ),
        (
            '- number: "1"\n  behaviour: {answer: {speaks: no.wav}}',
            ":2:32",
            "No such file",
        ),
        ('- number: "1"\n  behaviour: {mix: {}}', ":2:20", "at least one"),
        ('- number: "1"\n  behaviour: {mix: {buzy: 1}}', ":2:27", "unknown behaviour 'buzy'"),
        ('- number: "1"\n  behaviour: busy\n  faults: [lateok]', ":3:12", "unknown fault"),
        ('- number: "1"\n  behaviour: busy\n  faults: [refuse]', ":3:12", "needs a command"),
        ('- number: "1"\n  behaviour: busy\n  faults: late_ok', ":3:11", "must be a list"),
        (
            '- number: "1"\n  behaviour: busy\n  faults: [{fault: deaf, at: 1}]',
            ":3:26",
            "unknown key 'at'",
        ),
        ("lines: [{line: 1}, {line: 1}]", ":1:1", "described twice"),
        ("lines: [{signal: 3}]", ":1:9", "no line"),
        ("lines: [{line: 1, sim: {pin: 0123}}]", ":1:30", 'write "0123"'),
        ("lines: [{line: 1, sms: [{at: 1}]}]", ":1:25", "needs at, number and text"),
        ("lines: [{line: 1, incoming: [{}]}]", ":1:30", "no at"),
        ("lines: [{line: 1, network_time: yes}]", ":1:33", "true or false"),
        ("nubers: []", ":1:1", "unknown key 'nubers'"),
        ("seed: x", ":1:7", "whole number"),
        ("seed: ²", ":1:7", "whole number"),
        ("seed: " + "1" * 5000, ":1:7", "whole number"),
        ("seed: --1", ":1:7", "whole number"),
        ("a: &x 1\nb: *x", ":2:4", "aliases"),
        ("numbers: !!python/none x", ":1:10", "tags"),
        ("a: [", ":1:4", "is not YAML"),
        ("a: \x01", ":1:1", "control character"),
        # libyaml and PyYAML both call themselves for each level.
        *(
            (one * 20_000, f":1:{1 + 50 * len(one)}", "nested too deeply")
            for one in ("[", "{a: ", "- ", "? ")
        ),
        ("[" * 51 + "]" * 51, ":1:51", "nested too deeply"),
        ("just text", ":1:1", "must be 'key: value' lines"),
    ],
)
def test_mistakes_are_named_with_place_and_remedy(text: str, place: str, what: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read_scenario(text, name="s.yaml")
    assert any(p.startswith(f"s.yaml{place}: ") and what in p for p in caught.value.problems), (
        caught.value.problems
    )


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text('- number: 1\n  behaviour: x\n- number: "2"\n  behaviour: y\n')
    with pytest.raises(ScenarioInvalid) as caught:
        load_scenario(path)
    assert len(caught.value.problems) == 3
    assert str(caught.value).startswith(f"{path}:1:11: ")


def test_a_missing_file_and_a_sound_of_the_wrong_shape(tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid, match="cannot be read"):
        load_scenario(tmp_path / "none.yaml")
    (tmp_path / "bad.wav").write_bytes(b"RIFF....WAVE")
    path = tmp_path / "scenario.yaml"
    path.write_text('- number: "1"\n  behaviour: {voicemail: {speaks: bad.wav}}\n')
    with pytest.raises(ScenarioInvalid, match="not a WAV file"):
        load_scenario(path)


def test_a_voice_from_beside_the_file(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(beep())
    path = tmp_path / "scenario.yaml"
    path.write_text('- number: "1"\n  behaviour: {answer: {speaks: voice.wav}}\n')
    behaviour = load_scenario(path).numbers[0].behaviours[0]
    assert isinstance(behaviour, Answer)
    assert behaviour.speaks == tmp_path / "voice.wav"


def test_which_rule_serves_a_number() -> None:
    scenario = read_scenario(
        '- {number: "*", behaviour: {unreachable: {cause: 27}}}\n'
        '- {number: "+3363998*", behaviour: busy}\n'
        '- {number: "+33639980001", behaviour: [busy, no_answer, answer]}\n'
    )
    subscribers = Subscribers(scenario)
    kinds = [type(subscribers.plan(n).behaviour) for n in ["0033639980001"] * 4]
    assert kinds == [Busy, NoAnswer, Answer, Answer]
    # Patterns are tried in the order of the file, exact numbers always first.
    assert subscribers.plan("+33639980002").behaviour == Unreachable(cause=27)


def test_chance_is_seeded() -> None:
    text = (
        'seed: 4\nnumbers: [{number: "*", behaviour: busy, faults: [{fault: no_ok, chance: 0.5}]}]'
    )
    subscribers = [Subscribers(read_scenario(text)) for _ in range(2)]
    drawn = [[bool(s.plan(f"+33639980{n:03d}").faults) for n in range(40)] for s in subscribers]
    assert drawn[0] == drawn[1]
    assert 5 < sum(drawn[0]) < 35
