"""SIMCom SIM7600G-H, from "SIM7500_SIM7600 Series AT Command Manual V3.00" and field logs."""

from __future__ import annotations

from firmware.simulator.commands.card import iccid_line, simcom_counters
from firmware.simulator.commands.handlers import fixed, refused, settings
from firmware.simulator.commands.network import power_off, restart, restart_after_ok
from firmware.simulator.commands.simcom_files import (
    delete_file,
    file_length,
    list_files,
    player,
    speak_text,
    stopper,
    upload,
)
from firmware.simulator.commands.standard import STANDARD_COMMANDS
from firmware.simulator.families import simcom
from firmware.simulator.modem.calls import Call
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import (
    ERROR,
    OK,
    Modem,
    Personality,
    Reply,
    VoicePath,
)


def _pcm(modem: Modem, command: Command) -> Reply:
    """AT+CPCMREG: the USB voice stream, only while a call exists (manual 5.2.25)."""
    match command.kind:
        case Kind.READ:
            return Reply(lines=(f"+CPCMREG: {int(modem.calls.voice_on)}",))
        case Kind.TEST:
            return Reply(lines=("+CPCMREG: (0-1)",))
        case Kind.EXECUTE:
            return ERROR
        case Kind.SET:
            mode = command.arguments[:1]
            if mode not in (("0",), ("1",)):
                return ERROR
            return OK if modem.calls.switch_voice(on=mode == ("1",)) else ERROR


def _system(modem: Modem, _command: Command) -> Reply:
    """AT+CPSI?: the serving cell in one line."""
    if modem.registration != 1:
        return Reply(lines=("+CPSI: NO SERVICE,Online",))
    return Reply(
        lines=("+CPSI: LTE,Online,001-01,0x0001,43981,399,EUTRAN-BAND3,1650,5,5,-83,-835,-552,15",)
    )


def _usb_id(modem: Modem, command: Command) -> Reply:
    """AT+CUSBPIDSWITCH: which USB ports there are; setting it restarts the module."""
    if command.kind is Kind.READ:
        return Reply(lines=("+CUSBPIDSWITCH: 9001",))
    return restart_after_ok(modem) if command.kind is Kind.SET else OK


def _cause(_modem: Modem, cause: int | None) -> str:
    return f"+CEER: {simcom.CAUSE_TEXTS.get(cause or 16, 'Normal, unspecified')}"


def _row(_modem: Modem, call: Call, state: int) -> str:
    row = f"+CLCC: {call.index},{int(not call.outgoing)},{state},0,0"
    return row if call.number is None else f'{row},"{call.number}",{call.type_of_address},""'


SIM7600 = Personality(
    name="sim7600",
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600G-H",
    revision="+CGMR: LE20B03SIM7600M22",
    handlers={
        **STANDARD_COMMANDS,
        "+SPIC": simcom_counters,
        "+CICCID": iccid_line("+ICCID: "),
        "+CPCMREG": _pcm,
        "+CFTRANRX": upload,
        "+FSDEL": delete_file,
        "+FSLS": list_files,
        "+FSATTRI": file_length,
        "+CCMXPLAYWAV": player(
            "E:/",
            first="+WAVSTATE: wav play",
            begun=None,
            stopped="+WAVSTATE: wav play stop",
            test="+CCMXPLAYWAV: (1-2),(0-255)",
        ),
        "+CCMXSTOPWAV": stopper(None, "+WAVSTATE: wav play stop"),
        "+CCMXPLAY": player(
            "E:/",
            first="+CCMXPLAY:",
            begun="+AUDIOSTATE: audio play",
            stopped="+AUDIOSTATE: audio play stop",
        ),
        "+CCMXSTOP": stopper("+CCMXSTOP:", "+AUDIOSTATE: audio play stop"),
        "+CTTS": speak_text,
        "+CPSI": _system,
        "+CRESET": restart,
        "+CPOF": power_off,
        "+CUSBPIDSWITCH": _usb_id,
        "+CALM": refused,
        "+CRSL": refused,
        "+SIMCOMATI": fixed(),
        **settings("+CPCMFRM", "+CPCMBANDWIDTH", "+CSDVC", "+CNMP", "+CATR", "+MORING", "^DSCI"),
        **settings("+CMICGAIN", "+COUTGAIN", "+CTXVOL", "+CRXVOL", "+CECM", "+CECWB", "+CNSN"),
        **settings("+CDTAM", "+CLTS", "+FSCD", "+CVOLTE"),
    },
    defaults={"+CTZU": "1", "+CPCMBANDWIDTH": "0,0", "+CLVL": "4", "+CNMP": "2"},
    voice_path=VoicePath.ON_COMMAND,
    boot_notices=("RDY", "+CPIN: READY", "SMS DONE", "PB DONE"),
    clcc_notices=True,
    progress=simcom.progress,
    released=simcom.released,
    key_notice=simcom.key_notice,
    clcc_row=_row,
    cause_text=_cause,
    missed_call=simcom.missed_call,
    incoming=simcom.incoming,
    answered_incoming=simcom.answered_incoming,
)
