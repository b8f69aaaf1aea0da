"""Which clips of a campaign still are those that came with the program: a stranger's.

The program's clips speak for an invented committee. Where they thank, ask for a key or confirm an
objection they name nobody, and may stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from filecmp import cmp
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config.paths import resolve, sample_config
from firmware.wording import worded

if TYPE_CHECKING:
    from appliance.config.settings import Settings

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
    named = (
        resolve(base, text)
        for group in settings.campaign.clips.values()
        for text in group.model_dump(exclude_none=True).values()
    )
    return tuple(dict.fromkeys(path for path in named if _is_copy(path, samples)))


def is_sample_clip(file: Path) -> bool:
    """Tell whether *file* is a copy, byte for byte, of a clip that came with the program.

    A copy is nobody's own, and what it holds is not lost with it. The clips themselves are none.
    """
    clips = list((sample_config().parent / "audio").glob("*.wav"))
    return _is_copy(file, clips) and not any(file.samefile(clip) for clip in clips)


def _is_copy(file: Path, clips: Sequence[Path]) -> bool:
    """Whether *file* holds what one of *clips* does; one of another length is not read for it."""
    try:
        return file.is_file() and any(cmp(clip, file, shallow=False) for clip in clips)
    except OSError:
        return False
