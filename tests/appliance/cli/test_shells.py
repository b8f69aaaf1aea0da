"""Completions and the manual page of a small tree of commands, line by line."""

from __future__ import annotations

from appliance.cli import manual
from appliance.cli.command_tree import Command, Taken
from appliance.cli.examples import EXAMPLES
from appliance.cli.shells import bash, fish, zsh


def taken(
    *names: str,
    text: str = "",
    value: str = "",
    choices: tuple[str, ...] = (),
    is_file: bool = False,
) -> Taken:
    return Taken(
        names=names, text=text, value=value, choices=choices, is_file=is_file, required=False
    )


HELP = taken("--help", "-h", text="show help")
TREE = [
    Command(words=(), text="calls people", takes=(HELP,), actions=(("say", "says: words"),)),
    Command(
        words=("say",),
        text="says it",
        takes=(
            HELP,
            taken("--out", value="FILE", is_file=True, text="where"),
            taken("--how", value="HOW", choices=("loud", "low"), text="don't \\ shout"),
            taken("--by", "-b", value="NAME", text="who"),
            taken(text="the shell", value="SHELL", choices=("bash", "zsh")),
            taken(value="WORD"),
        ),
        actions=(),
    ),
    Command(words=("say", "again"), text="", takes=(), actions=()),
]


def between(script: str, begin: str, end: str) -> list[str]:
    return [line.strip() for line in script.split(begin)[1].split(end)[0].strip().splitlines()]


def test_bash_completes_words_choices_and_files() -> None:
    script = bash(TREE)
    assert '/say|/say/again) at="$at/${COMP_WORDS[i]}" ;;' in script
    assert between(script, 'case "$at $prev" in', "esac") == [
        '"/say --out") COMPREPLY=($(compgen -f -- "$cur")); return ;;',
        '"/say --how") COMPREPLY=($(compgen -W "loud low" -- "$cur")); return ;;',
        '"/say --by"|"/say -b") :; return ;;',
    ]
    assert between(script, 'case "$at" in', "esac") == [
        '"") COMPREPLY=($(compgen -W "say --help -h" -- "$cur")) ;;',
        '"/say") COMPREPLY=($(compgen -W "--help -h --out --how --by -b bash zsh" -- "$cur")) ;;',
        '"/say/again") COMPREPLY=($(compgen -W "" -- "$cur")) ;;',
    ]


def test_zsh_says_what_each_word_does() -> None:
    script = zsh(TREE)
    assert '/say|/say/again) at="$at/${words[i]}" ;;' in script
    assert between(script, 'case "$at $prev" in', "esac") == [
        '"/say --out") _files; return ;;',
        '"/say --how") compadd -- loud low; return ;;',
        '"/say --by"|"/say -b") _message NAME; return ;;',
    ]
    assert between(script, 'case "$at" in', "esac") == [
        "\"\") known=('say:says\\: words' '--help:show help' '-h:show help') ;;",
        (
            "\"/say\") known=('--help:show help' '-h:show help' --out:where "
            "'--how:don'\"'\"'t \\ shout' --by:who -b:who 'bash:the shell' 'zsh:the shell') ;;"
        ),
        '"/say/again") known=() ;;',
    ]


def test_fish_says_what_each_word_does() -> None:
    script = fish(TREE)
    assert "case '/say' '/say/again'\n" in script
    rest = script.split('test "$at" = "$argv[1]"\nend\n')[1].splitlines()
    here = "complete -c autodialer -n \"__autodialer_at '/say'\""
    assert rest == [
        "complete -c autodialer -n \"__autodialer_at ''\" -f -a say -d 'says: words'",
        "complete -c autodialer -n \"__autodialer_at ''\" -l help -s h -d 'show help'",
        f"{here} -l help -s h -d 'show help'",
        f"{here} -l out -r -d 'where'",
        f"{here} -l how -f -a 'loud low' -r -d 'don\\'t \\\\ shout'",
        f"{here} -l by -s b -x -d 'who'",
        f"{here} -f -a 'bash zsh' -d 'the shell'",
    ]


def test_the_manual_page_tells_each_command() -> None:
    page = manual.page(TREE)
    about = page.split(".SH OPTIONS\n")[1].split(".SH EXAMPLES")[0].splitlines()
    assert about == [
        ".TP",
        r"\fB\-\-help\fP, \fB\-h\fP",
        r"\&show help",
        ".SH COMMANDS",
        r".SS \fBsay\fP \fISHELL\fP \fIWORD\fP",
        r"\&Says it.",
        ".TP",
        r"\fB\-\-out\fP \fIFILE\fP",
        r"\&where",
        ".TP",
        r"\fB\-\-how\fP \fIHOW\fP",
        r"\&don\(aqt \e shout One of: loud, low.",
        ".TP",
        r"\fB\-\-by\fP, \fB\-b\fP \fINAME\fP",
        r"\&who",
        ".TP",
        r"\fISHELL\fP",
        r"\&the shell One of: bash, zsh.",
        ".TP",
        r"\fIWORD\fP",
        r"\&\-",
        r".SS \fBsay\fP \fBagain\fP",
    ]
    assert page.startswith('.TH AUTODIALER 1 "" "autodialer ')
    assert "\\&calls people\n" in page
    examples = page.split(".SH EXAMPLES\n")[1].split(".SH EXIT STATUS")[0].splitlines()
    told = [one for group in EXAMPLES.values() for one in group]
    assert len(examples) == 3 * len(told)
    assert examples[:2] == [".TP", r"\fBautodialer demo\fP"]
    nothing = taken("--odd")
    bare = manual.page([TREE[0], Command(words=("x",), text="", takes=(nothing,), actions=())])
    assert "\\fB\\-\\-odd\\fP\n\\&\\-\n" in bare
