"""``config init``, ``config explain``: a configuration of one's own, and what each key means."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.failures import USAGE
from appliance.cli.questions import typed
from appliance.cli.speech import language, say, speak
from appliance.errors import Refused
from appliance.language import LANGUAGES
from firmware.wording import joined, worded

if TYPE_CHECKING:
    from appliance.law.rules import CallerRule

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
    ("category", None, worded("its range, as the law profile calls it (law-profiles.md)")),
    ("language", None, worded("the language of people whose row names none, and of the box")),
)
"""Option, usual answer (None: there is none, or the answers before it tell), question."""
CLIPS = Path("audio")
"""Where clips lie unless a folder is named; relative to the configuration."""
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
        hint = worded("; did you mean {names}?", names=joined(" or ", meant)) if meant else ""
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
    if not out.absolute().parent.is_dir():
        raise Refused(
            worded("there is no directory {folder}", folder=out.absolute().parent),
            worded("make it, or write somewhere else"),
        )
    answers = _answers(arguments, typed if sys.stdin.isatty() and not arguments.yes else None)
    text = written(answers, arguments.clips or CLIPS)
    # Judged before it is written: each fault names the answer that is wrong.
    read_settings(parse_document(text, str(out)))
    with out.open("x", encoding="utf-8") as file:
        out.chmod(0o640)
        file.write(text)
    lent = [] if arguments.clips else lend(out.parent / CLIPS, answers["language"])
    if arguments.json:
        told = {"file": str(out), **answers, "clips": [str(clip) for clip in lent]}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    if answers["language"] in LANGUAGES:
        speak(answers["language"])
    print(say("{out} is written; next: autodialer --config {out} check", out=out))
    print(say("then try it out: autodialer --config {out} rehearse", out=out))
    if lent:
        print(
            say(
                "{folder}: {names} came with the program, to try out: put your own in their "
                "place before anybody is called",
                folder=out.parent / CLIPS,
                names=", ".join(clip.name for clip in lent),
            )
        )
    for reason in _against(answers):
        print(say("with this number nobody will be called: {reason}", reason=reason))
    return 0


def lend(folder: Path, spoken: str) -> list[Path]:
    """Put the program's clips where *folder* has none of its own; return which these are."""
    from appliance.config.paths import sample_config

    lent = []
    for name in (f"{role}.{spoken}.wav" for role in ROLES):
        source, target = sample_config().parent / "audio" / name, folder / name
        if not source.is_file() or target.exists() or target.is_symlink():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            stream.write(source.read_bytes())
        lent.append(target)
    return lent


def _against(answers: dict[str, str]) -> list[str]:
    """Return why a box with these answers may show its number to nobody."""
    from appliance.law.caller import judge_caller
    from appliance.law.rules import Caller, Category

    found = _numbering(answers["profile"])
    if found is None:
        return []
    rules, region = found
    number = _read(answers["number"], region)
    caller = Caller(number=number, category=Category(answers["category"]))
    verdicts = [judge_caller(rule, caller, attended=False, bench=False) for rule in rules]
    return [verdict.reason for verdict in verdicts if not verdict.allowed][:1]


def _numbering(profile: str) -> tuple[list[CallerRule], str] | None:
    """Return what a law profile says of callers' numbers, and its country; None of an unknown."""
    from appliance.law.profile_file import load_profile, profile_names
    from appliance.law.rules import CallerRule

    if profile not in profile_names():
        return None
    known = load_profile(profile)
    rules = [rule for rule in known.enforced if isinstance(rule, CallerRule)]
    return rules, known.territory(None).region


def _read(number: str, region: str) -> str:
    from appliance.numbers import read_number

    return read_number(number, region, fiction=True)


def _usual(option: str, usual: str | None, answers: dict[str, str]) -> str | None:
    """Return the usual answer, as far as the ones before tell it."""
    from appliance.law.caller import category_of
    from appliance.numbers import NumberRefused

    if option == "language":
        return language()
    if option != "category" or "number" not in answers:
        return usual
    rules, region = _numbering(answers["profile"]) or ([], "")
    try:
        return category_of(rules, _read(answers["number"], region)).value
    except NumberRefused:
        return "mobile"


def _whole(number: str, answers: dict[str, str]) -> str:
    """Return the SIM's number with its plus, where it can be read; a judge names the fault."""
    from appliance.numbers import NumberRefused

    try:
        return _read(number, (_numbering(answers["profile"]) or ([], ""))[1])
    except NumberRefused:
        return number


def _fault(option: str, given: str, answers: dict[str, str]) -> str | None:
    """Return what is wrong with an answer, where that can be told at once."""
    from appliance.law.profile_file import profile_names
    from appliance.numbers import NumberRefused

    if option == "profile" and given not in profile_names() and not Path(given).is_file():
        return worded("there is no such law profile: {names}", names=", ".join(profile_names()))
    if option == "number":
        try:
            _read(given, (_numbering(answers["profile"]) or ([], ""))[1])
        except NumberRefused as refused:
            return worded("{fault}; {remedy}", fault=refused.reason, remedy=refused.remedy)
    return None


def _answers(arguments: argparse.Namespace, ask: Callable[[str], str] | None) -> dict[str, str]:
    answers: dict[str, str] = {}
    missing = []
    for option, fixed, question in QUESTIONS:
        given, usual = getattr(arguments, option), _usual(option, fixed, answers)
        while not given and ask is not None:
            given = ask(f"{say(question)}{f' [{usual}]' if usual else ''}: ").strip() or usual
            if given and (fault := _fault(option, given, answers)):
                print(f"  {say(fault)}", file=sys.stderr)
                given = None
        given = given or usual
        if given:
            answers[option] = _whole(given, answers) if option == "number" else given
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
