"""What the kernel's files say of the computer, and what follows from it: tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.host_health import (
    MIB,
    RESERVE_BYTES,
    RESERVE_INODES,
    HostHealth,
    Part,
    judge,
    read_host,
    reserve,
)

ALARM, NAME = "sys/class/hwmon/hwmon0/in0_lcrit_alarm", "sys/class/hwmon/hwmon0/name"
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
WELL: dict[str, Any] = {"free_bytes": 8192 * MIB, "total_bytes": 16384 * MIB}


@dataclass(kw_only=True)
class Fs:
    f_frsize: int = 4096
    f_blocks: int = 1 << 22
    f_bavail: int = 1 << 21
    f_files: int = 1 << 20
    f_favail: int = 1 << 19
    f_flag: int = 0


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "field", "value"),
    [
        ({}, "throttled", None),
        ({THROTTLED: "50005\n"}, "throttled", 0x50005),
        ({THROTTLED: "0x50000"}, "throttled", 0x50000),
        ({THROTTLED: "0\n"}, "throttled", 0),
        ({THROTTLED: ""}, "throttled", None),
        ({THROTTLED: "no idea"}, "throttled", None),
        (
            {
                NAME: "rpi_volt\n",
                ALARM: "1",
            },
            "undervoltage_alarm",
            True,
        ),
        (
            {
                NAME: "rpi_volt\n",
                ALARM: "0",
            },
            "undervoltage_alarm",
            False,
        ),
        (
            {
                NAME: "nvme\n",
                ALARM: "1",
            },
            "undervoltage_alarm",
            None,
        ),
        ({NAME: "rpi_volt\n"}, "undervoltage_alarm", None),
        ({"sys/class/thermal/thermal_zone0/temp": "48312\n"}, "celsius", 48.312),
        (
            {
                "sys/class/thermal/thermal_zone0/temp": "48312",
                "sys/class/thermal/thermal_zone1/temp": "61000",
            },
            "celsius",
            61.0,
        ),
        ({"sys/class/thermal/thermal_zone0/temp": "-274000"}, "celsius", None),
        ({"sys/class/thermal/thermal_zone0/temp": "warm"}, "celsius", None),
        ({"sys/block/mmcblk0/device/life_time": "0x01 0x0a\n"}, "life_used", 10),
        ({"sys/block/mmcblk0/device/life_time": "0x00 0x00\n"}, "life_used", None),
        ({"sys/block/mmcblk0/device/life_time": "0x03 0xff\n"}, "life_used", 3),
        ({"sys/block/mmcblk0/device/pre_eol_info": "0x01\n"}, "spare_low", False),
        ({"sys/block/mmcblk0/device/pre_eol_info": "0x02\n"}, "spare_low", True),
        ({"sys/fs/ext4/mmcblk0p2/errors_count": "0\n"}, "file_system_errors", 0),
        (
            {"sys/fs/ext4/sda1/errors_count": "2\n", "sys/fs/ext4/mmcblk0p2/errors_count": "1\n"},
            "file_system_errors",
            3,
        ),
        ({"sys/class/watchdog/watchdog0/identity": "Broadcom"}, "watchdog", True),
        ({"sys/class/net/lo": ""}, "watchdog", False),
        ({}, "watchdog", None),
    ],
)
def test_what_the_files_say(
    tmp_path: Path, files: dict[str, str], field: str, value: object
) -> None:
    health = read_host(tmp_path, tree(tmp_path, files), lambda _: Fs())
    assert getattr(health, field) == value


def test_space_and_names_are_those_of_the_states_own_storage(tmp_path: Path) -> None:
    asked: list[Path] = []

    def statvfs(path: Path) -> Fs:
        asked.append(path)
        return Fs(f_bavail=3, f_favail=7, f_flag=os.ST_RDONLY)

    health = read_host(tmp_path / "not" / "yet", tmp_path, statvfs)
    assert asked == [tmp_path]
    assert (health.free_bytes, health.free_names, health.read_only) == (3 * 4096, 7, True)
    assert read_host(tmp_path, tmp_path, lambda _: Fs(f_files=0, f_favail=0)).free_names is None


def test_the_real_computer_is_read_without_an_error() -> None:
    health = read_host(Path("/"))
    assert health.free_bytes is not None
    assert judge(health)


HOLDS = (True, "fault")
FAULT = (False, "fault")
NOTE = (False, "note")
OK = (False, "ok")


@pytest.mark.parametrize(
    ("facts", "part", "standing"),
    [
        ({}, Part.SPACE, OK),
        ({"free_bytes": RESERVE_BYTES}, Part.SPACE, NOTE),
        ({"free_bytes": RESERVE_BYTES - 1}, Part.SPACE, HOLDS),
        ({"free_bytes": 0}, Part.SPACE, HOLDS),
        ({"free_bytes": 2 * MIB, "total_bytes": 8 * MIB}, Part.SPACE, OK),
        ({"free_bytes": MIB - 1, "total_bytes": 8 * MIB}, Part.SPACE, HOLDS),
        ({"read_only": True}, Part.READ_ONLY, HOLDS),
        ({"free_names": RESERVE_INODES - 1}, Part.NAMES, HOLDS),
        ({"free_names": RESERVE_INODES}, Part.NAMES, None),
        ({"throttled": 0}, Part.SUPPLY, OK),
        ({"throttled": 0x1}, Part.SUPPLY, HOLDS),
        ({"throttled": 0x50005}, Part.SUPPLY, HOLDS),
        ({"throttled": 0x10000}, Part.SUPPLY, NOTE),
        ({"throttled": 0x40000}, Part.SUPPLY, OK),
        ({"undervoltage_alarm": True}, Part.SUPPLY, HOLDS),
        ({"undervoltage_alarm": False}, Part.SUPPLY, OK),
        ({"throttled": 0, "undervoltage_alarm": True}, Part.SUPPLY, HOLDS),
        ({}, Part.SUPPLY, None),
        ({"celsius": 48.0}, Part.TEMPERATURE, OK),
        ({"celsius": 80.0}, Part.TEMPERATURE, NOTE),
        ({"celsius": 85.0}, Part.TEMPERATURE, FAULT),
        ({"celsius": 60.0, "throttled": 0x4}, Part.TEMPERATURE, FAULT),
        ({"celsius": 60.0, "throttled": 0x8}, Part.TEMPERATURE, FAULT),
        ({"celsius": 60.0, "throttled": 0x40000}, Part.TEMPERATURE, NOTE),
        ({"throttled": 0x4}, Part.TEMPERATURE, FAULT),
        ({"file_system_errors": 1}, Part.CARD, FAULT),
        ({"life_used": 10}, Part.CARD, FAULT),
        ({"life_used": 11}, Part.CARD, FAULT),
        ({"life_used": 8}, Part.CARD, NOTE),
        ({"life_used": 1}, Part.CARD, OK),
        ({"spare_low": True}, Part.CARD, FAULT),
        ({}, Part.CARD, None),
        ({"watchdog": True}, Part.WATCHDOG, OK),
        ({"watchdog": False}, Part.WATCHDOG, NOTE),
    ],
)
def test_what_follows(facts: dict[str, Any], part: Part, standing: tuple[bool, str] | None) -> None:
    found = {one.part: one for one in judge(HostHealth(**{**WELL, **facts}))}
    if standing is None:
        assert part not in found
        return
    assert (found[part].holds, found[part].state) == standing
    assert bool(found[part].remedy) == (standing[1] != "ok"), "what ails has a remedy"


@given(
    st.builds(
        HostHealth,
        throttled=st.none() | st.integers(0, 0xFFFFF),
        undervoltage_alarm=st.none() | st.booleans(),
        celsius=st.none() | st.floats(-40, 150),
        free_bytes=st.none() | st.integers(0, 1 << 40),
        total_bytes=st.none() | st.integers(0, 1 << 40),
        free_names=st.none() | st.integers(0, 1 << 20),
        read_only=st.booleans(),
        life_used=st.none() | st.integers(1, 11),
        spare_low=st.booleans(),
        file_system_errors=st.integers(0, 9),
        watchdog=st.none() | st.booleans(),
    )
)
def test_what_holds_calls_up_is_always_a_fault_with_a_remedy(health: HostHealth) -> None:
    found = judge(health)
    assert len({one.part for one in found}) == len(found)
    for one in found:
        assert one.detail
        assert not one.holds or (one.state == "fault" and one.remedy)
        assert one.state == "ok" or one.remedy
    assert not health.read_only or any(one.holds for one in found)


def test_the_reserve_of_a_small_partition_is_a_part_of_it() -> None:
    assert reserve(None) == reserve(16384 * MIB) == RESERVE_BYTES
    assert reserve(64 * MIB) == 8 * MIB
