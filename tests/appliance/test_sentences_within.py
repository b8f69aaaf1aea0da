"""A sentence that is part of a longer one is still said in the language of whoever reads it."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.demo.place import clear
from appliance.demo.processes import Stage
from appliance.errors import Refused
from appliance.fleet.keys import BoxKeys, KeysUnusable
from appliance.language import Message, translator
from appliance.people.contacts_format import RejectedRow, RowFault
from appliance.people.contacts_merge import rejects_lines
from appliance.provisioning import apply, judge
from firmware.clips.clip import Clip
from firmware.clips.memory import Judgements
from firmware.clips.prepare import prepare_clip
from firmware.errors import ClipUnusable
from firmware.faults import LineDown
from firmware.line_settings import LineSettings
from firmware.modem.discovery import Bindings, FoundModem, Probe, Resolver
from firmware.yaml_document import DocumentFaulty

FRENCH = translator("fr")
FAULT = RowFault(2, "number", Message("is not a time zone"), Message("wait, then plug it in again"))


def wav(path: Path, samples: bytes, *, rate: int = 8000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def in_french(sentence: str, *english: str) -> None:
    """Every one of the *english* words stands in *sentence*, and none of them in French."""
    for words in english:
        assert words in sentence
        assert words not in FRENCH(sentence)


def test_what_is_wrong_with_the_form_of_a_clip(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", bytes(3200), rate=16000, channels=2)
    with pytest.raises(ClipUnusable) as caught:
        Clip.load(path, "greeting.en")
    in_french(str(caught.value), "samples a second", "the telephone has one")


def test_what_a_clip_is_judged_for_the_first_time_and_the_second(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", b"\xff\x7f\x00\x80" * 8000)
    clip = Clip.load(path, "greeting.en")
    said = []
    for _ in range(2):
        judgements = Judgements(tmp_path / "clips.json")
        judged = judgements.of(path, clip, longest=1.0)
        judgements.keep()
        said.append([FRENCH(one) for one in (*judged.faults, *judged.advice)])
        assert judged.faults
        for one in (*judged.faults, *judged.advice):
            assert FRENCH(one) != one
    assert said[0] == said[1]


def test_a_fault_of_the_configuration_that_a_clip_or_a_number_has(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", b"\xff\x7f\x00\x80" * 8000)
    text = sample_config().read_text(encoding="utf-8")
    text = text.replace("audio/greeting.en.wav", str(path), 1)
    text = text.replace("audio/", f"{sample_config().parent}/audio/")
    text = text.replace('number: "+33199000001"', 'number: "12"')
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentFaulty) as caught:
        configuration.load(file, examine=True)
    found = {fault.path: fault.message for fault in caught.value.faults}
    in_french(found["law.caller.number"], "write the whole number")
    in_french(found["campaign.clips.en.greeting"], "record it again")


def test_why_a_clip_is_not_prepared(tmp_path: Path) -> None:
    source = wav(tmp_path / "a.wav", bytes(32000))
    for target, english in ((tmp_path, "is a directory"), (tmp_path / "b.wav", "silent")):
        with pytest.raises(ClipUnusable) as caught:
            prepare_clip(source, target)
        in_french(str(caught.value), english)


def test_what_a_stick_is_told_of_a_box_that_refused() -> None:
    refusal = Refused(
        Message("another folder is being taken in"), Message("wait, then plug it in again")
    )
    in_french(
        apply._failed(refusal).message, "another folder is being taken in", "plug it in again"
    )


def test_what_a_stick_is_told_of_a_row() -> None:
    in_french(judge.row_fault(FAULT).message, "is not a time zone", "plug it in again")


def test_why_a_row_stands_in_the_rejects_file() -> None:
    row = RejectedRow(line=2, cells={"number": "12"}, faults=(FAULT,))
    (_, english) = rejects_lines(["number"], [row], translator("en"))
    (_, french) = rejects_lines(["number"], [row], FRENCH)
    for words in ("is not a time zone", "plug it in again"):
        assert words in english
        assert words not in french


def test_why_a_box_does_not_join_and_why_a_demonstration_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("{")
    (tmp_path / "keys").chmod(0o600)
    with pytest.raises(KeysUnusable) as unusable:
        BoxKeys.load(tmp_path / "keys")
    in_french(str(unusable.value), "it is not JSON")
    with pytest.raises(Refused) as refused:
        clear(Stage(tmp_path))
    in_french(str(refused.value), "holds something that is not a demonstration")


def test_why_a_modem_gives_no_answer(tmp_path: Path) -> None:
    modem = FoundModem(
        family="sim7600",
        socket="1-1.1",
        vendor=0x1E0E,
        product=0x9001,
        at="/dev/ttyUSB2",
        spare_at=None,
        audio=None,
    )
    probe = Probe(port="/dev/ttyUSB2", usable=False, why=Message("is not a time zone"))
    bindings = Bindings(tmp_path / "modems.json")
    resolve = Resolver(bindings=bindings, find=lambda: [modem], ask=lambda _: probe)
    with pytest.raises(LineDown) as down:
        resolve(LineSettings(name="line-1", port="auto"))
    in_french(down.value.detail, "no answer from", "is not a time zone")
