"""What a sound card was given and has not played yet: pure, without clock, thread or card.

A card plays what it was given some time later. Until then a clip has not ended, and what is
dropped in that time was never heard: a clip cut short counts only what certainly sounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from firmware.voice.frames import FRAME_SECONDS, Advanced, Began, Finished, Notice


class Unheard:
    """The end of the sound in the card, and the ends of clips that nobody can have heard yet.

    All times are seconds of one monotonic clock. The card plays without gaps as long as it is
    fed; where it ran dry in between, less is said to have been played than was.
    """

    __slots__ = ("_ending", "_ends_at")

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._ending: list[tuple[Finished, float]] = []

    def handed(
        self, notices: Iterable[Notice], *, begins: float, sounds: bool
    ) -> tuple[Began | Advanced, ...]:
        """Note a frame that will be heard from *begins* on, and what becomes true with it.

        *sounds* tells a frame of a clip from silence. Returns what is true at once: a clip began
        when its first frame went out, and goes on as it is handed over.
        """
        true: list[Began | Advanced] = []
        for notice in notices:
            match notice:
                case Began() | Advanced():
                    true.append(notice)
                case Finished():
                    self._ending.append((notice, begins))
        if sounds:
            self._ends_at = begins + FRAME_SECONDS
        return tuple(true)

    def sounds(self, now: float) -> bool:
        """Return whether the card holds some of a clip."""
        return now < self._ends_at

    def ended(self, now: float) -> tuple[Finished, ...]:
        """Return, once each, the clips whose end has been heard by *now*."""
        ended = tuple(notice for notice, due in self._ending if due <= now)
        self._ending = [(notice, due) for notice, due in self._ending if due > now]
        return ended

    def ended_at_last(self) -> tuple[Finished, ...]:
        """Return all that wait: something else begins, and nothing of them is in the card."""
        return self.ended(float("inf"))

    def dropped(self, notices: Iterable[Notice], *, now: float) -> tuple[Finished, ...]:
        """Note that the card forgot at *now* what it held; return the clips that ended by it.

        *notices* are those of the clip that was being handed over, if any.
        """
        cut = [_less(notice, due - now) for notice, due in self._ending]
        cut += [
            _less(notice, self._ends_at - now) for notice in notices if isinstance(notice, Finished)
        ]
        self._ending = []
        self._ends_at = 0.0
        return tuple(cut)


def _less(finished: Finished, lost: float) -> Finished:
    """Return what is true of a clip when its last *lost* seconds were not heard."""
    if lost <= 0:
        return finished
    return Finished(
        clip=finished.clip,
        played_ms=max(0, finished.played_ms - ceil(lost * 1000)),
        complete=False,
    )
