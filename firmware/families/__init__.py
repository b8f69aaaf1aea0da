"""The modem families, one file each, and how a modem is told apart."""

from __future__ import annotations

from collections.abc import Iterable

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


def identify(cgmi: str, cgmm: str, ati: Iterable[str] = ()) -> Family:
    """Return the family of a modem from its answers to AT+CGMI and AT+CGMM, and to ATI.

    Maker and model must match, because model names such as ``E173`` are short, unless the model's
    name suffices or nobody named a maker; a modem that nobody knows is treated by the standard
    alone (``generic``). Prefixes that some firmwares put before the answer (``+CGMM: "EC25"``,
    ``Model: A7670E-FASE``) are taken off.
    """
    lines = [_bare(line) for line in ati]
    makers = [maker for maker in (_bare(cgmi), *lines) if maker]
    models = [model for model in (_bare(cgmm), *lines) if model]
    known = [family for family in FAMILIES.values() if family.name != "generic"]
    for family in known:
        made = any(map(family.makers.fullmatch, makers))
        if made and any(map(family.models.fullmatch, models or [""])):
            return family
    for family in known:
        named = any(map(family.models.fullmatch, models))
        if named and (family.models_suffice or (not makers and family.models.pattern != ".*")):
            return family
    return FAMILIES["generic"]


def _bare(answer: str) -> str:
    _, colon, rest = answer.partition(":")
    return (rest if colon else answer).strip().strip('"')
