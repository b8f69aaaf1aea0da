"""Pictures of the screens, to be looked at: ``make pictures`` writes SVG and PNG to build/pictures.

The same program that runs in a terminal draws them, at the sizes that people have. PNG needs
Chromium; without it the SVG alone are made.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.cli.speech import speak
from appliance.cli.watching import Watch
from appliance.errors import Unresponsive
from tests.support.watch_status import STATUS

FOLDER = Path("build/pictures")
SIZES = ((80, 24), (120, 40), (40, 12))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_LATCHED = {
    "stopped": True,
    "why": {"code": "stopped", "sentence": "The emergency stop is latched.", "next_at": None},
    "lamps": {**STATUS["lamps"], "ready": "off", "fault": "fast blink"},
}
_DOUBTED = {
    "clock": {"utc": "1970-01-01T00:04:11Z", "trusted": False, "source": "none"},
    "why": {"code": "clock", "sentence": "The clock cannot be trusted yet.", "next_at": None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One state of the screen."""

    name: str
    status: dict[str, Any]
    keys: tuple[str, ...] = ()
    silent: bool = False
    headline: str = ""


SCENES = (
    Scene(name="calling", status=STATUS),
    Scene(name="french", status={**STATUS, "language": "fr"}),
    Scene(name="stopped", status={**STATUS, **_LATCHED}),
    Scene(name="clock", status={**STATUS, **_DOUBTED}),
    Scene(name="silent", status=STATUS, silent=True),
    Scene(name="help", status=STATUS, keys=("question_mark",)),
    Scene(name="reset", status={**STATUS, **_LATCHED}, keys=("r", *"Ana", "enter")),
    Scene(
        name="demonstration",
        status={**STATUS, "bench": True},
        headline="demonstration: 12 of 39 people called",
    ),
)


class _Box:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.asked = 0

    def __call__(self, operation: str, given: dict[str, Any]) -> Any:
        self.asked += 1
        if self.scene.silent and self.asked > 1:
            raise Unresponsive(4711, "does not answer")
        return self.scene.status


async def _drawn(scene: Scene, size: tuple[int, int]) -> str:
    """Return the screen of *scene* as SVG."""
    seconds = [0.0]
    speak(str(scene.status["language"]))
    app = Watch(_Box(scene), clock=lambda: seconds[0])
    app.headline = scene.headline
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.4)
        for key in scene.keys:
            await pilot.press(key)
        if scene.silent:
            seconds[0] = 42.0
            await pilot.pause(1.6)
        await pilot.pause(0.2)
        return app.export_screenshot(title=f"watch: {scene.name}")


def draw(folder: Path, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Path]:
    """Write every scene at every size; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for scene in SCENES:
        for size in sizes:
            file = folder / f"watch-{scene.name}-{size[0]}x{size[1]}.svg"
            file.write_text(asyncio.run(_drawn(scene, size)), encoding="utf-8")
            files.append(file)
    return files


def as_png(svg: Path, browser: str) -> Path:
    """Return the PNG beside *svg*, as Chromium shows it."""
    words = svg.read_text(encoding="utf-8")
    _, _, width, height = words.partition('viewBox="')[2].partition('"')[0].split()
    size = f"{round(float(width))},{round(float(height))}"
    with tempfile.TemporaryDirectory(prefix="autodialer-") as profile:
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--user-data-dir={profile}", f"--window-size={size}"),
                *(f"--screenshot={svg.with_suffix('.png')}", svg.resolve().as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    return svg.with_suffix(".png")


def main() -> int:
    files = draw(FOLDER)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("without Chromium: SVG alone", file=sys.stderr)
    for svg in files:
        print(svg if browser is None else as_png(svg, browser))
    return 0


if __name__ == "__main__":
    sys.exit(main())
