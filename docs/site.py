"""The pages as a small site, without anything from elsewhere: ``make docs`` builds it.

Puts together what stands in ``docs/`` and at the root, and the pages that are made of the program's
own tables: every key of the configuration, each lamp code and each fault of a line.
"""

from __future__ import annotations

import re
import shutil
import subprocess
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


WAITS = {
    "storage": ("Nothing can be recorded any more", "free or replace the disk, restart the box"),
    "state": (
        "Calling waits",
        "`autodialer doctor` names what is missing; `reset` goes on without",
    ),
    "stopped": (
        "The emergency stop is latched",
        "release the button, then hold start for five seconds or `autodialer reset`",
    ),
    "paused": ("Dialling is paused, or is held", "`autodialer resume`, or press start"),
    "clock": ("The clock is not trusted", "NTP or an RTC; `autodialer clock` ([time](time.md))"),
    "fleet": ("Nobody is called because", "`autodialer fleet status` ([a fleet](fleet.md))"),
    "lines": ("No line is in service", "the code of each line, in the table above"),
    "interrupted": (
        "The box was cut off in a call",
        "wait, or press start; if it happens again see to the power supply",
    ),
    "loading": ("The registry is being read", "wait"),
    "busy": ("Every line in service has a call", "nothing"),
    "limit": ("The limits of the lines are reached", "wait, or raise `limits` in `config.yaml`"),
    "done": (
        "Nobody is left to be called",
        "import people; `autodialer why NUMBER` for one of them",
    ),
    "closed": ("Nobody may be called right now", "wait until the time that it names"),
    "press": ("Attended mode", "press start for one call"),
    "dialling": ("The next call is being placed", "nothing"),
}
"""Why no call is being placed, by the code of :mod:`appliance.campaign.idleness`: how the sentence
begins, and what to do. ``tests/test_site.py`` compares the codes."""

COMMANDS_SAY = {
    "there is no config.yaml here": "`autodialer config init`, or `--config FILE`",
    "no box is running here": "`systemctl start autodialer`, or `autodialer run`",
    "… runs here and … has done nothing for … s": (
        "`autodialer stop` hangs up what may be up; then `systemctl restart autodialer`"
    ),
    "… may not be used by this account": "`sudo -u autodialer autodialer …`",
    "… is in use by process …": "ask the running box, or end it first",
    "the number is reserved for fiction": "write a real one; `rehearse` takes such numbers",
}
"""What commands say most often where they refuse."""


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
    # Two columns, for a telephone in a stairwell; first the lamp for which somebody comes here.
    yield "| lamp | meaning, and **what to do** |"
    yield "|---|---|"
    rows = sorted(card_rows(), key=lambda row: str(row[0]) != "fault")
    for lamp, pattern, meaning, remedy in rows:
        yield f"| {lamp}: {pattern} | {meaning}{f'. **{remedy}**' if remedy else ''} |"
    yield "\n## By message: a line that is out of service\n"
    yield "`status`, `doctor`, `watch` and the ledger name the code.\n"
    yield "| code | what to do |"
    yield "|---|---|"
    for fault, remedy in REMEDIES.items():
        yield f"| `{fault.value}` | {remedy} |"
    yield "\n## By message: nobody is called\n"
    yield "`status` says it under `now`, and `status --json` as `why`.\n"
    yield "| code | how it begins, and **what to do** |"
    yield "|---|---|"
    for code, (begins, remedy) in WAITS.items():
        yield f"| `{code}` | {begins}. **{remedy}** |"
    yield "\n## By message: a command that refuses\n"
    yield "Each refusal ends with what to do, and `--json` has it under `remedy`. Exit code 1: it"
    yield "was refused or failed; 2: the command line or the configuration is wrong, with its line"
    yield "and a caret; `autodialer config explain KEY` tells of every key.\n"
    yield "| it says | what to do |"
    yield "|---|---|"
    for said, remedy in COMMANDS_SAY.items():
        yield f"| {said} | {remedy} |"
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
SHIM = "iframe-worker/shim.js"
ASKED = "consent"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOUND = re.compile(r'md-search-result__meta">\s*\d+ matching documents?')


def check(built: Path = ROOT / "build" / "site") -> None:
    """End with what is wrong with the site; nothing is."""
    wrong = [*faults(built), *search_faults(built)]
    if wrong:
        raise SystemExit("\n".join(wrong))


def faults(built: Path) -> Iterator[str]:
    """Give the pages that take something from elsewhere, and what the search lacks from a folder.

    There browsers start no worker and fetch no file: the index has to be a script, and the shim has
    to be in the worker's place before the theme asks for one.
    """
    if not (built / "search" / "search_index.js").is_file():
        yield f"{built}: search/search_index.js is missing"
    if not (built / SHIM).is_file():
        yield f"{built}: {SHIM} is missing"
    for page in sorted(built.rglob("*.html")):
        text = page.read_text("utf-8")
        if EXTERNAL.search(text):
            yield f"{page}: takes something from elsewhere"
        if not 0 < text.find(SHIM) < text.find("assets/javascripts/bundle."):
            yield f"{page}: does not load {SHIM} before the theme's script"


def search_faults(built: Path, page: str = "decisions/index.html") -> Iterator[str]:
    """Ask the search of *page*, opened from the folder, where there is a browser to ask with."""
    if (browser := next(filter(None, map(shutil.which, BROWSERS)), None)) is None:
        return
    address = f"{(built / page).absolute().as_uri()}?q={ASKED}"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000"]
    shown = subprocess.run(
        [browser, *flags, "--dump-dom", address], capture_output=True, text=True, timeout=300
    )
    if not FOUND.search(shown.stdout):
        yield f"{address}: the search of a browser that opens the folder finds nothing"


def _moved(text: str, before: str, after: str) -> str:
    return re.sub(rf"\]\({re.escape(before)}", f"]({after}", text)


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


if __name__ == "__main__":
    if "--write" in sys.argv:
        (ROOT / "docs" / "troubleshooting.md").write_text(troubleshooting(), encoding="utf-8")
    elif "--check" in sys.argv:
        check()
    else:
        gather()
