"""Copies of what an audit needs: read from the hub, kept in a directory, read back.

``DIR/log.jsonl`` has a message a line (``seq``, ``subject``, ``time``, ``data`` in base64),
``DIR/ledgers/BOX.jsonl`` each box's ledger byte for byte, ``DIR/fleet.json`` the campaign's name.
So a second person can audit on a machine of their own, long after the hub is gone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from appliance.errors import Refused
from appliance.fleet.audit import Dialled, Logged
from appliance.fleet.packs import raw
from appliance.fleet.pseudonym import pseudonym
from appliance.ledger.format import BadLine, Line, decode
from firmware.wording import joined, reason_of, worded


@dataclass(slots=True)
class Copies:
    """One campaign on paper."""

    campaign: str
    log: list[Logged] = field(default_factory=list)
    ledgers: dict[str, list[Line]] = field(default_factory=dict)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    """Boxes whose ledger cannot be read on, and why."""

    def save(self, directory: Path) -> None:
        """Write them under *directory*, which must not exist yet."""
        try:
            (directory / "ledgers").mkdir(parents=True)
        except FileExistsError:
            raise Refused(
                worded("{directory} exists already", directory=directory),
                worded("name a new directory"),
            ) from None
        (directory / "fleet.json").write_text(json.dumps({"campaign": self.campaign}) + "\n")
        with (directory / "log.jsonl").open("w", encoding="utf-8") as stream:
            for message in self.log:
                value = {
                    "seq": message.sequence,
                    "subject": message.subject,
                    "time": message.at.isoformat(),
                    "data": base64.b64encode(message.payload).decode(),
                }
                stream.write(json.dumps(value) + "\n")
        for box, lines in self.ledgers.items():
            (directory / "ledgers" / f"{box}.jsonl").write_bytes(b"".join(map(raw, lines)))

    @classmethod
    def load(cls, directory: Path) -> Copies:
        """Read what :meth:`save` wrote. Raises :class:`~appliance.errors.Refused`."""
        try:
            copies = cls(json.loads((directory / "fleet.json").read_text())["campaign"])
            with (directory / "log.jsonl").open(encoding="utf-8") as stream:
                for number, row in enumerate(stream, 1):
                    copies.log.append(_logged(directory / "log.jsonl", number, row))
            paths = sorted((directory / "ledgers").glob("*.jsonl"))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Refused(
                f"{directory}: {error}", worded("it must come from: fleet verify --save DIR")
            ) from error
        for path in paths:
            copies.add_ledger(path.stem, path.read_bytes())
        return copies

    def add_ledger(self, box: str, contents: bytes) -> None:
        """Take the ledger of *box*, lines one after the other, as far as it can be read."""
        lines = self.ledgers.setdefault(box, [])
        for number, row in enumerate(contents.splitlines(), 1):
            try:
                lines.append(decode(row))
            except BadLine as error:
                self.damaged.append(
                    (box, worded("line {number}: {error}", number=number, error=error))
                )
                return


def read_network(paths: Iterable[Path], key: bytes) -> list[Dialled]:
    """Return the dials in logs of ``simulate --log``; *key* is the campaign's.

    Raises :class:`~appliance.errors.Refused` with file and line.
    """
    dials = []
    for path in paths:
        try:
            rows = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = reason_of(error) if isinstance(error, OSError) else worded("it is no text")
            raise Refused(
                joined(": ", [str(path), why]),
                worded("it must come from: autodialer simulate --log"),
            ) from error
        for number, row in enumerate(rows, 1):
            try:
                value = json.loads(row)
                if value["event"] == "dialled":
                    at = datetime.fromisoformat(value["at"]).astimezone(UTC)
                    pid = pseudonym(key, value["number"])
                    dials.append(Dialled(pid=pid, at=at, place=f"{path.name}:{number}"))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise Refused(
                    f"{path}:{number}: {error}",
                    worded("it must come from: autodialer simulate --log"),
                ) from error
    return dials


def _logged(path: Path, number: int, row: str) -> Logged:
    try:
        value = json.loads(row)
        return Logged(
            sequence=int(value["seq"]),
            subject=str(value["subject"]),
            payload=base64.b64decode(value["data"]),
            at=datetime.fromisoformat(value["time"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused(
            f"{path}:{number}: {error}", worded("it must come from: fleet verify --save DIR")
        ) from error
