"""The examples of the pages, run in a scratch box: the shipped sample and its five invented people.

``python -m tests.support.examples PAGE`` writes what the commands answer into the page.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGES = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}\b(?!-)"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| [A-Z]{3,4})?"), "TIME"),
    # How much a demonstration wrote depends on what chance made of its people.
    (re.compile(r"ledger ok: \d+ rows? in \d+ files?, head \d+"), "ledger ok: ROWS, head"),
    (re.compile(r"(?<=→ )\S+|/\S*/(?=[\w.-]+)"), ""),
)
"""What is another at each run: hashes, random ids, times, where the scratch box lies."""


@dataclass(frozen=True)
class Example:
    """One command, and what it answered when the page was written."""

    command: str
    answer: str


def examples(page: str) -> Iterator[Example]:
    """Yield the commands of *page* that begin with ``$``, each with the lines below it."""
    for block in BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            yield Example(command, answer)


def typed(page: str) -> Iterator[Example]:
    """Yield each command that *page* tells people to type, in ``console`` and ``sh`` blocks."""
    for _, kind, block in FENCED.findall(page):
        if kind == "console":
            for part in re.split(r"^ *\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, answer = part.partition("\n")
                for one in command.split("&&"):
                    yield Example(_plain(one), answer)
        elif kind == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                for one in re.sub(r"  +# .*$", "", line).split("&&"):
                    if one.strip():
                        yield Example(_plain(one), "")


def _plain(command: str) -> str:
    return " ".join(command.split()).removeprefix(".venv/bin/")


def scratch_box(place: Path) -> None:
    """Make a box in *place* that knows the people of the sample."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    # The campaign that the five people agreed to.
    text = re.sub(r"^  purpose: .*$", "  purpose: information", text, flags=re.MULTILINE)
    (place / "config.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "audio", place / "audio")
    done = run("autodialer contacts import " + str(ROOT / "docs/contacts-example.csv"), place)
    assert "imported: 5" in done, done


def run(command: str, place: Path) -> str:
    """Return what *command* prints, errors included; only ``autodialer`` and ``cat`` are run."""
    return told(command, place)[1]


def told(command: str, place: Path) -> tuple[int, str]:
    """Return the exit code too; ``mkdir`` makes a directory of the scratch box."""
    words = shlex.split(command)
    if words[0] == "mkdir":
        (place / words[1]).mkdir()
        return 0, ""
    if words[0] == "cat":
        return 0, (place / words[1]).read_text(encoding="utf-8")
    assert words[0] == "autodialer", command
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", *words[1:]],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def settled(answer: str, place: Path | None = None) -> str:
    """Return *answer* without what is another at each run."""
    if place is not None:
        answer = answer.replace(f"{place}/", "")
    for pattern, word in CHANGES:
        answer = pattern.sub(word, answer)
    return "\n".join(line.rstrip() for line in answer.rstrip().split("\n"))


def written(page: str, place: Path) -> str:
    """Return *page* with the answers of a scratch box in *place*."""

    def answered(block: re.Match[str]) -> str:
        rows = ["```console\n"]
        for example in examples(block[0]):
            answer = run(example.command, place).replace(f"{place}/", "").rstrip()
            rows.append(f"$ {example.command}\n{answer}\n")
        return "".join(rows) + "```"

    return BLOCK.sub(answered, page)


if __name__ == "__main__":
    import tempfile

    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            scratch_box(Path(folder))
            file = Path(name)
            file.write_text(
                written(file.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8"
            )
