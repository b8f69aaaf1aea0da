"""The dashboard and the alert rules beside the metrics: each name in them is written by a box."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.box.lamps import FaultCode
from appliance.cli.main import COMMANDS
from appliance.model import Outcome
from appliance.screen.metrics import exposition

FOLDER = Path(__file__).parents[3] / "docs" / "metrics"
STATUS: dict[str, Any] = {
    "box": "north",
    "mode": "automatic",
    "clock": {"utc": "2027-03-09T17:02:11Z", "trusted": True, "source": "ntp"},
    "stopped": False,
    "paused": True,
    "people": 48,
    "waiting": 31,
    "attempts": 12,
    "outcomes": {"busy": 3},
    "refusals": {"consent": 4},
    "lines": [
        {"name": "line-1", "ready": False, "call": None, "incoming": None, "fault": {"code": "x"}}
    ],
    "faults": [{"code": "line_out"}],
    "messages": {"waiting": 2},
    "ledger": {"seq": 120},
}
ADDED = {"instance", "job", "__name__"}
"""Labels that Prometheus adds where it collects."""
_NAME = re.compile(r"\bautodialer_[a-z_]+")
_SELECTED = re.compile(r"\{([^}]*)\}")
_LABEL = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
_SHOWN = re.compile(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}")
_BY = re.compile(r"\bby\s*\(([^)]*)\)")


def written() -> dict[str, set[str]]:
    """Return the labels of every metric that the box writes, by its name."""
    found: dict[str, set[str]] = {}
    for row in exposition(STATUS, 0.0).splitlines():
        if not row.startswith("#"):
            name, _, rest = row.partition("{")
            name = name.split(" ")[0]
            found.setdefault(name, set()).update(_LABEL.findall(rest))
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "autodialer.rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
    return found


def queries() -> Iterator[tuple[str, str, str]]:
    """Yield what each expression is of, the expression, and the text that shows its labels."""
    for rule in rules():
        yield rule["alert"], rule["expr"], " ".join(rule["annotations"].values())
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]
    for one in dashboard()["annotations"]["list"]:
        yield one["name"], one["expr"], one["textFormat"]


@pytest.mark.parametrize(("what", "query", "shown"), list(queries()), ids=lambda text: text[:30])
def test_a_query_names_only_what_the_box_writes(what: str, query: str, shown: str) -> None:
    known = written()
    names = set(_NAME.findall(query))
    assert names, what
    assert names <= known.keys()
    labels = set().union(*(known[name] for name in names)) | ADDED
    selected = {label for part in _SELECTED.findall(query) for label in _LABEL.findall(part)}
    grouped = {label.strip() for part in _BY.findall(query) for label in part.split(",")}
    assert selected | grouped | set(_SHOWN.findall(shown)) <= labels
    for text in re.findall(r'outcome=~"([^"]*)"', query):
        assert set(text.split("|")) <= set(Outcome)
    assert query.count("(") == query.count(")")


def test_the_dashboard_shows_every_metric_and_its_panels_stand_beside_each_other() -> None:
    document = dashboard()
    shown = {
        name
        for panel in document["panels"]
        for t in panel["targets"]
        for name in _NAME.findall(t["expr"])
    }
    assert shown == written().keys()
    places = [panel["gridPos"] for panel in document["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do_with_commands_that_exist(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    action = rule["annotations"]["action"]
    assert rule["annotations"]["summary"]
    for command in re.findall(r"(?<!status )\bautodialer ([a-z]+)", action):
        assert command in COMMANDS
    assert not re.search(r"\+[0-9]", str(rule)), "no number"


def test_every_fault_of_the_lamp_raises_an_alert() -> None:
    """One rule takes them all; the clock's and the lines' have rules that wait otherwise."""
    (rule,) = [rule for rule in rules() if rule["alert"] == "AutodialerFault"]
    assert rule["expr"] == "autodialer_fault == 1"
    for code in FaultCode:
        row = exposition({**STATUS, "faults": [{"code": code.name.lower()}]}, 0.0)
        assert f'autodialer_fault{{code="{code.name.lower()}"}} 1' in row


def test_the_page_names_both_files() -> None:
    page = (FOLDER.parent / "metrics.md").read_text(encoding="utf-8")
    for file in FOLDER.iterdir():
        assert f"(metrics/{file.name})" in page
    assert set(re.findall(r"`(autodialer_[a-z_]+)", page)) == written().keys()
