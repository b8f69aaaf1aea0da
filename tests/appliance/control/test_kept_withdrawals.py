"""Whom a stick named while no box could write it down: withdrawn once, and never thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.doctor_provisioning import provisioning_rows
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.control.operations import Operations
from appliance.errors import Refused
from appliance.numbers import hash_number
from tests.support.box_bench import Bench

ADA, BEN, EVE = "+33639980001", "+33639980002", "+33639980003"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state", configuration.load(sample_config()))
    (bench.directory / "provisioning").mkdir()
    bench.box.recover()
    yield bench
    bench.state.close()


def kept(bench: Bench, name: str = "withdrawals.txt") -> Path:
    return bench.directory / "provisioning" / name


def withdrawn(bench: Bench) -> set[str]:
    key, campaign = bench.state.registry.number_key, bench.state.campaign
    return {
        number
        for number in (ADA, BEN, EVE)
        if campaign.history("", hash_number(key, number)).revocation is not None
    }


@pytest.mark.parametrize(
    ("text", "expected", "unread"),
    [
        (f"{ADA}\n{BEN}\n", {ADA, BEN}, []),
        (f"{ADA}\n+336\n{BEN}\n", {ADA, BEN}, [b"+336"]),
        (f"{ADA}\n\xff\xfe\n", {ADA}, [b"\xff\xfe"]),
        ("nobody\n", set(), [b"nobody"]),
        ("", set(), []),
    ],
)
def test_each_line_is_withdrawn_or_kept_for_a_person(
    bench: Bench, text: str, expected: set[str], unread: list[bytes]
) -> None:
    kept(bench).write_bytes(text.encode("latin-1"))
    operations = Operations(bench.box)
    operations.withdraw_kept().run()
    assert withdrawn(bench) == expected
    assert not kept(bench).exists()
    assert not kept(bench, "withdrawals-taken.txt").exists()
    aside = kept(bench, "withdrawals-unread.txt")
    assert (aside.read_bytes().split() if aside.exists() else []) == unread
    operations.folders.take()
    assert operations.folders.shown() == ("refused" if unread else "")
    rows = [row.state for row in provisioning_rows(bench.directory)]
    assert rows == (["fault"] if unread else [])


def test_what_waits_for_a_person_is_not_written_over(bench: Bench) -> None:
    for text in ("nobody\n", "no-one\n", "nobody\n"):
        kept(bench).write_text(text)
        Operations(bench.box).withdraw_kept().run()
    assert kept(bench, "withdrawals-unread.txt").read_text().split() == ["nobody", "no-one"]


def test_whom_a_stick_adds_meanwhile_is_withdrawn_too(bench: Bench) -> None:
    kept(bench).write_text(f"{ADA}\n")
    job = Operations(bench.box).withdraw_kept()
    assert not job.step()
    kept(bench).write_text(f"{BEN}\n")
    job.run()
    assert withdrawn(bench) == {ADA, BEN}
    assert not kept(bench).exists()


def test_a_list_that_a_cut_left_half_taken_is_taken_with_the_newer_one(bench: Bench) -> None:
    kept(bench, "withdrawals-taken.txt").write_text(f"{ADA}\n")
    kept(bench).write_text(f"{BEN}\n")
    Operations(bench.box).withdraw_kept().run()
    assert withdrawn(bench) == {ADA, BEN}


def test_a_box_that_cannot_write_keeps_the_list(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(bench).write_text(f"{ADA}\n")
    monkeypatch.setattr(type(bench.box.engine), "storage_failure", "no room", raising=False)
    with pytest.raises(Refused):
        Operations(bench.box).withdraw_kept().run()
    assert kept(bench, "withdrawals-taken.txt").read_text() == f"{ADA}\n"


def test_a_box_that_was_still_starting_withdraws_when_it_is_told(bench: Bench) -> None:
    operations = Operations(bench.box)
    operations.withdraw_kept().run()
    kept(bench).write_text(f"{EVE}\n")
    assert operations.perform("provision.told", {}) == {"anew": False}
    assert withdrawn(bench) == {EVE}
