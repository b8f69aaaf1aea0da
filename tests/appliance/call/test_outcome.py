"""The one outcome, from the facts of a call and the word of its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.call.outcome import TALK_SECONDS, End, Facts, outcome
from appliance.model import Outcome
from firmware.events import Cause


def end(cause: Cause | None, at: float, *, talked: bool = False) -> End:
    return End(cause=cause, at=at, evidence="", code=None, confirmed=True, talked=talked)


WEAK = Facts(dialled_at=0.0, weak_answer="+CLCC", weak_at=4.0)


@pytest.mark.parametrize(
    ("facts", "ended", "wanted"),
    [
        # Who hangs up was there, though nothing rang before and nothing was counted.
        (WEAK, end(Cause.REMOTE_HANG_UP, 5.0), Outcome.DECLINED),
        (WEAK, end(Cause.LOCAL_HANG_UP, 5.0, talked=True), Outcome.DECLINED),
        # A call that we gave up before its greeting was nobody's.
        (
            replace(WEAK, hung_up_because="ring_timeout"),
            end(Cause.LOCAL_HANG_UP, 5.0),
            Outcome.NO_ANSWER,
        ),
        # The network names a cause: of an answer that stood long enough it was not the truth.
        (WEAK, end(Cause.BUSY, 4.0 + TALK_SECONDS), Outcome.DECLINED),
        (WEAK, end(Cause.BUSY, 3.9 + TALK_SECONDS), Outcome.BUSY),
    ],
)
def test_an_answer_without_ringing(facts: Facts, ended: End, wanted: Outcome) -> None:
    assert outcome(facts, ended) is wanted
