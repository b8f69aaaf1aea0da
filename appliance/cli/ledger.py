"""``ledger verify``, ``ledger show``, ``ledger export``: the evidence, read from its files.

Reading needs no lock and no running box. A row that is being written while ``verify`` reads is
not a fault: the last line of the newest file may be incomplete for an instant, so it is read again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.cli.answer import answered, beside
from appliance.cli.output import check_target, write_target
from appliance.cli.paths import LEDGER, box_zone, existing_state
from appliance.cli.speech import say, several
from appliance.effects import Entry
from appliance.errors import Refused
from appliance.ledger import Anchor, Verification, checkpoint, read_entries, verify
from appliance.ledger.anchors import AnchorInvalid
from appliance.screen.local_time import local
from firmware.bounded_read import read_bounded
from firmware.wording import plural, reason_of, worded

REREAD_AFTER = 0.2
"""Seconds in which a row that is being written is complete."""
SHOWN = 8
"""Letters of a person's id that pages show."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = commands.add_parser("verify", help="name the first line that was changed")
    check.add_argument(
        "--anchor",
        type=Path,
        action="append",
        default=[],
        help="a head hash that was kept elsewhere; shows whether the end was cut off",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    show = commands.add_parser("show", help="print rows for people")
    export = commands.add_parser("export", help="print rows as they stand in the files")
    for reader in (show, export):
        reader.add_argument("--after", type=int, default=0, metavar="SEQ", help="rows after SEQ")
        reader.add_argument("--kind", help="only this kind, or a family such as call.")
        reader.add_argument(
            "--subject",
            help="only rows of this subject: its id, or the 8 letters of it that pages show",
        )
        reader.add_argument("--attempt", help="only rows of this attempt")
    show.add_argument("--last", type=int, metavar="N", help="only the last N")
    show.add_argument(
        "--row", type=int, metavar="SEQ", help="only this row, as the report names it"
    )
    show.add_argument("--json", action="store_true", help="print one JSON object a row")
    export.add_argument("--out", type=Path, help="write to a file instead of standard output")
    export.add_argument("--json", action="store_true", help="say as JSON what --out wrote")


def run(arguments: argparse.Namespace) -> int:
    directory = existing_state(arguments) / LEDGER
    if not directory.is_dir():
        raise Refused(
            worded("{directory} does not exist", directory=directory),
            worded("nothing has been recorded here yet"),
        )
    if arguments.action == "verify":
        return _verify(directory, arguments)
    if arguments.action == "show":
        return _show(directory, arguments)
    return _export(directory, arguments)


def _verify(directory: Path, arguments: argparse.Namespace) -> int:
    anchors = [_anchor(path) for path in arguments.anchor]
    verification = verify_state(directory.parent, anchors)
    if not verification.ok:
        # A box that runs may have been in the middle of a row.
        time.sleep(REREAD_AFTER)
        verification = verify_state(directory.parent, anchors)
    if arguments.json:
        print(json.dumps(_as_json(verification)))
    elif verification.fault is None:
        print(
            say(
                "ledger ok: {lines} in {files}, head {seq} {hash}",
                lines=plural("{count} row", "{count} rows", verification.lines),
                files=plural("{count} file", "{count} files", verification.files),
                seq=verification.seq,
                hash=verification.hash,
            )
        )
        if anchors:
            print(
                several(
                    "{anchors} of {count} anchor met",
                    "{anchors} of {count} anchors met",
                    len(anchors),
                    anchors=verification.anchors,
                )
            )
    else:
        print(
            f"{directory / verification.fault.file}:{verification.fault.line}: "
            f"{verification.fault.reason}",
            file=sys.stderr,
        )
        print(
            say(
                "ledger NOT ok: sound up to row {seq}; keep a copy of {directory} as it is, "
                "and do not call on",
                seq=verification.seq,
                directory=directory,
            ),
            file=sys.stderr,
        )
    return 0 if verification.ok else 1


ANCHOR_LIMIT = 64 << 10


def _anchor(path: Path) -> Anchor:
    remedy = worded("give the .anchor file that `report --out` wrote beside its page")
    try:
        return Anchor.parse(read_bounded(path, ANCHOR_LIMIT, pipes=True).decode())
    except OSError as error:
        raise Refused(
            worded("--anchor {path}: {strerror}", path=path, strerror=reason_of(error)), remedy
        ) from error
    except (AnchorInvalid, UnicodeDecodeError) as error:
        raise Refused(worded("--anchor {path} holds no anchor", path=path), remedy) from error


def verify_state(state: Path, anchors: Sequence[Anchor] = ()) -> Verification:
    """Verify the ledger of *state*, also against what the box itself remembers of its end.

    The checkpoint is written behind the rows that it stands at, so a ledger that is shorter, or
    has another row there, was cut or replaced; no hash chain shows that by itself.
    """
    kept = checkpoint.read(state, key=_seal_key(state))
    known = list(anchors)
    if kept is not None:
        known.append(Anchor(seq=kept.seq, hash=kept.hash, at=""))
    verification = verify(state / LEDGER, anchors=known)
    ours = kept is not None and kept.seq not in {anchor.seq for anchor in anchors}
    if kept is not None and ours and verification.seq >= kept.seq:
        return replace(verification, anchors=verification.anchors - 1)
    return verification


def _seal_key(state: Path) -> bytes:
    from appliance.box.restoration import seal_key
    from appliance.people.number_key import read_number_key
    from appliance.storage.files import SYSTEM_DISK, StorageError

    try:
        number_key = read_number_key(state / "number.key", SYSTEM_DISK)
    except StorageError:
        return b""
    return b"" if number_key is None else seal_key(number_key)


def _as_json(verification: Verification) -> dict[str, Any]:
    fault = verification.fault
    return {
        "ok": verification.ok,
        "rows": verification.lines,
        "files": verification.files,
        "seq": verification.seq,
        "hash": verification.hash,
        "anchors_met": verification.anchors,
        "fault": None
        if fault is None
        else {"file": fault.file, "line": fault.line, "reason": fault.reason},
    }


def _chosen(directory: Path, arguments: argparse.Namespace) -> Iterator[Entry]:
    kind = arguments.kind
    for entry in read_entries(directory, arguments.after):
        if kind and entry.kind != kind and not (kind.endswith(".") and entry.kind.startswith(kind)):
            continue
        if arguments.subject and not _is_of(entry, arguments.subject):
            continue
        if arguments.attempt and entry.data.get("attempt") != arguments.attempt:
            continue
        yield entry


def _is_of(entry: Entry, subject: str) -> bool:
    """Whether *entry* is about *subject*, whose id may be as short as pages show it."""
    told = entry.subject or ""
    return told == subject or (len(subject) >= SHOWN and told.startswith(subject))


def _one_row(directory: Path, seq: int) -> Entry:
    """Return the row with number *seq*. Raises Refused where there is none."""
    entry = next(iter(read_entries(directory, seq - 1)), None) if seq > 0 else None
    if entry is None or entry.seq != seq:
        raise Refused(
            worded("the ledger has no row {seq}", seq=seq),
            worded("autodialer ledger verify says how many it has"),
        )
    return entry


def _show(directory: Path, arguments: argparse.Namespace) -> int:
    row = arguments.row
    rows = _chosen(directory, arguments) if row is None else iter([_one_row(directory, row)])
    zone = None if arguments.json else box_zone(arguments)
    if arguments.last is not None:
        from collections import deque

        rows = iter(deque(rows, maxlen=max(arguments.last, 0)))
    for entry in rows:
        if arguments.json:
            print(
                json.dumps(
                    {
                        "seq": entry.seq,
                        "at": entry.at.isoformat(timespec="milliseconds"),
                        "kind": entry.kind,
                        "subject": entry.subject,
                        "data": entry.data,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            facts = "  ".join(f"{key}={_plain(value)}" for key, value in entry.data.items())
            subject = entry.subject[:8] if entry.subject else "-"
            when = local(entry.at.isoformat(), zone)
            print(f"{entry.seq:>8}  {when}  {entry.kind:<18} {subject:<8}  {facts}")
    return 0


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _export(directory: Path, arguments: argparse.Namespace) -> int:
    check_target(arguments, "--out", arguments.out)
    wanted = {entry.seq for entry in _chosen(directory, arguments)}
    lines = _raw_lines(directory, wanted)
    if arguments.out is None:
        for line in lines:
            sys.stdout.write(line)
        return 0
    write_target(arguments, "--out", arguments.out, "".join(lines).encode())
    with beside(arguments):
        rows = plural("{count} row", "{count} rows", len(wanted))
        print(say("{rows} in {out}", rows=rows, out=arguments.out))
    answered(arguments, {"rows": len(wanted), "file": str(arguments.out)})
    return 0


def _raw_lines(directory: Path, wanted: set[int]) -> Iterator[str]:
    """The rows byte for byte, so that an outsider can recompute each hash."""
    for path in sorted(directory.glob("*.jsonl")):
        first = int(path.stem)
        with path.open(encoding="utf-8") as stream:
            for seq, line in enumerate(stream, first):
                if seq in wanted:
                    yield line
