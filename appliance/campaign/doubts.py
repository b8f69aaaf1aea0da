"""What keeps the box from calling until somebody has looked: doubts about its own state. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.campaign.history import CampaignState
from firmware.wording import worded

RESET = worded(
    "see docs/backup.md: restore what is missing, withdraw who objected since, "
    "then: autodialer reset --by NAME --reason TEXT"
)


HOST = "host-"
"""Begins the code of what ails the computer, such as ``host-space``: it heals by itself."""
_STORAGE = frozenset({HOST + part for part in ("space", "names", "read-only")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One thing that is not as the box left it."""

    code: str
    """``rows``, ``people``, ``evidence``, ``files``, ``unverified``, or one that :data:`HOST`
    begins."""
    detail: str
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a person must look at the state; a ledger that is still being read is none, nor
        is what ails the computer."""
        return self.code != "unverified" and not self.is_host

    @property
    def is_host(self) -> bool:
        """Whether it is about the computer, not about the state."""
        return self.code.startswith(HOST)

    @property
    def is_storage(self) -> bool:
        """Whether nothing more may be writable soon."""
        return self.code in _STORAGE

    @property
    def can_be_accepted(self) -> bool:
        """Whether a person may say that the box is to go on without what is lost."""
        return self.code in ("rows", "people")


class Doubts:
    """The doubts that stand, by code."""

    def __init__(self, state: CampaignState) -> None:
        self._state = state
        self._standing: dict[str, Doubt] = {}

    def raised(self, doubt: Doubt) -> None:
        self._standing[doubt.code] = doubt

    def settled(self, code: str) -> None:
        self._standing.pop(code, None)

    def all(self) -> tuple[Doubt, ...]:
        """Return every doubt, those first that a person can settle."""
        rows: tuple[Doubt, ...] = ()
        if self._state.held is not None:
            rows = (Doubt(code="rows", detail=self._state.held, remedy=RESET),)
        return (*rows, *self._standing.values())

    def __bool__(self) -> bool:
        return self._state.held is not None or bool(self._standing)

    @property
    def sentence(self) -> str:
        """Say all of them in one sentence without an end; empty where there is none."""
        return "; ".join(doubt.detail for doubt in self.all())
