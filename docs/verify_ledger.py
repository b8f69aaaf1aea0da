#!/usr/bin/env python3
"""Verify a ledger with nothing but Python: verify_ledger.py DIRECTORY|EXPORTED_FILE [SEQ HASH]

SEQ and HASH are an anchor that was kept outside the box: without one nothing shows that the whole
was not written anew, or that its end is missing. Exit 0: sound. Exit 1: the first bad line.
"""

import hashlib
import json
import re
import sys
from datetime import datetime
from pathlib import Path

LONGEST = 256 * 1024  # bytes of a line; a row has a few hundred
FORM = re.compile(  # Python would take more for the same: "seq": 1.0, a 13th month
    rb'{"at":"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{3}Z","data":{.*},"hash":"[0-9a-f]{64}"'
    rb',"kind":"[a-z][a-z0-9_.]*","prev":"[0-9a-f]{64}","seq":[1-9]\d{0,18}'
    rb',"subject":(?:null|"[0-9A-Za-z_-]{1,64}")}\n'
)
ROW = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def check(place: Path, anchor: tuple[int, str]) -> str:
    first, seq, prev, met = 1, 0, "0" * 64, not anchor[0]
    files = place.glob("*.jsonl") if place.is_dir() else [place]
    for path in sorted(files, key=lambda one: (len(one.name), one.name)):
        if path is not place and path.name != f"{seq + 1:010d}.jsonl":
            return f"{path.name}: {seq + 1:010d}.jsonl belongs here"
        with path.open("rb") as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(LONGEST + 1), b""), 1):
                try:
                    form, row = FORM.fullmatch(raw), json.loads(raw)
                    if form is None or len(raw) > LONGEST or raw[:-1] != ROW.encode(row).encode():
                        raise ValueError("not a row in canonical form")
                    datetime(*map(int, form.groups()))  # type: ignore[arg-type] # noqa: DTZ001
                    found = row.pop("hash")
                    if found != hashlib.sha256(ROW.encode(row).encode()).hexdigest():
                        raise ValueError("the hash does not fit the contents")
                    if path is place and number == 1 < row["seq"]:  # a part of a ledger
                        first, seq, prev = row["seq"], row["seq"] - 1, row["prev"]
                    if (row["seq"], row["prev"]) != (seq + 1, prev):
                        raise ValueError(f"row {row['seq']} does not follow row {seq}")
                except (ValueError, RecursionError) as error:
                    return f"{path.name}:{number}: {error}"
                seq, prev, met = seq + 1, found, met or (seq + 1, found) == anchor
    if not (seq and met):
        return f"row {anchor[0]} with the anchor's hash is missing" if seq else "nothing to verify"
    print(f"{seq + 1 - first} rows are sound, {first} to {seq}; the last hash is {prev}")
    return ""


if __name__ == "__main__":
    try:
        where, *kept = sys.argv[1:]
        sys.exit(check(Path(where), (int(kept[0]), kept[1]) if kept else (0, "")) or 0)
    except (OSError, ValueError, IndexError) as wrong:
        sys.exit(f"{wrong}\n{__doc__}")
