"""What keeps the box from calling until somebody has looked: doubts about its own state. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.campaign.history import CampaignState

RESET = (
    "see docs/backup.md: restore what is missing, withdraw who objected since, then: "
    "autodialer reset --by NAME --reason TEXT"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One thing that is not as the box left it."""

    code: str
    """``rows``, ``people``, ``evidence``, ``files`` or ``unverified``."""
    detail: str
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a person must look; a ledger that is still being read is none."""
        return self.code != "unverified"

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
