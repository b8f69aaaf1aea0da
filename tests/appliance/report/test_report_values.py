"""What the page is filled with, whole, and what its charts are drawn from."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.effects import Entry
from appliance.language import translator
from appliance.ledger_words import CAUSES, MEANINGS, OUTCOMES
from appliance.report import charts, dossier, report
from appliance.report.dossier import as_text, compile_dossier
from appliance.report.figures import AttemptRow, Event, Figures, LineFigures, add_up
from appliance.report.pages import duration, head, local
from appliance.report.report import Frame, LawFacts
from firmware.events import Cause
from tests.appliance.report.test_figures import AT, CALL, ENTRIES, PARIS, PERSON, minute

LAW = LawFacts(
    label="fr/1",
    rules=(("fr.1", "No calls", "Code", "2026"),),
    hours=frozenset({(1, 22), (1, 23), (2, 18)}),
)


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The values of each template that was filled."""
    found: dict[str, dict[str, Any]] = {}

    def render(template: str, _language: str, values: dict[str, Any]) -> str:
        found[template] = values
        return "a page"

    for module in (report, dossier):
        monkeypatch.setattr(module, "render", render)
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was to be drawn."""
    told: list[tuple[Any, ...]] = []
    for kind in ("bars", "columns"):

        def draw(*what: Any, kind: str = kind) -> str:
            told.append((kind, *what))
            return f"<{kind} {what[0]}>"

        monkeypatch.setattr(charts, kind, draw)
    return told


def values_of(
    filled: dict[str, dict[str, Any]], figures: Figures, law: LawFacts = LAW
) -> dict[str, Any]:
    frame = Frame(title="Calls", head=(32, "ab" * 32), zone=PARIS, law=law, version="1")
    assert report.as_html(figures, frame) == "a page"
    return filled["report.html"]


def test_the_whole_page(filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]]) -> None:
    values = values_of(filled, add_up(ENTRIES, PARIS))
    heads = values.pop("heads")
    heat = values.pop("heat")
    assert values == {
        "title": "Calls",
        "span": "2027-03-09 23:30 to 2027-03-10 00:01 (Europe/Paris)",
        "bench": False,
        "sums": [
            {"value": 2, "text": "calls made"},
            {"value": 2, "text": "people called"},
            {"value": 0, "text": "people asked for the message"},
            {"value": 2, "text": "objections, each final"},
            {"value": 1, "text": "person not called yet"},
        ],
        "outcomes": [
            (
                OUTCOMES[outcome],
                *(("1", "1") if outcome in ("opted_out", "failed") else ("0", "0")),
                meaning,
            )
            for outcome, meaning in MEANINGS.items()
        ],
        "when": "Times are in Europe/Paris.",
        "days": [("2027-03-09", "2", "0", "1")],
        "waiting": [("chosen hours", "1")],
        "refused": [("chosen hours", "2"), ("cap", "1")],
        "keys": {
            "sentence": "1 call had a key; half of the first ones came within 60.0 s of the "
            "answer. Presses: 1 × 2, 9 × 1.",
            "rows": [
                *((label, "0") for label in ("0-2", "2-5", "5-10", "10-15", "15-20", "20-30")),
                ("30-60", "0"),
                ("60+", "1"),
            ],
        },
        "often": [("1", "1"), ("2", "1")],
        "consent": "5 consents of 4 people recorded, 1 person erased.",
        "objections": [("the key to object in a call", "1"), ("text message", "1")],
        "events": [
            ("2027-03-09 23:57", "emergency stop", "stop button", ""),
            ("2027-03-09 23:58", "stop released", "Alix", "checked"),
            ("2027-03-09 23:59", "state restored from a backup", "", "rows"),
        ],
        "lines": [
            ("l1", "1", "1", "0", "2 min", "no-sim × 1, no-reply × 1"),
            ("l2", "2", "0", "1", "0 s", ""),
            ("l3", "0", "0", "0", "60 s", "no-sim × 1"),
        ],
        "law": {
            "sentence": "Each call was judged by the profile fr/1, fr/2.",
            "rules": [("fr.1", "No calls", "Code (2026)")],
        },
        "calls": [
            (
                "2027-03-09 23:40",
                "s1",
                "l1",
                "objected",
                "7 s",
                "32 s",
                "1 9",
                "local, ledger row 15",
            ),
            ("2027-03-09 23:50", "s2", "l2", "failed", "0 s", "0 s", "1", "ledger row 23"),
            ("2027-03-09 23:54", "s2", "l2", "running", "0 s", "0 s", "", ""),
        ],
        "calls_summary": "Show 3 calls",
        "proof": "Row 32 of the ledger has this hash:",
        "head_hash": "ab" * 32,
        "anchor_name": "report.html.anchor",
        "footer": "Made by autodialer 1 on b1, from its ledger alone.",
        "charts": {"people": "<bars people>", "days": "", "presses": "<columns keys>"},
    }
    assert drawn == [
        ("bars", "people", "People by the outcome of their newest call",
         {"objected": 1, "failed": 1}),
        ("columns", "keys", "Seconds from the answer to the first key",
         ["0-2", "2-5", "5-10", "10-15", "15-20", "20-30", "30-60", "60+"],
         {"calls": [0] * 7 + [1]}),
    ]  # fmt: skip
    assert heat["hours"] == ["18", "19", "20", "21", "22", "23"]
    assert [row["day"] for row in heat["rows"]][::6] == ["Monday", "Sunday"]
    told = {
        (place, hour): (cell["count"], cell["classes"])
        for place, row in enumerate(heat["rows"])
        for hour, cell in zip(heat["hours"], row["cells"], strict=True)
        if cell != {"count": 0, "classes": ""}
    }
    assert told == {
        (1, "22"): (0, "law"),
        (1, "23"): (3, "h4"),
        (2, "18"): (0, "law wished"),
        (2, "19"): (0, "wished"),
    }
    names = {place: [(one["text"], one["number"]) for one in row] for place, row in heads.items()}
    right = {place: [text for text, number in row if number] for place, row in names.items()}
    assert right == {
        "outcomes": ["people", "calls"],
        "days": ["calls", "listened", "objected"],
        "waiting": ["people"],
        "refused": ["refusals"],
        "presses": ["calls"],
        "often": ["people"],
        "objections": ["objections"],
        "events": [],
        "lines": ["calls", "answered", "failed", "out of service"],
        "law": [],
        "calls": ["rang", "talked"],
    }
    assert {place: len(row) for place, row in names.items()} == {
        "outcomes": 4, "days": 4, "waiting": 2, "refused": 2, "presses": 2, "often": 2,
        "objections": 2, "events": 4, "lines": 6, "law": 3, "calls": 8,
    }  # fmt: skip


def test_a_page_of_nothing(filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]]) -> None:
    values = values_of(filled, Figures(), LawFacts(label="fr/1"))
    assert values["span"] == "The ledger is empty."
    assert [one["value"] for one in values["sums"]] == [0, 0, 0, 0, 0]
    assert values["heat"]["hours"] == [f"{hour:02d}" for hour in range(9, 21)]
    assert len(values["heat"]["rows"]) == 7
    assert values["keys"] == {"sentence": "Nobody pressed a key.", "rows": []}
    assert values["law"] == {
        "sentence": "No call was judged yet; the profile is fr/1.",
        "rules": [],
    }
    assert values["footer"] == "Made by autodialer 1 on -, from its ledger alone."
    assert values["charts"] == {"people": "", "days": "", "presses": ""}
    assert drawn == []
    assert values["bench"] is False
    assert LawFacts() == LawFacts(label="", title="", rules=(), hours=frozenset())


@pytest.mark.parametrize(
    ("most", "shades"),
    [
        (1, "-3"),
        (2, "-23"),
        (3, "-234"),
        (4, "-1234"),
        (7, "-1223344"),
        (8, "-11223344"),
    ],
)
def test_an_hour_is_the_darker_the_more_calls_it_had(
    filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]], most: int, shades: str
) -> None:
    cells = Counter({(0, hour): hour for hour in range(most + 1)})
    values = values_of(filled, Figures(cells=cells), LawFacts())
    row = values["heat"]["rows"][0]["cells"]
    found = [cell["classes"].removeprefix("h") or "-" for cell in row]
    assert "".join(found[: len(shades)]) == shades
    assert found[most] == ("3" if most < 3 else "4" if most > 2 else "")
    assert not drawn


def attempt(number: int, **fields: Any) -> AttemptRow:
    told = {"subject": f"person-{number}", "line": "l", "authorised_at": AT, "bench": False}
    return AttemptRow(**{"attempt": f"a{number}", **told, **fields})


@pytest.mark.parametrize(
    ("times", "middle", "classes"),
    [
        ([0.0], "0.0", "1 0 0 0 0 0 0 0"),
        ([1.99, 2.0], "2.0", "1 1 0 0 0 0 0 0"),
        ([4.9, 5.0, 9.9, 10.0], "9.9", "0 1 2 1 0 0 0 0"),
        ([15.0, 14.9, 20.0, 19.9, 30.0], "19.9", "0 0 0 1 2 1 1 0"),
        ([29.9, 59.9, 60.0, 400.0], "60.0", "0 0 0 0 0 1 1 2"),
    ],
)
def test_the_seconds_to_the_first_key(
    filled: dict[str, dict[str, Any]],
    drawn: list[tuple[Any, ...]],
    times: list[float],
    middle: str,
    classes: str,
) -> None:
    rows = [attempt(n, seconds_to_key=t, keys=["1"]) for n, t in enumerate(times)]
    rows.append(attempt(99))
    values = values_of(filled, Figures(rows=rows))
    assert values["keys"]["sentence"] == (
        f"{len(times)} call{'s' * (len(times) > 1)} had a key; half of the first ones came within "
        f"{middle} s of the answer. Presses: 1 × {len(times)}."
    )
    assert " ".join(count for _, count in values["keys"]["rows"]) == classes
    assert [one[1] for one in drawn] == ["keys"]


def test_calls_by_day_are_drawn_from_two_days_on(
    filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]]
) -> None:
    days = {"2027-03-10": Counter(busy=2), "2027-03-09": Counter(listened=1, opted_out=4)}
    figures = Figures(days=days, latest={"s1": "listened", "s2": "partial", "s3": "partial"})
    values = values_of(filled, figures)
    assert values["days"] == [("2027-03-09", "5", "1", "4"), ("2027-03-10", "2", "0", "0")]
    assert values["sums"][2]["value"] == 3
    assert drawn == [
        ("bars", "people", "People by the outcome of their newest call",
         {"listened": 1, "partial": 2}),
        ("columns", "days", "Calls by day", ["2027-03-09", "2027-03-10"],
         {"listened": [1, 0], "objected": [4, 0], "busy": [0, 2]}),
    ]  # fmt: skip
    every = Counter(MEANINGS.keys())
    drawn.clear()
    values_of(filled, Figures(days={"2027-03-09": every, "2027-03-10": every}))
    assert list(drawn[0][4]) == [OUTCOMES[outcome] for outcome in list(MEANINGS)[:6]]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, ""),
        ({"cause": "remote_hang_up"}, CAUSES[Cause.REMOTE_HANG_UP]),
        ({"cause": "odd"}, "odd"),
        ({"evidence": {"code": 0}}, "code 0"),
        ({"evidence": {"code": None}}, ""),
        ({"evidence": {"machine": "odd"}}, "odd"),
        ({"evidence": {"audio_failure": "blocked"}}, "the voice failed"),
        ({"evidence": {"audio_failure": ""}}, ""),
        ({"evidence": {"confirmed": False}}, "end not confirmed"),
        ({"evidence": {"confirmed": True}}, ""),
        ({"evidence": {"confirmed": None}}, ""),
        ({"ended_seq": 9}, "ledger row 9"),
        ({"ended_seq": 0}, "ledger row 0"),
        (
            {
                "cause": "odd",
                "ended_seq": 9,
                "evidence": {"code": 16, "machine": "odd", "confirmed": False},
            },
            "odd, code 16, odd, end not confirmed, ledger row 9",
        ),
    ],
)
def test_what_the_end_of_a_call_rests_on(
    filled: dict[str, dict[str, Any]],
    drawn: list[tuple[Any, ...]],
    row: dict[str, Any],
    told: str,
) -> None:
    (shown,) = values_of(filled, Figures(rows=[attempt(1, **row)]))["calls"]
    assert shown[-1] == told
    assert not drawn


def test_a_call_shows_its_length_and_eight_letters_of_whom_it_was_for(
    filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]]
) -> None:
    row = attempt(1, outcome="odd", ring_seconds=1.5, talk_seconds=2.5, subject="0123456789")
    (shown,) = values_of(filled, Figures(rows=[row]))["calls"]
    assert shown[1:] == ("01234567", "l", "odd", "2 s", "2 s", "", "")
    assert not drawn


def test_a_page_without_an_end_has_no_span_and_none_without_a_beginning(
    filled: dict[str, dict[str, Any]], drawn: list[tuple[Any, ...]]
) -> None:
    figures = Figures(
        first=AT,
        last=AT + timedelta(hours=1),
        events=[Event(AT, "pause", "Ada", "lunch")],
        lines={"l": LineFigures(calls=1, faults=Counter({"x": 2, "y": 3}), down_seconds=90.0)},
        waiting={"s1": ("a", "b"), "s2": (), "s3": ("a", "b")},
        boxes={"b2", "b1"},
    )
    values = values_of(filled, figures)
    assert values["span"] == "2027-03-09 23:30 to 2027-03-10 00:30 (Europe/Paris)"
    assert values["events"] == [("2027-03-09 23:30", "paused", "Ada", "lunch")]
    assert values["lines"] == [("l", "1", "0", "0", "2 min", "y × 3, x × 2")]
    assert values["waiting"] == [("a, b", "2"), ("no rule yet: their turn has not come", "1")]
    assert values["footer"] == "Made by autodialer 1 on b1, b2, from its ledger alone."
    assert not drawn


# -- what is drawn --------------------------------------------------------------------------------


def box_of(svg: str) -> str:
    found = re.search(r'viewBox="([^"]*)"', svg)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("count", "height"), [(0, 70), (1, 70), (2, 100), (5, 190)])
def test_bars_have_their_height_and_their_words(count: int, height: int) -> None:
    svg = charts.bars("people", "Who & what", {f"word {n}": n for n in range(1, count + 1)})
    assert svg.startswith('<svg role="img" aria-label="Who &amp; what"')
    assert svg.count("<svg") == 1
    assert 'class="legend' not in svg
    assert box_of(svg) == f"0 0 480 {height}"
    assert len(re.findall(r'class="bar"', svg)) == count
    assert len(set(re.findall(r"color-\d", re.sub(r"<style.*?</style>", "", svg)))) <= 1
    # The first word stands on top.
    words = re.findall(r'<text x="[^"]*" y="([^"]*)" class="[^"]*">(word \d)<', svg)
    assert [word for _, word in sorted(words, key=lambda one: float(one[0]))] == [
        f"word {n}" for n in range(1, count + 1)
    ]


def test_a_drawing_is_the_same_each_time_and_obeys_nobody() -> None:
    first, second = (
        (
            charts.bars("people", "Title", {"a": 1, "b": 0}),
            charts.columns("days", "Title", ["x", "y"], {"a": [1, 2], "b": [0, 3]}),
        )
        for _ in range(2)
    )
    assert first == second
    for svg in first:
        assert "<script" not in svg
        assert "xmlns:xlink" not in svg
        assert "<title" not in svg
        assert not re.search(r"chart-[0-9a-f]{8}-", svg)
        assert "<?xml" not in svg


@pytest.mark.parametrize(
    ("labels", "series", "turned", "legend"),
    [(2, 1, False, 0), (8, 2, False, 2), (9, 1, True, 0), (9, 3, True, 3)],
)
def test_columns_turn_their_labels_where_these_are_many(
    labels: int, series: int, turned: bool, legend: int
) -> None:
    words = [f"day {n}" for n in range(labels)]
    svg = charts.columns(
        "days", "Days", words, {f"s{n}": list(range(1, labels + 1)) for n in range(series)}
    )
    assert box_of(svg) == "0 0 480 320"
    assert ("rotate(45" in svg) is turned
    assert ("rotate(" in svg) is turned
    assert len(re.findall(r'class="legend reactive activate-serie"', svg)) == legend
    assert len(re.findall(r'class="bar"', svg)) == labels * series
    assert svg.count(">day ") >= labels
    if legend:
        below = re.search(r'translate\((\d+), (\d+)\)" class="legends"', svg)
        assert below is not None
        assert int(below[2]) > 200


def test_columns_show_their_values_but_no_zeroes_and_no_guides() -> None:
    svg = charts.columns("days", "Days", ["x", "y"], {"a": [77, 0]})
    assert "77</text>" in svg
    shown = re.findall(r'<text[^>]*class="value"[^>]*>([^<]*)<', svg)
    assert [value for value in shown if value] == ["77"]
    style = re.sub(r"\s", "", svg)
    assert "font-size:13px" in style
    for where in (".legends.legendtext", ".axistext", ".axistext.major", "text.value"):
        assert f"{where}{{font-family:inherit;font-size:13px}}" in style, where
    many = charts.columns("days", "Days", ["x"], {f"s{number}": [1] for number in range(6)})
    colours = re.findall(
        r"\.color-(\d)a:visited{stroke:var\(--series-(\d)\)", re.sub(r"\s", "", many)
    )
    assert sorted(set(colours)) == [(str(number), str(number + 1)) for number in range(6)]
    assert 'width="480"' not in svg.split(">")[0]
    assert re.search(r'rx="2" ry="2"', svg)
    assert re.search(r'translate\(\d+, 8\)" class="plot"', svg)
    upright = svg[svg.index('class="axis y"') : svg.index('class="axis x"')]
    assert "guide line" not in upright
    assert svg.count("guide line") == 2
    assert '<g class="axis x">' in svg
    assert '<g class="axis y">' in svg


# -- one person -----------------------------------------------------------------------------------

CONSENT = {
    "purpose": "news",
    "given_at": "2027-01-01T11:00:00Z",
    "source": "web",
    "evidence": "form 3",
    "windows": "mon-fri 18:00-20:00",
    "valid_until": "2027-12-31T11:00:00Z",
    "recorded_at": "2027-01-02T11:00:00Z",
}
MESSAGE = {"received_at": "2027-02-01T11:00:00Z", "sent_at": None, "text": "call me"}


def whole_person() -> dict[str, Any]:
    person = PERSON | {
        "consents": [CONSENT, CONSENT | {"valid_until": None}],
        "messages": [MESSAGE, MESSAGE | {"sent_at": "2027-02-01T10:59:00Z", "text": ""}],
    }
    found = compile_dossier(person, [e for e in ENTRIES if e.seq in (11, 12, 13, 14, 15)])
    found["attempts"].append(
        CALL
        | {"purpose": "news", "answered_at": None, "ended_at": None, "outcome": None, "keys": []}
        | {"window": [None, None], "line": None, "profile": None, "rules": ["consent", "law.x"]}
    )
    found["refusals"] = [{"at": "2027-03-09T23:12:00Z", "rules": ["cap", "window"]}]
    return found


def test_a_dossier_for_reading_whole() -> None:
    text = as_text(whole_person())
    assert text.split("\n")[9:] == [
        "",
        "Consents",
        (
            "  given 2027-01-01 12:00:00; for news; how web; evidence form 3; hours mon-fri "
            "18:00-20:00; until 2027-12-31 12:00:00; recorded 2027-01-02 12:00:00"
        ),
        (
            "  given 2027-01-01 12:00:00; for news; how web; evidence form 3; hours mon-fri "
            "18:00-20:00; until no end; recorded 2027-01-02 12:00:00"
        ),
        "",
        "Text messages that are kept",
        "  received 2027-02-01 12:00:00; text call me",
        "  received 2027-02-01 12:00:00; sent 2027-02-01 11:59:00; text (unreadable)",
        "",
        "Calls",
        (
            "  begun 2027-03-09 23:40:00; answered 2027-03-09 23:41:00; ended 2027-03-09 23:44:00; "
            "outcome objected: pressed the key to object: never called again; "
            "keys 1 (2027-03-09 23:42:00), 9 (2027-03-09 23:43:00); allowed by fr/1: x"
        ),
        "  begun 2027-03-09 23:40:00; for news; outcome running; allowed by : consent, law.x",
        "",
        "Calls that a rule refused",
        "  at 2027-03-10 00:12:00; rules cap, chosen hours",
        "",
        "Rows of the ledger",
        "  row 11; at 2027-03-09 23:40:00; kind call authorised",
        "  row 12; at 2027-03-09 23:41:00; kind answered",
        "  row 13; at 2027-03-09 23:42:00; kind key pressed",
        "  row 14; at 2027-03-09 23:43:00; kind key pressed",
        "  row 15; at 2027-03-09 23:44:00; kind call ended",
        "",
    ]


def test_a_dossier_as_a_page_whole(filled: dict[str, dict[str, Any]]) -> None:
    texts = {"law.x": ("no calls on Sundays", "Code, art. 1", "2026")}
    assert dossier.as_html(whole_person(), texts) == "a page"
    values = filled["dossier.html"]
    assert values["times"] == "Times in Europe/Paris."
    assert values["objection"] == (
        "Objected on 2027-03-09 23:45:00 (the key to object in a call): "
        "never called again without a newer consent."
    )
    assert values["consents"][0] == {
        "title": "news, given 2027-01-01 12:00:00",
        "facts": [
            ("how", "web"),
            ("evidence", "form 3"),
            ("hours", "mon-fri 18:00-20:00"),
            ("until", "2027-12-31 12:00:00"),
            ("recorded", "2027-01-02 12:00:00"),
        ],
    }
    assert values["consents"][1]["facts"][3] == ("until", "no end")
    first, second = values["calls"]
    assert first == {
        "title": "2027-03-09 23:40:00",
        "outcome_name": "objected",
        "meaning": "pressed the key to object: never called again",
        "facts": [
            ("for", ""),
            ("answered", "2027-03-09 23:41:00"),
            ("ended", "2027-03-09 23:44:00"),
            (
                "keys",
                (
                    "1 (2027-03-09 23:42:00, heard by the box), "
                    "9 (2027-03-09 23:43:00, heard by the modem)"
                ),
            ),
            ("hours that it fell into", "2027-03-10 18:00:00 – 2027-03-10 20:00:00"),
            ("line", "l1"),
        ],
        "profile": "fr/1",
        "rules": [{"name": "x", "law": True, "text": "", "source": ""}],
    }
    assert second == {
        "title": "2027-03-09 23:40:00",
        "outcome_name": "running",
        "meaning": "",
        "facts": [
            ("for", "news"),
            ("answered", "no"),
            ("ended", ""),
            ("keys", "none"),
            ("hours that it fell into", ""),
            ("line", ""),
        ],
        "profile": "",
        "rules": [
            {
                "name": "consent",
                "law": False,
                "text": "a consent of this person for this purpose was live",
                "source": "",
            },
            {
                "name": "law.x",
                "law": True,
                "text": "no calls on Sundays",
                "source": "Code, art. 1, 2026",
            },
        ],
    }
    assert values["refusals"][0]["at"] == "2027-03-10 00:12:00"
    assert [one["name"] for one in values["refusals"][0]["rules"]] == ["cap", "chosen hours"]
    assert [one["text"] for one in values["refusals"][0]["rules"]] == [
        "",
        "it was outside the hours that the person chose",
    ]
    assert values["messages"] == [
        {"title": "2027-02-01 12:00:00", "text": "call me"},
        {"title": "2027-02-01 12:00:00", "text": "(unreadable)"},
    ]
    assert values["rows"][0] == {
        "seq": 11,
        "at": "2027-03-09 23:40:00",
        "kind": "call authorised",
    }
    assert values["rows_summary"] == "Show 5 rows"
    nobody = PERSON | {"known": False, "objection": None}
    dossier.as_html(compile_dossier(nobody, []))
    assert filled["dossier.html"]["objection"] is None
    assert filled["dossier.html"]["facts"] == [
        ("number", "+33639980012"),
        ("registry", "This number is not in the registry."),
        ("hash of the number", "h1"),
        ("objected", "no"),
    ]


@pytest.mark.parametrize(
    ("own", "wanted", "heading"),
    [
        ("en", "", "Show 0 rows"),
        ("fr", "", "Montrer 0 ligne"),
        ("fr", "en", "Show 0 rows"),
        ("en", "fr", "Montrer 0 ligne"),
        ("xx", "", "Show 0 rows"),
        (None, "", "Show 0 rows"),
    ],
)
def test_a_dossier_speaks_the_person_s_language(
    filled: dict[str, dict[str, Any]], own: str | None, wanted: str, heading: str
) -> None:
    dossier.as_html(compile_dossier(PERSON | {"language": own}, []), None, wanted)
    found = filled["dossier.html"]["rows_summary"]
    assert found == heading


def test_a_row_about_the_number_counts_for_a_person_that_the_registry_has_lost() -> None:
    hashed = [
        Entry(seq=n, at=minute(n), kind="message.kept", subject=subject, data={"number_hash": "h1"})
        for n, subject in ((1, None), (2, "other"))
    ]
    lost = PERSON | {"subject": None, "known": False}
    assert [row["seq"] for row in compile_dossier(lost, hashed)["rows"]] == [1, 2]
    nobody = [entry for entry in ENTRIES if entry.subject is None]
    assert compile_dossier(lost, nobody)["rows"] == []
    keyed = compile_dossier(PERSON, [entry for entry in ENTRIES if entry.seq in (12, 13, 15)])
    # What tells of a call whose beginning is missing belongs to no call.
    assert keyed["attempts"] == []
    assert len(keyed["rows"]) == 3


def test_nothing_moves_a_terminal_s_cursor() -> None:
    text = as_text(compile_dossier(PERSON | {"name": "A\x1b[2J\u202eda"}, []))
    assert "name                A?[2J?da" in text


def test_small_words_of_a_page() -> None:
    assert head("x") == {"text": "x", "number": False}
    assert head("x", number=True) == {"text": "x", "number": True}
    assert local(None, PARIS) == ""
    assert local(AT, ZoneInfo("UTC")) == "2027-03-09 22:30"
    say = translator("en")
    told = [duration(seconds, say) for seconds in (89.9, 90.0, 5399.9, 5400.0, 3600.0, 720000.0)]
    assert told == ["90 s", "2 min", "90 min", "1.5 h", "60 min", "200.0 h"]
