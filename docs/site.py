"""The pages as a small site, without anything from elsewhere: ``make docs`` builds it.

Puts together what stands in ``docs/`` and at the root, and the pages that are made of the program's
own tables: every key of the configuration, each lamp code and each fault of a line.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from appliance.box.lamps import card_rows
from appliance.config.explain import Key, keys
from firmware.faults import REMEDIES

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "build" / "docs"
AT_THE_ROOT = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}


def configuration() -> str:
    """Return the reference of ``config.yaml``: what ``autodialer config explain`` says."""
    return "\n".join(_configuration())


def _configuration() -> Iterator[str]:
    yield "# Configuration reference\n"
    yield "Every key of `config.yaml`, from the model that reads the file; on a box"
    yield "`autodialer config explain KEY` says the same. `[]` is an entry of a list, `*` a name of"
    yield "your own. `autodialer check` names each fault with its line.\n"
    for key in keys():
        if "." not in key.path:
            yield f"## `{key.path}`\n"
        else:
            yield f"### `{key.path}`\n"
        yield from _told(key)


def _told(key: Key) -> Iterator[str]:
    if key.text:
        yield f"{key.text[:1].upper()}{key.text[1:]}.\n"
    facts = []
    if key.choices:
        facts.append("One of " + ", ".join(f"`{one}`" for one in key.choices))
    if key.default:
        facts.append(f"default `{key.default}`")
    elif key.required:
        facts.append("must be there")
    if facts:
        told = "; ".join(facts)
        yield f"{told[:1].upper()}{told[1:]}.\n"


def troubleshooting() -> str:
    """Return the page by lamp and by message, from the tables that the box itself goes by."""
    return "\n".join(_troubleshooting())


def _troubleshooting() -> Iterator[str]:
    yield "# Troubleshooting\n"
    yield "Ask `autodialer doctor` first: it names each part of the box, its state and what to do."
    yield "The tables here are the box's own.\n"
    yield "## By lamp\n"
    yield "| lamp | pattern | meaning | what to do |"
    yield "|---|---|---|---|"
    for lamp, pattern, meaning, remedy in card_rows():
        yield f"| {lamp} | {pattern} | {meaning} | {remedy} |"
    yield "\n## By message: a line that is out of service\n"
    yield "`status`, `doctor`, `watch` and the ledger name the code.\n"
    yield "| code | what to do |"
    yield "|---|---|"
    for fault, remedy in REMEDIES.items():
        yield f"| `{fault.value}` | {remedy} |"
    yield ""


def gather(place: Path = BUILT) -> None:
    """Write all pages to *place*, anew."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(ROOT / "docs", place, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(ROOT / "docs" / "verify_ledger.py", place)
    for source, name in AT_THE_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        (place / name).write_text(_moved(text, "docs/", ""), encoding="utf-8")
    for page in place.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for source, name in AT_THE_ROOT.items():
            text = text.replace(f"](../{source}", f"]({name}").replace(f"]({source}", f"]({name}")
        page.write_text(text, encoding="utf-8")
    decisions = place / "decisions" / "README.md"
    listed = "\n".join(
        f"- [{_title(page)}]({page.name})" for page in sorted(decisions.parent.glob("0*.md"))
    )
    decisions.write_text(f"{decisions.read_text(encoding='utf-8')}\n{listed}\n", encoding="utf-8")
    (place / "configuration.md").write_text(configuration(), encoding="utf-8")
    (place / "troubleshooting.md").write_text(troubleshooting(), encoding="utf-8")


EXTERNAL = re.compile(r"""(?:src|<link[^>]+href)=["']?(?:https?:)?//""")


def check(built: Path = ROOT / "build" / "site") -> None:
    """End with the pages that take something from elsewhere; there are none."""
    found = [page for page in built.rglob("*.html") if EXTERNAL.search(page.read_text("utf-8"))]
    if found:
        raise SystemExit("\n".join(f"{page}: takes something from elsewhere" for page in found))


def _moved(text: str, before: str, after: str) -> str:
    return re.sub(rf"\]\({re.escape(before)}", f"]({after}", text)


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


if __name__ == "__main__":
    check() if "--check" in sys.argv else gather()
