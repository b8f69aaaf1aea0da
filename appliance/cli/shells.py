"""Completion scripts for bash, zsh and fish, from the commands. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.cli.command_tree import Command, Taken


def _path(command: Command) -> str:
    return "/".join(command.words)


def _words(command: Command) -> list[str]:
    """Return all that may be typed next, but files."""
    found = [name for name, _ in command.actions]
    found += [name for taken in command.takes for name in taken.names]
    return found + [one for taken in command.takes if not taken.names for one in taken.choices]


def _with_value(command: Command) -> list[Taken]:
    return [taken for taken in command.takes if taken.names and taken.value]


_BASH = """\
# bash completion of autodialer; made by: autodialer completion bash
_autodialer() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} at= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at/${{COMP_WORDS[i]}}" in
            {paths}) at="$at/${{COMP_WORDS[i]}}" ;;
        esac
    done
    COMPREPLY=()
    case "$at $prev" in
{values}
    esac
    case "$at" in
{words}
    esac
}}
complete -o default -F _autodialer autodialer
"""


def bash(tree: Sequence[Command]) -> str:
    """Return a script that bash sources."""
    paths, values, words = [], [], []
    for command in tree:
        path = f"/{_path(command)}" if command.words else ""
        if path:
            paths.append(path)
        for taken in _with_value(command):
            pattern = "|".join(f'"{path} {name}"' for name in taken.names)
            if taken.choices:
                reply = f'COMPREPLY=($(compgen -W "{" ".join(taken.choices)}" -- "$cur"))'
            elif taken.is_file:
                reply = 'COMPREPLY=($(compgen -f -- "$cur"))'
            else:
                reply = ":"
            values.append(f"        {pattern}) {reply}; return ;;")
        words.append(
            f'        "{path}") COMPREPLY=($(compgen -W "{" ".join(_words(command))}" '
            '-- "$cur")) ;;'
        )
    return _BASH.format(paths="|".join(paths), values="\n".join(values), words="\n".join(words))


_ZSH = """\
#compdef autodialer
# zsh completion of autodialer; made by: autodialer completion zsh
_autodialer() {{
    local at= i prev=${{words[CURRENT-1]}}
    local -a known
    for ((i = 2; i < CURRENT; i++)); do
        case "$at/${{words[i]}}" in
            {paths}) at="$at/${{words[i]}}" ;;
        esac
    done
    case "$at $prev" in
{values}
    esac
    case "$at" in
{words}
    esac
    _describe autodialer known
    [[ ${{#known}} -eq 0 || $PREFIX != -* ]] && _files
    return 0
}}
if [[ ${{funcstack[1]}} == _autodialer ]]; then
    _autodialer "$@"
else
    compdef _autodialer autodialer
fi
"""


def zsh(tree: Sequence[Command]) -> str:
    """Return a function for a folder of zsh's ``fpath``, or to be sourced."""
    paths, values, words = [], [], []
    for command in tree:
        path = f"/{_path(command)}" if command.words else ""
        if path:
            paths.append(path)
        for taken in _with_value(command):
            pattern = "|".join(f'"{path} {name}"' for name in taken.names)
            if taken.choices:
                reply = f"compadd -- {' '.join(map(shlex.quote, taken.choices))}"
            else:
                reply = "_files" if taken.is_file else f"_message {shlex.quote(taken.value)}"
            values.append(f"        {pattern}) {reply}; return ;;")
        known = [_described(name, text) for name, text in command.actions]
        for taken in command.takes:
            known += [_described(name, taken.text) for name in taken.names or taken.choices]
        words.append(f'        "{path}") known=({" ".join(known)}) ;;')
    return _ZSH.format(paths="|".join(paths), values="\n".join(values), words="\n".join(words))


def _described(word: str, text: str) -> str:
    return shlex.quote(f"{word}:{text.replace(chr(58), chr(92) + chr(58))}")


_FISH = """\
# fish completion of autodialer; made by: autodialer completion fish
function __autodialer_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at/$word"
            case {paths}
                set at "$at/$word"
        end
    end
    test "$at" = "$argv[1]"
end
{lines}
"""


def fish(tree: Sequence[Command]) -> str:
    """Return a script that fish sources."""
    paths, lines = [], []
    for command in tree:
        path = f"/{_path(command)}" if command.words else ""
        if path:
            paths.append(f"'{path}'")
        start = f"complete -c autodialer -n \"__autodialer_at '{path}'\""
        for name, text in command.actions:
            lines.append(f"{start} -f -a {name} -d {_quoted(text)}")
        for taken in command.takes:
            parts = [f"-l {name[2:]}" for name in taken.names if name.startswith("--")]
            parts += [f"-s {name[1:]}" for name in taken.names if not name.startswith("--")]
            if taken.choices:
                parts.append(f"-f -a {_quoted(' '.join(taken.choices))}")
            if not parts:
                continue
            if taken.names and taken.value:
                parts.append("-r" if taken.is_file or taken.choices else "-x")
            lines.append(f"{start} {' '.join(parts)} -d {_quoted(taken.text)}")
    return _FISH.format(paths=" ".join(paths), lines="\n".join(lines))


def _quoted(text: str) -> str:
    # In single quotes fish knows two escapes: of the backslash and of the quote.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
