"""``doctor --bundle``: what support needs to see, in one archive, and nothing that names a person.

Every text in it goes through the same masks: what may be a telephone number, a PIN or another long
number is replaced. The registry and its key are never opened.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import platform
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from appliance import __version__
from appliance.cli.doctor_row import DoctorRow
from appliance.cli.output import write_target
from appliance.cli.paths import LEDGER, state_directory
from appliance.cli.speech import say
from appliance.numbers import said_by_a_person
from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json
from firmware.wording import worded
from firmware.yaml_document import SIZE_LIMIT, DocumentFaulty

ROWS = 300
"""Newest rows of the ledger in the archive."""
LOG_LINES = 2000
_EVIDENCE = 8 << 20
_SECRET = re.compile(
    r"(?im)^(.*?\b(?:sim_pin|puk|passphrase)\b|\s*-?\s*[\"']?(?:pin|key)[\"']?\s*:)(.*)$"
)
_WORD = re.compile(r"[^\s\"'\\,:;(){}\[\]]+(?:[:\s]+[^\s\"'\\,:;(){}\[\]]+)*")
_LONG = re.compile(r"\d{6,}")
_PIN = re.compile(r"(?<![\d-])\d{4,8}(?![\d-])")
"""What a PIN may be (3GPP TS 31.101). A configuration writes it under a key that is misspelt, on
the line after, in braces, as an alias; so there it is looked for by its form."""


def masked(text: str) -> str:
    """Return *text* without what may be a secret, a telephone number, an IMEI or an ICCID.

    Quotes and brackets stay, so that what is JSON stays JSON.
    """
    hidden = _SECRET.sub(lambda line: line[1] + _WORD.sub("(hidden)", line[2]), text)
    return _LONG.sub("(digits)", said_by_a_person(hidden))


def masked_configuration(text: str) -> str:
    """Do the same with a configuration, and replace whatever may be a PIN."""
    return masked(_PIN.sub("(digits)", text))


def write_bundle(
    arguments: argparse.Namespace, rows: Sequence[DoctorRow], status: dict[str, Any]
) -> None:
    """Write the archive to ``--bundle``, and say so on standard error."""
    import sys

    packed = io.BytesIO()
    # Without times and owners, so that the same findings make the same bytes.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as archive,
    ):
        for name, text in _parts(arguments, rows, status):
            data = masked(text).encode("utf-8", "replace")
            member = tarfile.TarInfo(f"autodialer-support/{name}")
            member.size, member.mode = len(data), 0o600
            archive.addfile(member, io.BytesIO(data))
    write_target(arguments, "--bundle", arguments.bundle, packed.getvalue())
    print(
        say(
            "masked archive in {bundle}: look through it before you send it",
            bundle=arguments.bundle,
        ),
        file=sys.stderr,
    )


def _parts(
    arguments: argparse.Namespace, rows: Sequence[DoctorRow], status: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "doctor.json", json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    yield "status.json", json.dumps(status, indent=1, ensure_ascii=False)
    about = (
        worded("autodialer {version}", version=__version__),
        worded("Python {python_version}", python_version=platform.python_version()),
    )
    yield "versions.txt", "\n".join((*about, platform.platform())) + "\n"
    try:
        told = read_bounded(arguments.config, SIZE_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        told = f"{error.strerror}\n"
    yield "config.yaml", masked_configuration(told)
    yield "ledger.jsonl", _ledger(arguments)
    yield "log.txt", _log()
    yield from _hardware(arguments)


def _hardware(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """What root has collected for us, who may not read all of it, or what can be read as we are."""
    from appliance.cli.doctor_card import TOPICS, evidence

    if arguments.evidence is None:
        yield from evidence()
        return
    names = {f"card/{topic.name}.txt" for topic in TOPICS}
    try:
        told = parse_json(read_bounded(arguments.evidence, _EVIDENCE))
        collected = {name: str(told[name]) for name in sorted(names & told.keys())}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        collected = {"card/model.txt": worded("not read: {error}\n", error=error)}
    yield from collected.items()


def _ledger(arguments: argparse.Namespace) -> str:
    from collections import deque

    from appliance.ledger import read_entries
    from appliance.storage.files import StorageError

    try:
        directory = state_directory(arguments) / LEDGER
        newest = deque(read_entries(directory), maxlen=ROWS) if directory.is_dir() else ()
    except (DocumentFaulty, StorageError, OSError, ValueError) as error:
        return worded("not read: {error}\n", error=error)
    kept = [
        {"seq": one.seq, "at": one.at.isoformat(), "kind": one.kind, "data": one.data}
        for one in newest
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)


def _log() -> str:
    command = ["journalctl", "--unit", "autodialer", "--lines", str(LOG_LINES), "--no-pager"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return worded("not read: {error}\n", error=error)
    return done.stdout.decode("utf-8", "replace")
