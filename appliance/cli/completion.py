"""``completion bash|zsh|fish|manual``: what a shell completes, and the manual page.

Both are made of the parsers themselves, so that neither can tell of an option that is not there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from appliance.cli.command_tree import Command, Taken
from appliance.cli.parser import children, options

FORMS = ("bash", "zsh", "fish", "manual")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("form", choices=FORMS, help="your shell, or manual for a page of man(1)")


def run(arguments: argparse.Namespace) -> int:
    from appliance.cli import manual, shells

    tree = list(commands())
    make = {
        "bash": shells.bash,
        "zsh": shells.zsh,
        "fish": shells.fish,
        "manual": manual.page,
    }[arguments.form]
    print(make(tree), end="")
    return 0


def commands() -> Iterator[Command]:
    """Yield the program itself, each command, and each action of one."""
    from appliance.cli.main import COMMANDS, DESCRIPTION, command_parser, top_parser

    yield Command(
        words=(),
        text=DESCRIPTION,
        takes=tuple(one for one in map(_taken, options(top_parser())) if one.names),
        actions=tuple((name, text) for name, (_, text) in COMMANDS.items()),
    )
    for name, (_, text) in COMMANDS.items():
        yield from _walk((name,), text, command_parser(name))


def _walk(words: tuple[str, ...], text: str, parser: argparse.ArgumentParser) -> Iterator[Command]:
    inner = children(parser)
    told = _texts(parser)
    takes = tuple(
        _taken(action)
        for action in options(parser)
        if not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    )
    yield Command(
        words=words,
        text=text,
        takes=takes,
        actions=tuple((name, told.get(name, "")) for name in inner),
    )
    for name, action in inner.items():
        yield from _walk((*words, name), told.get(name, ""), action)


def _texts(parser: argparse.ArgumentParser) -> dict[str, str]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return {
                str(one.dest): _plain(one)
                for one in action._choices_actions  # noqa: SLF001
            }
    return {}


def _taken(action: argparse.Action) -> Taken:
    value = action.metavar or (action.dest if action.nargs != 0 else "")
    if isinstance(value, tuple):
        value = value[0]
    return Taken(
        names=tuple(action.option_strings),
        text=_plain(action),
        value=value.upper() if action.nargs != 0 and value == action.dest else value or "",
        choices=tuple(str(one) for one in action.choices or ()),
        is_file=action.type is Path,
        required=bool(action.required),
    )


def _plain(action: argparse.Action) -> str:
    """Return an option's help, with its places filled as argparse does."""
    text = action.help or ""
    return " ".join((text % {**vars(action), "prog": "autodialer"}).split())
