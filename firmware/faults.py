"""Why a line cannot be used: stable codes, each with what a person should do about it."""

from __future__ import annotations

from enum import StrEnum, unique

from firmware.errors import FirmwareError
from firmware.wording import worded


@unique
class Fault(StrEnum):
    """Codes of :class:`~firmware.events.LineFault`; once released, none is renamed."""

    PORT_MISSING = "port-missing"
    PORT_UNUSABLE = "port-unusable"
    PORT_LOST = "port-lost"
    NO_REPLY = "no-reply"
    NO_MODEM = "no-modem"
    WRONG_MODEM = "wrong-modem"
    UNKNOWN_FAMILY = "unknown-family"
    BRING_UP_FAILED = "bring-up-failed"
    UNNAMED = "unnamed-modem"
    NAMED_LATE = "named-late"
    SIM_MISSING = "sim-missing"
    SIM_FAILED = "sim-failed"
    SIM_BUSY = "sim-busy"
    SIM_LOCKED = "sim-locked"
    SIM_PIN_MISSING = "sim-pin-missing"
    SIM_PIN_INVALID = "sim-pin-invalid"
    SIM_PIN_UNSAFE = "sim-pin-unsafe"
    SIM_PIN_REFUSED = "sim-pin-refused"
    SIM_PUK = "sim-puk"
    NOT_REGISTERED = "not-registered"
    REGISTRATION_DENIED = "registration-denied"
    SMS_ONLY = "sms-only"
    RESTARTED = "module-restarted"
    RESETTING = "module-resetting"
    POWER_LOW = "power-low"
    AUDIO_UNUSABLE = "audio-unusable"
    KEYS_UNHEARD = "keys-unheard"
    HANG_UP_UNCONFIRMED = "hang-up-unconfirmed"
    OUT_OF_SERVICE = "out-of-service"
    INTERNAL = "internal-error"


REMEDIES: dict[Fault, str] = {
    Fault.PORT_MISSING: worded(
        "Plug the modem in, and compare the port with `autodialer modem list`."
    ),
    Fault.PORT_UNUSABLE: worded(
        "Give the box's user access to the port (group dialout) and stop other "
        "programs that use it, such as ModemManager."
    ),
    Fault.PORT_LOST: worded(
        "The line comes back by itself when the modem does; otherwise check the USB "
        "cable and the modem's power supply."
    ),
    Fault.NO_REPLY: worded(
        "Check that this is the modem's AT port (`autodialer modem probe PORT`), then "
        "switch the modem off and on."
    ),
    Fault.NO_MODEM: worded("Plug a modem in, or write its port into config.yaml."),
    Fault.WRONG_MODEM: worded(
        "Another modem sits on this line's port: put the old one back, or delete the "
        "line's binding file to accept the new one."
    ),
    Fault.UNKNOWN_FAMILY: worded("Write one of the known families, or auto, into config.yaml."),
    Fault.BRING_UP_FAILED: worded(
        "Switch the modem off and on; if it stays, the firmware lacks a command that "
        "calls need (see `autodialer doctor`)."
    ),
    Fault.UNNAMED: worded(
        "Wait: the modem has not said who it is, and is asked again. If it never does, "
        "write its family into config.yaml."
    ),
    Fault.NAMED_LATE: worded("Wait: the line is set up anew for the modem that it is."),
    Fault.SIM_MISSING: worded("Insert the SIM and restart the modem."),
    Fault.SIM_FAILED: worded("Clean or replace the SIM."),
    Fault.SIM_BUSY: worded("Wait; if the SIM stays busy for minutes, reinsert it."),
    Fault.SIM_LOCKED: worded(
        "Unlock the SIM or the modem in a telephone; this lock is not the SIM PIN."
    ),
    Fault.SIM_PIN_MISSING: worded(
        "Write the PIN into config.yaml, or switch the SIM's PIN off in a telephone."
    ),
    Fault.SIM_PIN_INVALID: worded("Write the PIN as 4 to 8 digits in quotes into config.yaml."),
    Fault.SIM_PIN_UNSAFE: worded(
        "Enter the right PIN in a telephone, which resets the counter, and switch the "
        "PIN off there."
    ),
    Fault.SIM_PIN_REFUSED: worded(
        "Write the right PIN into config.yaml; this one is not tried again."
    ),
    Fault.SIM_PUK: worded(
        "Put the SIM into a telephone and enter the PUK from the operator's letter; "
        "the box never tries it."
    ),
    Fault.NOT_REGISTERED: worded("Check the antenna, the coverage and whether the SIM is active."),
    Fault.REGISTRATION_DENIED: worded("The network refuses this SIM or modem: ask the operator."),
    Fault.SMS_ONLY: worded(
        "The network gives this SIM text messages only: ask the operator for voice "
        "(VoLTE) on this modem."
    ),
    Fault.RESTARTED: worded(
        "Check the power supply: modules need up to 2 A for moments. The line comes back by itself."
    ),
    Fault.RESETTING: worded("Wait: the line comes back by itself."),
    Fault.POWER_LOW: worded(
        "Use a stronger power supply or a powered hub: modules need up to 2 A for moments."
    ),
    Fault.AUDIO_UNUSABLE: worded(
        "Check the modem's cable and the line's audio in config.yaml (a voice port, "
        "alsa:CARD or module), and that no other program uses the port. The line comes "
        "back by itself when the port does."
    ),
    Fault.KEYS_UNHEARD: worded(
        "Nobody could object on this line, so it calls nobody: give it a voice port or "
        "a sound card, or prove its key notices: autodialer modem selftest."
    ),
    Fault.HANG_UP_UNCONFIRMED: worded(
        "Switch the modem off now: a call may still be up. Then switch it on again."
    ),
    Fault.OUT_OF_SERVICE: worded(
        "Switch the modem off and on and restart the box; if the fault returns, replace the modem."
    ),
    Fault.INTERNAL: worded("Restart the box and send the log to the maintainers."),
}


class LineDown(FirmwareError):
    """The line cannot serve. ``fault`` says why, ``answering`` whether a module is there."""

    def __init__(
        self, fault: Fault, detail: str, *, final: bool = False, answering: bool = True
    ) -> None:
        super().__init__(detail, remedy=REMEDIES[fault])
        self.fault = fault
        self.detail = detail
        self.final = final
        self.answering = answering
