"""AT command lines, read the way a modem reads them (ITU-T V.250 §5.2 to §5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique

_EXTENDED = "+^*$%_"
_BASIC_WITH_AMPERSAND = "&\\"


@unique
class Kind(StrEnum):
    """The four forms of an extended command."""

    EXECUTE = "execute"
    READ = "read"
    TEST = "test"
    SET = "set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a line. ``name`` is upper case without ``AT`` (``+CSQ``, ``D``, ``E``).

    ``text`` is what follows the name or the ``=``, as written; for a dial command it includes
    the trailing ``;`` of a voice call. ``line`` is the whole command line, for matching faults.
    """

    name: str
    kind: Kind
    text: str = ""
    line: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The comma separated parameters, quotes removed, commas inside quotes kept."""
        return split_arguments(self.text)

    @property
    def first(self) -> str:
        """The first parameter, or nothing."""
        arguments = self.arguments
        return arguments[0] if arguments else ""


def split_arguments(text: str) -> tuple[str, ...]:
    """Split parameters at commas outside double quotes; an empty text has no parameter."""
    if not text.strip():
        return ()
    parts: list[str] = []
    current: list[str] = []
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append("".join(current).strip())
            current = []
        else:
            current.append(character)
    parts.append("".join(current).strip())
    return tuple(parts)


def split_commands(line: str) -> list[Command] | None:
    """Split what came before a carriage return; None where it is no command line at all.

    A bare ``AT`` is the empty list. A modem ignores noise before ``AT``, so this does too.
    """
    start = line.upper().find("AT")
    if start < 0:
        return None
    whole = line[start:].strip()
    rest = whole[2:]
    commands: list[Command] = []
    while rest.strip(" ;"):
        rest = rest.lstrip(" ;")
        if rest[0] in _EXTENDED:
            body, rest = _until_semicolon(rest)
            commands.append(_extended(body, whole))
        elif rest[0].upper() == "D":
            end = rest.find(";")
            body = rest[1:] if end < 0 else rest[1 : end + 1]
            rest = "" if end < 0 else rest[end + 1 :]
            commands.append(Command(name="D", kind=Kind.EXECUTE, text=body.strip(), line=whole))
        else:
            command, rest = _basic(rest, whole)
            commands.append(command)
    return commands


def _until_semicolon(text: str) -> tuple[str, str]:
    quoted = False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return text[:position], text[position + 1 :]
    return text, ""


def _extended(body: str, line: str) -> Command:
    for position, character in enumerate(body):
        if character == "?":
            return Command(name=body[:position].strip().upper(), kind=Kind.READ, line=line)
        if character == "=":
            name = body[:position].strip().upper()
            if body[position + 1 :].strip() == "?":
                return Command(name=name, kind=Kind.TEST, line=line)
            return Command(name=name, kind=Kind.SET, text=body[position + 1 :], line=line)
    return Command(name=body.strip().upper(), kind=Kind.EXECUTE, line=line)


def _basic(rest: str, line: str) -> tuple[Command, str]:
    size = 2 if rest[0] in _BASIC_WITH_AMPERSAND and len(rest) > 1 else 1
    name = rest[:size].upper()
    rest = rest[size:]
    if name == "S":
        digits = _leading_digits(rest)
        name, rest = "S" + digits, rest[len(digits) :]
        if rest.startswith("?"):
            return Command(name=name, kind=Kind.READ, line=line), rest[1:]
        if rest.startswith("="):
            value = _leading_digits(rest[1:])
            command = Command(name=name, kind=Kind.SET, text=value, line=line)
            return command, rest[1 + len(value) :]
        return Command(name=name, kind=Kind.EXECUTE, line=line), rest
    value = _leading_digits(rest)
    return Command(name=name, kind=Kind.EXECUTE, text=value, line=line), rest[len(value) :]


def _leading_digits(text: str) -> str:
    size = 0
    while size < len(text) and text[size].isdigit():
        size += 1
    return text[:size]
