"""``config init``, ``config explain``: a configuration of one's own, and what each key means."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.cli.failures import USAGE
from appliance.cli.speech import say
from appliance.errors import Refused
from firmware.wording import worded

QUESTIONS = (
    ("name", "north", worded("a short name of this box")),
    (
        "purpose",
        None,
        worded("the purpose that people agreed to, word for word as in their consents"),
    ),
    ("profile", "fr", worded("whose law applies: the name of a law profile")),
    ("timezone", "Europe/Paris", worded("the time zone of the box")),
    ("number", None, worded("the number of the SIM, with its plus")),
    ("category", "mobile", worded("its range, as the law profile calls it (law-profiles.md)")),
    ("language", "fr", worded("the language of people whose row names none, and of the box")),
)
"""Option, usual answer (None: there is none), question."""
ROLES = ("greeting", "prompt", "message", "farewell", "opted_out", "incoming")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    init = commands.add_parser("init", help="ask the few needed questions, write a config.yaml")
    init.add_argument("--out", type=Path, default=Path("config.yaml"), help="the file to write")
    for option, usual, question in QUESTIONS:
        told = f" ({usual})" if usual else ""
        init.add_argument(f"--{option}", help=f"{question}{told}")
    init.add_argument("--clips", type=Path, help="folder of greeting.LANGUAGE.wav and the others")
    init.add_argument("--yes", action="store_true", help="ask nothing, take the usual answers")
    explain = commands.add_parser("explain", help="what a key of config.yaml means")
    explain.add_argument("key", nargs="?", default="", help="such as campaign.timers.ring; or all")
    for action in (init, explain):
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "explain":
        return _explain(arguments)
    return _init(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from appliance.config.explain import find

    found, meant = find(arguments.key)
    if not found:
        hint = worded("; did you mean {names}?", names=" or ".join(meant)) if meant else ""
        known = worded("autodialer config explain lists all")
        if arguments.json:
            print(
                json.dumps(
                    {
                        "error": f"no key {arguments.key}",
                        "remedy": known,
                        "like": meant,
                    }
                )
            )
        else:
            print(
                say(
                    "autodialer: {key!r} is not a key{hint}; {known}",
                    key=arguments.key,
                    hint=hint,
                    known=known,
                ),
                file=sys.stderr,
            )
        return USAGE
    if arguments.json:
        print(json.dumps([asdict(key) for key in found], ensure_ascii=False))
        return 0
    for key in found:
        print(key.path)
        section = say("a section")
        print(f"    {say(key.text) if key.text else section}")
        if key.choices:
            print(say("    one of: {names}", names=", ".join(key.choices)))
        if key.default:
            print(say("    default: {default}", default=key.default))
        elif key.required:
            print(say("    must be there"))
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from appliance.config.validation import read_settings
    from firmware.yaml_document import parse_document

    out: Path = arguments.out
    if out.exists() or out.is_symlink():
        raise Refused(
            worded("{out} is there already", out=out), worded("name another file with --out")
        )
    answers = _answers(arguments, input if sys.stdin.isatty() and not arguments.yes else None)
    text = written(answers, arguments.clips or Path("audio"))
    # Judged before it is written: each fault names the answer that is wrong.
    read_settings(parse_document(text, str(out)))
    with out.open("x", encoding="utf-8") as file:
        out.chmod(0o640)
        file.write(text)
    if arguments.json:
        print(json.dumps({"file": str(out), **answers}, ensure_ascii=False))
    else:
        print(say("{out} is written; next: autodialer --config {out} check", out=out))
        print(say("then try it out: autodialer --config {out} rehearse", out=out))
    return 0


def _answers(arguments: argparse.Namespace, ask: Callable[[str], str] | None) -> dict[str, str]:
    answers, missing = {}, []
    for option, usual, question in QUESTIONS:
        given = getattr(arguments, option)
        while not given and ask is not None:
            given = ask(f"{question}{f' [{usual}]' if usual else ''}: ").strip() or usual
        given = given or usual
        if given:
            answers[option] = given
        else:
            missing.append(f"--{option}")
    if missing:
        raise Refused(
            worded("nothing was said for {names}", names=", ".join(missing)),
            worded("name them, or run it by hand"),
        )
    return answers


def written(answers: dict[str, str], clips: Path) -> str:
    """Return the configuration that *answers* make; one modem that is found by itself."""
    quoted: Callable[[Any], str] = json.dumps
    language = answers["language"]
    roles = "\n".join(
        f"      {role}: {quoted(str(clips / f'{role}.{language}.wav'))}" for role in ROLES
    )
    return f"""\
# Made by autodialer config init. What each key means: autodialer config explain KEY
language: {"fr" if language == "fr" else "en"}

box:
  name: {quoted(answers["name"])}
  state: state # relative to this file; /var/lib/autodialer on a box

campaign:
  purpose: {quoted(answers["purpose"])}
  mode: automatic
  start: on_button # a person presses start after power-up
  default_language: {quoted(language)}
  clips:
    {language}:
{roles}

law:
  profile: {quoted(answers["profile"])}
  timezone: {quoted(answers["timezone"])}
  caller:
    number: {quoted(answers["number"])}
    category: {quoted(answers["category"])}

lines:
  - name: line-1
    port: auto
    audio: auto
    incoming: answer # callers hear how to object

panel: {{}} # the usual pins; none where nothing is wired
"""
