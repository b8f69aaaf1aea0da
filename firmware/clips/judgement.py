"""What was judged of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is wrong with a clip, and what could be better."""

    path: Path
    faults: tuple[str, ...]
    advice: tuple[str, ...]
    too_long: bool
    preparable: bool
    """It has faults, and preparing the clip mends all of them."""

    @property
    def usable(self) -> bool:
        return not self.faults

    @property
    def remedy(self) -> str:
        """What mends every fault of the clip; nothing where it has none."""
        if self.preparable:
            return worded(
                "autodialer audio prepare {path} NEW.wav, or record it again", path=self.path
            )
        if self.usable:
            return ""
        return worded("record it again, shorter") if self.too_long else worded("record it again")
