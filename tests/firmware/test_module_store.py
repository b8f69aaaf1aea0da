"""Clips on the module's flash, against the simulated modules that have one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulator_bench import Bench

from firmware.at.command import is_notice, make_command
from firmware.at.outcomes import Reply
from firmware.at.results import final_result
from firmware.audio.clip import Clip
from firmware.audio.module_store import ModuleStore, StoredClip
from firmware.errors import CommandRefused
from firmware.families import FAMILIES
from firmware.families.base import FileAudio
from firmware.families.quectel import xor_of_words
from firmware.simulator.quectel import checksum

STORING = ("sim7600", "a76xx", "quectel", "sim800")
GREETING = Clip(name="greeting.fr", pcm=b"\x10\x20" * 6000)
MESSAGE = Clip(name="message.fr", pcm=b"\x11\x21" * 3000)


class SimulatedPort:
    """Commands to a simulated modem, as the transport would carry them."""

    emergency_count = 0

    def __init__(self, family: str) -> None:
        self.bench = Bench(family)
        self.sent: list[str] = []
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.answer: dict[str, list[str]] = {}

    def command(
        self,
        text: str,
        *,
        timeout: float = 2.0,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        self.sent.append(text)
        command = make_command(text, timeout=timeout, payload=payload)
        lines = self.answer.get(text.partition("=")[0]) or self.bench.send(text)
        if payload is not None and lines and lines[-1] in (">", "CONNECT"):
            lines = self.bench.send_bytes(self.spoil(payload))
        final = next(filter(None, map(final_result, lines)))
        owned = tuple(
            line
            for line in lines[:-1]
            if line.startswith(command.owns) or (command.plain and not is_notice(line))
        )
        return Reply(final=final, lines=owned)

    def files(self) -> dict[str, int]:
        return dict(self.bench.modem.storage.names())

    def commands(self, start: str) -> list[str]:
        return [text for text in self.sent if text.startswith(start)]


def made(family: str) -> tuple[SimulatedPort, FileAudio, ModuleStore]:
    port = SimulatedPort(family)
    files = FAMILIES[family].stored_clips
    assert files is not None
    return port, files, ModuleStore(port, files)


@pytest.mark.parametrize("family", STORING)
def test_clips_arrive_whole_and_only_once(family: str) -> None:
    port, files, store = made(family)
    paths = store.keep([GREETING, MESSAGE])
    for clip in (GREETING, MESSAGE):
        assert port.bench.modem.storage.read(paths[clip.name]) == StoredClip.of(clip).data
        assert paths[clip.name].startswith(files.folder)
    assert store.uploads == 2
    again = ModuleStore(port, files)
    assert again.keep([GREETING, MESSAGE]) == paths
    assert again.uploads == 0


@pytest.mark.parametrize("family", STORING)
def test_a_changed_recording_is_another_file(family: str) -> None:
    port, files, store = made(family)
    old = store.keep([GREETING, MESSAGE])
    changed = Clip(name=GREETING.name, pcm=b"\x12\x22" * 6000)
    new = store.keep([changed, MESSAGE])
    assert new[MESSAGE.name] == old[MESSAGE.name]
    assert store.uploads == 3
    assert port.bench.modem.storage.read(new[changed.name]) == StoredClip.of(changed).data
    kept = {new[changed.name], new[MESSAGE.name]}
    if files.listing:
        assert set(port.files()) == kept, "the old recording is gone"
    else:
        assert kept < set(port.files())


@pytest.mark.parametrize("family", STORING)
def test_a_file_that_was_cut_off_is_replaced(family: str) -> None:
    port, files, store = made(family)
    stored = StoredClip.of(GREETING)
    port.bench.modem.storage.store(stored.path(files), stored.data[:-100])
    store.keep([GREETING])
    assert store.uploads == 1
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
    for name in ("ringtone.wav", "greeting.wav", "other-fr-01234567.wav"):
        port.bench.modem.storage.store(files.folder + name, b"x")
    store.keep([GREETING])
    assert len(port.files()) == 4


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
    assert store.uploads == 2
    assert port.bench.modem.storage.read(store.keep([GREETING])[GREETING.name]) is not None
    assert files.measure


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 3])
def test_checksum_agrees_with_the_simulated_module(data: bytes) -> None:
    assert xor_of_words(data) == checksum(data)


def test_names_are_safe_for_every_file_system() -> None:
    stored = StoredClip.of(Clip(name='Bonjour "\\r; ÉTÉ', pcm=b"\0\1"))
    assert set(stored.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
