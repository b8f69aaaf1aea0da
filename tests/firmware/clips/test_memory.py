"""The memory of judged clips: the same answer as hearing them, and never a wrong one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config.paths import sample_config
from firmware.clips import memory
from firmware.clips.check import check_loaded
from firmware.clips.clip import Clip
from firmware.clips.judgement import Judgement
from firmware.clips.memory import MOST, Judgements, memory_file

GREETING = sample_config().parent / "audio" / "greeting.fr.wav"


@pytest.fixture
def clip() -> Clip:
    return Clip.load(GREETING, "greeting.fr")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really heard through, in order."""
    paths: list[Path] = []

    def check(path: Path, clip: Clip, *, longest: float | None = None) -> Judgement:
        paths.append(path)
        return check_loaded(path, clip, longest=longest)

    monkeypatch.setattr("firmware.clips.check.check_loaded", check)
    return paths


def judged(file: Path | None, clip: Clip, longest: float | None = None) -> tuple[object, ...]:
    judgements = Judgements(file)
    found = judgements.of(GREETING, clip, longest=longest)
    judgements.keep()
    return found.faults, found.advice, found.remedy, found.usable


def test_a_clip_is_heard_once_and_judged_alike(
    tmp_path: Path, clip: Clip, heard: list[Path]
) -> None:
    file = tmp_path / "cache" / "clips.json"
    first = judged(file, clip, longest=3.0)
    assert any("at most 3 s" in fault for fault in first[0])  # type: ignore[attr-defined]
    assert judged(file, clip, longest=3.0) == first
    assert heard == [GREETING]
    assert file.stat().st_mode & 0o077 == 0


def test_other_samples_or_another_limit_are_heard(
    tmp_path: Path, clip: Clip, heard: list[Path]
) -> None:
    file = tmp_path / "clips.json"
    judged(file, clip)
    judged(file, clip, longest=20.0)
    judged(file, Clip(name=clip.name, pcm=clip.pcm[:-2]))
    assert len(heard) == 3
    assert len(json.loads(file.read_text())) == 3


def test_a_change_of_what_judges_forgets_all(
    tmp_path: Path, clip: Clip, heard: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "firmware"
    shutil.copytree(Path(memory.__file__).parents[1], package)
    monkeypatch.setattr(memory, "__file__", str(package / "clips" / "memory.py"))
    file = tmp_path / "clips.json"
    judged(file, clip)
    judged(file, clip)
    assert len(heard) == 1
    for changed, source in enumerate(("clips/check.py", "clips/band.py", "dtmf/tones.py"), 2):
        with (package / source).open("a") as stream:
            stream.write("# changed\n")
        judged(file, clip)
        assert len(heard) == changed, source
    (package / "clips" / "check.py").unlink()
    judged(file, clip)
    judged(file, clip)
    assert len(heard) == 6, "what judges cannot be read: nothing is remembered"


def writable_by_others(file: Path) -> None:
    file.chmod(0o666)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def not_ours(file: Path) -> None:
    entries = {key: {"faults": [1], "advice": []} for key in json.loads(file.read_text())}
    file.write_text(json.dumps(entries))


def nested(file: Path) -> None:
    file.write_text("[" * 100_000)


def a_list(file: Path) -> None:
    file.write_text("[1]")


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [writable_by_others, cut_off, not_ours, nested, a_list, a_folder],
    ids=lambda f: f.__name__,
)
def test_a_memory_that_we_did_not_write_so_is_not_believed(
    tmp_path: Path, clip: Clip, heard: list[Path], spoil: Callable[[Path], None]
) -> None:
    file = tmp_path / "clips.json"
    first = judged(file, clip)
    spoil(file)
    assert judged(file, clip) == first
    assert len(heard) == 2


def test_where_nothing_can_be_kept_each_clip_is_heard(
    tmp_path: Path, clip: Clip, heard: list[Path]
) -> None:
    (tmp_path / "file").write_text("")
    for place in (None, tmp_path / "file" / "clips.json", Path("/proc/autodialer/clips.json")):
        judged(place, clip)
        judged(place, clip)
    assert len(heard) == 6


def test_the_memory_stays_small(tmp_path: Path, clip: Clip) -> None:
    file = tmp_path / "clips.json"
    old: dict[str, object] = {f"{number:064x}": {"faults": []} for number in range(MOST)}
    file.write_text(json.dumps(old))
    file.chmod(0o600)
    judged(file, clip)
    kept = json.loads(file.read_text())
    assert len(kept) == MOST
    assert "0" * 64 not in kept


def test_a_service_keeps_it_beside_its_socket_and_a_person_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/autodialer:/run/other")
    assert memory_file() == Path("/run/autodialer/clips.json")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert memory_file() == tmp_path / "autodialer" / "clips.json"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert memory_file() == tmp_path / ".cache" / "autodialer" / "clips.json"
