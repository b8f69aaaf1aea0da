"""The modem families, one file each, and how a modem is told apart."""

from __future__ import annotations

import re
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
    """Return the family of a modem from its answers to AT+CGMI and AT+CGMM, and to others (*ati*).

    Maker and model must match, because model names such as ``E173`` are short, unless the model's
    name suffices or nobody named a maker; a modem that nobody knows is treated by the standard
    alone (``generic``). Prefixes that some firmwares put before the answer (``+CGMM: "EC25"``,
    ``Model: A7670E-FASE``) are taken off, and what stands before a model in the name of a firmware
    (``LE20B04SIM7600G22``).

    Which answer belongs to which question is not relied on: a slow modem's answer to the first is
    taken for that to the second.
    """
    lines = [_bare(line) for line in (cgmi, cgmm, *ati)]
    lines += [found[0] for line in lines if (found := _IN_FIRMWARE.search(line)) is not None]
    makers = models = [line for line in lines if line]
    known = [family for family in FAMILIES.values() if family.name != "generic"]
    for family in known:
        made = any(map(family.makers.fullmatch, makers))
        if made and any(map(family.models.fullmatch, models or [""])):
            return family
    for family in known:
        if family.models_suffice and any(map(family.models.fullmatch, models)):
            return family
    if not _bare(cgmi):
        for family in known:
            if family.models.pattern != ".*" and any(map(family.models.fullmatch, models)):
                return family
    return FAMILIES["generic"]


_IN_FIRMWARE = re.compile(r"(?<=[A-Z0-9])(?:SIM[789]\d\d|A76\d\d).*")


def _bare(answer: str) -> str:
    _, colon, rest = answer.partition(":")
    return (rest if colon else answer).strip().strip('"')
