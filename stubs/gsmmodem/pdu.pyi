from typing import Any

class Pdu:
    data: bytearray
    tpduLength: int
    def __init__(self, data: bytearray, tpduLength: int) -> None: ...

def decodeSmsPdu(pdu: str) -> dict[str, Any]: ...
def encodeSmsSubmitPdu(
    number: str,
    text: str,
    reference: int = ...,
    validity: Any = ...,
    smsc: str | None = ...,
    requestStatusReport: bool = ...,
    rejectDuplicates: bool = ...,
    sendFlash: bool = ...,
) -> list[Pdu]: ...
def encodeGsm7(plaintext: str, discardInvalid: bool = ...) -> bytearray: ...
def packSeptets(octets: bytearray, padBits: int = ...) -> bytearray: ...
