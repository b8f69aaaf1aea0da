"""The field guide's pictures, and the guide as it is printed: ``make field-guide``.

The card of lamps and the wiring come from the tables that the box itself goes by; the tests compare
them with the files that lie here. Each language is one page of A4, printed by Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from markdown_it import MarkdownIt

from appliance.box.lamps import card_rows
from appliance.config.settings import PanelSettings
from appliance.language import LANGUAGES
from appliance.screen.panel_card import card, wiring

HERE = Path(__file__).parent
PICTURES = HERE / "field-guide"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STYLE = """
@page { size: A4; margin: 8mm 9mm }
body { font: 8.3pt/1.25 "DejaVu Sans", Arial, sans-serif; margin: 0; columns: 2; column-gap: 6mm;
  column-fill: auto; height: 279mm }
h1 { font-size: 13pt; margin: 0 0 1mm }
h2 { font-size: 9.5pt; margin: 2mm 0 0.8mm; border-bottom: 0.3mm solid #888; break-after: avoid }
p, ul, ol { margin: 0.8mm 0 } ul, ol { padding-left: 4.5mm } li { margin: 0.4mm 0 }
table { border-collapse: collapse; width: 100% } th { display: none }
td { border-bottom: 0.1mm solid #bbb; padding: 0.25mm 1mm 0.25mm 0; vertical-align: top }
td:first-child { font-weight: bold; width: 42% }
code { font: 7.6pt "DejaVu Sans Mono", monospace; background: #eee; padding: 0 0.4mm }
img { width: 100%; display: block } a { color: inherit; text-decoration: none }
"""


def page(language: str) -> Path:
    """Return where the guide in *language* lies."""
    return HERE / ("field-guide.md" if language == "en" else f"field-guide.{language}.md")


def pictures(language: str) -> dict[str, str]:
    """Return the pictures of one language by their names."""
    pins = {
        name: pin
        for name, pin in PanelSettings().model_dump().items()
        if isinstance(pin, int) and not isinstance(pin, bool)
    }
    return {
        f"card.{language}.svg": card(card_rows(), "autodialer", language),
        f"wiring.{language}.svg": wiring(pins, language),
    }


def html(language: str) -> str:
    """Return the guide as it is printed."""
    body = MarkdownIt("commonmark").enable("table").render(page(language).read_text("utf-8"))
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        f'<base href="{HERE.as_uri()}/"><style>{STYLE}</style></head><body>{body}</body></html>'
    )


def printed(language: str, target: Path, browser: str) -> None:
    """Print the guide in *language* to the PDF *target*."""
    source = target.with_suffix(".html")
    source.write_text(html(language), encoding="utf-8")
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         f"--print-to-pdf={target}", source.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


def browser() -> str | None:
    """Return the browser that prints; None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def main() -> int:
    PICTURES.mkdir(exist_ok=True)
    for language in LANGUAGES:
        for name, drawn in pictures(language).items():
            (PICTURES / name).write_text(drawn, encoding="utf-8")
    found = browser()
    if found is None:
        print("the pictures are new; printing needs chromium", file=sys.stderr)
        return 1
    build = HERE.parent / "build"
    build.mkdir(exist_ok=True)
    for language in LANGUAGES:
        target = build / f"field-guide.{language}.pdf"
        printed(language, target, found)
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
