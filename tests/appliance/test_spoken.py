"""What a person reads goes through a catalogue: no sentence reaches a screen as it stands here.

Two rules on the source, and one on what commands print. A literal that reads like a sentence is a
message (``say``, ``worded``, ``plural``, ``several``, ``marked``), whatever it is for; and what a
module of the command line or of a screen prints has no letters outside one. The exceptions are
named below, with their reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MESSAGES = {"say", "worded", "plural", "several", "marked"}
SENTENCE = re.compile(r"[A-Za-z]{2,},? [a-zA-Z{0-9“\"(]|\} [a-z]{2,}|[a-z]{2,}:? \{")
LETTERS = re.compile(r"[A-Za-z]{2,}")

NOT_FOR_PEOPLE = {
    # Machines, logs and the ledger's evidence, which stay English.
    "appliance/call/": "evidence: the ledger is English",
    "appliance/fleet/hub_config.py": "the configuration of another program",
    "appliance/fleet/certificates.py": "names inside certificates",
    "appliance/objections/words.py": "what people say, in every language",
    "appliance/people/contacts_dates.py": "names of months and days, in several languages",
    "appliance/people/contacts_header.py": "names of columns, in several languages",
    "appliance/demo/people.py": "invented people and their windows",
    "appliance/demo/fleet_stage.py": "invented people and their windows",
    "appliance/ledger/checkpoint.py": "what a key is made of",
    "appliance/screen/metrics.py": "HELP lines that Prometheus reads",
    "appliance/report/figures.py": "no words",
    "firmware/at/": "the language of modems",
    "firmware/call/": "evidence: the ledger is English",
    "appliance/cli/doctor_card.py": "headings and patterns of the support archive",
    "appliance/update/decide.py": "patterns of what rauc says; its findings are messages",
    "firmware/dtmf/": "evidence: the ledger is English",
    "firmware/families/": "what modems say, and why each command is sent: developers read it",
    "firmware/simulator/": "the bench's own modems",
    "firmware/supervisor/": "a process of its own, whose words are the log's",
    # The command line's own grammar, which is English as the names of its options are.
    "appliance/cli/main.py": "what --help says of each command",
    "appliance/cli/examples.py": "what --help says of each command",
    "appliance/cli/manual.py": "the manual page",
    "appliance/cli/shells.py": "scripts for shells",
}
NOT_SAID = {
    "appliance/campaign/history.py": (
        "rows of the ledger",
        "checkpoint ver",
        "a consent",
        "damaged",
    ),
    "appliance/campaign/incoming_calls.py": ("no number", "no clip"),
    "appliance/cli/config.py": ("no key {x}", "# Made by"),
    "appliance/cli/fleet_join.py": ("fleet:", "  servers"),
    "appliance/cli/watching.py": ("\n    #page",),
    "appliance/daemon/log_output.py": ("WARNING",),
    "appliance/daemon/supervised.py": ("{x} unconfirmed",),
    "appliance/demo/run.py": ("too early",),
    "appliance/fleet/joining.py": ("fleet join 1",),
    "appliance/law/profile_file.py": ("mon 00:00",),
    "appliance/people/number_key.py": ("autodialer {x}",),
    "appliance/people/registration.py": ("the number of", "consent {x}"),
    "appliance/provisioning/apply.py": ("stays {x}",),
    "appliance/provisioning/beside.py": ("{x}autodialer wrote",),
    "appliance/provisioning/manifest.py": ("box namespaces",),
    "appliance/provisioning/welcome.py": ("# A sample",),
    "appliance/provisioning/words.py": ("autodialer RESULT",),
    "appliance/update/trial.py": ("look again", "give up"),
    "appliance/update/words.py": ("autodialer UPDATE",),
    "appliance/selftest/machine.py": ("key {x}", "the clip did not"),
    "appliance/windows.py": ("mon-fri",),
    "firmware/yaml_document.py": (
        *("mapping values", "could not", "found", "expected", "inconsistent", "block sequence"),
        *("unknown escape", "cannot start", "'\\t' that", "mapping keys", "unexpected document"),
        *("but found", "sequence entries", "scanning a", "YAML directive", "another document"),
    ),
    "firmware/gpio/lamp_thread.py": ("lamp {x}",),
    "firmware/kernel_clock.py": ("the kernel does", "{x} cannot be"),
}
"""Literals that go into the ledger, a log, JSON, a file with a form of its own, or a key."""
NO_WORDS = re.compile(
    r"\s*<|(?:bold|reverse|dim|red|yellow|underline|\{x\}| )+$|(?:autodialer[: ]*\{x\})$"
)
"""Markup, styles, and the program's name before a message."""
PROGRAMMER = {"ValueError", "TypeError", "AssertionError", "KeyError", "RuntimeError"}
"""Errors that nobody sees while the program is right."""
NO_MESSAGE = {
    *("debug", "info", "warning", "error", "exception", "critical", "log"),
    *("add_argument", "add_parser", "add_subparsers", "ArgumentParser", "CommandParser"),
    *("compile", "match", "search", "fullmatch", "split", "sub", "startswith", "endswith"),
    *("dumps", "ask_running", "ask"),
    *("getLogger", "Thread", "notify", "cast", "set_defaults", "TypeVar", "headquarters"),
}
"""Calls whose texts are a log's, ``--help``'s, a pattern's or a name's."""
SAYS = {"print", "news"}
NAMES = re.compile(r"\{x\}|autodialer:|\bdB\b")
"""What is the same in every language."""


def modules() -> list[Path]:
    found = [*ROOT.glob("appliance/**/*.py"), *ROOT.glob("firmware/**/*.py")]
    return [one for one in found if not any(name_of(one).startswith(x) for x in NOT_FOR_PEOPLE)]


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def text_of(node: ast.AST) -> str:
    """A literal's text; ``{}`` where an f-string has a value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else "{x}" for one in node.values
        )
    return ""


def literals(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield each literal that stands in no message and in nothing that is no message."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield node
        if isinstance(node, ast.JoinedStr):
            for one in node.values:
                if isinstance(one, ast.FormattedValue):
                    yield from literals(one.value)
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Assert | ast.Compare | ast.Subscript | ast.MatchValue):
        return
    if isinstance(node, ast.Call) and called(node) in MESSAGES | NO_MESSAGE | PROGRAMMER:
        return
    inner: list[ast.AST] = []
    if isinstance(node, ast.AnnAssign):
        inner += [node.value] if node.value is not None else []
    elif isinstance(node, ast.Dict):
        inner = [*node.values]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [one for one in node.args.kw_defaults if one is not None]
        inner = [*node.args.defaults, *defaults, *node.body]
    else:
        inner = [*ast.iter_child_nodes(node)]
    for child in inner:
        yield from literals(child)


def sentences(source: str, known: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """The sentences of a module that are no messages, but those that begin as one of *known*."""
    found = [(one.lineno, text_of(one)) for one in literals(ast.parse(source))]
    return [
        (line, text)
        for line, text in found
        if SENTENCE.search(text)
        and re.search(r"[a-z]{2,}", text.replace("{x}", ""))
        and not NO_WORDS.match(text)
        and not text.startswith(known or "\0")
    ]


def hidden(source: str) -> list[tuple[int, str]]:
    """Messages inside an f-string, where Python 3.11 shows them to no extractor."""
    return [
        (call.lineno, text_of(call.args[0]))
        for outer in ast.walk(ast.parse(source))
        if isinstance(outer, ast.JoinedStr)
        for call in ast.walk(outer)
        if isinstance(call, ast.Call)
        and called(call) in MESSAGES
        and call.args
        and text_of(call.args[0])
    ]


def printed(source: str, known: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """What a module prints with letters outside a message, but what begins as one of *known*."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and called(call) in SAYS):
            continue
        for argument in call.args:
            for one in literals(argument):
                text = text_of(one)
                if LETTERS.search(NAMES.sub("", text)) and not text.startswith(known or "\0"):
                    found.append((one.lineno, text))
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise Refused("the box is ending")', 1),
        ('raise Refused(worded("the box is ending"))', 0),
        ('detail = f"{count} rows verified"', 1),
        ('detail = worded("{count} rows verified", count=count)', 0),
        ('log.info("the box is ending")', 0),
        ('parser.add_argument("--json", help="print JSON for programs")', 0),
        ('raise ValueError("the box is ending")', 0),
        ('"""The box is ending."""', 0),
        ('return {"the key of": "x"}', 0),
        ('return {"key": "the box is ending"}', 1),
        ("detail = f\"{say(fault)}: {'the box is ending'}\"", 1),
    ],
)
def test_a_sentence_that_is_no_message_is_found(source: str, found: int) -> None:
    assert len(sentences(source)) == found


def test_a_message_that_no_extractor_sees_is_found() -> None:
    assert hidden("f\"{say('bench')} {say(name)}\"") == [(1, "bench")]


def test_a_word_that_is_printed_as_it_stands_is_found() -> None:
    source = 'print("paused")\nprint(say("paused"))\nprint(f"{a}: {say(b)}")\nprint(f"row {a}")'
    assert [line for line, _ in printed(source)] == [1, 4]


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_each_sentence_is_a_message(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    known = NOT_SAID.get(name_of(module), ())
    assert sentences(source, known) == [], "put it into worded(), or say() where it is shown"
    assert hidden(source) == [], "take it out of the f-string"


@pytest.mark.parametrize(
    "module",
    [one for one in modules() if name_of(one).startswith(("appliance/cli/", "appliance/screen/"))],
    ids=name_of,
)
def test_nothing_is_printed_as_it_stands(module: Path) -> None:
    known = NOT_SAID.get(name_of(module), ())
    assert printed(module.read_text(encoding="utf-8"), known) == []


def test_each_exception_is_there() -> None:
    """A room that is gone needs no exception."""
    assert [one for one in (*NOT_FOR_PEOPLE, *NOT_SAID) if not (ROOT / one).exists()] == []


# A number before the name of what it counts; measures (bytes, seconds) are seldom one.
COUNTED = re.compile(
    r"\{(\w+)\} (?:[a-z-]+ ){0,2}?(?:attempts|authorisations|boxes|calls|callees|cells|claims|"
    r"columns|consents|dials|faults|files|lines|messages|nodes|numbers|objections|parts|people|"
    r"persons|questions|reports|rows|stops|times|withdrawals)\b"
)
NEVER_ONE = {
    # Limits of the program.
    *("most", "most_rejected"),
    # Counted above one where it is said.
    "hub.py: a hub of {count} nodes named {names}",
    "selftest_run.py: {count} people consented to self-tests",
    "fleet_run.py: {count} people stand on four lists {on_lists} times; each may be called once",
    "fleet_run.py: {count} boxes with {lines} lines each are at work",
    # Names and kinds, not numbers.
    *("file", "number", "part", "row", "sequence"),
}


def counted(source: str) -> list[tuple[int, str]]:
    """Messages of one form that count something: one of it would read "1 rows"."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and called(call) in {"say", "worded", "marked"} and call.args:
            text = text_of(call.args[0])
            if any(match[1] not in NEVER_ONE for match in COUNTED.finditer(text)):
                found.append((call.lineno, text))
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('say("{count} rows", count=n)', 1),
        ('worded("in {total} new people of the list", total=n)', 1),
        ('plural("{count} row", "{count} rows", n)', 0),
        ('worded("{rows} of the file", rows=plural("{count} row", "{count} rows", n))', 0),
        ('worded("more than {most} files", most=MOST)', 0),
    ],
)
def test_what_is_counted_is_found(source: str, found: int) -> None:
    assert len(counted(source)) == found


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_what_is_counted_has_a_form_for_one(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    told = [one for one in counted(source) if f"{module.name}: {one[1]}" not in NEVER_ONE]
    assert told == []
