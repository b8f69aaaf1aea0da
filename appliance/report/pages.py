"""Pages for people: one self-contained HTML file each, from Jinja2 templates. Pure.

The texts are English in the source and in the reader's language on the page
(:mod:`appliance.language`); every value is escaped by the template.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from appliance.language import Translate, catalogue


@lru_cache(maxsize=4)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("appliance.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    # Added by the extension: not in the library's own types.
    install = environment.install_gettext_translations  # type: ignore[attr-defined]
    install(catalogue(language), newstyle=True)
    return environment


def render(template: str, language: str, values: dict[str, object]) -> str:
    """Return *template* filled with *values*, in *language*."""
    page = _environment(language).get_template(template)
    return page.render(language=language, **values) + "\n"


def head(text: str, *, number: bool = False) -> dict[str, object]:
    """A column's head; *number* aligns what is below it."""
    return {"text": text, "number": number}


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment in *zone*, to the minute; nothing for None."""
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def duration(seconds: float, say: Translate) -> str:
    """A length of time for people."""
    if seconds < 90:
        return say("{seconds:.0f} s").format(seconds=seconds)
    if seconds < 5400:
        return say("{minutes:.0f} min").format(minutes=seconds / 60)
    return say("{hours:.1f} h").format(hours=seconds / 3600)
