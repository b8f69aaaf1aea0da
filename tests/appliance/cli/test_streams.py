"""No text is obeyed by a terminal, and none is too foreign to be printed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.streams import draw_anew, plain, safe_output, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace, 3 km", "Ada Lovelace, 3 km"),
        ("é – • …\tx\ny\r\n", "é – • …\tx\ny\r\n"),
        ("\x1b]0;owned\x07", "\\u001b]0;owned\\u0007"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x9b2J", "\\u009b2J"),
        ("good\rbad", "good\\u000dbad"),
        ("a\x08b\x7f", "a\\u0008b\\u007f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("\x00", "\\u0000"),
    ],
)
def test_controls_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_json_stays_the_same_json(text: str) -> None:
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text


@given(st.text())
def test_nothing_shown_is_a_control_but_tabs_and_line_ends(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if not c.isprintable() and c in "\x1b\x00\x07\x08\x9b\u202e"]
    assert visible(shown) == shown


@pytest.mark.parametrize("raw", [b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"ok", "é".encode()])
def test_an_argument_becomes_text_that_can_be_written(raw: bytes) -> None:
    said = plain(os.fsdecode(raw))
    said.encode()
    assert said.replace("\N{REPLACEMENT CHARACTER}", "") in raw.decode("utf-8", "ignore")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_every_text_can_be_printed_in_every_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    with safe_output("status"):
        print("Zoë • 日本 \ud800 \x1b[2J")
    sys.stdout.flush()
    assert b"Zo" in raw.getvalue()
    assert b"\\u001b[2J" in raw.getvalue()


@pytest.mark.process
@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1"])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["check"], ["status"], ["reset", "--by", "\udcff", "--reason", "é"]]
)
def test_no_locale_ends_a_command_in_a_traceback(
    tmp_path: Path, locale: str, arguments: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", "--state", str(tmp_path), *arguments],
        capture_output=True,
        check=False,
        timeout=50,
        env={**os.environ, "LC_ALL": locale, "PYTHONIOENCODING": "", "PYTHONUTF8": "0"},
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["fleet", "panel"])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_screen_is_drawn_anew_on_a_terminal_and_its_text_is_not_obeyed(
    command: str, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with safe_output(command):
        draw_anew("north\x07" if command == "fleet" else "north")
    clear, _, rest = out.getvalue().rpartition("\x1b[2J")
    assert (clear == "\x1b[H") is terminal
    assert rest == ("north\\u0007\n" if command == "fleet" else "north\n")
