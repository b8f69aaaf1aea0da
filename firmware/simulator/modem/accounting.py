"""What the network's log says of a call: what the far end heard, and how the call ended."""

from __future__ import annotations

from dataclasses import asdict

from firmware.simulator.modem.calls import Call
from firmware.simulator.modem.personality import Modem
from firmware.simulator.modem.stream import Stream


def account(modem: Modem, call: Call, stream: Stream | None, *, by: str, cause: int) -> None:
    """Log the end of *call* and, where it was answered, the sound in it. *by* hung up."""
    facts: dict[str, object] = {"number": call.number, "call": call.count}
    if call.callee.answered_at is not None and stream is not None:
        ears = call.callee.ears
        log_sound(modem, call, final=True)
        modem.log(
            "audio",
            **facts,
            milliseconds=ears.heard_ms,
            noise_ms=ears.noise_ms,
            silent_ms=ears.silent_ms,
            received_ms=stream.uplink.received // 16,
            dropped_ms=stream.uplink.dropped_ms,
            gap_ms=stream.uplink.gap_ms,
        )
    since = modem.now - (call.callee.answered_at or modem.now)
    modem.log("ended", **facts, by=by, cause=cause, seconds=round(since, 3))


def log_sound(modem: Modem, call: Call, *, final: bool = False) -> None:
    """Log each stretch of sound that is over; *final* also the one that still goes on."""
    for stretch in call.callee.ears.take_stretches(final=final):
        modem.log(
            "sound",
            number=call.number,
            call=call.count,
            start_ms=stretch.start_ms,
            milliseconds=stretch.milliseconds,
        )
    memory = call.callee.memory
    for heard in [] if memory is None else memory.take_heard(final=final):
        modem.log("clip", number=call.number, call=call.count, **asdict(heard))
