"""What ails the computer holds dialling up, says so once, and lets go after a calm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.campaign.inputs import DoubtSettled, StateDoubted
from appliance.daemon.host_watch import CALM, LOOK_EVERY, HostWatch
from appliance.storage.ballast import SIZE, Ballast
from appliance.storage.files import SystemDisk
from firmware.host_health import MIB, RESERVE_BYTES, HostHealth
from tests.support.engine_bench import Box, Registry, hours

WELL = HostHealth(free_bytes=8192 * MIB, total_bytes=16384 * MIB)
AILING = {
    "host-space": HostHealth(free_bytes=RESERVE_BYTES - 1, total_bytes=16384 * MIB),
    "host-names": HostHealth(free_bytes=8192 * MIB, free_names=3),
    "host-read-only": HostHealth(free_bytes=8192 * MIB, read_only=True),
    "host-supply": HostHealth(free_bytes=8192 * MIB, throttled=0x50005),
}


class Rig:
    def __init__(self, state: Path) -> None:
        self.now = 100.0
        self.health = WELL
        self.posted: list[StateDoubted | DoubtSettled] = []
        self.watch = HostWatch(
            state, self.posted.append, read=lambda _: self.health, now=lambda: self.now
        )

    def look(self, after: float = LOOK_EVERY) -> list[StateDoubted | DoubtSettled]:
        self.now += after
        self.watch.look()
        posted, self.posted[:] = list(self.posted), []
        return posted


@pytest.mark.parametrize("code", sorted(AILING))
def test_dialling_waits_and_goes_on_by_itself(tmp_path: Path, code: str) -> None:
    rig, box = Rig(tmp_path), Box(Registry(anna=hours(-1, 2), ben=hours(-1, 2)), ready=False)
    assert rig.look() == []
    rig.health = AILING[code]
    (doubted,) = rig.look()
    assert isinstance(doubted, StateDoubted)
    assert doubted.doubt.code == code
    assert doubted.doubt.remedy
    assert rig.look() == [], "told once"
    assert "limit.reached" in box.take(doubted)
    assert box.last("limit.reached").data["limit"] == code.removeprefix("host-")
    box.take(doubted)
    box.ready()
    assert [entry.kind for entry in box.entries].count("limit.reached") == 1
    assert box.called() == []
    box.tick(30.0)
    assert box.called() == []
    idle = box.engine.why_idle(box.now())
    assert (idle.code, doubted.doubt.detail in idle.sentence) == ("state", True)
    rig.health = WELL
    assert rig.look() == [], "not before it has been calm"
    settled = [given for _ in range(int(CALM / LOOK_EVERY) + 1) for given in rig.look()]
    assert settled == [DoubtSettled(code=code)]
    box.take(settled[0])
    box.tick(1.0)
    assert len(box.called()) == 1


def test_a_supply_that_sags_again_and_again_stays_one_trouble(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    posted = []
    for _ in range(20):
        rig.health = AILING["host-supply"]
        posted += rig.look()
        rig.health = WELL
        posted += rig.look(CALM / 2)
    assert [type(given) for given in posted] == [StateDoubted]


def test_a_running_call_is_not_cut_by_a_full_disk() -> None:
    box = Box(Registry(anna=hours(-1, 2)))
    box.tick()
    assert box.called()
    rig = Rig(Path("/nonexistent"))
    rig.health = AILING["host-space"]
    (doubted,) = rig.look()
    assert "HangUp" not in box.take(doubted)
    assert box.engine.calls


def test_the_ballast_is_laid_by_and_given_up_when_a_write_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    rig.look()
    ballast = tmp_path / "ballast"
    assert ballast.stat().st_size == SIZE
    disk = SystemDisk()
    disk.on_full = rig.watch.ballast.release
    real = disk.open(tmp_path / "row")

    write = os.write

    def full(fd: int, data: bytes) -> int:
        if ballast.exists():
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    assert disk.write(real, b"an objection") == 12
    assert not ballast.exists()
    assert (tmp_path / "row").read_bytes() == b"an objection"
    ballast.touch()
    disk.on_full = lambda: False
    with pytest.raises(OSError, match="No space"):
        disk.write(real, b"more")
    disk.close(real)


def test_no_ballast_takes_the_last_room(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    ballast.fill(SIZE + RESERVE_BYTES - 1, RESERVE_BYTES)
    assert not ballast.is_there
    assert not ballast.release()
    ballast.fill(SIZE + RESERVE_BYTES, RESERVE_BYTES)
    assert ballast.is_there
