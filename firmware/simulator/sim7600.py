"""SIMCom SIM7600G-H, from "SIM7500_SIM7600 Series AT Command Manual V3.00" and field logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.simulator import simcom
from firmware.simulator.calls import Call
from firmware.simulator.commandline import Command, Kind
from firmware.simulator.commands import (
    STANDARD_COMMANDS,
    fixed,
    iccid_line,
    power_off,
    refused,
    restart,
    restart_after_ok,
    settings,
    simcom_counters,
)
from firmware.simulator.personality import (
    ERROR,
    OK,
    DataMode,
    Handler,
    Personality,
    Reply,
    VoicePath,
)
from firmware.simulator.sounds import murmur
from firmware.simulator.storage import samples_of

if TYPE_CHECKING:
    from firmware.simulator.modem import SimulatedModem


def _pcm(modem: SimulatedModem, command: Command) -> Reply:
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


def upload(modem: SimulatedModem, command: Command) -> Reply:
    """AT+CFTRANRX="E:/x.wav",<len>: a prompt, the bytes, OK; ERROR after the prompt if full."""
    arguments = command.arguments
    if command.kind is not Kind.SET or len(arguments) != 2 or not arguments[1].isdigit():
        return ERROR
    name, size = arguments[0], int(arguments[1])
    if name[1:3] != ":/" or len(name) > 240 or size == 0:
        return ERROR

    def done(data: bytes) -> Reply:
        return OK if modem.storage.store(name, data) else ERROR

    return Reply(prompt="\r\n>", data=DataMode(length=size, done=done))


def delete_file(modem: SimulatedModem, command: Command) -> Reply:
    """AT+FSDEL and its kind."""
    return OK if modem.storage.delete(command.text.strip().strip('"')) else ERROR


def _list_files(modem: SimulatedModem, command: Command) -> Reply:
    """AT+FSLS: file names of the current directory, by kind."""
    if command.kind is Kind.TEST:
        return OK
    names = [name.rpartition("/")[2] for name, _ in modem.storage.names()]
    return Reply(lines=("+FSLS: FILES:", *names)) if names else OK


def _play_wav(modem: SimulatedModem, command: Command) -> Reply:
    """AT+CCMXPLAYWAV="E:/x.wav",1: to the far end during a call; a repeat is ignored."""
    if command.kind is Kind.TEST:
        return Reply(lines=("+CCMXPLAYWAV: (1-2),(0-255)",))
    return _play(
        modem,
        command.arguments,
        first="+WAVSTATE: wav play",
        begun=None,
        stopped="+WAVSTATE: wav play stop",
    )


def _play_any(modem: SimulatedModem, command: Command) -> Reply:
    """AT+CCMXPLAY="E:/x",1[,rep]: 1 is to the far end."""
    if command.kind is Kind.TEST:
        return OK
    return _play(
        modem,
        command.arguments,
        first="+CCMXPLAY:",
        begun="+AUDIOSTATE: audio play",
        stopped="+AUDIOSTATE: audio play stop",
    )


def _play(
    modem: SimulatedModem,
    arguments: tuple[str, ...],
    *,
    first: str,
    begun: str | None,
    stopped: str,
) -> Reply:
    if len(arguments) < 2 or not arguments[0].upper().startswith("E:/"):
        return ERROR
    data = modem.storage.read(arguments[0])
    samples = None if data is None else samples_of(data)
    if samples is None:
        return ERROR
    after = () if begun is None else (begun,)
    if arguments[1] != "1":
        seconds = len(samples) / 16000
        modem.later(seconds, "local playback", lambda: modem.notice(stopped))
        return Reply(lines=(first,), after=after)
    if modem.calls.player is not None:
        return Reply(lines=(first,))
    if not modem.calls.play(samples, lambda: modem.notice(stopped)):
        return ERROR
    return Reply(lines=(first,), after=after)


def stopper(line: str | None, notice: str) -> Handler:
    """A command that stops playback; *notice* only comes where something played."""

    def handler(modem: SimulatedModem, command: Command) -> Reply:
        if command.kind is Kind.TEST:
            return OK
        lines = () if line is None else (line,)
        if modem.calls.player is None:
            return Reply(lines=lines)
        modem.calls.player = None
        return Reply(lines=lines, after=(notice,))

    return handler


def speak_text(modem: SimulatedModem, command: Command) -> Reply:
    """AT+CTTS=2,"text": the module reads a text to the far end, heard as a murmur."""
    if command.kind is not Kind.SET or len(command.arguments) < 2:
        return OK
    seconds = max(1.0, 0.07 * len(command.arguments[1]))
    modem.calls.play(murmur(round(seconds, 1)), lambda: modem.notice("+CTTS: 0"))
    return Reply(lines=("+CTTS:",))


def _system(modem: SimulatedModem, _command: Command) -> Reply:
    """AT+CPSI?: the serving cell in one line."""
    if modem.registration != 1:
        return Reply(lines=("+CPSI: NO SERVICE,Online",))
    return Reply(
        lines=("+CPSI: LTE,Online,001-01,0x0001,43981,399,EUTRAN-BAND3,1650,5,5,-83,-835,-552,15",)
    )


def _usb_id(modem: SimulatedModem, command: Command) -> Reply:
    """AT+CUSBPIDSWITCH: which USB ports there are; setting it restarts the module."""
    if command.kind is Kind.READ:
        return Reply(lines=("+CUSBPIDSWITCH: 9001",))
    return restart_after_ok(modem) if command.kind is Kind.SET else OK


def _cause(_modem: SimulatedModem, cause: int | None) -> str:
    return f"+CEER: {simcom.CAUSE_TEXTS.get(cause or 16, 'Normal, unspecified')}"


def _row(_modem: SimulatedModem, call: Call, state: int) -> str:
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
        "+FSLS": _list_files,
        "+CCMXPLAYWAV": _play_wav,
        "+CCMXSTOPWAV": stopper(None, "+WAVSTATE: wav play stop"),
        "+CCMXPLAY": _play_any,
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
    answered_incoming=("VOICE CALL: BEGIN",),
)
