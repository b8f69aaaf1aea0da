"""Which clips of a campaign still are those that came with the program: a stranger's.

The program's clips speak for an invented committee. Where they thank, ask for a key or confirm an
objection they name nobody, and may stay.
"""

from __future__ import annotations

from pathlib import Path

from appliance.config.paths import resolve, sample_config
from appliance.config.settings import Settings
from firmware.wording import worded

NAMING = ("greeting", "message", "incoming")
"""The roles in which the program's clips say who calls, or what for."""
STRANGER = worded(
    "this clip came with the program: people would hear a committee that nobody knows"
)
OWN_CLIP = worded("put your own recording in its place: autodialer audio prepare RECORDING CLIP")


def strangers(settings: Settings, base: Path, shipped: Path | None = None) -> tuple[Path, ...]:
    """Return the campaign's clips that speak for nobody's campaign, byte for byte.

    None for a box whose lines are all bench lines: nobody real is called there. *base* is what
    paths in the configuration are relative to; what cannot be read is no such clip.
    """
    if all(line.bench for line in settings.lines):
        return ()
    folder = sample_config().parent / "audio" if shipped is None else shipped
    samples = [one for role in NAMING for one in sorted(folder.glob(f"{role}.*.wav"))]
    known = {one.read_bytes() for one in samples}
    named = (
        resolve(base, text)
        for group in settings.campaign.clips.values()
        for text in group.model_dump(exclude_none=True).values()
    )
    return tuple(dict.fromkeys(path for path in named if _is_one(path, known)))


def _is_one(path: Path, known: set[bytes]) -> bool:
    try:
        # Most recordings are of another length: a long one is not read for nothing.
        return path.stat().st_size in map(len, known) and path.read_bytes() in known
    except OSError:
        return False
