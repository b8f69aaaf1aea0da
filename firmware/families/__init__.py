"""The modem families, one file each, and how a modem is told apart."""

from __future__ import annotations

from firmware.families.a76xx import A76XX
from firmware.families.base import Family
from firmware.families.generic import GENERIC
from firmware.families.huawei import HUAWEI
from firmware.families.option import OPTION
from firmware.families.quectel import QUECTEL
from firmware.families.sim800 import SIM800
from firmware.families.sim7600 import SIM7600
from firmware.families.wavecom import WAVECOM
from firmware.families.zte import ZTE

__all__ = ["FAMILIES", "Family", "identify"]

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (SIM7600, A76XX, SIM800, QUECTEL, HUAWEI, ZTE, OPTION, WAVECOM, GENERIC)
}
"""Every family by name, the most specific first."""


def identify(cgmi: str, cgmm: str) -> Family:
    """Return the family of a modem from its answers to AT+CGMI and AT+CGMM.

    Both must match, because model names such as ``E173`` or ``SIM800`` are short; a modem that
    nobody knows is treated by the standard alone (``generic``). Prefixes that some firmwares put
    before the answer (``+CGMM: "EC25"``, ``Model: A7670E-FASE``) are taken off.
    """
    maker, model = _bare(cgmi), _bare(cgmm)
    for family in FAMILIES.values():
        if family.makers.fullmatch(maker) and family.models.fullmatch(model):
            return family
    return FAMILIES["generic"]


def _bare(answer: str) -> str:
    _, colon, rest = answer.partition(":")
    return (rest if colon else answer).strip().strip('"')
