"""Clips on the module's flash, against the simulated modules that have one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.at.command import is_urc, make_command
from firmware.at.outcomes import Reply
from firmware.at.results import final_result
from firmware.clips.clip import Clip
from firmware.errors import CommandRefused
from firmware.families import FAMILIES
from firmware.families.base import FileAudio
from firmware.families.quectel import xor_of_words
from firmware.simulator.families.quectel import checksum
from firmware.simulator.modem.storage import ModuleStorage
from firmware.voice.module_memory import FOLDER, FileMemory
from firmware.voice.module_store import ModuleStore, StoredClip
from tests.support.simulator_bench import Bench

STORING = ("sim7600", "a76xx", "quectel", "sim800")
GREETING = Clip(name="greeting.fr", pcm=b"\x10\x20" * 6000)
MESSAGE = Clip(name="message.fr", pcm=b"\x11\x21" * 3000)


class SimulatedPort:
    """Commands to a simulated modem, as the transport would carry them."""

    emergency_count = 0

    def __init__(self, family: str) -> None:
        self.bench = Bench(family)
        self.sent: list[str] = []
        self.uploads = 0
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.answer: dict[str, list[str]] = {}

    def command(
        self,
        text: str,
        *,
        timeout: float = 2.0,
        dial: bool = False,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        self.sent.append(text)
        command = make_command(text, timeout=timeout, payload=payload)
        lines = self.answer.get(text.partition("=")[0]) or self.bench.send(text)
        self.uploads += text.startswith(("AT+CFTRANRX", "AT+QFUPL", "AT+FSCREATE"))
        if payload is not None and lines and lines[-1] in (">", "CONNECT"):
            lines = self.bench.send_bytes(self.spoil(payload))
        final = next(filter(None, map(final_result, lines)))
        owned = tuple(
            line
            for line in lines[:-1]
            if line.startswith(command.owns) or (command.plain and not is_urc(line))
        )
        return Reply(final=final, lines=owned)

    def emergency_hang_up(self) -> None: ...

    def files(self) -> dict[str, int]:
        return dict(self.bench.modem.storage.names())

    def commands(self, start: str) -> list[str]:
        return [text for text in self.sent if text.startswith(start)]


def made(
    family: str, memory: FileMemory | None = None
) -> tuple[SimulatedPort, FileAudio, ModuleStore]:
    port = SimulatedPort(family)
    files = FAMILIES[family].stored_clips
    assert files is not None
    return port, files, ModuleStore(port, files, memory=memory)


def clip(name: str, size: int, sample: bytes = b"\x10\x20") -> Clip:
    return Clip(name=name, pcm=sample * (size // 2))


CAMPAIGN = [clip("greeting.fr", 9000), clip("message.fr", 11_000), clip("greeting.en", 9000)]
SELF_TEST = [clip("selftest.fr", 6000)]


def base_names(port: SimulatedPort) -> set[str]:
    return {re.split(r"[/\\]", name)[-1] for name in port.files()}


def names_of(clips: list[Clip]) -> set[str]:
    return {StoredClip.of(one).name for one in clips}


@pytest.mark.parametrize("family", STORING)
def test_clips_arrive_whole_and_only_once(family: str) -> None:
    memory = FileMemory()
    port, files, store = made(family, memory)
    paths = store.keep([GREETING, MESSAGE])
    for clip in (GREETING, MESSAGE):
        assert port.bench.modem.storage.read(paths[clip.name]) == StoredClip.of(clip).data
        assert paths[clip.name].startswith(files.folder)
    assert port.uploads == 2
    again = ModuleStore(port, files, memory=memory)
    assert again.keep([GREETING, MESSAGE]) == paths
    assert port.uploads == 2


@pytest.mark.parametrize("family", STORING)
def test_a_changed_recording_is_another_file(family: str) -> None:
    port, _, store = made(family)
    old = store.keep([GREETING, MESSAGE])
    changed = Clip(name=GREETING.name, pcm=b"\x12\x22" * 6000)
    new = store.keep([changed, MESSAGE])
    assert new[MESSAGE.name] == old[MESSAGE.name]
    assert port.uploads == 3
    assert port.bench.modem.storage.read(new[changed.name]) == StoredClip.of(changed).data
    kept = {new[changed.name], new[MESSAGE.name]}
    assert set(port.files()) == kept, "the old recording is gone"


@pytest.mark.parametrize("family", STORING)
def test_a_file_that_was_cut_off_is_replaced(family: str) -> None:
    port, files, store = made(family)
    stored = StoredClip.of(GREETING)
    port.bench.modem.storage.store(stored.path(files), stored.data[:-100])
    store.keep([GREETING])
    assert port.uploads == 1
    assert port.bench.modem.storage.read(stored.path(files)) == stored.data


@pytest.mark.parametrize("family", STORING)
def test_a_full_module_is_told_with_the_remedy(family: str) -> None:
    port, _, store = made(family)
    port.bench.modem.storage.store("full", bytes(port.bench.modem.storage.free - 100))
    with pytest.raises(CommandRefused, match="greeting-fr-") as refused:
        store.keep([GREETING])
    assert "make room" in refused.value.remedy


@pytest.mark.parametrize("family", STORING)
def test_other_files_of_the_module_are_left_alone(family: str) -> None:
    port, files, store = made(family)
    for name in ("ringtone.wav", "greeting.wav", "other-fr-0123456.wav"):
        port.bench.modem.storage.store(files.folder + name, b"x")
    store.keep([GREETING])
    assert len(port.files()) == 4


@pytest.mark.parametrize("family", STORING)
def test_a_file_whose_upload_nobody_confirmed_is_no_clip(family: str) -> None:
    """A cut upload was filled up to the length that it had declared."""
    memory = FileMemory()
    port, files, store = made(family, memory)
    stored = StoredClip.of(GREETING)
    memory.begun(stored.name)
    port.bench.modem.storage.store(stored.path(files), b"\r" * len(stored.data))
    store.keep([GREETING])
    assert port.bench.modem.storage.read(stored.path(files)) == stored.data
    assert memory.confirmed(stored.name)


@pytest.mark.parametrize("family", STORING)
def test_the_clips_of_a_language_that_was_dropped_are_deleted(family: str) -> None:
    port, _, store = made(family)
    store.keep(CAMPAIGN)
    store.keep(CAMPAIGN[:2])
    assert base_names(port) == names_of(CAMPAIGN[:2])


@pytest.mark.parametrize("family", STORING)
def test_a_new_recording_fits_where_the_old_one_lay(family: str) -> None:
    memory = FileMemory()
    port, files, store = made(family, memory)
    port.bench.modem.storage = ModuleStorage(capacity=30_000)
    store.keep(CAMPAIGN)
    changed = [clip("greeting.fr", 9000, b"\x30\x40"), *CAMPAIGN[1:]]
    ModuleStore(port, files, memory=memory).keep(changed)
    assert base_names(port) == names_of(changed)


@pytest.mark.parametrize("family", STORING)
def test_a_guest_leaves_the_campaigns_clips_and_goes_without_a_trace(family: str) -> None:
    memory = FileMemory()
    port, files, store = made(family, memory)
    store.keep(CAMPAIGN)
    guest = ModuleStore(port, files, memory=memory, guest=True)
    guest.keep(SELF_TEST)
    assert base_names(port) == names_of(CAMPAIGN + SELF_TEST)
    guest.remove(SELF_TEST)
    assert base_names(port) == names_of(CAMPAIGN)
    sent = port.uploads
    again = ModuleStore(port, files, memory=memory)
    again.keep(CAMPAIGN)
    assert port.uploads == sent


@pytest.mark.parametrize("family", STORING)
@pytest.mark.parametrize("first", ["campaign", "self-test"])
def test_where_room_is_short_neither_locks_the_other_out(family: str, first: str) -> None:
    memory = FileMemory()
    port, files, _ = made(family)
    port.bench.modem.storage = ModuleStorage(capacity=30_000)
    campaign = ModuleStore(port, files, memory=memory)
    guest = ModuleStore(port, files, memory=memory, guest=True)
    if first == "campaign":
        campaign.keep(CAMPAIGN)
        guest.keep(SELF_TEST)
        assert names_of(SELF_TEST) <= base_names(port)
    else:
        guest.keep(SELF_TEST)
    campaign.keep(CAMPAIGN)
    assert base_names(port) == names_of(CAMPAIGN)


def test_what_was_sent_to_a_module_is_remembered_over_a_restart(tmp_path: Path) -> None:
    memory = FileMemory.of(tmp_path, "490154203237518")
    memory.begun("a-00000000.wav")
    memory.begun("b-00000000.wav")
    memory.stored("b-00000000.wav")
    memory.begun("c-00000000.wav")
    memory.gone("c-00000000.wav")
    again = FileMemory.of(tmp_path, "490154203237518")
    assert again.names == {"a-00000000.wav", "b-00000000.wav"}
    assert (again.confirmed("a-00000000.wav"), again.confirmed("b-00000000.wav")) == (False, True)
    assert FileMemory.of(tmp_path, "490154203237519").names == frozenset()


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"a": ', b"\xff\xfe"])
def test_a_damaged_memory_knows_nothing(tmp_path: Path, damage: bytes) -> None:
    FileMemory.of(tmp_path, "1").stored("a-00000000.wav")
    (file,) = (tmp_path / FOLDER).glob("*")
    file.write_bytes(damage)
    assert FileMemory.of(tmp_path, "1").names == frozenset()


def test_a_memory_that_cannot_be_written_claims_nothing_at_the_next_start(tmp_path: Path) -> None:
    memory = FileMemory.of(tmp_path, "1")
    memory.stored("a-00000000.wav")
    (tmp_path / FOLDER / "1.json.tmp").mkdir()
    memory.begun("a-00000000.wav")
    assert not memory.confirmed("a-00000000.wav")
    assert FileMemory.of(tmp_path, "1").names == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        "x;+CPIN=1234;+CFUN=0",
        "a-00000000.wav;+CFUN=0",
        "x\r",
        "a-00000000.wav\n",
        "A-00000000.wav",
        "../a-00000000.wav",
        "",
    ],
)
def test_a_name_from_the_disk_that_is_no_clip_s_never_reaches_the_port(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / FOLDER / "1.json"
    file.parent.mkdir()
    file.write_text(json.dumps({name: True, "old-00000000.wav": True}), encoding="utf-8")
    memory = FileMemory.of(tmp_path, "1")
    assert memory.names == {"old-00000000.wav"}
    assert memory.confirmed("old-00000000.wav")
    assert not memory.confirmed(name)
    port, files, store = made("sim800", memory)
    store.keep([GREETING])
    assert set(port.commands("AT+FSFLSIZE")) == {
        f"AT+FSFLSIZE={files.folder}{one}"
        for one in (StoredClip.of(GREETING).name, "old-00000000.wav")
    }


def test_nothing_that_is_not_there_is_deleted() -> None:
    """On A7670E that would break the file system until the next reset."""
    port, _, store = made("a76xx")
    store.keep([GREETING, MESSAGE])
    assert port.commands("AT+FSDEL") == []
    assert not port.bench.modem.storage.broken


def test_sim800_takes_parts_of_4096_bytes() -> None:
    port, _, store = made("sim800")
    store.keep([GREETING])
    assert [text.rsplit(",", 2)[1] for text in port.commands("AT+FSWRITE")] == [
        "4096", "4096", "3852",
    ]  # fmt: skip


def test_quectel_data_that_was_changed_on_the_way_is_noticed() -> None:
    port, _, store = made("quectel")
    port.spoil = lambda data: b"?" + data[1:]
    with pytest.raises(CommandRefused, match="checksum"):
        store.keep([GREETING])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (["+QFUPL: 5,0", "OK"], "5 of"),
        (["OK"], "did not say"),
        (["+CME ERROR: 60"], "CME ERROR"),
    ],
)
def test_quectel_must_state_what_it_took(said: list[str], reason: str) -> None:
    port, _, store = made("quectel")
    port.answer["AT+QFUPL"] = said
    with pytest.raises(CommandRefused, match=reason):
        store.keep([GREETING])


def test_a_module_that_took_less_than_it_said_is_noticed() -> None:
    port, _, store = made("sim7600")
    store.keep([GREETING])
    port.answer["AT+FSATTRI"] = ["+FSATTRI: 44", "OK"]
    with pytest.raises(CommandRefused, match="44 of 12044 bytes"):
        store.keep([GREETING])


def test_without_a_command_for_the_length_a_listed_file_is_sent_again() -> None:
    port, files, store = made("sim7600")
    port.answer["AT+FSATTRI"] = ["ERROR"]
    store.keep([GREETING])
    store.keep([GREETING])
    assert port.uploads == 2
    assert port.bench.modem.storage.read(store.keep([GREETING])[GREETING.name]) is not None
    assert files.measure


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 3])
def test_checksum_agrees_with_the_simulated_module(data: bytes) -> None:
    assert xor_of_words(data) == checksum(data)


def test_names_are_safe_for_every_file_system() -> None:
    stored = StoredClip.of(Clip(name='Bonjour "\\r; ÉTÉ', pcm=b"\0\1"))
    assert set(stored.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
