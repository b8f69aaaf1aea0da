"""The site is made of what is there: each page stands in its contents, each key and each lamp code
on its page, and each link of the pages leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from appliance.box.lamps import FaultCode
from appliance.config.explain import keys
from firmware.faults import Fault

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\(([^)#\s]+)(#[\w-]+)?\)")


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs" / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def listed(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    if isinstance(entry, dict):
        return [name for inner in entry.values() for name in listed(inner)]
    return [name for inner in entry for name in listed(inner)] if isinstance(entry, list) else []


def test_every_page_stands_in_the_contents(site: ModuleType, tmp_path: Path) -> None:
    site.gather(tmp_path / "docs")
    pages = {page.relative_to(tmp_path / "docs").as_posix() for page in tmp_path.rglob("*.md")}
    pages = {page for page in pages if not page.startswith("decisions/0")}
    contents = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert set(listed(contents)) == pages - {"security.md"}


def test_each_link_leads_somewhere(site: ModuleType, tmp_path: Path) -> None:
    place = tmp_path / "docs"
    site.gather(place)
    lost = [
        (page.name, link)
        for page in place.rglob("*.md")
        for link, _ in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("mailto:")
        if not (page.parent / link).exists()
    ]
    assert lost == []


def test_each_key_and_each_fault_is_explained(site: ModuleType) -> None:
    reference, trouble = site.configuration(), site.troubleshooting()
    assert [key.path for key in keys() if f"# `{key.path}`\n" not in reference] == []
    assert [code.name for code in FaultCode if code.meaning not in trouble] == []
    assert [fault.value for fault in Fault if f"| `{fault.value}` | " not in trouble] == []


def test_the_page_of_troubles_is_the_one_that_the_program_makes(site: ModuleType) -> None:
    """``python docs/site.py --write`` writes it."""
    page = ROOT / "docs" / "troubleshooting.md"
    assert page.read_text(encoding="utf-8") == site.troubleshooting()


def test_each_reason_to_call_nobody_stands_there_with_what_is_said(site: ModuleType) -> None:
    source = (ROOT / "appliance" / "campaign" / "idleness.py").read_text(encoding="utf-8")
    assert set(re.findall(r'code="([a-z]+)"', source)) == set(site.WAITS)
    sentences = "".join(re.findall(r'"([^"\n]*)"', source))
    for begins, _ in site.WAITS.values():
        assert begins.partition(",")[0] in sentences


def test_what_commands_say_is_what_they_say(site: ModuleType) -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "appliance").rglob("*.py")]
    for said in site.COMMANDS_SAY:
        words = [part.strip() for part in said.split("…") if len(part.strip()) > 3]
        assert all(any(word in text for text in texts) for word in words), said


def test_the_contents_ask_for_a_search_that_works_from_a_folder(site: ModuleType) -> None:
    asked = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert {"search", "offline"} <= set(asked["plugins"])
    assert asked["use_directory_urls"] is False
    assert asked["extra"]["polyfills"] == [site.SHIM]
    assert (ROOT / "docs" / site.SHIM).is_file()


HEAD = '<script src="iframe-worker/shim.js"></script>'
BUNDLE = '<script src="assets/javascripts/bundle.0.min.js"></script>'
AS_THE_THEME_DOES = """
const worker = new Worker(new URL("worker.js", location));
worker.addEventListener("message", ({data}) => {
  document.body.insertAdjacentHTML("beforeend", `<p class="md-search-result__meta">${data}</p>`);
});
worker.postMessage(new URLSearchParams(location.search).get("q"));
"""
WORKER = """
addEventListener("message", ({data}) => {
  if (data === "consent") postMessage("27 matching documents");
});
"""


def a_site(folder: Path, head: str = HEAD, tail: str = BUNDLE, shim: str | None = None) -> Path:
    """Write a site of one page to *folder*, which asks its search as the theme does."""
    for name, text in {
        "index.html": f"<html><head>{head}</head><body>{tail}</body></html>",
        "search/search_index.js": "var __index = {}",
        "assets/javascripts/bundle.0.min.js": AS_THE_THEME_DOES,
        "worker.js": WORKER,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "iframe-worker").mkdir()
    kept = (ROOT / "docs" / "iframe-worker" / "shim.js").read_text(encoding="utf-8")
    (folder / "iframe-worker" / "shim.js").write_text(kept if shim is None else shim)
    return folder


@pytest.mark.parametrize(
    ("head", "tail", "missing", "said"),
    [
        (HEAD, BUNDLE, None, []),
        ("", BUNDLE, None, ["does not load iframe-worker/shim.js before the theme's script"]),
        ("", BUNDLE + HEAD, None, ["does not load iframe-worker/shim.js before the theme's"]),
        (HEAD, BUNDLE, "search/search_index.js", ["search/search_index.js is missing"]),
        (HEAD, BUNDLE, "iframe-worker/shim.js", ["iframe-worker/shim.js is missing"]),
        (HEAD + "<img src=//a.example/a>", BUNDLE, None, ["takes something from elsewhere"]),
        (
            HEAD + '<link href="https://a.example">',
            BUNDLE,
            None,
            ["takes something from elsewhere"],
        ),
        (HEAD + '<a href="https://a.example">a</a>', BUNDLE, None, []),
    ],
)
def test_what_a_folder_needs_is_looked_for(
    site: ModuleType, tmp_path: Path, head: str, tail: str, missing: str | None, said: list[str]
) -> None:
    built = a_site(tmp_path, head, tail)
    if missing is not None:
        (built / missing).unlink()
    found = list(site.faults(built))
    assert len(found) == len(said)
    assert all(words in fault for words, fault in zip(said, found, strict=True))


@pytest.mark.process
@pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    reason="needs chromium, which opens the folder",
)
@pytest.mark.parametrize("shim", [None, ""])
def test_a_browser_that_opens_the_folder_starts_the_search(
    site: ModuleType, tmp_path: Path, shim: str | None
) -> None:
    """Without the shim nothing answers, so the question does tell."""
    built = a_site(tmp_path / "a folder, été", shim=shim)
    found = " ".join(site.search_faults(built, "index.html"))
    assert found.endswith("finds nothing") if shim == "" else found == ""
