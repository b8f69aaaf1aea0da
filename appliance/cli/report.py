"""``report [--out F.html] [--csv F.csv]``: the campaign, for people."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appliance.cli.output import check_target, remember_target, write_target
from appliance.cli.paths import LEDGER, existing_state
from appliance.errors import Refused
from appliance.storage.written_files import takes_a_stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="write a page that opens in any browser")
    parser.add_argument("--csv", type=Path, help="write one line per attempt")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")


def _check(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is read, what could not be written whole at the end."""
    for option, path in (("--out", arguments.out), ("--csv", arguments.csv)):
        check_target(arguments, option, path)
    out, csv = arguments.out, arguments.csv
    if out is not None and not takes_a_stream(out):
        beside = [out.with_name(out.name + end) for end in (".anchor", ".anchor.sig")]
        for path in beside:
            check_target(arguments, "--out", path)
        if csv is not None and csv.absolute() in (p.absolute() for p in (out, *beside)):
            raise Refused(f"--csv {csv}: --out writes that file", "give it another name")


def run(arguments: argparse.Namespace) -> int:
    from appliance.ledger import read_entries, verify
    from appliance.report.report import MEANINGS, add_up, as_csv, as_html
    from firmware.yaml_document import read_document

    _check(arguments)
    directory = existing_state(arguments) / LEDGER
    verification = verify(directory)
    if not verification.ok:
        raise Refused(f"the ledger is not sound: {verification.fault}", "see: ledger verify")
    settings = read_document(arguments.config).value
    law = settings.get("law") if isinstance(settings, dict) else None
    zone = ZoneInfo(str(law.get("timezone", "UTC")) if isinstance(law, dict) else "UTC")
    figures = add_up(read_entries(directory), zone)
    head = (verification.seq, verification.hash)
    if arguments.out is not None:
        purposes = ", ".join(sorted(figures.purposes)) or "no campaign yet"
        page = as_html(figures, title=f"Calls for {purposes}", head=head, zone=zone)
        write_target(arguments, "--out", arguments.out, page.encode())
        print(f"page in {arguments.out}")
        if not takes_a_stream(arguments.out):
            _anchor(arguments, settings, head, figures.last)
    if arguments.csv is not None:
        write_target(arguments, "--csv", arguments.csv, as_csv(figures).encode())
        print(f"{len(figures.rows)} attempts in {arguments.csv}")
    if arguments.json:
        print(json.dumps({"outcomes": figures.outcomes, "refused": figures.refused, "head": head}))
    elif arguments.out is None and arguments.csv is None:
        for outcome, meaning in MEANINGS.items():
            print(f"{figures.outcomes[outcome.value]:>6}  {outcome.value:<12} {meaning}")
        for rule, count in figures.refused.most_common():
            print(f"{count:>6}  refused by {rule}")
        print(f"anchor: row {head[0]} {head[1]}")
    return 0


def _anchor(
    arguments: argparse.Namespace,
    settings: Any,
    head: tuple[int, str],
    newest: datetime | None,
) -> None:
    """Write the head beside the page, ``F.anchor``, and sign it where a key is configured."""
    from appliance.config.paths import resolve
    from appliance.ledger import Anchor
    from appliance.ledger.anchors import sign

    path = arguments.out.with_name(arguments.out.name + ".anchor")
    # The ledger's own time: the clock of the box that prints may be another's.
    anchor = Anchor.of(head, newest or datetime.now(UTC))
    write_target(arguments, "--out", path, anchor.text().encode())
    ledger = settings.get("ledger") if isinstance(settings, dict) else None
    key = ledger.get("signing_key") if isinstance(ledger, dict) else None
    if not isinstance(key, str):
        print(f"anchor in {path}")
        return
    signature = sign(path, resolve(arguments.config.parent, key))
    remember_target(arguments, signature)
    print(f"anchor in {path}, signed in {signature}")
