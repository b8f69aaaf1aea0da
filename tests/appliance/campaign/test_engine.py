"""The engine's decisions, with a gate and a registry small enough to see through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appliance.call.state import Dialling, HangingUp
from appliance.campaign import inputs
from appliance.campaign.history import CampaignState
from appliance.campaign.options import Options
from appliance.campaign.placing import RECONSIDER
from appliance.clearance.consent import Standing, standing
from appliance.effects import Entry, Record, Send
from appliance.model import (
    Consent,
)
from firmware import events
from firmware.events import Cause
from firmware.orders import Dial, HangUp
from tests.support.engine_bench import T0, Box, Registry, hours


def test_records_the_clearance_and_then_dials() -> None:
    box = Box(Registry(anna=hours(0, 1)))
    assert [e.kind for e in box.entries] == ["clock.trusted", "call.authorised"]
    assert isinstance(box.engine.calls["line-1"], Dialling)
    assert box.engine.why_idle(box.now()).code == "busy"


def test_earliest_deadline_first_on_every_line() -> None:
    box = Box(Registry(late=hours(0, 9), soon=hours(0, 1), middle=hours(0, 2)), lines=2)
    assert box.called() == ["soon", "middle"]
    box.end("a1")
    assert box.called() == ["soon", "middle", "late"]


def test_waits_for_the_window_and_says_so() -> None:
    box = Box(Registry(anna=hours(1, 2)))
    idle = box.engine.why_idle(box.now())
    assert (idle.code, idle.next_at) == ("closed", T0 + timedelta(hours=1))
    assert box.engine.wake_at(box.now()) == 3600.0
    assert box.tick(3599) == []
    assert box.tick(1) == ["call.authorised", "Dial"]


def test_a_window_too_short_for_a_whole_call_is_not_used() -> None:
    box = Box(Registry(anna=hours(0, 0.02)))
    assert box.called() == []
    assert box.engine.refusals == {"fit": 1}
    assert box.engine.finished(box.now())


def test_retries_by_outcome_up_to_the_cap() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    box.end("a1")
    assert box.tick(599) == []
    assert box.tick(1) == ["call.authorised", "Dial"]
    box.end("a2")
    assert box.engine.finished(box.now())
    assert box.tick(3600) == []
    assert box.called() == ["anna", "anna"]


def test_a_second_campaign_begins_with_its_own_attempts() -> None:
    earlier = Box(Registry(anna=hours(0, 9)))
    earlier.end("a1")
    earlier.tick(600)
    earlier.end("a2")
    assert earlier.engine.finished(earlier.now())
    told = [
        replace(
            entry, data=entry.data | {"purpose": "news"} if "purpose" in entry.data else entry.data
        )
        for entry in earlier.entries
    ]
    assert [e.data.get("purpose") for e in told if e.kind == "call.authorised"] == ["news"] * 2
    box = Box(Registry(anna=hours(0, 9)), entries=told)
    assert box.called() == ["anna"] * 3


def test_who_declined_is_not_called_again_until_a_newer_consent() -> None:
    registry = Registry(anna=hours(0, 9))
    box = Box(registry)
    box.end("a1", Cause.REJECTED)
    assert box.engine.finished(box.now())
    registry.given["anna"] = [
        Consent(
            id="c2",
            subject="anna",
            purpose="survey",
            given_at=box.now().utc + timedelta(seconds=1),
            source="form",
            evidence="paper",
            windows="",
            valid_until=None,
            recorded_at=box.now().utc,
        )
    ]
    assert box.take(inputs.PeopleChanged(subjects=("anna",)), after=5) == [
        "call.authorised",
        "Dial",
    ]


@pytest.mark.parametrize("outcome", ["unknown", "listened", "opted_out"])
def test_some_outcomes_are_never_retried_whatever_is_configured(outcome: str) -> None:
    box = Box(Registry(anna=hours(0, 9)))
    ended = replace(box.entries[-1], kind="call.ended", data={"attempt": "a1", "outcome": outcome})
    again = Box(Registry(anna=hours(0, 9)), entries=[*box.entries, ended])
    assert again.recovered == []
    again.tick(7200)
    assert again.called() == ["anna"]


def test_a_crash_leaves_unknown_and_no_second_call() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    again = Box(Registry(anna=hours(0, 9)), entries=box.entries)
    assert again.recovered == ["call.ended"]
    assert again.last("call.ended").data["outcome"] == "unknown"
    again.tick(3600)
    assert again.called() == ["anna"]
    assert Box(Registry(anna=hours(0, 9)), entries=again.entries).recovered == []


def test_stop_hangs_up_before_anything_else_and_latches() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    assert box.take(events.StopRaised(at=0, source="button"), after=1) == ["HangUp", "stop.pressed"]
    assert box.end("a1", Cause.EMERGENCY) == ["call.ended"]
    assert box.last("call.ended").data["outcome"] == "stopped"
    assert box.tick(60) == []
    assert box.engine.why_idle(box.now()).code == "stopped"
    assert box.engine.wake_at(box.now()) is None


def test_reset_needs_the_button_released() -> None:
    box = Box(Registry(anna=hours(0, 9)), ready=False)
    assert box.engine.reset_refusal() is not None
    box.take(events.StopRaised(at=0, source="wire"))
    reset = inputs.Reset(by="Ines", reason="tested")
    assert box.take(reset) == []
    assert "release" in (box.engine.reset_refusal() or "")
    box.take(events.StopReleased(at=1))
    assert box.take(reset) == ["stop.reset"]
    assert box.last("stop.reset").data == {"by": "Ines", "reason": "tested"}
    assert box.ready() == ["call.authorised", "Dial"]


def test_stop_stays_latched_over_a_restart() -> None:
    box = Box(Registry(anna=hours(0, 9)), ready=False)
    box.take(events.StopRaised(at=0, source="command"))
    again = Box(Registry(anna=hours(0, 9)), entries=box.entries)
    assert again.called() == []
    assert again.take(inputs.Reset(by="Ines", reason="")) == [
        "stop.reset",
        "call.authorised",
        "Dial",
    ]


def test_a_chattering_stop_writes_one_row() -> None:
    box = Box(Registry())
    for _ in range(5):
        box.take(events.StopRaised(at=0, source="button"))
    assert [e.kind for e in box.entries].count("stop.pressed") == 1


def test_pause_lets_the_running_call_end_and_begins_none() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    assert box.take(inputs.Pause(by="Ines")) == ["dialling.paused"]
    assert box.take(inputs.Pause(by="Ines")) == []
    assert box.end("a1") == ["call.ended"]
    assert box.engine.why_idle(box.now()).code == "paused"
    assert box.take(inputs.Resume(by="Ines")) == ["dialling.resumed", "call.authorised", "Dial"]


def test_a_box_can_wait_for_its_start_button() -> None:
    box = Box(Registry(anna=hours(0, 9)), options=Options(start_paused=True))
    assert box.recovered == ["dialling.paused"]
    assert box.called() == []
    assert box.take(events.StartPressed(at=1)) == ["dialling.resumed", "call.authorised", "Dial"]
    assert box.take(events.StartHeld(at=2)) == ["dialling.paused"]


def test_an_untrusted_clock_dials_nobody() -> None:
    box = Box(Registry(anna=hours(0, 9)), ready=False)
    box.trusted = False
    assert box.tick() == ["clock.lost"]
    assert box.ready() == []
    assert box.engine.why_idle(box.now()).code == "clock"
    assert not box.engine.finished(box.now())
    box.trusted = True
    assert box.tick() == ["clock.trusted", "call.authorised", "Dial"]


def test_rows_of_an_untrusted_clock_say_so() -> None:
    box = Box(Registry(), ready=False)
    box.trusted = False
    box.take(inputs.Pause(by="Ines"))
    assert box.last("dialling.paused").data == {"by": "Ines", "clock": "untrusted"}


def test_a_step_of_the_clock_plans_everybody_anew() -> None:
    box = Box(Registry(anna=hours(5, 6)))
    assert box.engine.wake_at(box.now()) == 5 * 3600.0
    box.shift = timedelta(hours=5.5)
    assert box.tick(1) == ["call.authorised", "Dial"]
    back = Box(Registry(bert=hours(0, 9)), ready=False)
    back.shift = timedelta(hours=12)
    back.tick(1)
    assert back.engine.planned == 0
    back.shift = timedelta()
    back.tick(1)
    assert back.engine.planned == 1


def test_a_broken_disk_stops_everything_and_hangs_up() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    assert box.take(inputs.StorageFailed(detail="EIO")) == ["HangUp"]
    assert box.end("a1") == []
    assert box.tick(60) == []
    assert box.engine.why_idle(box.now()).code == "storage"
    assert box.engine.wake_at(box.now()) is None
    box.take(events.StopRaised(at=0, source="button"))
    assert box.engine.state.stopped


def test_faults_and_healing_are_written_once() -> None:
    box = Box(Registry(), ready=False)
    assert box.fault() == ["clock.trusted", "line.fault"]
    assert box.fault() == []
    assert box.fault(fault="sim-pin-refused") == ["line.fault"]
    idle = box.engine.why_idle(box.now())
    assert idle.code == "lines"
    assert "check its plug" in idle.sentence
    assert box.ready() == ["line.healed"]
    assert box.ready() == []


def test_an_unconfirmed_end_keeps_the_line_out_until_it_reports() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    assert box.end("a1", Cause.LINE_LOST, confirmed=False) == ["call.ended"]
    assert box.ready() == ["call.authorised", "Dial"]


def test_a_late_end_frees_a_line_that_was_given_up() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    box.tick(60)
    assert isinstance(box.engine.calls["line-1"], HangingUp)
    assert box.tick(20) == ["call.ended"]
    assert box.tick(60) == []
    assert box.end("a1", Cause.LOCAL_HANG_UP) == ["call.authorised", "Dial"]


def test_a_nine_is_final_although_the_line_was_given_up() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)))
    box.tick(60)
    assert box.tick(20) == ["call.ended"]
    assert box.key("a0", "9") == []
    assert box.key("a1", "5") == []
    assert box.key("a1", "1") == []
    assert box.key("a1", "9") == ["consent.revoked", "store revocation", "call.key"]
    assert box.engine.state.history("anna", "").revocation is not None
    # Once is enough, and the line is given up all the same.
    assert box.key("a1", "9") == []
    assert box.end("a1", Cause.LOCAL_HANG_UP) == ["call.authorised", "Dial"]
    assert box.key("a1", "9") == []


def test_events_of_other_calls_and_lines_are_ignored() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    assert box.end("a0") == []
    assert box.end("a1", line="line-7") == []
    assert box.fault("line-7") == []
    assert box.ready("line-7") == []


def test_attended_mode_places_one_call_for_one_press() -> None:
    box = Box(Registry(anna=hours(0, 9), bert=hours(0, 9)), lines=2, attended=True)
    assert box.called() == []
    assert box.engine.why_idle(box.now()).code == "press"
    press = events.StartPressed(at=1)
    assert box.take(press) == ["panel.pressed", "call.authorised", "Dial"]
    assert box.take(press) == []
    assert box.tick(3) == []
    line = next(iter(box.engine.calls))
    assert box.end("a1", line=line) == ["call.ended"]
    assert box.tick(3) == []
    assert box.take(press) == ["panel.pressed", "call.authorised", "Dial"]


def test_a_press_that_finds_nobody_is_spent() -> None:
    box = Box(Registry(anna=hours(1, 9)), attended=True)
    assert box.take(events.StartPressed(at=1)) == ["panel.pressed"]
    assert box.tick(4000) == []


def test_a_press_while_stopped_calls_nobody() -> None:
    box = Box(Registry(anna=hours(0, 9)), attended=True)
    box.take(events.StopRaised(at=0, source="command"))
    assert box.take(events.StartPressed(at=1)) == ["panel.pressed"]


def test_revocation_during_the_call_hangs_up_and_is_final() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    revoke = inputs.Revoke(subject="anna", number_hash="hash-anna")
    assert box.take(revoke) == ["consent.revoked", "store revocation", "HangUp"]
    assert box.last("consent.revoked").data == {"by": "command", "number_hash": "hash-anna"}
    assert box.take(revoke) == ["consent.revoked", "store revocation"]
    box.end("a1")
    box.tick(3600)
    assert box.called() == ["anna"]
    assert box.engine.refusals == {"consent": 1}


@pytest.mark.parametrize("text", ["STOP", "stop.", "Arrêt svp", "« ARRET »"])
def test_a_text_message_that_objects_revokes(text: str) -> None:
    box = Box(Registry(anna=hours(5, 9)))
    told = box.take(text_message(text))
    # Deleted from the SIM last: a cut before the row is on disk reads the message again.
    assert told == ["consent.revoked", "store revocation", "DeleteSms"]
    assert box.engine.refusals == {"consent": 1}
    assert "rules refuse 1" in box.engine.why_idle(box.now()).sentence


@pytest.mark.parametrize("text", ["", "   ", "stopover", "ne pas arrêter", None])
def test_any_other_text_message_is_kept_and_holds_its_sender_back(text: str | None) -> None:
    box = Box(Registry(anna=hours(5, 9)))
    message = text_message(text)
    # The registry first, since it holds the words; deleted from the SIM last.
    assert box.take(message) == ["keep message", "message.kept", "DeleteSms"]
    assert box.kept[0].readings == (() if text is None else (text,))
    row = box.last("message.kept")
    assert row.subject == "anna"
    assert "33639980000" not in str(row.data)
    assert text is None or not text.strip() or text not in str(row.data)
    assert box.engine.refusals == {"message": 1}
    # Read again, because the modem kept it or the power went: known, and nothing new.
    assert box.take(message) == ["DeleteSms"]


def text_message(text: str | None, **more: Any) -> events.SmsReceived:
    told: dict[str, Any] = {"number": "+33639980000", "sent_at": T0, "mark": f"pdu of {text}"}
    return events.SmsReceived(line="line-1", at=0, text=text, **{**told, **more})


@pytest.mark.parametrize("kind", ["message.read", "message.deleted"])
def test_a_person_who_looks_lets_the_sender_be_called_again(kind: str) -> None:
    box = Box(Registry(anna=hours(5, 9)))
    box.take(text_message("Quoi ?"))
    kept = box.last("message.kept").data["message"]
    row = Entry(seq=9, at=T0, kind=kind, subject="anna", data={"message": kept, "by": "command"})
    box.engine.observe([row], box.now())
    box.tick()
    assert box.engine.refusals == {}


def test_a_message_whose_time_is_over_still_holds_its_sender_back() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    box.take(text_message("Quoi ?"))
    kept = box.last("message.kept").data["message"]
    row = Entry(
        seq=9,
        at=T0,
        kind="message.deleted",
        subject=None,
        data={"message": kept, "by": "retention"},
    )
    box.engine.observe([row], box.now())
    box.tick()
    assert box.engine.refusals == {"message": 1}


@pytest.mark.parametrize("number", ["Orange", "36179", ""])
def test_a_message_that_nobody_can_be_called_back_on_is_kept(number: str) -> None:
    """Also one that objects: whoever it is from cannot be told."""
    box = Box(Registry(anna=hours(5, 9)))
    told = box.take(text_message("STOP", number=number))
    assert told == ["keep message", "message.kept", "DeleteSms"]
    assert box.kept[0].why == "sender_unknown"
    assert box.engine.refusals == {}


def test_a_first_part_that_objects_is_not_waited_with() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    part = text_message("STOP. I wish […] ", waiting=True, mark="first")
    assert box.take(part) == ["consent.revoked", "store revocation"]
    # It stays on the SIM until the rest is there, and is then no second objection.
    assert box.take(part) == []
    assert box.take(replace(part, text="STOP. I wish no calls", waiting=False)) == ["DeleteSms"]


def test_a_first_part_that_says_nothing_yet_is_waited_with() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    part = text_message("Bonjour, merci de […] ", waiting=True, mark="first")
    assert box.take(part) == []
    whole = replace(part, text="Bonjour, merci de ne plus m'appeler", waiting=False)
    assert box.take(whole)[0] == "consent.revoked"


def test_any_reading_of_a_doubtful_message_may_object() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    message = text_message("匀吀伀倀", other_readings=("STOP",))
    assert box.take(message)[0] == "consent.revoked"


def agreed(days: float) -> Consent:
    """A consent that was given and recorded *days* before now."""
    at = T0 - timedelta(days=days)
    return Consent(
        id=f"{int(days * 10):032x}",
        subject="anna",
        purpose="survey",
        given_at=at,
        source="form",
        evidence="f1",
        windows="mon-sun 00:00-24:00",
        valid_until=None,
        recorded_at=at,
    )


@pytest.mark.parametrize(
    ("sent", "given", "stands"),
    [
        # Days before now at which the message was stamped and the consent given.
        (0.001, 5, False),  # the usual: written and read today
        (10, 20, False),  # held for long, and still newer than the consent
        (10, 5, True),  # they agreed again after they had written it
        (10, 9.9, False),  # so close that a wrong zone may hide the order
        (100, 50, False),  # no network holds a message so long: its clock is wrong
        (-3, 5, False),  # stamped in the future
        (None, 5, False),  # not stamped at all
    ],
)
def test_an_objection_counts_from_the_time_that_it_was_written(
    sent: float | None, given: float, stands: bool
) -> None:
    registry = Registry(anna=hours(5, 9))
    registry.given["anna"] = [agreed(given)]
    box = Box(registry)
    stamp = None if sent is None else T0 - timedelta(days=sent)
    told = box.take(text_message("STOP", sent_at=stamp))
    assert told[:2] == ["consent.revoked", "store revocation"]
    known = box.engine.state.history("anna", "hash-anna").revocation
    assert known is not None
    state = standing(registry.given["anna"], "survey", known, box.now().utc)
    assert (state.standing is Standing.LIVE) is stands


def test_an_older_message_takes_nothing_from_a_newer_objection() -> None:
    registry = Registry(anna=hours(5, 9))
    registry.given["anna"] = [agreed(20)]
    box = Box(registry)
    box.take(text_message("STOP"))
    newest = box.engine.state.history("anna", "hash-anna").revocation
    box.take(text_message("Arrêt", sent_at=T0 - timedelta(days=10)))
    assert box.engine.state.history("anna", "hash-anna").revocation == newest


def test_what_waits_survives_a_checkpoint() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    box.take(text_message("Quoi ?"))
    again = CampaignState.from_checkpoint(box.engine.state.to_checkpoint())
    assert again.history("anna", "hash-anna").waiting
    assert again.messages.knows(box.kept[0].id)
    assert not again.copy().history("anna", "hash-other").waiting


def test_an_objection_by_text_is_answered_once() -> None:
    box = Box(Registry(anna=hours(5, 9)), options=Options(confirmation="Noted."))
    message = events.SmsReceived(line="line-1", at=0, number="+33639980000", text="STOP")
    assert "SendSms" in box.take(message)
    assert "SendSms" not in box.take(message)


def test_a_later_objection_outweighs_a_form_that_was_signed_before_it() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    message = events.SmsReceived(line="line-1", at=0, number="+33639980000", text="STOP")
    box.take(message)
    box.tick(3600)
    assert "consent.revoked" in box.take(message)
    known = box.engine.state.history("anna", "hash-anna").revocation
    assert known is not None
    assert known.at >= box.now().utc


def test_a_message_stays_on_the_sim_while_nothing_can_be_recorded() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    box.take(inputs.StorageFailed(detail="full"))
    message = events.SmsReceived(line="line-1", at=0, number="+33639980000", text="STOP")
    assert box.take(message) == []


def test_an_objection_from_an_unknown_number_is_kept_by_its_hash() -> None:
    box = Box(Registry())
    message = events.SmsReceived(line="line-1", at=0, number="+33639980099", text="STOP")
    assert box.take(message) == ["consent.revoked", "DeleteSms"]
    assert box.last("consent.revoked").subject is None


@pytest.mark.parametrize("objects", [True, False])
def test_calling_back_objects_only_where_the_greeting_says_so(objects: bool) -> None:
    box = Box(Registry(anna=hours(5, 9)), options=Options(incoming_call_objects=objects))
    told = box.take(
        events.IncomingRejected(line="line-1", at=0, attempt="in-1", number="+33639980000")
    )
    assert bool(told) is objects
    assert box.take(events.IncomingRejected(line="line-1", at=0, attempt="in-2", number=None)) == []


def test_key_nine_is_suppressed_for_the_number_too() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    box.key("a1", "9")
    assert box.engine.state.history("other", "hash-anna").revocation is not None


def test_a_refusal_that_waiting_cannot_change_is_told_once_and_parked() -> None:
    box = Box(Registry(anna=hours(0, 9)), bench=True)
    assert [e.kind for e in box.entries] == ["clock.trusted", "call.refused"]
    assert box.last("call.refused").data == {"rules": ["line_kind"]}
    assert box.engine.refusals == {"line_kind": 1}
    assert box.engine.finished(box.now())
    assert box.tick(RECONSIDER.total_seconds()) == []


def test_rows_of_the_shell_are_folded_and_acted_on() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    erased = Entry(
        seq=9, at=T0, kind="contact.erased", subject="anna", data={"number_hash": "hash-anna"}
    )
    effects = box.engine.observe([erased], box.now())
    assert effects == [Send(order=HangUp(line="line-1", attempt="a1"))]
    assert box.engine.state.seq == 9


def test_a_large_registry_is_read_in_portions_before_anybody_is_dialled() -> None:
    registry = Registry(**{f"s{n}": hours(0, 9) for n in range(2450)}, last=hours(0, 1))
    box = Box(registry, ready=False)
    steps = 0
    while not box.called():
        told = box.ready() if steps == 0 else box.tick(0.01)
        assert box.engine.wake_at(box.now()) is not None
        steps += 1
        assert steps < 10
        if not told:
            assert box.engine.why_idle(box.now()).code == "loading"
    assert steps > 2
    assert box.called() == ["last"]


def test_the_order_of_effects_never_puts_a_dial_before_its_row() -> None:
    box = Box(Registry(anna=hours(0, 9)), ready=False)
    effects = box.engine.step(
        events.LineReady(
            line="line-1",
            at=0,
            family="f",
            model="m",
            imei=None,
            iccid=None,
            witnesses=(),
            audio="none",
        ),
        box.now(),
    )
    kinds = [e.kind if isinstance(e, Record) else type(e).__name__ for e in effects]
    (dial,) = [e.order for e in effects if isinstance(e, Send) and isinstance(e.order, Dial)]
    assert kinds.index("call.authorised") < kinds.index("Send")
    assert dial.number == "+33639980000"


def test_no_free_text_carries_a_number_into_the_ledger() -> None:
    box = Box(Registry(anna=hours(0, 9)))
    box.take(events.StopRaised(at=0, source="command"))
    box.take(inputs.Reset(by="Ines", reason="asked by +33 6 39 98 00 01 to go on"))
    assert box.last("stop.reset").data["reason"] == "asked by (number) to go on"
    box.take(
        events.Ended(
            line="line-1",
            at=1,
            attempt="a1",
            cause=Cause.EMERGENCY,
            evidence='+CLCC: 1,0,0,0,0,"+33639980000"',
            code=None,
            confirmed=True,
        )
    )
    assert "33639980000" not in repr(box.last("call.ended").data)
    assert box.last("call.authorised").data["window_start"] == "2026-11-24T10:00:00+00:00"


def cut_off(times: int) -> Box:
    """A box that was cut off *times* times in a call, and has just started again."""
    entries: list[Entry] = []

    def row(kind: str, subject: str | None = None, **data: object) -> None:
        at = T0 - timedelta(minutes=10)
        entries.append(
            Entry(seq=len(entries) + 1, at=at, kind=kind, subject=subject, data=dict(data))
        )

    row("box.started")
    for count in range(times):
        row("call.authorised", f"gone{count}", attempt=f"b{count}", line="line-1")
        row("box.started")
        if count + 1 < times:
            row("call.ended", f"gone{count}", attempt=f"b{count}", outcome="unknown")
    return Box(Registry(ada=hours(0, 8)), entries=entries)


@pytest.mark.parametrize(("times", "seconds"), [(1, 60.0), (2, 300.0)])
def test_after_an_end_within_a_call_nobody_new_is_rung_for_a_while(
    times: int, seconds: float
) -> None:
    box = cut_off(times)
    assert "Dial" not in box.tick()
    assert box.engine.why_idle(box.now()).code == "interrupted"
    assert box.engine.wake_at(box.now()) == seconds
    assert "Dial" not in box.tick(after=seconds - 1)
    assert "Dial" in box.tick(after=1.5)


def test_a_press_of_start_ends_the_wait_and_forgets_what_was() -> None:
    box = cut_off(2)
    box.tick()
    told = box.take(events.StartPressed(at=1.0))
    assert told[0] == "dialling.resumed"
    assert "Dial" in told
    assert not box.engine.state.interruptions.held


def test_after_three_in_an_hour_a_person_has_to_press_start() -> None:
    box = cut_off(3)
    assert "dialling.paused" in box.recovered
    assert "Dial" not in box.tick(after=7200.0)
    assert "power supply" in box.engine.why_idle(box.now()).sentence
    assert "Dial" in box.take(events.StartPressed(at=1.0))


def test_a_long_hold_at_the_panel_resets_where_a_reset_is_allowed() -> None:
    held = events.StartHeldToReset(at=1)
    box = Box(Registry(anna=hours(0, 9)))
    assert box.take(held) == [], "nothing is latched"
    box.take(events.StopRaised(at=1, source="button"))
    assert box.take(held) == [], "the contact is open"
    box.take(events.StopReleased(at=2))
    assert "stop.reset" in box.take(held)
    assert box.last("stop.reset").data["by"] == "panel"
    assert not box.engine.state.stopped
