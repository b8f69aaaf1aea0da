#!/usr/bin/env python3
"""Verify a ledger with nothing but Python: verify_ledger.py DIRECTORY [SEQ HASH]

Reads every NNNNNNNNNN.jsonl of DIRECTORY. With SEQ and HASH (an anchor, from a report or a signed
file) it also shows that the ledger's end was not cut off. Exit 0: sound. Exit 1: the first bad line
is printed.
"""

import hashlib
import json
import re
import sys
from pathlib import Path


def text(value: object) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def check(directory: str, anchor: tuple[int, str] | None) -> str | None:
    seq, prev, met = 0, "0" * 64, anchor is None
    for path in sorted(
        Path(directory).glob("*.jsonl"), key=lambda path: (len(path.name), path.name)
    ):
        name = f"{seq + 1:010d}.jsonl"
        if path.name != name:
            return f"{path.name}: {name} belongs here"
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                where = f"{path.name}:{number}"
                try:
                    row = json.loads(raw)
                    if raw != (text(row) + "\n").encode():
                        return f"{where}: not in canonical form"
                    found = row.pop("hash")
                    if found != hashlib.sha256(text(row).encode()).hexdigest():
                        return f"{where}: the hash does not fit the contents"
                    if (row["seq"], row["prev"]) != (seq + 1, prev):
                        return f"{where}: does not follow row {seq}"
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    return f"{where}: not a row: {error!r}"
                seq, prev = seq + 1, found
                met = met or (seq, prev) == anchor
    if anchor and not met:
        return f"row {anchor[0]} with the anchor's hash is missing"
    print(f"{seq} rows are sound; the last hash is {prev}")
    return None


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4) or not re.fullmatch(r"\d*", "".join(sys.argv[2:3])):
        sys.exit(__doc__)
    fault = check(sys.argv[1], (int(sys.argv[2]), sys.argv[3]) if len(sys.argv) == 4 else None)
    if fault:
        sys.exit(fault)
