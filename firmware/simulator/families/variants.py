"""Modems that almost follow 3GPP TS 27.007: ZTE, Option and Wavecom, after other people's fakes.

Sources: python-gsmmodem's fakes of the K3565-Z and the Multiband 900E 1800; the diallers of
homeassistant-gsm-call, whose commands before a call are taken to be needed.
"""

from __future__ import annotations

from dataclasses import replace

from firmware.simulator.commands.handlers import refused, settings
from firmware.simulator.families.generic import GENERIC
from firmware.simulator.modem.calls import Call, Phase
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import ERROR, Handler, Modem, Reply, VoicePath


def _dial_only_after(name: str, value: str) -> Handler:
    """ATD is refused until a setting was made."""
    standard = GENERIC.handlers["D"]

    def handler(modem: Modem, command: Command) -> Reply:
        return standard(modem, command) if modem.memory.get(name) == value else ERROR

    return handler


def _released_zte(_modem: Modem, call: Call, _cause: int, local: bool) -> list[str]:
    return [] if local else [f"HANGUP: {call.index}"]


def _pin_without_result(modem: Modem, command: Command) -> Reply:
    reply = GENERIC.handlers["+CPIN"](modem, command)
    return replace(reply, final=None) if command.kind is Kind.READ else reply


def _progress_wavecom(modem: Modem, call: Call, phase: Phase) -> list[str]:
    if not modem.flag("+WIND"):
        return []
    match phase:
        case Phase.DIALLING:
            return [f"+WIND: 5,{call.index}"]
        case Phase.ALERTING:
            return ["+WIND: 2"]
        case Phase.ANSWERED:
            return []


def _released_wavecom(modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    lines = GENERIC.released(modem, call, cause, local)
    return [*lines, f"+WIND: 6,{call.index}"] if modem.flag("+WIND") else lines


ZTE = replace(
    GENERIC,
    name="zte",
    variant=True,
    manufacturer="ZTE INCORPORATED",
    model="K3565-Z",
    revision="BD_P673A2V1.0.0B09",
    handlers={
        **GENERIC.handlers,
        **settings("%ICSCALL"),
        "D": _dial_only_after("%ICSCALL", "1,0"),
    },
    dial_result="CONNECT",
    released=_released_zte,
)
OPTION = replace(
    GENERIC,
    name="option",
    variant=True,
    manufacturer="Option N.V.",
    model="GTM382",
    revision="2.12.2Hd",
    handlers={
        **GENERIC.handlers,
        **settings("_ODO", "_OPCMENABLE"),
        "D": _dial_only_after("_ODO", "0"),
    },
    voice_path=VoicePath.ON_SETTING,
    voice_setting=("_OPCMENABLE", "1"),
)
WAVECOM = replace(
    GENERIC,
    name="wavecom",
    variant=True,
    manufacturer=" WAVECOM MODEM",
    model=" MULTIBAND  900E  1800",
    revision="641b09gg.Q2403A",
    handlers={
        **{name: handler for name, handler in GENERIC.handlers.items() if name != "+CEREG"},
        **settings("+WIND"),
        "+CVHU": refused,
        "+CPIN": _pin_without_result,
    },
    usb=False,
    access=0,
    dial_result="OK",
    progress=_progress_wavecom,
    released=_released_wavecom,
)
