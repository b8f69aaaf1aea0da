"""The manual page, in the macros of man(7), from the commands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from appliance.cli.command_tree import Command, Taken

_TAIL = r"""
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Refused or failed; standard error says why and what to do.
.TP
.B 2
The command line or the configuration is faulty.
.PP
With
.B \-\-json
an error is an object on standard output:
.RB { "\(dqerror\(dq: \fItext\fP, \(dqremedy\(dq: \fItext\fP" }.
.SH FILES
.TP
.I config.yaml
The configuration, where the command is run; else
.I /etc/autodialer/config.yaml
and else the sample that comes with the program.
.TP
.I /var/lib/autodialer
The state of a box that the package installed: people, consents, ledger.
.SH ENVIRONMENT
.TP
.B NO_COLOR
Draw without colours.
.TP
.B AUTODIALER_SUPERVISOR
Folder of the supervisor that watches the box.
"""


def page(tree: Sequence[Command]) -> str:
    """Return the page for ``autodialer.1``."""
    top, *rest = tree
    rows = [
        f'.TH AUTODIALER 1 "" "autodialer {_escaped(__version__)}"',
        ".SH NAME",
        r"autodialer \- call people who asked to be called, when they asked, and nobody else",
        ".SH SYNOPSIS",
        r".B autodialer",
        r"[\fB\-\-config\fP \fIFILE\fP] [\fB\-\-state\fP \fIDIR\fP] \fICOMMAND\fP ...",
        ".SH DESCRIPTION",
        _text(top.text),
        ".SH OPTIONS",
        *(row for taken in top.takes for row in _taken(taken)),
        ".SH COMMANDS",
    ]
    general = {name for taken in top.takes for name in taken.names}
    for command in rest:
        rows += _command(command, general)
    rows += [".SH EXAMPLES", *_examples()]
    return "\n".join(rows) + _TAIL


def _command(command: Command, general: set[str]) -> Iterator[str]:
    arguments = [taken for taken in command.takes if not taken.names]
    synopsis = " ".join(
        [
            *(f"\\fB{_escaped(word)}\\fP" for word in command.words),
            *(f"\\fI{_escaped(taken.value)}\\fP" for taken in arguments),
        ]
    )
    yield f".SS {synopsis}"
    if command.text:
        yield _text(f"{command.text[0].upper()}{command.text[1:]}.")
    for taken in command.takes:
        if not general.intersection(taken.names):
            yield from _taken(taken)


def _taken(taken: Taken) -> Iterator[str]:
    yield ".TP"
    names = ", ".join(f"\\fB{_escaped(name)}\\fP" for name in taken.names)
    value = f"\\fI{_escaped(taken.value)}\\fP" if taken.value else ""
    yield " ".join(part for part in (names, value) if part) or r"\&"
    choices = f" One of: {', '.join(taken.choices)}." if taken.choices else ""
    yield _text(f"{taken.text}{choices}".strip() or "-")


def _examples() -> Iterator[str]:
    for examples in EXAMPLES.values():
        for line, meaning in examples:
            yield ".TP"
            yield f"\\fBautodialer {_escaped(line)}\\fP"
            yield _text(meaning) if meaning else r"\&"


def _text(text: str) -> str:
    """Return *text* as a line that is no request, whatever it begins with."""
    return rf"\&{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
