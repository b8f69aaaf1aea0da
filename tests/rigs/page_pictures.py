"""Pictures of report and dossier, and what a browser says of them: ``make page-pictures``.

A demonstration makes the campaign once (``--state`` names another); the real commands write the
pages; Chromium draws each at the widths of a telephone and of a desktop, light, dark and printed,
into build/pictures, to be looked at. In the same browser axe-core must find no violation, nothing
may be fetched, no page may scroll sideways; html5lib's strict parser must accept each.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Literal

import html5lib
from axe_playwright_python.sync_playwright import Axe
from html5lib.html5parser import ParseError
from playwright.sync_api import Browser, Route, sync_playwright

from appliance.language import LANGUAGES
from tests.rigs.screen_pictures import BROWSERS, FOLDER

AUTODIALER = Path(sysconfig.get_path("scripts")) / "autodialer"
WIDTHS = {390: 844, 1280: 800}
OWN = FOLDER / "campaign"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
# What can fetch; the name of an XML namespace fetches nothing.
OUTSIDE = re.compile(r"""(?:\b(?:src|srcset|href|action|data|poster)=|url\()(?!["']?#)[^\s>]+""")


SPEED = 8
"""Times the speed of life: at its usual one the demonstration asks for an idle computer."""
MOST_SHEETS = 5
"""A4, of a report of :data:`FEW_CALLS` at most."""
FEW_CALLS = 42


def campaign(state: Path) -> None:
    """Have a finished campaign in *state*: the demonstration's, made where none is yet.

    A crowded computer may be too slow for what callees hear; the pages need the ledger alone. One
    that was broken off is made anew: it is not what the pictures are of.
    """
    if finished(state):
        return
    if state != OWN and state.exists():
        raise SystemExit(f"{state}: nobody objected there; name a campaign that has ended")
    if state.exists():
        shutil.rmtree(state)
    ended = subprocess.run(
        [AUTODIALER, "--state", state, "demo", "--plain", "--speed", str(SPEED)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if not finished(state):
        told = "\n".join(ended.stdout.splitlines()[-5:])
        raise SystemExit(f"the demonstration did not end (exit {ended.returncode}):\n{told}")


def finished(state: Path) -> bool:
    """Tell whether the ledger in *state* has a call that ended with an objection."""
    if not (state / "ledger").is_dir():
        return False
    found = json.loads(_command(state, "report", "--json"))
    return bool(found["outcomes"].get("opted_out"))


def pages(state: Path, folder: Path) -> list[Path]:
    """Write the report, and the dossiers of two people, in each language."""
    calls = folder / "calls.csv"
    # What an earlier run drew, of another box perhaps: that box's pages this one may not replace.
    for pattern in ("report-*", "dossier-*", calls.name):
        for earlier in folder.glob(pattern):
            earlier.unlink()
    files = []
    for language in LANGUAGES:
        files.append(folder / f"report-{language}.html")
        _command(state, "report", "--language", language, "--out", files[-1], "--csv", calls)
    for who, number in _people(state, calls).items():
        for language in LANGUAGES:
            files.append(folder / f"dossier-{who}-{language}.html")
            _command(state, "dossier", number, "--language", language, "--out", files[-1])
    return files


def _people(state: Path, calls: Path) -> dict[str, str]:
    """Return the numbers of who was called most, and of who objected."""
    with calls.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = json.loads(_command(state, "contacts", "list", "--numbers", "--json"))
    numbers = {one["subject"]: one["number"] for one in listed}
    often = Counter(row["subject"] for row in rows if row["subject"] in numbers)
    objected = next(row["subject"] for row in rows if row["outcome"] == "opted_out")
    return {"called": numbers[often.most_common(1)[0][0]], "objected": numbers[objected]}


def _command(state: Path, *given: str | Path) -> str:
    ended = subprocess.run(
        [AUTODIALER, "--state", state, *given], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"autodialer {given[0]}: exit {ended.returncode}\n{ended.stderr}")
    return ended.stdout


def draw(page: Path, browser: Browser) -> list[str]:
    """Draw *page* beside it in every way; return what is wrong with it."""
    faults = [f"refers outside: {found}" for found in OUTSIDE.findall(page.read_text("utf-8"))]
    try:
        html5lib.HTMLParser(strict=True).parse(page.read_bytes())
    except ParseError as error:
        faults.append(f"invalid: {error}")
    for width, height in WIDTHS.items():
        for scheme in SCHEMES:
            seen = _shown(page, browser, width, height, scheme)
            faults += [f"{width} {scheme}: {fault}" for fault in seen]
    return faults


def _shown(
    page: Path, browser: Browser, width: int, height: int, scheme: Literal["light", "dark"]
) -> list[str]:
    faults = []

    def only_the_page(route: Route) -> None:
        if route.request.url == page.resolve().as_uri():
            route.continue_()
        else:
            faults.append(f"fetches {route.request.url}")
            route.abort()

    tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab.route("**/*", only_the_page)
    tab.on("console", lambda said: faults.append(f"console: {said.text}"))
    tab.goto(page.resolve().as_uri())
    tab.screenshot(path=page.with_name(f"{page.stem}-{width}-{scheme}.png"), full_page=True)
    # What is folded away is read too, once it is opened.
    tab.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
    wide, window = tab.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    if wide > window:
        faults.append(f"scrolls sideways: {wide} px in {window}")
    for found in Axe().run(tab).response["violations"]:
        places = [" ".join(map(str, node["target"])) for node in found["nodes"]]
        faults.append(f"axe {found['id']} ({found['impact']}): {places[:3]} of {len(places)}")
    tab.close()
    return faults


def print_out(page: Path, browser: Browser) -> int:
    """Print *page* on A4, as a PDF and as pictures of its sheets; return how many there are."""
    tab = browser.new_page()
    tab.goto(page.resolve().as_uri())
    pdf = page.with_suffix(".pdf")
    tab.pdf(path=pdf, format="A4", prefer_css_page_size=True, print_background=False)
    tab.close()
    for earlier in pdf.parent.glob(f"{pdf.stem}-sheet-*.png"):
        earlier.unlink()
    sheets = pdf.with_name(f"{pdf.stem}-sheet")
    subprocess.run(["pdftoppm", "-r", "70", "-png", pdf, sheets], check=True)
    return len(list(pdf.parent.glob(f"{pdf.stem}-sheet-*.png")))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--state", type=Path, default=OWN)
    state = asked.parse_args().state
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or shutil.which("pdftoppm") is None:
        print("needs chromium, and pdftoppm of poppler-utils", file=sys.stderr)
        return 2
    campaign(state)
    wrong = 0
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        print(f"Chromium {browser.version}")
        made = pages(state, FOLDER)
        few = len((FOLDER / "calls.csv").read_text("utf-8").splitlines()) <= FEW_CALLS + 1
        for page in made:
            faults = draw(page, browser)
            sheets = print_out(page, browser)
            if few and page.stem.startswith("report") and sheets > MOST_SHEETS:
                faults.append(f"{sheets} sheets of paper")
            wrong += bool(faults)
            told = "well" if not faults else ""
            print(f"{page}, {sheets} sheets: {told}", *faults, sep="\n  ")
        browser.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
