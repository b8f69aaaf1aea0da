"""What only reads answers on a card that is full or mounted read-only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

CONTACTS = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
    "+33639980001,Ada,fr,Europe/Paris,neighbourhood-news,2026-01-15,web,form 1,"
    "mon-fri 18:00-20:00,2027-12-31\n"
)


def mount(*arguments: str) -> bool:
    try:
        return (
            subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "card"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)):
        pytest.skip("this account may not mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def box(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", "--state", str(state), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_and_then_read_only_card_can_be_read(card: Path, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(CONTACTS)
    state = card / "state"
    assert box(state, "contacts", "import", str(people)).returncode == 0
    (state / "lock").unlink()
    with pytest.raises(OSError, match="No space left"):
        (card / "fill").write_bytes(bytes(500_000))
    for refusal, ails in (
        ("No space left on device; The storage is full", "under the reserve of 0 MiB"),
        ("Read-only file system", "is mounted read-only"),
    ):
        assert ails in box(state, "doctor").stdout
        assert "The box is not running" in (told := box(state, "status")).stdout, told.stderr
        assert "1 person" in box(state, "contacts", "list").stdout
        refused = box(state, "contacts", "revoke", "+33639980001")
        assert refused.returncode == 1
        assert refusal in refused.stderr
        mount("-o", "remount,ro", str(card))


def test_a_read_only_root_with_a_data_partition(card: Path, tmp_path: Path) -> None:
    """As docs/read-only-root.md lays it out: everything is read-only but the state."""
    people = tmp_path / "people.csv"
    people.write_text(CONTACTS)
    state = card / "state"
    python = f"{sys.executable} -B -m appliance.cli.main --state {state}"
    script = f"""
        mount -o remount,bind,ro / || exit 77
        touch {tmp_path}/nothing 2>/dev/null && exit 77
        set -e
        {python} contacts import {people}
        {python} pause
        {python} stop
        {python} reset --by tester --reason test
        {python} ledger verify
    """
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except OSError:
        pytest.skip("no unshare here")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this account may not mount the root anew")
    assert done.returncode == 0, done.stderr
    assert "rows verified" in done.stdout or "ok" in done.stdout, done.stdout
