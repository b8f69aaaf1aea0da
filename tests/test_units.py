"""The units of the service manager: no key misspelt, and as little reachable as is promised."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parent.parent / "systemd"
CARD = UNITS.parent / "debian/image/files/etc/systemd/system"
"""Units that a card has besides."""
ANALYZE = shutil.which("systemd-analyze")

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed here"),
]


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with programs that exist here."""
    for unit in (*UNITS.glob("*.*"), *CARD.glob("*.*")):
        if unit.is_dir():
            continue
        text = unit.read_text(encoding="utf-8")
        text = re.sub(
            r"/usr/(lib/autodialer/current|lib/autodialer-card|sbin)/[a-z-]+", "/bin/true", text
        )
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False
    )


def test_every_key_is_known_and_every_unit_is_whole(units: Path) -> None:
    files = sorted((*units.glob("*.service"), *units.glob("*.timer")))
    assert len(files) >= 19
    done = analyze("verify", "--man=no", "--recursive-errors=yes", *files)
    ours = [line for line in done.stderr.splitlines() if "autodialer" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_a_misspelt_key_would_be_seen(units: Path) -> None:
    unit = units / "autodialer.service"
    unit.write_text(unit.read_text().replace("LimitCORE=", "LimitCores="))
    done = analyze("verify", "--man=no", "--recursive-errors=yes", unit)
    assert done.returncode != 0
    assert "LimitCores" in done.stderr


@pytest.mark.parametrize(
    ("unit", "exposure"),
    [
        ("autodialer.service", 0.5),
        ("autodialer-supervisor.service", 0.5),
        ("autodialer-clock.service", 0.5),
        ("autodialer-provision-boot.service", 0.5),
        ("autodialer-provision@.service", 0.5),
        # Root's, for it mounts; had it mounts of its own, nobody else would see what it mounts.
        ("autodialer-stick@.service", 7.0),
        # Root's, too: they restart the computer, and doctor is asked as the box's account.
        ("autodialer-update@.service", 3.2),
        ("autodialer-update-confirm.service", 3.2),
        ("autodialer-update-boot.service", 3.2),
        # Root's, for the partition is; it can read and has no other right.
        ("autodialer-boot-notes.service", 1.0),
        # It speaks to the world and may bind a port below 1024.
        ("autodialer-hub.service", 2.5),
        # Root's, for the journal is.
        ("autodialer-card-journal.service", 2.7),
    ],
)
def test_as_little_is_reachable_as_is_promised(unit: str, exposure: float, units: Path) -> None:
    threshold = f"--threshold={exposure * 10:.0f}"
    done = analyze("security", "--offline=true", "--no-pager", threshold, units / unit)
    assert done.returncode == 0, done.stdout


def test_no_unit_hides_what_the_header_is_read_from() -> None:
    # gpiozero reads the board's revision from /proc/cpuinfo and the device tree.
    for unit in ("autodialer.service", "autodialer-supervisor.service"):
        text = (UNITS / unit).read_text(encoding="utf-8")
        assert not re.search(r"^(ProcSubset|PrivateDevices|Conflicts)=", text, re.MULTILINE)
        assert "\nLimitCORE=0\n" in text


def test_the_box_may_make_a_callback_for_its_sound_card() -> None:
    text = (UNITS / "autodialer.service").read_text(encoding="utf-8")
    assert "\nMemoryDenyWriteExecute=" not in text


OF_BOTH = {"nosuid", "nodev", "noexec", "ro", "uid", "gid", "umask", "dmask", "fmask", "iocharset"}
"""The kernel's own options, and those that vfat and exfat both know (their parameter tables)."""


def test_a_stick_of_either_kind_is_mounted() -> None:
    # One option that the other does not know, and the sticks of that kind are never seen.
    mounts = {
        unit.name: line.split(" -o ")[1].split()[0]
        for unit in UNITS.glob("*.service")
        for line in unit.read_text(encoding="utf-8").splitlines()
        if "mount -t vfat,exfat" in line
    }
    assert mounts
    unknown = {
        name: {option.split("=")[0] for option in options.split(",")} - OF_BOTH
        for name, options in mounts.items()
    }
    assert not any(unknown.values()), unknown


def test_what_a_unit_is_denied_is_an_error_to_it_and_not_its_death() -> None:
    """numpy asks for more than it needs: a unit that heard clips was killed by its own filter."""
    for unit in (*UNITS.glob("*.service"), *CARD.glob("*.service")):
        text = unit.read_text(encoding="utf-8")
        if "\nSystemCallFilter=" in text:
            assert "\nSystemCallErrorNumber=EPERM\n" in text, unit.name


def test_what_reads_the_boot_partition_waits_for_its_mount() -> None:
    """It may fail (nofail), so local-fs.target does not wait for it, and a condition that is asked
    before it is there is never asked again."""
    readers = [
        unit
        for unit in (*UNITS.glob("*.service"), *CARD.glob("*.service"))
        if "/boot/firmware"
        in re.sub(r"(?m)^(#|Description|ReadWritePaths).*$", "", unit.read_text("utf-8"))
    ]
    assert len(readers) >= 4
    for unit in readers:
        after = re.findall(r"^After=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        assert "boot-firmware.mount" in " ".join(after).split(), unit.name


def test_a_state_that_could_not_be_mounted_is_begun_anew_by_no_unit() -> None:
    """Whoever objected stands in it. Where it is a mount of its own the manager starts nothing
    that needs it without it (``StateDirectory=`` says so too)."""
    users = [
        unit
        for unit in UNITS.glob("autodialer*.service")
        if "/var/lib/autodialer" in (text := unit.read_text(encoding="utf-8"))
        or re.search(r"^StateDirectory=autodialer$", text, re.MULTILINE)
    ]
    assert len(users) >= 8
    for unit in users:
        assert re.search(
            r"^(StateDirectory=autodialer|RequiresMountsFor=/var/lib/autodialer)$",
            unit.read_text(encoding="utf-8"),
            re.MULTILINE,
        ), unit.name


def test_what_takes_people_in_knows_the_mark_of_a_card_that_lost_them() -> None:
    for unit in UNITS.glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        if re.search(r"^ExecStart=.* provision (apply|settle)", text, re.MULTILINE):
            assert "\nConditionPathExists=!/run/autodialer-card/data-missing\n" in text, unit.name
