"""SIMCom's commands for files on the module and for playing them to the far end.

From "SIM7500_SIM7600 Series AT Command Manual V3.00" and "A76XX Series Audio Application Note
V1.02".
"""

from __future__ import annotations

from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import ERROR, OK, DataMode, Handler, Modem, Reply
from firmware.simulator.modem.storage import samples_of
from firmware.simulator.network.sounds import BYTES_PER_SECOND, murmur


def upload(modem: Modem, command: Command) -> Reply:
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


def delete_file(modem: Modem, command: Command) -> Reply:
    """AT+FSDEL: a full path, or a name of the current directory."""
    return OK if modem.storage.delete(resolve(modem, command.text.strip().strip('"'))) else ERROR


def resolve(modem: Modem, name: str) -> str:
    """Return the full path of a file that is named relative to the current directory."""
    if name[1:3] == ":/":
        return name
    drive = modem.memory.get("+FSCD", "C:").strip('"').rstrip("/")
    return f"{drive}/{name}"


def list_files(modem: Modem, command: Command) -> Reply:
    """AT+FSLS: file names of the current directory, by kind."""
    if command.kind is Kind.TEST:
        return OK
    names = [name.rpartition("/")[2] for name, _ in modem.storage.names()]
    return Reply(lines=("+FSLS: FILES:", *names)) if names else OK


def file_length(modem: Modem, command: Command) -> Reply:
    """AT+FSATTRI=<name>: the length of a file of the current directory; ERROR if there is none."""
    wanted = command.text.strip().strip('"').lower()
    for name, size in modem.storage.names():
        if wanted and name.rpartition("/")[2].lower() == wanted:
            return Reply(lines=(f"+FSATTRI: {size}",))
    return ERROR


def player(drive: str, *, first: str, begun: str | None, stopped: str, test: str = "") -> Handler:
    """A command that plays a stored clip: ``="E:/x.wav",1`` goes to the far end of a call.

    *first* is its information line, *begun* and *stopped* its notices. The far end is only
    reached during a call; a repeat while something plays is ignored.
    """

    def handler(modem: Modem, command: Command) -> Reply:
        if command.kind is Kind.TEST:
            return Reply(lines=(test,)) if test else OK
        arguments = command.arguments
        if len(arguments) < 2 or not arguments[0].upper().startswith(drive):
            return ERROR
        data = modem.storage.read(arguments[0])
        samples = None if data is None else samples_of(data)
        if samples is None:
            return ERROR
        after = () if begun is None else (begun,)
        if arguments[1] != "1":
            seconds = len(samples) / BYTES_PER_SECOND
            modem.later(seconds, "local playback", lambda: modem.notice(stopped))
            return Reply(lines=(first,), after=after)
        if modem.calls.playing:
            return Reply(lines=(first,))
        if not modem.calls.play(samples, lambda: modem.notice(stopped)):
            return ERROR
        return Reply(lines=(first,), after=after)

    return handler


def stopper(line: str | None, notice: str) -> Handler:
    """A command that stops playback; *notice* only comes where something played."""

    def handler(modem: Modem, command: Command) -> Reply:
        if command.kind is Kind.TEST:
            return OK
        lines = () if line is None else (line,)
        if not modem.calls.playing:
            return Reply(lines=lines)
        modem.calls.stop_playing()
        return Reply(lines=lines, after=(notice,))

    return handler


def speak_text(modem: Modem, command: Command) -> Reply:
    """AT+CTTS=2,"text": the module reads a text to the far end, heard as a murmur."""
    if command.kind is not Kind.SET or len(command.arguments) < 2:
        return OK
    seconds = max(1.0, 0.07 * len(command.arguments[1]))
    modem.calls.play(murmur(round(seconds, 1)), lambda: modem.notice("+CTTS: 0"))
    return Reply(lines=("+CTTS:",))
