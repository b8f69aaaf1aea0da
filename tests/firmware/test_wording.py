"""A sentence is English to every program, and keeps what a catalogue needs to say it otherwise."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from appliance.language import translator
from firmware.errors import ErrorWithRemedy
from firmware.wording import carried, joined, plural, received, said_by, worded

FRENCH = translator("fr")


def test_a_message_is_english_text() -> None:
    told = worded("{name} does not exist", name="/dev/ttyUSB9")
    assert told == "/dev/ttyUSB9 does not exist"
    assert json.dumps({"why": told}) == '{"why": "/dev/ttyUSB9 does not exist"}'
    assert FRENCH(told) == "/dev/ttyUSB9 n'existe pas"


@pytest.mark.parametrize(("count", "said"), [(0, "0 jour"), (1, "1 jour"), (2, "2 jours")])
def test_numbers_follow_the_language(count: int, said: str) -> None:
    """French counts nothing as one."""
    assert FRENCH(plural("{count} day", "{count} days", count)) == said


def test_a_value_may_be_a_message_an_error_or_anything_that_prints() -> None:
    inner = worded("the line is ready")
    told = worded("{name} does not exist", name=worded("The line is ready."))
    assert FRENCH(told) == "La ligne est prête. n'existe pas"
    error = ErrorWithRemedy(worded("the port was closed"))
    assert FRENCH(worded("write failed: {error}", error=error)) == (
        "l'écriture a échoué\N{NO-BREAK SPACE}: le port a été fermé"
    )
    assert worded("{name} does not exist", name=Path("/a")) == "/a does not exist"
    assert FRENCH(inner) == "the line is ready", "what no catalogue has stays as it is"


def test_what_is_put_together_is_said_part_by_part() -> None:
    row = joined("; ", [worded("the modem has no network"), worded("The line is ready.")])
    assert row == "the modem has no network; The line is ready."
    assert FRENCH(row) == "le modem n'a pas de réseau\N{NO-BREAK SPACE}; La ligne est prête."
    assert FRENCH("line-1: " + worded("The line is ready.") + "!") == "line-1: La ligne est prête.!"


def test_decimals_have_the_mark_of_the_language() -> None:
    assert FRENCH(worded("{count:.0f} days", count=2.0)) == "2 jours"
    told = worded(
        "lasts {seconds:.1f} s, at most {longest:g} s are allowed", seconds=1.5, longest=9
    )
    assert FRENCH(told) == "dure 1,5 s, au plus 9 s sont permises"


@dataclass(frozen=True)
class Row:
    detail: str


def test_a_message_survives_copies_processes_and_the_socket() -> None:
    told = plural("{count} day", "{count} days", 3)
    over_the_socket = json.loads(json.dumps(carried({"rows": [told]})), object_hook=received)
    for again in (
        copy.deepcopy(told),
        pickle.loads(pickle.dumps(told)),  # noqa: S301 - our own
        asdict(Row(told))["detail"],
        over_the_socket["rows"][0],
        str(told),
        said_by(ErrorWithRemedy(told)),
        str(ErrorWithRemedy(told)),
    ):
        assert again == "3 days"
        assert FRENCH(again) == "3 jours"
