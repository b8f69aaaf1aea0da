"""``provision pack|check|apply``: configuration and people in a folder, by stick or boot partition.

What the box does with such a folder is told in :mod:`appliance.provisioning.apply`.

Long because the folder, its judgement and its result are one story to whoever holds the stick.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.cli.speech import say, several
from appliance.errors import NobodyListens, Refused
from firmware.wording import worded

if TYPE_CHECKING:
    from appliance.config.load import Config
    from appliance.provisioning.apply import Outcome, Provisioning
    from appliance.provisioning.judge import Trust


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    pack = commands.add_parser("pack", help="check a folder, list its files and sign the list")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--key", type=Path, help="SSH private key, without passphrase, that signs")
    check = commands.add_parser("check", help="judge a folder as this box would; changes nothing")
    check.add_argument("folder", type=Path)
    check.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="judge by the SSH public key in FILE instead of those that the configuration names",
    )
    apply = commands.add_parser("apply", help="take a folder, all of it or nothing of it")
    apply.add_argument("folder", type=Path, help="the folder, or the stick that it lies on")
    apply.add_argument(
        "--if-there", action="store_true", help="a stick without such a folder is no fault"
    )
    apply.add_argument(
        "--boot-partition",
        action="store_true",
        help="it lies on this box's own card: a box without configuration takes its first from it, "
        "signed or not",
    )
    settle = commands.add_parser("settle", help="finish what a power cut interrupted")
    notes = commands.add_parser(
        "notes",
        help="write onto the boot partition what came of it, and how to configure a new box",
    )
    notes.add_argument("place", type=Path, help="where the boot partition is mounted")
    for action in (pack, check, apply, settle, notes):
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "pack":
            return _pack(arguments)
        case "check":
            return _check(arguments)
        case "apply":
            with _told_at_the_end():
                return _apply(arguments)
        case "notes":
            return _notes(arguments)
        case _:
            return _settle(arguments)


# --- where folders are made ------------------------------------------------------------------


def _pack(arguments: argparse.Namespace) -> int:
    from appliance.provisioning import judge
    from appliance.provisioning.folder import MANIFEST, SIGNATURE, take
    from appliance.provisioning.manifest import Manifest, sign
    from appliance.storage.files import replace_file

    folder: Path = arguments.folder
    with TemporaryDirectory(prefix="autodialer-") as place:
        taken = take(folder, Path(place))
        faults = list(taken.faults)
        if not faults:
            current = _loaded(arguments.config)
            _, faults = judge.contents(Path(place), taken, current, None, here=False)
    if faults:
        return _faulty(arguments, folder, faults)
    files = {name: one.sha256 for name, one in taken.payload().items()}
    manifest = Manifest(made_at=datetime.now(UTC), files=files)
    (folder / SIGNATURE).unlink(missing_ok=True)
    replace_file(folder / MANIFEST, manifest.text().encode())
    (folder / MANIFEST).chmod(0o644)
    if arguments.key is not None:
        sign(folder, arguments.key)
    answer = {"folder": str(folder), "files": sorted(files), "signed": arguments.key is not None}
    if arguments.json:
        print(json.dumps(answer))
    else:
        who = (
            worded("signed with {key}", key=arguments.key)
            if arguments.key
            else worded("NOT signed")
        )
        print(
            several(
                "{folder}: {count} file, {who}",
                "{folder}: {count} files, {who}",
                len(files),
                folder=folder,
                who=who,
            )
        )
        print(say("put it on a stick, or on the boot partition, under the name autodialer"))
    return 0


def _faulty(arguments: argparse.Namespace, folder: Path, faults: list[Any]) -> int:
    said = [fault.message for fault in faults]
    if arguments.json:
        print(json.dumps({"folder": str(folder), "right": False, "faults": said}))
    for one in said:
        print(f"{folder}: {say(one)}", file=sys.stderr)
    count = len(said)
    print(
        several("autodialer: {count} fault", "autodialer: {count} faults", count),
        file=sys.stderr,
    )
    return 1


def _check(arguments: argparse.Namespace) -> int:
    from appliance.provisioning import judge
    from appliance.provisioning.folder import WITHDRAWALS, take
    from appliance.provisioning.withdrawals import read_withdrawals

    folder = _within(arguments.folder)
    with TemporaryDirectory(prefix="autodialer-") as name:
        place = Path(name)
        taken = take(folder, place)
        origin, doubts = judge.origin(place, taken, _trust(arguments))
        faults, current = [*taken.faults, *doubts], _loaded(arguments.config)
        config, wrong = judge.contents(place, taken, current, None, here=arguments.trust is None)
        faults += wrong
        numbers: list[str] = []
        unread: list[int] = []
        if WITHDRAWALS in taken.files and (config or current) is not None:
            raw = (place / WITHDRAWALS).read_bytes()
            country = judge.defaults(config or current).country  # type: ignore[arg-type]
            numbers, unread = read_withdrawals(raw, country, whole=True)
    for line in unread:
        print(
            say(
                "{folder}: {withdrawals}:{line}: is no number",
                folder=folder,
                withdrawals=WITHDRAWALS,
                line=line,
            ),
            file=sys.stderr,
        )
    if faults:
        return _faulty(arguments, folder, faults)
    if arguments.json:
        answer = {"folder": str(folder), "right": True, "key": origin.key, "digest": taken.digest()}
        print(json.dumps({**answer, "withdrawals": len(numbers), "unread": unread}))
    else:
        print(say("{folder}: right, signed by {key}", folder=folder, key=origin.key or "nobody"))
        for name, one in sorted(taken.payload().items()):
            print(say("  {name}  {size} bytes", name=name, size=one.size))
    return 1 if unread else 0


# --- where folders are taken -----------------------------------------------------------------


@contextmanager
def _told_at_the_end() -> Iterator[None]:
    """A stick that is pulled out ends its unit by SIGTERM; what came of it is told all the same."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _apply(arguments: argparse.Namespace) -> int:
    from appliance.config.unconfigured import is_unconfigured
    from appliance.language import Message, marked
    from appliance.provisioning.folder import CONTACTS, is_bare

    folder = _within(arguments.folder)
    if arguments.if_there and (folder == arguments.folder or is_bare(folder)):
        return _nothing_to_do(arguments)
    box = _provisioning(arguments)
    first = arguments.boot_partition and is_unconfigured(arguments.config)
    outcome = box.apply(folder, first=first, stays=arguments.boot_partition)
    if outcome.result.verdict == "unchanged" and arguments.boot_partition:
        return _nothing_to_do(arguments)
    if (
        arguments.boot_partition
        and outcome.result.verdict != "refused"
        and (folder / CONTACTS).exists()
    ):
        text = marked("{file} names people, and anybody can read it on the card: delete it there")
        outcome.warnings.append(Message(text, {"file": CONTACTS}))
    return _tell(arguments, box, outcome, folder)


def _notes(arguments: argparse.Namespace) -> int:
    """Runs as root, whose the boot partition is; it reads the state and never writes it."""
    from appliance.cli.paths import state_directory
    from appliance.config.unconfigured import data_is_missing, is_unconfigured
    from appliance.provisioning.welcome import leave_notes, tell_lost

    if data_is_missing():
        written, refused = tell_lost(arguments.place)
    else:
        waits = is_unconfigured(arguments.config)
        written, refused = leave_notes(arguments.place, state_directory(arguments), waits=waits)
    if arguments.json:
        print(json.dumps({"written": written, "refused": refused}))
    for one in [] if arguments.json else written:
        print(one)
    for one in refused:
        print(say("autodialer: {sentence}", sentence=one), file=sys.stderr)
    return 1 if refused else 0


def _settle(arguments: argparse.Namespace) -> int:
    box = _provisioning(arguments)
    outcome = box.settle() or box.untold()
    if outcome is None:
        return _nothing_to_do(arguments)
    return _tell(arguments, box, outcome, None)


def _nothing_to_do(arguments: argparse.Namespace) -> int:
    """Say so to a program; a person is told by silence, at each start of a card."""
    if arguments.json:
        print(json.dumps({"verdict": None}))
    return 0


def _provisioning(arguments: argparse.Namespace) -> Provisioning:
    from appliance.cli.paths import existing_state
    from appliance.cli.session import ask_beside_safe_mode
    from appliance.provisioning.apply import Provisioning

    state = existing_state(arguments, begins=True).absolute()

    def ask(config: Path, operation: str, given: dict[str, Any]) -> Any:
        at = argparse.Namespace(config=config, state=state)
        return ask_beside_safe_mode(at, operation, given)

    return Provisioning(
        arguments.config.absolute(),
        state,
        _trust(arguments),
        ask=ask,
        # At the end, with all that lies beside the folder: the lamp says that the stick may go.
        tell=lambda: None,
    )


def _tell(
    arguments: argparse.Namespace, box: Provisioning, outcome: Outcome, folder: Path | None
) -> int:
    """Write the result where people look for it: beside the folder, in the state, on the screen."""
    from appliance.config.unconfigured import is_unconfigured
    from appliance.config.validation import read_language
    from appliance.language import LANGUAGES, translator
    from appliance.provisioning.beside import write_beside
    from appliance.provisioning.words import RESULT, result_text
    from appliance.storage.files import replace_file

    language = read_language(arguments.config)
    say = translator(language)
    config = _loaded(arguments.config)
    name = "autodialer" if config is None else config.settings.box.name
    # Whose language a box speaks that nobody has configured is not known yet.
    spoken = LANGUAGES if is_unconfigured(arguments.config) else (language,)
    at = _box_time(arguments, box)
    text = "\n".join(result_text(outcome, translator(one), box=name, at=at) for one in spoken)
    data = text.replace("\n", "\r\n").encode()  # opened with whatever a stick is plugged into
    replace_file(box.store.place / RESULT, data)
    box.store.tell(outcome.result.digest)
    report = None
    try:
        beside = None if folder is None else write_beside(folder, RESULT, data)
        if folder is not None and beside is not None and outcome.result.verdict != "refused":
            report = _report(arguments, box.store.place.parent, folder, language)
    finally:
        _told(arguments, box.store.place.parent)
    if arguments.json:
        facts = {**asdict(outcome.result), "unread_lines": outcome.unread, "result": beside}
        facts |= {"report": report, "faults": [fault.message for fault in outcome.faults]}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(text)
        if folder is not None:
            lost = say(
                "{result} could not be written beside the folder; it is {path}",
                result=RESULT,
                path=box.store.place / RESULT,
            )
            print(say("in {path}", path=folder / beside) if beside else lost)
        if report is not None and folder is not None:
            print(say("the campaign so far in {path}", path=folder / report))
    return 1 if outcome.result.is_fault else 0


REPORT = "autodialer-report.html"
LARGEST_REPORTED = 32 << 20
"""Bytes of a ledger that is read while somebody waits for the lamp, on a Pi some ten seconds."""


def _report(arguments: argparse.Namespace, state: Path, folder: Path, language: str) -> str | None:
    """Lay the campaign so far beside a folder that the box took, for those who packed it.

    Only for them: a stranger's stick is told what was wrong with it, and nothing of the campaign.
    """
    from appliance.cli.paths import LEDGER
    from appliance.cli.report import campaign_page
    from appliance.provisioning.beside import write_beside
    from firmware.yaml_document import DocumentFaulty

    ledger = state / LEDGER
    try:
        size = sum(file.stat().st_size for file in ledger.glob("*.jsonl"))
        if not 0 < size <= LARGEST_REPORTED:
            return None
        page, anchor = campaign_page(arguments.config, ledger, name=REPORT, language=language)
    except (OSError, Refused, DocumentFaulty) as error:
        print(say("autodialer: no report: {error}", error=error), file=sys.stderr)
        return None
    marked_page = page.replace("<!doctype html>", "<!doctype html><!-- autodialer report -->", 1)
    name = write_beside(folder, REPORT, marked_page.encode())
    if name is not None:
        write_beside(folder, f"{REPORT}.anchor", anchor.text().encode(), ours=_is_anchor)
    return name


def _is_anchor(there: bytes) -> bool:
    from appliance.ledger.anchors import Anchor, AnchorInvalid

    try:
        Anchor.parse(there.decode("ascii"))
    except (AnchorInvalid, UnicodeDecodeError):
        return False
    return True


def _told(arguments: argparse.Namespace, state: Path) -> None:
    """Have the box that runs look at the result; one that starts looks by itself."""
    from appliance.cli.session import ask_running

    with suppress(Refused, NobodyListens):
        ask_running(argparse.Namespace(config=arguments.config, state=state), "provision.told")


def _box_time(arguments: argparse.Namespace, box: Provisioning) -> datetime | None:
    """Return what the running box believes; an untrusted time says nothing."""
    from appliance.cli.session import ask_running

    with suppress(NobodyListens, Refused, KeyError, ValueError):
        at = argparse.Namespace(config=arguments.config, state=box.store.place.parent)
        clock = ask_running(at, "status")["clock"]
        if clock["trusted"]:
            return datetime.fromisoformat(clock["utc"])
    return None


def _within(folder: Path) -> Path:
    """Return the folder itself, also where the stick was named."""
    from appliance.provisioning.folder import NAME

    inner = folder / NAME
    return inner if os.path.lexists(inner) else folder


def _trust(arguments: argparse.Namespace) -> Trust:
    from appliance.config.settings import ProvisioningSettings
    from appliance.config.validation import read_provisioning
    from appliance.provisioning.judge import Trust

    file = getattr(arguments, "trust", None)
    if file is not None:
        key = file.read_text("ascii").strip()
        try:
            settings = ProvisioningSettings(trusted=(key,))
        except ValueError:
            raise Refused(
                worded("{file} holds no SSH public key", file=file), worded("name the .pub file")
            ) from None
    else:
        settings = read_provisioning(arguments.config)
    return Trust(keys=settings.trusted, unsigned=settings.unsigned)


def _loaded(file: Path) -> Config | None:
    from appliance.config import load as configuration
    from firmware.yaml_document import DocumentFaulty

    try:
        return configuration.load(file)
    except DocumentFaulty:
        return None
