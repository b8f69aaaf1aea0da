import threading
from collections.abc import Callable
from typing import Any, ClassVar, Final

from gsmmodem.serial_comms import SerialComms

CTRLZ: Final[str]
TERMINATOR: Final[str]

class Sms:
    number: str
    text: str
    def __init__(self, number: str, text: str, smsc: str | None = ...) -> None: ...

class SentSms(Sms):
    reference: int
    def __init__(self, number: str, text: str, reference: int, smsc: str | None = ...) -> None: ...

class Call:
    DTMF_COMMAND_BASE: ClassVar[str]
    dtmfSupport: ClassVar[bool]
    def __init__(
        self,
        gsmModem: GsmModem,
        callId: int,
        callType: int,
        number: str,
        callStatusUpdateCallbackFunc: Callable[[Call], None] | None = ...,
    ) -> None: ...

class Ussd:
    message: str
    def __init__(self, gsmModem: GsmModem, sessionActive: bool, message: str) -> None: ...

class GsmModem(SerialComms):
    _smsEncoding: str
    _ussdSessionEvent: threading.Event | None
    def __init__(
        self,
        port: str,
        baudrate: int = ...,
        incomingCallCallbackFunc: Callable[[Any], None] | None = ...,
        smsReceivedCallbackFunc: Callable[[Any], None] | None = ...,
        smsStatusReportCallback: Callable[[Any], None] | None = ...,
        requestDelivery: bool = ...,
        AT_CNMI: str = ...,
        *a: Any,
        **kw: Any,
    ) -> None: ...
    def connect(
        self, pin: str | None = ..., waitingForModemToStartInSeconds: float = ...
    ) -> None: ...
    def write(
        self,
        data: str,
        waitForResponse: bool = ...,
        timeout: float = ...,
        parseError: bool = ...,
        writeTerm: str = ...,
        expectedResponseTermSeq: str | None = ...,
    ) -> list[str] | None: ...
    def sendSms(
        self,
        destination: str,
        text: str,
        waitForDeliveryReport: bool = ...,
        deliveryTimeout: float = ...,
        sendFlash: bool = ...,
    ) -> SentSms: ...
    def dial(
        self,
        number: str,
        timeout: float = ...,
        callStatusUpdateCallbackFunc: Callable[[Call], None] | None = ...,
    ) -> Call: ...
    def sendUssd(self, ussdString: str, responseTimeout: float = ...) -> Ussd: ...
    @property
    def signalStrength(self) -> int: ...
    @property
    def imsi(self) -> str: ...
    @property
    def manufacturer(self) -> str: ...
    @property
    def supportedCommands(self) -> list[str] | None: ...
    @property
    def smsEncoding(self) -> str: ...
    @smsEncoding.setter
    def smsEncoding(self, encoding: str) -> None: ...
    def _handleModemNotification(self, lines: list[str]) -> None: ...
    def _handleUssd(self, lines: list[str]) -> None: ...
    def _unlockSim(self, pin: str | None) -> None: ...
