"""Whatever asks at the terminal: an input that ends or is broken off writes nothing."""

from __future__ import annotations

import ast
import io
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box import wiring
from appliance.cli import panel, questions
from appliance.cli.main import main
from appliance.cli.selftest import interrupted_by_signals
from appliance.config.paths import sample_config

ROOT = Path(__file__).parents[3]
ASKING: dict[str, list[str]] = {
    "config init": ["config", "init", "--out", "made.yaml"],
    "fleet join": ["fleet", "join", "north.join", "--key", "fleet.key"],
    "panel test": ["--config", str(sample_config()), "--state", "state", "panel", "test"],
}


class DarkPanel:
    """A panel that shows nothing; what it is told is not the matter here."""

    closed = 0

    def show(self, _: object) -> None:
        pass

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and a terminal to type at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en")
    (tmp_path / "north.join").write_bytes(b"sealed")
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(wiring, "open_panel", lambda *_, **__: DarkPanel())
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tmp_path


def answers(error: type[BaseException]) -> Callable[[str], str]:
    def asked(_: str = "") -> str:
        raise error

    return asked


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize(
    ("error", "code", "told"),
    [(EOFError, 1, "the input ended, and nothing is written"), (KeyboardInterrupt, 130, "")],
    ids=["Ctrl-D", "Ctrl-C"],
)
def test_what_is_broken_off_leaves_nothing_behind(
    terminal: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asking: str,
    error: type[BaseException],
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr("builtins.input", answers(error))
    monkeypatch.setattr("getpass.getpass", answers(error))
    before, closed = files(terminal), DarkPanel.closed
    assert main(ASKING[asking]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert told in said
    if not told:
        assert said == ""
    assert files(terminal) == before
    assert DarkPanel.closed - closed == (asking == "panel test")


def test_a_pipe_that_ends_answers_no_secret(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(ASKING["fleet join"]) == 1
    assert "the input ended" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("  spring rain \nmore"))
    assert questions.secret("passphrase: ") == "spring rain"
    monkeypatch.setattr("sys.stdin", None)
    assert main(ASKING["fleet join"]) == 1
    assert "the input ended" in capsys.readouterr().err


def test_nobody_else_asks() -> None:
    """What asks otherwise would end in a traceback at Ctrl-D."""
    found = set()
    for top in ("appliance", "firmware"):
        for module in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = ast.unparse(node.func)
                if name in ("input", "getpass.getpass", "getpass"):
                    found.add(module.relative_to(ROOT).as_posix())
    assert found == {"appliance/cli/questions.py"}


def test_the_end_of_the_input_ends_the_panel_in_the_terminal() -> None:
    """Ctrl-D as a terminal gives it key by key."""
    assert {"q", "\x04"} == set(panel.ENDS)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_a_test_call_and_only_it(signum: signal.Signals) -> None:
    told = []

    class Call:
        def interrupt(self) -> None:
            told.append("interrupted")

    before = signal.getsignal(signum)
    with interrupted_by_signals(Call()):
        signal.raise_signal(signum)
        assert told == ["interrupted"]
    assert signal.getsignal(signum) is before
