"""What an event says where whoever tells it says no more."""

from __future__ import annotations

from firmware.events import (
    MODULE_LAG,
    AddressKind,
    Answered,
    Cause,
    ClipFinished,
    Ended,
    SmsReceived,
)


def test_what_is_left_unsaid() -> None:
    answered = Answered(line="l", at=1.0, attempt="a", evidence="e", weak=False)
    assert answered.greetings == 1
    finished = ClipFinished(line="l", at=1.0, attempt="a", clip="c", played_ms=1, complete=True)
    assert not finished.cut
    ended = Ended(
        line="l", at=1.0, attempt="a", cause=Cause.FAILED, evidence="e", code=None, confirmed=True
    )
    assert not ended.talked
    message = SmsReceived(line="l", at=1.0, number="+33639980001", text="x")
    assert not message.waiting
    assert message.sender is AddressKind.UNKNOWN
    assert MODULE_LAG == 1.2
