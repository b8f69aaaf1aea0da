"""Save, then act: on real files, with lines that look at the disk when they get an order."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from pytest_mock import MockerFixture

from appliance.box.lamps import FaultCode, lamps
from appliance.box.state import BoxState, granted
from appliance.campaign import inputs
from appliance.campaign.history import CampaignState
from appliance.campaign.inputs import Input
from appliance.campaign.packed_history import PackedPeople
from appliance.control.operations import Operations
from appliance.effects import Now, Record
from appliance.errors import Refused
from appliance.ledger import read_entries
from appliance.numbers import hash_number
from appliance.people.registry import Registry
from appliance.storage.files import StorageFailed
from firmware import events
from firmware.gpio.lamp import Blink, Lamp
from firmware.orders import Dial, HangUp, Order, Play
from tests.support.box_bench import START, Bench, Line, answered_and_pressed
from tests.support.box_bench import bench as bench
from tests.support.box_bench import loaded as loaded


def test_the_authorisation_is_on_disk_before_the_line_gets_the_dial(bench: Bench) -> None:
    contact = bench.register()

    order = bench.dial()

    assert order.number == contact.number
    assert bench.line.kinds_on_disk[0][-1] == "call.authorised"


def test_an_objection_is_on_disk_before_its_confirmation_is_spoken(bench: Bench) -> None:
    contact = bench.register()
    attempt = bench.dial().attempt
    bench.box.take(answered_and_pressed(attempt, "9"))

    order = bench.line.orders[-1]
    assert isinstance(order, Play)
    assert order.clip == "opted_out.fr"
    assert "consent.revoked" in bench.line.kinds_on_disk[-1]
    revocation = bench.state.registry.suppression(contact.number_hash)
    assert revocation is not None
    assert revocation.by == "key"


def fail(kind: str) -> Callable[..., object]:
    """An ``append`` that refuses batches with a row of *kind*, as a full disk may at any row."""
    original = BoxState.append

    def append(self: BoxState, records, at):  # type: ignore[no-untyped-def]
        if any(record.kind == kind for record in records):
            raise StorageFailed("No space left on device", remedy="make room")
        return original(self, records, at)

    return append


def test_a_full_disk_dials_nobody(bench: Bench, mocker: MockerFixture) -> None:
    bench.register()
    bench.box.recover()
    mocker.patch.object(BoxState, "append", fail("call.authorised"))
    bench.ready()
    bench.box.take([inputs.Tick()])
    bench.box.take([inputs.Tick()])

    assert not any(isinstance(order, Dial) for order in bench.line.orders)
    assert bench.box.engine.storage_failure is not None
    assert bench.box.engine.why_idle(bench.now()).code == "storage"


def test_a_disk_that_fails_in_a_call_ends_the_call_and_plays_nothing(
    bench: Bench, mocker: MockerFixture
) -> None:
    bench.register()
    attempt = bench.dial().attempt
    mocker.patch.object(BoxState, "append", fail("call.key"))
    bench.box.take(answered_and_pressed(attempt, "1"))

    assert isinstance(bench.line.orders[-1], HangUp)
    assert not any(isinstance(order, Play) for order in bench.line.orders)


def test_the_stop_hangs_up_every_line_without_the_engine(bench: Bench) -> None:
    bench.box.stop_everything()
    assert bench.line.hung_up == 1
    assert bench.kinds() == []


def test_a_stop_between_decision_and_dial_wins(bench: Bench) -> None:
    bench.register()
    bench.box.recover()
    bench.box.stop_everything()
    bench.ready()
    bench.box.take([inputs.Tick()])

    assert bench.line.orders == []
    (ended,) = bench.posted
    assert isinstance(ended, events.Ended)
    bench.box.take([events.StopRaised(at=1.0, source="button"), ended])
    assert bench.kinds()[-1] in ("stop.pressed", "call.ended")
    (end,) = [e for e in read_entries(bench.directory / "ledger") if e.kind == "call.ended"]
    assert end.data["outcome"] == "stopped"


def test_a_stop_between_the_last_look_and_the_order_wins(
    bench: Bench, mocker: MockerFixture
) -> None:
    original = Line.order

    def order(self: Line, order: Order) -> None:
        if isinstance(order, Dial):
            bench.box.stop_everything()
        original(self, order)

    bench.register()
    bench.box.recover()
    mocker.patch.object(Line, "order", order)
    bench.ready()
    bench.box.take([inputs.Tick()])

    # The stop's own hang-up came before the order; the line needs one that comes behind it.
    assert bench.line.hung_up == 2


def test_a_stop_pressed_while_the_first_is_on_its_way_outlasts_the_reset_of_the_first(
    bench: Bench,
) -> None:
    bench.register()
    bench.box.recover()
    bench.box.stop_everything()
    bench.box.stop_everything()
    bench.box.take([events.StopRaised(at=0.0, source="command")])
    bench.ready()

    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    bench.box.take([inputs.Tick()])
    assert bench.line.orders == []

    bench.box.take([events.StopRaised(at=0.0, source="command"), *bench.posted])
    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    assert bench.box.engine.state.stopped is False


def test_a_stop_by_command_does_not_stand_for_a_button_whose_event_is_on_its_way(
    bench: Bench,
) -> None:
    """The button was pressed first; the command's stop is taken in the loop, past the inbox."""
    bench.register()
    bench.box.recover()
    operations = Operations(bench.box)
    bench.box.stop_everything()
    operations.perform("stop", {})
    bench.ready()

    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    bench.box.take([inputs.Tick()])
    assert bench.line.orders == []

    bench.box.take([events.StopRaised(at=0.0, source="button"), *bench.posted])
    assert bench.box.engine.state.stopped
    bench.box.take([events.StopReleased(at=0.0)])
    operations.perform("reset", {"by": "Alix", "reason": "checked"})
    bench.register("+33199005678")
    bench.box.take([inputs.Tick()])
    assert isinstance(bench.line.orders[-1], Dial)


def test_a_reset_is_refused_while_a_stop_is_on_its_way(bench: Bench) -> None:
    bench.box.take([events.StopRaised(at=0.0, source="command")])
    bench.box.stop_everything()
    operations = Operations(bench.box)
    with pytest.raises(Refused, match="on its way"):
        operations.perform("reset", {"by": "Alix", "reason": "checked"})
    assert "stop.reset" not in bench.kinds()

    bench.box.take([events.StopRaised(at=0.0, source="command")])
    operations.perform("reset", {"by": "Alix", "reason": "checked"})
    assert bench.kinds()[-1] == "stop.reset"


def test_a_reset_does_not_release_a_stop_that_is_still_on_its_way(bench: Bench) -> None:
    bench.register()
    bench.box.recover()
    bench.box.take([events.StopRaised(at=0.0, source="command")])
    bench.ready()
    bench.box.stop_everything()

    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    bench.box.take([inputs.Tick()])
    assert bench.line.orders == []

    bench.box.take([events.StopRaised(at=0.0, source="button"), *bench.posted])
    bench.box.take([events.StopReleased(at=0.0)])
    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    bench.box.take([inputs.Tick()])
    assert bench.box.engine.state.stopped is False


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("stop", "stop.pressed"), ("pause", "dialling.paused")],
)
def test_what_could_not_be_recorded_is_not_called_done(
    operation: str, kind: str, bench: Bench, mocker: MockerFixture
) -> None:
    mocker.patch.object(BoxState, "append", fail(kind))
    with pytest.raises(Refused, match="could not be recorded") as caught:
        Operations(bench.box).perform(operation, {})
    assert "No space left" in caught.value.remedy
    assert bench.line.hung_up == (operation == "stop")


def test_a_disk_slower_than_the_permission_dials_nobody(
    bench: Bench, mocker: MockerFixture
) -> None:
    original = BoxState.append

    def slow(self: BoxState, records: Any, at: datetime) -> Any:
        if any(record.kind == "call.authorised" for record in records):
            bench.seconds += 120
        return original(self, records, at)

    bench.register()
    bench.box.recover()
    mocker.patch.object(BoxState, "append", slow)
    bench.ready()
    bench.box.take([inputs.Tick()])

    assert not any(isinstance(order, Dial) for order in bench.line.orders)
    (ended,) = bench.posted
    assert isinstance(ended, events.Ended)
    assert ended.cause is events.Cause.FAILED


def test_the_latch_survives_a_restart_until_it_is_reset(bench: Bench) -> None:
    bench.register()
    bench.box.take([events.StopRaised(at=0.0, source="command")])
    bench.restart()
    bench.box.recover()
    bench.ready()
    bench.box.take([inputs.Tick()])
    assert bench.line.orders == []

    bench.box.take([inputs.Reset(by="Alix", reason="checked")])
    bench.box.take([inputs.Tick()])
    assert len(bench.line.orders) == 1


def test_a_call_that_a_power_cut_broke_is_unknown_and_not_made_again(bench: Bench) -> None:
    bench.register()
    bench.dial()
    bench.restart()
    bench.line.orders.clear()
    bench.box.recover()
    bench.ready()
    for _ in range(3):
        bench.seconds += 600
        bench.box.take([inputs.Tick()])

    assert bench.line.orders == []
    (end,) = [e for e in read_entries(bench.directory / "ledger") if e.kind == "call.ended"]
    assert end.data["outcome"] == "unknown"


def test_a_number_of_nobody_can_object_and_is_found_by_a_later_import(bench: Bench) -> None:
    number_hash = hash_number(bench.state.registry.number_key, "+33199005678")
    bench.box.take([inputs.Revoke(subject=None, number_hash=number_hash, by="sms")])
    assert bench.state.registry.suppression(number_hash) is not None


def test_a_panel_that_works_again_puts_its_code_out(bench: Bench) -> None:
    bench.box.recover()
    bench.ready()
    operations = Operations(bench.box)
    assert lamps(operations.facts())[Lamp.FAULT] is Blink.OFF
    bench.box.take([events.PanelFault(at=1, detail="lamp line: OSError")])
    assert lamps(operations.facts())[Lamp.FAULT] == FaultCode.PANEL.pattern
    bench.box.take([events.PanelHealed(at=9)])
    assert lamps(operations.facts())[Lamp.FAULT] is Blink.OFF
    assert bench.kinds()[-2:] == ["panel.fault", "panel.healed"]


def end_and_restart(bench: Bench) -> None:
    """Note the end and keep a checkpoint, as a daemon does, then open everything anew."""
    bench.box.note([Record(kind="box.stopped")])
    assert bench.state.campaign.seq == bench.state.ledger.head[0]
    bench.state.save_checkpoint(force=True)
    bench.restart()


@pytest.mark.parametrize("error", [StorageFailed("No space left on device"), RuntimeError("bug")])
def test_an_outcome_behind_a_registry_that_failed_is_unknown_after_the_restart(
    error: Exception, bench: Bench, mocker: MockerFixture
) -> None:
    bench.register()
    attempt = bench.dial().attempt
    mocker.patch.object(Registry, "revoke", side_effect=error)
    ended = events.Ended(
        line="line-1",
        at=2.0,
        attempt=attempt,
        cause=events.Cause.REMOTE_HANG_UP,
        evidence="test",
        code=None,
        confirmed=True,
    )
    given = [*answered_and_pressed(attempt, "9"), ended]
    if isinstance(error, StorageFailed):
        bench.box.take(given)
    else:
        with pytest.raises(RuntimeError):
            bench.box.take(given)
    assert bench.state.campaign.outcomes
    mocker.stopall()

    end_and_restart(bench)

    assert bench.kinds()[-1] == "box.stopped"
    assert "call.ended" not in bench.kinds()
    assert list(bench.state.campaign.open_attempts) == [attempt]
    assert not bench.state.campaign.outcomes
    bench.box.recover()
    (end,) = [e for e in read_entries(bench.directory / "ledger") if e.kind == "call.ended"]
    assert end.data["outcome"] == "unknown"


def test_a_reset_refused_by_a_failed_registry_leaves_the_latch_to_the_restart(
    bench: Bench, mocker: MockerFixture
) -> None:
    contact = bench.register()
    bench.box.recover()
    bench.box.take([events.StopRaised(at=1.0, source="command")])
    mocker.patch.object(Registry, "revoke", side_effect=StorageFailed("No space left on device"))
    bench.box.take(
        [inputs.Revoke(subject=contact.subject, number_hash=contact.number_hash, by="command")]
    )
    with pytest.raises(Refused, match="could not be recorded"):
        Operations(bench.box).perform("reset", {"by": "Alix", "reason": "checked"})
    mocker.stopall()

    end_and_restart(bench)

    assert "stop.reset" not in bench.kinds()
    assert bench.state.campaign.stopped


def unordered(campaign: CampaignState) -> dict[str, object]:
    """The checkpoint with its consents as a set: random ids stand in it in no order."""
    told = campaign.to_checkpoint()
    ids = base64.b64decode(told["consents"])
    return {**told, "consents": {ids[at : at + 16] for at in range(0, len(ids), 16)}}


def test_a_noted_row_that_could_not_be_folded_ends_all_calling(
    bench: Bench, mocker: MockerFixture
) -> None:
    """It is the newest row, so that the number of rows alone would not tell."""
    contact = bench.register()
    bench.dial()
    bench.state.save_checkpoint(force=True)
    mocker.patch.object(PackedPeople, "note_consent", side_effect=RuntimeError("bug"))
    (consent,) = bench.state.registry.consents(contact.subject)
    later = dataclasses.replace(consent, id="c" * 32, given_at=START)

    with pytest.raises(RuntimeError):
        bench.box.note([granted(later)])

    assert isinstance(bench.line.orders[-1], HangUp)
    assert bench.box.engine.storage_failure is not None
    assert lamps(Operations(bench.box).facts())[Lamp.FAULT] == FaultCode.STORAGE.pattern
    assert "RuntimeError" in bench.box.engine.why_idle(bench.now()).sentence
    mocker.stopall()
    bench.state.save_checkpoint(force=True)
    bench.restart()
    fold = CampaignState()
    for entry in bench.state.ledger.entries():
        fold.apply(entry)
    assert unordered(bench.state.campaign) == unordered(fold)


@pytest.mark.parametrize("failures", [1, 2])
def test_a_step_of_the_engine_that_fails_ends_all_calling(
    failures: int, bench: Bench, mocker: MockerFixture
) -> None:
    """A technician's command may meet it, and the loop goes on after that."""
    bench.register()
    bench.dial()
    take = bench.box.engine._take
    bugs = [RuntimeError("bug")] * failures

    def fails(given: Input, now: Now) -> bool:
        if bugs:
            raise bugs.pop()
        return take(given, now)

    mocker.patch.object(bench.box.engine, "_take", fails)
    with pytest.raises(RuntimeError):
        Operations(bench.box).perform("pause", {})
    bench.register("+33199005678")
    bench.box.take([inputs.Tick(), *bench.posted])
    assert [type(order).__name__ for order in bench.line.orders].count("Dial") == 1
    assert bench.line.hung_up or isinstance(bench.line.orders[-1], HangUp)
    if failures == 2:
        assert bench.box.engine.state.stopped
        assert bench.box.reset_refusal() is None


def test_what_came_before_a_fault_of_the_program_is_kept(
    bench: Bench, mocker: MockerFixture
) -> None:
    contact = bench.register()
    dial = bench.dial()
    take = bench.box.engine._take

    def fails(given: Input, now: Now) -> bool:
        if isinstance(given, events.ClipFinished):
            raise RuntimeError("bug")
        return take(given, now)

    mocker.patch.object(bench.box.engine, "_take", fails)
    faulty = events.ClipFinished(
        line="line-1", at=1.0, attempt=dial.attempt, clip="message", played_ms=1, complete=False
    )
    stop = events.StopRaised(at=1.0, source="button")
    with pytest.raises(RuntimeError):
        bench.box.take([*answered_and_pressed(dial.attempt, "9"), stop, faulty])
    mocker.stopall()
    bench.restart()
    assert bench.state.campaign.stopped
    assert bench.state.campaign.history(contact.subject).revocation is not None
