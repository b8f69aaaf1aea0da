"""``contacts import|list|revoke|erase|expire|export``: the registry.

Long because each action says in whole sentences what it did to people's data.
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
from pathlib import Path
from typing import Any

from appliance.cli.delivery import Output
from appliance.cli.failures import usage_fault
from appliance.cli.output import check_target
from appliance.cli.progress import shown_progress
from appliance.cli.sample import refuse_the_sample
from appliance.cli.session import ask
from appliance.cli.speech import say, several
from appliance.control.protocol import FILE_LIMIT
from appliance.ledger_words import hours
from firmware.bounded_read import read_bounded
from firmware.wording import joined, plural, reason_of, worded

SHOWN = 50
"""Faults printed in full; the rejects file has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = commands.add_parser("import", help="add people and consents from a CSV file")
    load.add_argument("file", type=Path)
    load.add_argument("--dry-run", action="store_true", help="judge the file, change nothing")
    load.add_argument("--accept-valid", action="store_true", help="take the good rows alone")
    load.add_argument("--rejects", type=Path, help="write the refused rows with reasons here")
    listing = commands.add_parser("list", help="everybody, numbers masked")
    listing.add_argument("--numbers", action="store_true", help="show numbers in full")
    revoke = commands.add_parser("revoke", help="withdraw consent; final until a newer one")
    revoke.add_argument("number", nargs="*", help="as people write it, or E.164; - reads a list")
    revoke.add_argument("--file", type=Path, help="a list of numbers, one a line; all or none")
    erase = commands.add_parser("erase", help="forget a person; the number stays uncallable")
    erase.add_argument("number")
    expire = commands.add_parser("expire", help="erase whom law.retention_days keeps no longer")
    expire.add_argument("--dry-run", action="store_true", help="name them, erase nobody")
    export = commands.add_parser("export", help="everybody as a contacts file")
    export.add_argument("--out", type=Path, help="write to a file instead of standard output")
    for action in commands.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    action = arguments.action
    if action == "import":
        return _import(arguments)
    if action == "list":
        return _list(arguments)
    if action == "export":
        return _export(arguments)
    if action == "expire":
        return _expire(arguments)
    if action == "revoke":
        return _revoke(arguments)
    answer = ask(arguments, "contacts.erase", {"number": arguments.number})
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_erased(answer)
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    """Numbers of a list stay out of the process table and the shell's history."""
    numbers: list[str] = arguments.number
    if sum((bool(numbers), arguments.file is not None)) != 1 or ("-" in numbers and numbers[1:]):
        return usage_fault(
            worded("it is not told whom to revoke"),
            worded("name numbers, or --file FILE, or - alone"),
            as_json=arguments.json,
        )
    place = worded("standard input") if numbers == ["-"] else str(arguments.file or "")
    try:
        listed = _listed(arguments.file, numbers)
    except UnicodeDecodeError:
        return usage_fault(
            worded("{place}: is no text", place=place),
            worded("write one number a line, UTF-8"),
            as_json=arguments.json,
        )
    except OSError as error:
        return _unreadable(arguments, place, error)
    if len(numbers) == 1 and numbers != ["-"]:
        told = ask(arguments, "contacts.revoke", {"number": numbers[0]})
        answer = {**told, "numbers": [told], "faults": []}
    else:
        answer = ask(arguments, "contacts.revoke_all", {"numbers": listed})
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_revoked(place, answer)
    return 1 if answer["faults"] else 0


def _listed(file: Path | None, numbers: list[str]) -> list[dict[str, Any]]:
    """The numbers with their lines; empty lines and what begins with # are passed over."""
    if file is None and numbers != ["-"]:
        return [{"line": None, "number": number} for number in numbers]
    if file is not None:
        raw = read_bounded(file, FILE_LIMIT, pipes=True)
    else:
        raw = sys.stdin.buffer.read(FILE_LIMIT + 1)
        if len(raw) > FILE_LIMIT:
            raise OSError(
                errno.EFBIG,
                worded("Is larger than {file_limit} MiB", file_limit=FILE_LIMIT >> 20),
                worded("standard input"),
            )
    lines = enumerate(raw.decode("utf-8-sig").splitlines(), 1)
    return [
        {"line": line, "number": text.strip()}
        for line, text in lines
        if text.strip() and not text.lstrip().startswith("#")
    ]


def _print_revoked(place: str, answer: dict[str, Any]) -> None:
    for fault in answer["faults"][:SHOWN]:
        where = f"{place}:{fault['line']}: " if fault["line"] else "autodialer: "
        told = joined("; ", [fault["what"], fault["remedy"]])
        print(f"{where}{say(told)}", file=sys.stderr)
    if answer["faults"]:
        if place:
            count = len(answer["faults"])
            print(
                several(
                    "nobody was revoked: {count} of the lines is no number",
                    "nobody was revoked: {count} of the lines are no number",
                    count,
                ),
                file=sys.stderr,
            )
        return
    for one in answer["numbers"][:SHOWN]:
        known = "" if one["known"] else worded(" (in no registry; suppressed all the same)")
        print(say("{number} will not be called again{known}", number=one["number"], known=known))
    if len(answer["numbers"]) > 1:
        print(several("{count} number revoked", "{count} numbers revoked", len(answer["numbers"])))


def _print_erased(answer: dict[str, Any]) -> None:
    if answer["subject"] is not None:
        print(
            say(
                "{number} is erased; ledger rows of {subject} stay verifiable",
                number=answer["number"],
                subject=answer["subject"],
            )
        )
    if answer["messages"]:
        count = answer["messages"]
        print(
            several(
                "{count} text message of {number} erased",
                "{count} text messages of {number} erased",
                count,
                number=answer["number"],
            )
        )
    _print_files(answer["files"])


def _print_files(files: dict[str, Any]) -> None:
    for path, count in files["rewritten"].items():
        print(
            several(
                "{count} line removed from {path}",
                "{count} lines removed from {path}",
                count,
                path=path,
            )
        )
    for path in files["removed"]:
        print(say("removed {path}", path=path))
    for path, reason in files["unreachable"].items():
        print(
            say(
                "autodialer: {path} was not reached ({reason}); remove the person's lines by hand",
                path=path,
                reason=reason,
            ),
            file=sys.stderr,
        )


def _unreadable(arguments: argparse.Namespace, place: str, error: OSError) -> int:
    return usage_fault(
        worded("{place}: {strerror}", place=place, strerror=reason_of(error)),
        worded("check the path and its rights"),
        as_json=arguments.json,
    )


def _import(arguments: argparse.Namespace) -> int:
    if not arguments.dry_run:
        refuse_the_sample(arguments, worded("contacts import"))
    if arguments.accept_valid and arguments.rejects is None:
        return usage_fault(
            worded("--accept-valid leaves rows out"),
            worded("name a file for them with --rejects"),
            as_json=arguments.json,
        )
    check_target(arguments, "--rejects", arguments.rejects)
    try:
        raw = read_bounded(arguments.file, FILE_LIMIT, pipes=True)
    except OSError as error:
        return _unreadable(arguments, str(arguments.file), error)
    output = None
    if arguments.rejects is not None:
        output = Output(
            arguments=arguments,
            option="--rejects",
            path=arguments.rejects,
            contents=lambda told: told.get("rejects"),
        )
    with shown_progress("judging" if arguments.dry_run else "importing") as told:
        answer = ask(
            arguments,
            "contacts.import",
            {
                "file": str(arguments.file),
                "contents": raw,
                "dry_run": arguments.dry_run,
                "accept_valid": arguments.accept_valid,
                "rejects": None if output is None else output.place,
            },
            output,
            told,
        )
    if answer.pop("rejects", "") and output is not None:
        answer["rejects_file"] = str(arguments.rejects)
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_import(arguments, answer)
    if not answer["readable"]:
        return 2
    return 0 if answer["imported"] or (arguments.dry_run and not answer["faults"]) else 1


def _print_import(arguments: argparse.Namespace, answer: dict[str, Any]) -> None:
    for fault in answer["faults"][:SHOWN]:
        told = joined("; ", [fault["what"], fault["remedy"]])
        print(f"{_place(arguments, fault)}: {say(told)}", file=sys.stderr)
    more = answer.get("fault_count", len(answer["faults"])) - SHOWN
    if more > 0:
        print(
            several("… and {count} more fault", "… and {count} more faults", more), file=sys.stderr
        )
    if not answer["readable"]:
        return
    for warning in answer["warnings"][:SHOWN]:
        print(
            say(
                "warning: {place}: {what}; {remedy}",
                place=_place(arguments, warning),
                what=warning["what"],
                remedy=warning["remedy"],
            ),
            file=sys.stderr,
        )
    if answer["warned"] > min(len(answer["warnings"]), SHOWN):
        print(say("warning: {warned} in all", warned=answer["warned"]), file=sys.stderr)
    for line in answer["withdrawn_lines"]:
        print(
            say("line {line}: left out, the person objected after giving that consent", line=line)
        )
    what = joined(
        ", ",
        [
            plural("{count} new person", "{count} new people", answer["new_people"]),
            plural("{count} new consent", "{count} new consents", answer["new_consents"]),
            plural("{count} row known already", "{count} rows known already", answer["unchanged"]),
        ],
    )
    if answer["imported"]:
        left = answer["rejected_rows"]
        kept = (
            plural(
                "; {count} row refused, in {rejects}",
                "; {count} rows refused, in {rejects}",
                left,
                rejects=arguments.rejects,
            )
            if left
            else ""
        )
        print(say("imported: {what}{kept}", what=what, kept=kept))
        if not answer["rows"]:
            print(say("the file has a header and no rows: it names nobody, so nothing changed"))
    elif arguments.dry_run:
        _print_preview(answer)
        print(
            several(
                "dry run, nothing changed: {what}, {count} row with faults",
                "dry run, nothing changed: {what}, {count} rows with faults",
                answer["rejected_rows"],
                what=what,
            )
        )
        if not answer["rows"]:
            print(say("the file has a header and no rows: it names nobody"))
    else:
        print(
            several(
                "nothing was imported: {count} of {rows} has faults; correct "
                "it, or take the others with --accept-valid --rejects FILE",
                "nothing was imported: {count} of {rows} have faults; correct "
                "them, or take the others with --accept-valid --rejects FILE",
                answer["rejected_rows"],
                rows=plural("{count} row", "{count} rows", answer["rows"]),
            ),
            file=sys.stderr,
        )


def _place(arguments: argparse.Namespace, found: dict[str, Any]) -> str:
    """Return file and line, and the column where it is of one."""
    line = f"{arguments.file}:{found['line']}"
    return f"{line}: {found['column']}" if found["column"] else line


def _print_preview(answer: dict[str, Any]) -> None:
    """Show the first rows as they were understood, and whom this box would never call."""
    if answer["preview"]:
        print(say("the first rows, as they were understood:"))
    for row in answer["preview"]:
        called = (
            worded("next callable {next}", next=row["next"])
            if row["next"]
            else worded("not callable in 400 days")
        )
        print(
            say(
                "  line {line}: {number}  {name}, {language}, {timezone}; {purpose}, given "
                "{given}; {windows}; {called}",
                line=row["line"],
                number=row["number"],
                name=row["name"] or worded("(no name)"),
                language=row["language"],
                timezone=row["timezone"],
                purpose=row["purpose"],
                given=row["given"],
                windows=hours(row["windows"], say),
                called=called,
            )
        )
    for purpose, count in answer["other_purposes"].items():
        rows = plural("{count} row", "{count} rows", count)
        print(
            say(
                "{rows} for “{purpose}”: this box has another campaign and never calls them",
                rows=rows,
                purpose=purpose,
            )
        )


NOT_CALLED = worded("not called yet")


def _list(arguments: argparse.Namespace) -> int:
    people = ask(arguments, "contacts.list", {"numbers": arguments.numbers})["people"]
    if arguments.json:
        print(json.dumps(people, ensure_ascii=False))
        return 0
    for one in people:
        state = say("revoked") if one["revoked"] else say(one["last_outcome"] or NOT_CALLED)
        print(
            f"{one['subject'][:8]}  {one['number']:<18} {one['name']:<24} {one['language']}  "
            f"{one['timezone']:<20} {hours(one['windows'], say):<28} {state}"
        )
    print(several("{count} person", "{count} people", len(people)))
    return 0


def _expire(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "contacts.expire", {"dry_run": arguments.dry_run})
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    for one in answer["people"]:
        print(f"{one['subject'][:8]}  {one['number']}")
    done = worded("would be erased") if answer["dry_run"] else worded("erased")
    if answer["messages"]:
        print(
            several(
                "{count} text message {done}: it came before that",
                "{count} text messages {done}: they came before that",
                answer["messages"],
                done=done,
            )
        )
    print(
        several(
            "{count} person {done}: neither a live consent nor a call in {days}",
            "{count} people {done}: neither a live consent nor a call in {days}",
            len(answer["people"]),
            done=done,
            days=plural("{count} day", "{count} days", answer["days"]),
        )
    )
    _print_files(answer["files"])
    return 0


def _export(arguments: argparse.Namespace) -> int:
    check_target(arguments, "--out", arguments.out)
    output = None
    if arguments.out is not None and not arguments.json:
        output = Output(
            arguments=arguments,
            option="--out",
            path=arguments.out,
            # The mark by which a spreadsheet knows UTF-8.
            contents=lambda told: "\ufeff" + told["csv"],
        )
    answer = ask(
        arguments, "contacts.export", {"out": None if output is None else output.place}, output
    )
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif arguments.out is None:
        sys.stdout.write(answer["csv"])
    else:
        people = plural("{count} person", "{count} people", answer["people"])
        print(say("{people} in {out}", people=people, out=arguments.out))
    return 0
