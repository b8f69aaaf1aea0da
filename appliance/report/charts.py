"""Charts as SVG that stands in a page, takes its colours and needs nothing beside it. Pure.

Drawn by pygal. Each chart has its figures in a table behind it: it is an image for those who see
it, and named in words for those who do not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from html import escape

import pygal
from pygal.style import Style

# Its importer for plug-ins speaks a protocol that Python has given up, so that every later import
# of any module warns; no plug-in is used here.
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "PluginImportFixer"]

# The page's custom properties, so that light, dark and print need one drawing.
_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="var(--ink)",
    foreground_strong="var(--ink)",
    foreground_subtle="var(--line)",
    colors=tuple(f"var(--series-{number})" for number in range(1, 7)),
    font_family="inherit",
    label_font_size=13,
    major_label_font_size=13,
    value_font_size=13,
    legend_font_size=13,
    opacity="1",
    opacity_hover="1",
    transition="0s",
)
_NOISE = re.compile(r"<script.*?</script>|<!--.*?-->|<title>.*?</title>", re.DOTALL)
_IDENTIFIER = re.compile(r"chart-[0-9a-f-]{36}")
_XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'


def bars(name: str, title: str, values: Mapping[str, int]) -> str:
    """Return horizontal bars, the first value on top; *title* is what a screen reader says."""
    chart = pygal.HorizontalBar(
        **_settings(height=40 + 30 * max(len(values), 1)), show_legend=False
    )
    labels = list(values)
    chart.x_labels = labels[::-1]
    chart.add("", [values[label] for label in reversed(labels)])
    return _svg(name, title, chart.render(is_unicode=True))


def columns(
    name: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]
) -> str:
    """Return stacked columns, one for each of *labels*."""
    chart = pygal.StackedBar(
        **_settings(height=320),
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        x_label_rotation=45 if len(labels) > 8 else 0,
    )
    chart.x_labels = list(labels)
    for word, values in series.items():
        chart.add(word, list(values))
    return _svg(name, title, chart.render(is_unicode=True))


def _settings(height: int) -> dict[str, object]:
    return {
        "style": _STYLE,
        "js": [],
        # Narrow, so that a telephone need not shrink its words below reading.
        "width": 480,
        "height": height,
        "disable_xml_declaration": True,
        "explicit_size": False,
        "print_values": True,
        "print_zeroes": False,
        "show_x_guides": False,
        "show_y_guides": False,
        "margin": 8,
        "rounded_bars": 2,
    }


def _svg(name: str, title: str, drawn: str) -> str:
    # pygal names each chart by chance and writes when it was drawn; a page is the same each time.
    plain = _IDENTIFIER.sub(f"chart-{name}", _NOISE.sub("", drawn)).replace(_XLINK, "")
    opening = f'<svg role="img" aria-label="{escape(title)}"'
    return plain.replace("<svg", opening)
