"""Which modem and SIM a line has. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.families.base import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which modem and SIM a line has."""

    family: Family
    maker: str
    model: str
    revision: str
    imei: str | None
    iccid: str | None
