"""The parser of every command: it suggests what was meant, shows examples, and tells errors as
JSON where JSON was asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from firmware.wording import Message, joined, worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

USAGE = 2


class _ArgparseWords(Message):
    """A text of argparse: English, and with its values a message that catalogues may know."""

    __slots__ = ()

    def __mod__(self, values: Any) -> str:
        import re

        named = values if isinstance(values, dict) else {"value": values}
        # Its places in the form of ours: %s, %r and %(name)s.
        text = re.sub(
            r"%(?:\((\w+)\))?([rs])",
            lambda place: f"{{{place[1] or 'value'}{'!r' if place[2] == 'r' else ''}}}",
            self,
        )
        return Message(text, named)


# argparse asks gettext for its own words, and gettext then loads the table of all the world's
# locales, a fifth of a start of Python. Ours say them, where they are an error.
argparse._ = _ArgparseWords  # type: ignore[attr-defined]


def wants_json(words: Sequence[str]) -> bool:
    """Tell whether the command line asks for JSON; what follows ``--`` is no option."""
    for word in words:
        if word == "--":
            return False
        if word == "--json":
            return True
    return False


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` with what *word* is most like, or nothing."""
    import difflib

    close = difflib.get_close_matches(word[:40], [one for one in known if one], n=1, cutoff=0.6)
    return worded("; did you mean {close}?", close=close[0]) if close else ""


def children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the actions of a command by name; none where it has none."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other door to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield what *parser* takes, options and arguments, but what it keeps to itself."""
    for action in parser._actions:  # noqa: SLF001
        if action.help != argparse.SUPPRESS:
            yield action


class CommandParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors help."""

    def __init__(self, *given: Any, **named: Any) -> None:
        named.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        if named.get("description") is None and named.get("help"):
            named["description"] = named["help"]
        self._columns: int | None = 80
        super().__init__(*given, **named)
        self.as_json = False

    def _get_formatter(self) -> argparse.HelpFormatter:
        # argparse makes one for each option, and asks the terminal's width each time, for which it
        # loads every kind of archive (shutil).
        if self._columns is None:
            return super()._get_formatter()
        return self.formatter_class(prog=self.prog, width=self._columns)  # type: ignore[call-arg]

    def format_usage(self) -> str:
        self._columns = None
        return super().format_usage()

    def format_help(self) -> str:
        """Return the help with examples of the command."""
        from appliance.cli.examples import as_help

        self._columns = None
        words = self.prog.removeprefix("autodialer").strip()
        examples = as_help(words, frozenset(children(self)))
        return super().format_help() + (f"\n{examples}" if examples else "")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        self.as_json = wants_json(words)
        found, rest = self.parse_known_args(words, namespace)
        if rest:
            known = [one for parser in self._path(words) for one in _names(parser)]
            told = closest(rest[0].partition("=")[0], known)
            self.error(
                worded("{names} is not known here{told}", names=" ".join(rest)[:200], told=told)
            )
        return found

    def _path(self, words: Sequence[str]) -> Iterator[argparse.ArgumentParser]:
        """Yield this parser and those of the actions that *words* name."""
        parser: argparse.ArgumentParser = self
        yield parser
        for word in words:
            inner = children(parser).get(word)
            if inner is not None:
                parser = inner
                yield parser

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            known = [str(one) for one in action.choices or ()]
            raise argparse.ArgumentError(
                action,
                worded(
                    "{value!r:.60} is not known{closest}; known: {names}",
                    value=value,
                    closest=closest(str(value), known),
                    names=", ".join(known),
                ),
            ) from error

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            if not isinstance(error.__context__, ValueError):
                raise
            # Numbers alone are read without words of their own.
            told = worded("{value!r:.60} is not a number", value=arg_string)
            with suppress(ValueError):
                float(arg_string)
                told = worded("{value!r:.60} is not a whole number", value=arg_string)
            raise argparse.ArgumentError(action, told) from error

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line and end with code 2."""
        if self.as_json or wants_json(sys.argv[1:]):
            from appliance.cli.failures import print_failure

            print_failure(
                f"{self.prog}: {message}", worded("{prog} --help shows examples", prog=self.prog)
            )
            self.exit(USAGE)
        from appliance.cli.speech import of_locale, say, speak

        # Nobody knows yet which box is meant.
        speak(of_locale())
        caught = sys.exc_info()[1]
        if isinstance(caught, argparse.ArgumentError):
            # What argparse made of it is English for good.
            message = caught.message
            if caught.argument_name:
                message = joined(
                    ": ", [worded("argument {name}", name=caught.argument_name), message]
                )
        self.print_usage(sys.stderr)
        self.exit(
            USAGE,
            say("{prog}: {what}\n{prog} --help shows examples\n", prog=self.prog, what=message),
        )


def _names(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in options(parser) for name in action.option_strings]
