"""Callers on a real box's disk: the objection before its confirmation, and nothing under a stop."""

from __future__ import annotations

from firmware import events
from firmware.events import Cause, Witness
from firmware.orders import AnswerCall, HangUp, Order, Play
from tests.support.box_bench import Bench
from tests.support.box_bench import bench as bench
from tests.support.box_bench import loaded as loaded

STRANGER = "+33639980007"
CALL = "in-1"
HANG_UP = HangUp(line="line-1", attempt=CALL)


def rings(bench: Bench, number: str | None = STRANGER) -> None:
    event = events.IncomingRinging(line="line-1", at=0, attempt=CALL, number=number)
    bench.box.take([event])


def presses_nine(bench: Bench) -> None:
    bench.box.take(
        [
            events.Answered(line="line-1", at=1, attempt=CALL, evidence="OK to ATA", weak=False),
            events.KeyHeard(
                line="line-1", at=2, attempt=CALL, key="9", witness=Witness.HOST, sureness=1.0
            ),
        ]
    )


def test_an_objection_is_on_disk_before_the_caller_hears_so(bench: Bench) -> None:
    bench.ready()
    rings(bench)
    assert bench.line.orders == [
        AnswerCall(line="line-1", attempt=CALL, greeting="incoming.fr", keys="9")
    ]
    presses_nine(bench)
    assert bench.line.orders[-1] == Play(line="line-1", attempt=CALL, clip="opted_out.fr")
    assert "consent.revoked" in bench.line.kinds_on_disk[-1]
    assert [o for o in bench.line.orders if isinstance(o, AnswerCall)] == bench.line.orders[:1]


def test_an_objector_stays_one_after_a_power_cut_and_an_import(bench: Bench) -> None:
    bench.ready()
    rings(bench, "+33199001234")
    presses_nine(bench)
    bench.restart()
    contact = bench.register()
    assert bench.box.engine.state.history(contact.subject, contact.number_hash).revocation
    bench.ready()
    assert not [order for order in bench.line.orders if type(order).__name__ == "Dial"]


def test_a_stop_that_the_engine_has_not_heard_of_rejects_the_caller(bench: Bench) -> None:
    bench.ready()
    bench.box.stop_everything()
    rings(bench)
    assert bench.line.orders == [HANG_UP]
    assert bench.line.hung_up == 1


def test_a_stop_between_the_look_and_the_order_hangs_up(bench: Bench) -> None:
    bench.ready()
    deliver = bench.line.order

    def stopped_just_before(order: Order) -> None:
        bench.box.stop_everything()
        deliver(order)

    bench.line.order = stopped_just_before  # type: ignore[method-assign]
    rings(bench)
    # Once by the stop itself, once more because the line took the order for a newer one.
    assert bench.line.hung_up == 2


def test_a_latched_stop_rejects_callers_until_it_is_reset(bench: Bench) -> None:
    bench.ready()
    bench.box.take([events.StopRaised(at=0, source="command")])
    rings(bench)
    assert bench.line.orders == [HANG_UP]
    ended = events.Ended(
        line="line-1",
        at=1,
        attempt=CALL,
        cause=Cause.LOCAL_HANG_UP,
        evidence="hung up by the box",
        code=None,
        confirmed=True,
    )
    bench.box.take([ended])
    assert bench.box.engine.incoming_calls == {}
