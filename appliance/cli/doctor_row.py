"""One row of ``doctor``, whichever module finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRow:
    """One part of the box."""

    part: str
    state: Literal["ok", "note", "fault"]
    detail: str
    remedy: str = ""
