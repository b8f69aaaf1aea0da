"""The text message commands of 3GPP TS 27.005."""

from __future__ import annotations

from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.messages import (
    MEMORIES,
    Message,
    Status,
    deliver_pdu,
    read_submit,
    time_stamp,
)
from firmware.simulator.modem.personality import OK, CmsError, DataMode, Handler, Modem, Reply

_INVALID_INDEX = 321
_INVALID_PARAMETER = 304
_SIM_NOT_READY = 310


def _need_store(modem: Modem) -> None:
    if modem.registration == 0:
        raise CmsError(_SIM_NOT_READY)


def _text_mode(modem: Modem) -> bool:
    return modem.memory.get("+CMGF", "0") == "1"


def _stored(name: str, default: str) -> Handler:
    def handler(modem: Modem, command: Command) -> Reply:
        if command.kind is Kind.SET:
            modem.memory[name] = command.text.strip()
            return OK
        if command.kind is Kind.READ:
            return Reply(lines=(f"{name}: {modem.memory.get(name, default)}",))
        return OK

    return handler


def _preferred_store(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        names = ",".join(f'"{name}"' for name in MEMORIES)
        return Reply(lines=(f"+CPMS: ({names}),({names}),({names})",))
    if command.kind is Kind.READ:
        shown = (f'"{name}",{used},{total}' for name, used, total in modem.messages.usage())
        return Reply(lines=("+CPMS: " + ",".join(shown),))
    _need_store(modem)
    if not modem.messages.choose([name.strip('"').upper() for name in command.arguments]):
        raise CmsError(_INVALID_PARAMETER)
    shown = (f"{used},{total}" for _, used, total in modem.messages.usage())
    return Reply(lines=("+CPMS: " + ",".join(shown),))


def _body(modem: Modem, text: str) -> list[str]:
    # With the UCS2 character set text mode shows text as hex (TS 27.005 §3.1, <data>).
    if modem.memory.get("+CSCS", "").strip('"') == "UCS2":
        return [text.encode("utf-16-be").hex().upper()]
    return text.split("\n")


def _header(message: Message) -> str:
    return f'"{message.status.text}","{message.number}","","{time_stamp(message.at)}"'


def _list(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    _need_store(modem)
    wanted = command.text.strip().strip('"').upper()
    try:
        status = _wanted_status(wanted, text_mode=_text_mode(modem))
    except ValueError:
        raise CmsError(_INVALID_PARAMETER) from None
    lines: list[str] = []
    for index in modem.messages.indices(status):
        message = modem.messages.read(index)
        assert message is not None
        if _text_mode(modem):
            lines.append(f"+CMGL: {index},{_header(message)}")
            lines += _body(modem, message.text)
        else:
            pdu, size = deliver_pdu(message)
            lines += [f"+CMGL: {index},{int(message.status)},,{size}", pdu]
    return Reply(lines=tuple(lines))


def _wanted_status(wanted: str, *, text_mode: bool) -> Status | None:
    if text_mode:
        if wanted in ("", "ALL"):
            return None if wanted else Status.UNREAD
        return next(s for s in Status if s.text == wanted) if wanted in _TEXTS else Status(-1)
    value = int(wanted or "0")
    return None if value == 4 else Status(value)


_TEXTS = frozenset(status.text for status in Status)


def _read(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    _need_store(modem)
    message = modem.messages.read(_index(command.arguments))
    if message is None:
        raise CmsError(_INVALID_INDEX)
    if _text_mode(modem):
        return Reply(lines=(f"+CMGR: {_header(message)}", *_body(modem, message.text)))
    pdu, size = deliver_pdu(message)
    return Reply(lines=(f"+CMGR: {int(message.status)},,{size}", pdu))


def _index(arguments: tuple[str, ...]) -> int:
    if not arguments or not arguments[0].isdigit():
        raise CmsError(_INVALID_INDEX)
    return int(arguments[0])


_DELETED_BY_FLAG = {
    1: frozenset({Status.READ}),
    2: frozenset({Status.READ, Status.SENT}),
    3: frozenset({Status.READ, Status.SENT, Status.UNSENT}),
    4: frozenset(Status),
}


def _delete(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CMGD: (1-30),(0-4)",))
    _need_store(modem)
    arguments = command.arguments
    index = _index(arguments)
    flag = int(arguments[1]) if len(arguments) > 1 and arguments[1].isdigit() else 0
    if flag in _DELETED_BY_FLAG:
        modem.messages.delete_where(_DELETED_BY_FLAG[flag])
    else:
        modem.messages.delete(index)
    return OK


def _send(modem: Modem, command: Command) -> Reply:
    if command.kind is not Kind.SET:
        return OK
    _need_store(modem)
    arguments = command.arguments
    if not arguments or not arguments[0]:
        raise CmsError(_INVALID_PARAMETER)
    text_mode = _text_mode(modem)

    def done(data: bytes) -> Reply:
        if text_mode:
            number, text = arguments[0], data.decode("utf-8", "replace")
        else:
            message = read_submit(data.decode("ascii", "replace"))
            if message is None:
                raise CmsError(_INVALID_PARAMETER)
            number, text = message
        modem.sent_messages += 1
        modem.log("sms", direction="from_line", number=number, text=text)
        return Reply(lines=(f"+CMGS: {modem.sent_messages}",))

    return Reply(prompt="\r\n> ", data=DataMode(length=None, done=done))


MESSAGE_COMMANDS: dict[str, Handler] = {
    "+CMGF": _stored("+CMGF", "0"),
    "+CNMI": _stored("+CNMI", "0,0,0,0,0"),
    "+CSCA": _stored("+CSCA", '"+3363998000",145'),
    "+CSMP": _stored("+CSMP", "17,167,0,0"),
    "+CSDH": _stored("+CSDH", "0"),
    "+CSMS": _stored("+CSMS", "0,1,1,1"),
    "+CPMS": _preferred_store,
    "+CMGL": _list,
    "+CMGR": _read,
    "+CMGD": _delete,
    "+CMGS": _send,
}
