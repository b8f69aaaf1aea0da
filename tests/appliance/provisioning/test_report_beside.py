"""The campaign so far, laid beside a folder that the box took, and when the box is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import provision
from appliance.cli.main import main
from appliance.ledger import Anchor
from appliance.provisioning.folder import take
from tests.support.provisioning import Place

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="needs openssh-client, which makes the keys"
)
REPORT, ANCHOR = "autodialer-report.html", "autodialer-report.html.anchor"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    # Hearing the clips takes a second for each folder.
    monkeypatch.setattr("appliance.config.load._Checks._examine", lambda *_: None)
    return Place(tmp_path)


def brought(place: Place, folder: Path) -> int:
    return main(
        [
            *("--config", str(place.config), "--state", str(place.state)),
            *("provision", "apply", str(folder)),
        ]
    )


def test_who_packed_a_folder_finds_the_campaign_beside_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place.pack(place.folder())
    assert brought(place, folder) == 0
    page = (folder / REPORT).read_text()
    assert page.startswith("<!doctype html><!-- autodialer report -->")
    assert "+33639980001" not in page
    assert "+33639980002" not in page
    assert f"the campaign so far in {folder / REPORT}" in capsys.readouterr().out
    anchor = Anchor.parse((folder / ANCHOR).read_text())
    assert anchor.hash in page
    verify = ["--config", str(place.config), "--state", str(place.state), "ledger", "verify"]
    assert main([*verify, "--anchor", str(folder / ANCHOR)]) == 0


def test_the_same_folder_again_gets_the_newer_page_and_stays_sound(place: Place) -> None:
    folder = place.pack(place.folder())
    brought(place, folder)
    given = ["--config", str(place.config), "--state", str(place.state)]
    assert main([*given, "contacts", "revoke", "+33639980001"]) == 0
    before = (folder / ANCHOR).read_text()
    assert brought(place, folder) == 0
    assert (folder / ANCHOR).read_text() != before
    assert sorted(one.name for one in folder.glob("autodialer-report*")) == [REPORT, ANCHOR]
    copies = place.root / "copies"
    copies.mkdir()
    assert take(folder, copies).faults == []


@pytest.mark.parametrize("who", ["thief", None])
def test_a_stranger_learns_nothing_of_the_campaign(who: str | None, place: Place) -> None:
    brought(place, place.pack(place.folder()))
    strange = place.pack(place.folder("strange"), key=who)
    assert brought(place, strange) == 1
    assert (strange / "RESULT.txt").exists()
    assert list(strange.glob("autodialer-report*")) == []


def test_a_file_of_somebody_else_under_that_name_stays(place: Place) -> None:
    folder = place.pack(place.folder())
    (folder / REPORT).write_text("<!doctype html>\n<p>mine")
    (folder / ANCHOR).write_text("mine")
    brought(place, folder)
    assert (folder / REPORT).read_text() == "<!doctype html>\n<p>mine"
    assert (folder / ANCHOR).read_text() == "mine"
    assert (folder / "autodialer-report-2.html").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_the_box_is_told_when_everything_lies_there_and_whatever_fails(
    fails: bool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.pack(place.folder())
    seen: list[list[str]] = []

    def told(*_: Any) -> None:
        seen.append(sorted(one.name for one in folder.iterdir() if "manifest" not in one.name))

    monkeypatch.setattr(provision, "_told", told)
    if fails:

        def pulled(*_: Any) -> str | None:
            raise SystemExit(1)  # SIGTERM, when the stick is gone

        monkeypatch.setattr(provision, "_report", pulled)
        with pytest.raises(SystemExit):
            brought(place, folder)
    else:
        brought(place, folder)
    (names,) = seen
    assert "RESULT.txt" in names
    assert (REPORT in names) is not fails


def test_a_ledger_that_takes_too_long_to_read_is_left_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "LARGEST_REPORTED", 10)
    folder = place.pack(place.folder())
    assert brought(place, folder) == 0
    assert not (folder / REPORT).exists()
