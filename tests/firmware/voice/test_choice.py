"""Which voice path a line uses: setting, evidence against it, and the emergency's last word."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.errors import CommandRefused, LinkLost, PortUnusable
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.line.status import LineStatus
from firmware.line.voice import LineVoice
from firmware.line_settings import LineSettings
from firmware.modem.identity import Identity
from firmware.voice.alsa import AlsaPath
from firmware.voice.choice import REFUSALS, VoiceChoice, choice_file, is_stream, may_fall_back
from firmware.voice.module_file import ModuleFilePath
from firmware.voice.path import AudioCallbacks, AudioPath, SilentPath
from firmware.voice.serial_port import SerialPcmPath
from firmware.voice.switch import PathFactory, PathNeeds, VoiceSwitch, make_path
from tests.support.line_context import line_context

PORT = "/dev/ttyUSB4"
IMEI = "001010123450018"
WHY = "nobody heard it"


def nothing(*_what: object) -> None: ...


CALLBACKS = AudioCallbacks(
    on_started=nothing, on_finished=nothing, on_downlink=nothing, on_failed=nothing
)


def needs(setting: str | None, family: str = "sim7600") -> PathNeeds:
    return PathNeeds(
        setting=setting,
        family=FAMILIES[family],
        clock=SystemClock(),
        callbacks=CALLBACKS,
        modem=cast(Any, None),
    )


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        (None, SilentPath),
        (PORT, SerialPcmPath),
        ("socket://127.0.0.1:5", SerialPcmPath),
        ("module", ModuleFilePath),
        ("alsa:hw:2", AlsaPath),
    ],
)
def test_the_setting_names_the_path(setting: str | None, path: type[AudioPath]) -> None:
    assert isinstance(make_path(needs(setting)), path)
    assert is_stream(setting) is (path is SerialPcmPath)


@pytest.mark.parametrize("family", ["huawei", "generic"])
def test_a_family_without_a_player_is_refused(family: str) -> None:
    with pytest.raises(PortUnusable) as refused:
        make_path(needs("module", family))
    assert "alsa:CARD" in refused.value.remedy


@pytest.mark.parametrize(
    ("family", "allowed"),
    [
        ("sim7600", True),
        ("quectel", True),
        ("sim800", True),
        ("a76xx", False),
        ("huawei", False),
        ("generic", False),
    ],
)
def test_falling_back_needs_a_player_and_a_witness_for_the_keys(family: str, allowed: bool) -> None:
    """The player's path brings no downlink: without the module's notices nobody could object."""
    assert may_fall_back(FAMILIES[family]) is allowed


def test_the_choice_survives_and_belongs_to_one_module_and_setting(tmp_path: Path) -> None:
    file = choice_file(tmp_path / "lines", "line-1")
    VoiceChoice(file).give_up(IMEI, PORT, WHY)
    choice = VoiceChoice(file)
    family = FAMILIES["sim7600"]
    assert choice.given_up(IMEI, PORT) == WHY
    assert choice.effective(IMEI, PORT, family) == "module"
    assert choice.effective(IMEI, PORT, FAMILIES["a76xx"]) == PORT
    for imei, setting in ((None, PORT), ("other", PORT), (IMEI, "/dev/ttyUSB5")):
        assert choice.effective(imei, setting, family) == setting
    for other in (None, "module", "alsa:EC25"):
        assert choice.effective(IMEI, other, family) == other
    assert choice.forget()
    assert not choice.forget()
    assert VoiceChoice(file).effective(IMEI, PORT, family) == PORT


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"imei": 5}', "\udcff"])
def test_a_damaged_memory_decides_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.voice.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert VoiceChoice(file).given_up(IMEI, PORT) is None


class FakePath(SilentPath):
    kind = "pcm-serial"

    def __init__(self, made: PathNeeds, log: list[str]) -> None:
        super().__init__(clock=made.clock, callbacks=made.callbacks)
        self.setting = made.setting
        self.log = log
        self.error: Exception | None = None

    def prepare(self, clips: Any) -> None:
        self.log.append(f"prepare {self.setting} {[clip.name for clip in clips]}")
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.log.append(f"close {self.setting}")


@dataclass
class Voice:
    accepted: bool
    refused: bool


@dataclass
class Rig:
    state: Path
    family: str = "sim7600"
    log: list[str] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.line = line_context(LineSettings(name="one", port="/dev/ttyUSB2", audio=PORT))
        self.status = LineStatus(self.line)
        self.identity = Identity(
            family=FAMILIES[self.family],
            maker="",
            model="",
            revision="",
            imei=IMEI,
            iccid=None,
        )
        self.voice = self.made(self.factory)

    def factory(self, needs: PathNeeds) -> FakePath:
        path = FakePath(needs, self.log)
        path.error = self.error
        return path

    def made(self, factory: PathFactory) -> LineVoice:
        return LineVoice(
            self.line,
            self.status,
            clips={"greeting": Clip(name="greeting", pcm=b"\1\2")},
            callbacks=CALLBACKS,
            state_dir=self.state,
            factory=factory,
        )

    def open(self) -> None:
        self.voice.open(cast(Any, None), self.identity)

    def call(self, *, refused: bool) -> bool:
        went = cast(VoiceSwitch, Voice(accepted=not refused, refused=refused))
        self.voice.judge(went, self.identity)
        return self.voice.change(cast(Any, None), self.identity)


def test_repeated_refusals_bring_the_module_player_between_calls(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.open()
    changes = [rig.call(refused=True) for _ in range(REFUSALS)]
    assert changes == [False] * (REFUSALS - 1) + [True]
    assert rig.log == [
        f"prepare {PORT} ['greeting']",
        f"close {PORT}",
        "prepare module ['greeting']",
    ]
    assert rig.status.voice_note is not None
    assert "refused" in rig.status.voice_note
    kept = json.loads((tmp_path / "one.voice.json").read_text())
    assert (kept["imei"], kept["audio"]) == (IMEI, PORT)


def test_a_call_with_voice_in_between_starts_the_count_anew(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.open()
    for refused in (True, False) * 5:
        assert not rig.call(refused=refused)


def test_no_change_where_nobody_could_object_afterwards(tmp_path: Path) -> None:
    rig = Rig(tmp_path, family="a76xx")
    rig.open()
    assert not any(rig.call(refused=True) for _ in range(5))


def test_a_memory_that_cannot_be_kept_changes_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    rig.open()
    assert not any(rig.call(refused=True) for _ in range(5))


@pytest.mark.parametrize(
    "error",
    [
        PortUnusable("no such card", remedy="plug it in"),
        CommandRefused("not stored", result="ERROR", remedy="plug it in"),
    ],
)
def test_a_path_that_cannot_be_made_ready_is_a_fault_with_the_remedy(
    tmp_path: Path, error: Exception
) -> None:
    rig = Rig(tmp_path, error=error)
    with pytest.raises(LineDown) as down:
        rig.open()
    assert down.value.fault is Fault.AUDIO_UNUSABLE
    assert down.value.detail == f"{error}; plug it in"
    assert rig.log[-1] == f"close {PORT}"
    assert rig.voice.path is None


def test_a_lost_link_during_the_upload_stays_one(tmp_path: Path) -> None:
    rig = Rig(tmp_path, error=LinkLost("gone"))
    with pytest.raises(LinkLost):
        rig.open()
    assert rig.log[-1] == f"close {PORT}"
