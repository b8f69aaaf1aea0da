"""What the auditor says, word by word, and where each of its bounds lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.fleet.audit import LOST, WINDOW, Dialled, Finding, Logged, Verdict, audit, told
from appliance.fleet.messages import Claim
from tests.appliance.fleet import test_audit as paper
from tests.appliance.fleet.test_audit import BEGIN, NAMES, PIDS, Campaign, sound

ANN, BEN, CLEO = (PIDS[name][:8] for name in ("ann", "ben", "cleo"))
UNSEEN = "network:1: a dial at person {}… that no claim preceded"


def said(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(one.promise, one.box, str(one.what)) for one in verdict.findings]


@pytest.mark.parametrize(
    ("fault", "findings"),
    [
        (paper.claim_skipped, [("claim", "north", "row 5 authorises a call without a claim")]),
        (
            paper.claim_of_another,
            [("claim", "north",
              "row 5 names message 17 as its claim, which is of something else")],
        ),
        (
            paper.claim_that_the_log_lost,
            [("claim", "north", "row 5 names message 9999 as its claim, which is missing"),
             ("unseen", "", UNSEEN.format(CLEO))],
        ),
        (
            paper.claim_of_another_attempt,
            [("claim", "north",
              "row 5 names message 17 as its claim, which is of something else")],
        ),
        (paper.late_dial, [("late", "north", "network:1: dialled 3.0 s after the claim 17")]),
        (
            paper.stale_epoch,
            [("stop", "south", ("row 5 calls in epoch 1, which message 16 had stopped before the "
              "claim 18"))],
        ),
        (
            paper.stopped_in_the_new_epoch,
            [("stop", "north", ("row 5 calls in epoch 2, which message 16 had stopped before the "
              "claim 18"))],
        ),
        (
            paper.after_an_objection,
            [("objection", "south", ("row 5 calls somebody who had objected: message 16 came "
              "before the claim 18"))],
        ),
        (
            paper.twice_for_one_claim,
            [("claim", "south",
              "row 5 names message 17 as its claim, which is of something else"),
             ("double", "south", "row 5 is attempt 2 at a person at whom north made it in row 5"),
             ("unseen", "", UNSEEN.format(CLEO))],
        ),
        (
            paper.while_another_may_be_in_the_call,
            [("double", "", ("message 18 claims attempt 3 while attempt 2 (message 16) may still "
              "be in a call")),
             ("cap", "", f"3 attempts at person {CLEO}…, where the rules allow 2"),
             ("unseen", "", UNSEEN.format(CLEO))],
        ),
        (
            paper.over_the_cap,
            [("cap", "", f"3 attempts at person {ANN}…, where the rules allow 2")],
        ),
        (
            paper.without_the_attempt_before,
            [("objection", "north", ("row 5 calls somebody who had objected: message 10 came "
              "before the claim 17")),
             ("double", "", "message 16 claims attempt 3 without the one before")],
        ),
        (
            paper.a_row_is_changed,
            [("chain", "south", ("ledger: row 2 does not follow row 1: prev is not the hash of the "
              "line before")),
             ("unseen", "", UNSEEN.format(BEN))],
        ),
        (
            paper.a_row_is_cut_out,
            [("chain", "south", ("ledger: row 3 does not follow row 1: sequence number 3 where 2 "
              "belongs")),
             ("unseen", "", UNSEEN.format(BEN))],
        ),
        (
            paper.a_row_is_there_twice,
            [("chain", "south", ("ledger: row 4 does not follow row 4: sequence number 4 where 5 "
              "belongs"))],
        ),
        (
            paper.a_dial_that_nobody_recorded,
            [("unseen", "", f"network:9: a dial at person {ANN}… that no claim preceded")],
        ),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_each_fault_is_told_once_and_nothing_beside_it(
    fault: Callable[[Campaign], None], findings: list[tuple[str, str, str]]
) -> None:
    campaign = sound()
    fault(campaign)
    assert said(campaign.judge(cap=2)) == findings


def test_what_was_looked_at_is_counted() -> None:
    campaign = sound()
    prior = Claim(box="north", attempt="d" * 32, at=campaign.now, prior=True)
    campaign.write(NAMES.claim(PIDS["cleo"], 7), prior.payload())
    verdict = campaign.judge(cap=2)
    assert verdict.clean
    assert (verdict.boxes, verdict.rows, verdict.calls, verdict.claims) == (2, 8, 4, 4)
    assert (verdict.objections, verdict.stops, verdict.dials) == (1, 1, 4)
    assert {box: head.seq for box, head in verdict.heads.items()} == {"north": 4, "south": 4}
    assert told(verdict) == [
        (
            "Looked at: 2 boxes, 8 ledger rows, 4 claims, 4 calls, 1 objection, 1 stop; the "
            "network saw 4 dials."
        ),
        "  kept    every call stands on a claim of its own",
        "  kept    nobody was called twice at a time, or twice for one attempt",
        "  kept    nobody was called more often than allowed",
        "  kept    nobody was called on a claim made after their objection",
        "  kept    no box called after its stop",
        "  kept    every ledger is whole and unchanged",
        "  kept    the network saw no call that was not recorded first",
        "  kept    every dial came within 2 s of its claim",
    ]


def test_without_a_network_its_promises_are_not_spoken_of() -> None:
    campaign = sound()
    verdict = audit("spring", campaign.log, campaign.ledgers)
    assert verdict.dials == 0
    lines = told(verdict)
    assert lines[0].endswith("1 stop.")
    assert len(lines) == 7
    # Nobody is held to a cap that was not told, and no dial is missed.
    campaign.call("north", "ann", 3)
    assert audit("spring", campaign.log, campaign.ledgers).clean


def test_nothing_to_look_at_is_nothing_broken() -> None:
    verdict = audit("spring", [], {})
    assert verdict.clean
    counts = (verdict.boxes, verdict.rows, verdict.claims, verdict.calls)
    assert counts == (0, 0, 0, 0)
    assert (verdict.objections, verdict.stops, verdict.dials) == (0, 0, 0)


@pytest.mark.parametrize(("count", "more"), [(49, None), (50, None), (51, 1), (53, 3)])
def test_fifty_findings_are_told_and_the_rest_counted(count: int, more: int | None) -> None:
    verdict = Verdict(
        findings=[Finding(promise="cap", box="", what=f"finding {n}") for n in range(count)]
    )
    assert not verdict.clean
    lines = told(verdict)
    assert lines[0] == (
        "Looked at: 0 boxes, 0 ledger rows, 0 claims, 0 calls, 0 objections, 0 stops."
    )
    assert lines[3] == "  BROKEN  nobody was called more often than allowed"
    assert lines[7 : 7 + min(count, 50)] == [f"  - finding {n}" for n in range(min(count, 50))]
    assert lines[57:] == ([] if more is None else [f"  - and {more} more"])


def test_a_finding_begins_with_its_box() -> None:
    assert Finding(promise="cap", box="", what="too many").said == "too many"
    assert str(Finding(promise="cap", box="north", what="too many")) == "north: too many"


@pytest.mark.parametrize(
    ("sequences", "chain"),
    [
        ([1, 2], []),
        ([3, 9], []),
        ([2, 2], ["the log goes from message 2 to 2"]),
        ([2, 1], ["the log goes from message 2 to 1"]),
        ([0], ["the log goes from message 0 to 0"]),
        ([1, 5, 3, 4], ["the log goes from message 5 to 3"]),
    ],
)
def test_the_log_only_goes_on(sequences: list[int], chain: list[str]) -> None:
    log = [
        Logged(sequence=sequence, subject="other.subject", payload=b"", at=BEGIN)
        for sequence in sequences
    ]
    assert said(audit("spring", log, {})) == [("chain", "", one) for one in chain]


@pytest.mark.parametrize(("late", "skew", "clean"), [
    (2.0, 0.0, True), (2.01, 0.0, False), (2.5, 0.5, True), (2.51, 0.5, False),
    (0.0, 0.0, True), (-0.5, 0.5, True), (-0.51, 0.5, False),
])  # fmt: skip
def test_a_dial_follows_its_claim_within_the_window(late: float, skew: float, clean: bool) -> None:
    assert WINDOW == 2.0
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.dial("north", "ann", attempt, sequence, after=late)
    assert campaign.judge(skew=skew).clean is clean


@pytest.mark.parametrize(("hours", "clean"), [(23.99, False), (24.0, True)])
def test_an_attempt_without_an_end_holds_for_a_day(hours: float, clean: bool) -> None:
    assert timedelta(hours=24) == LOST
    campaign = Campaign()
    campaign.claim("north", "ann")
    campaign.seconds += hours * 3600
    campaign.claim("south", "ann", 2)
    assert campaign.judge().clean is clean


def test_an_end_that_is_told_after_the_next_claim_is_too_late() -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.dial("north", "ann", attempt, sequence)
    second, later = campaign.claim("south", "ann", 2)
    campaign.end("north", "ann", attempt)
    campaign.dial("south", "ann", second, later, 2)
    verdict = audit("spring", campaign.log, campaign.ledgers)
    assert [promise for promise, _, _ in said(verdict)] == ["double"]


@pytest.mark.parametrize(("prior", "clean"), [(True, True), (False, False), ("yes", False)])
def test_only_what_was_made_before_the_fleet_needs_no_end(prior: bool | str, clean: bool) -> None:
    campaign = Campaign()
    payload = Claim(box="north", attempt="d" * 32, at=campaign.now).payload()
    told_as = {True: b"true", False: b"false", "yes": b'"yes"'}[prior]
    campaign.write(NAMES.claim(PIDS["ann"], 4), payload[:-1] + b',"prior":' + told_as + b"}")
    campaign.claim("north", "ann", 5)
    verdict = campaign.judge()
    assert verdict.clean is clean
    assert verdict.claims == (1 if clean else 2)


def test_a_cap_counts_the_attempts_that_the_log_has() -> None:
    campaign = Campaign()
    for number in (1, 2):
        campaign.call("north", "ann", number)
    assert campaign.judge(cap=2).clean
    assert said(campaign.judge(cap=1)) == [
        ("cap", "", f"2 attempts at person {ANN}…, where the rules allow 1")
    ]
    # Numbers above the cap alone, without so many attempts, are another's fault.
    other = Campaign()
    prior = Claim(box="north", attempt="d" * 32, at=other.now, prior=True).payload()
    for number in (3, 4):
        other.write(NAMES.claim(PIDS["ann"], number), prior)
    assert other.judge(cap=2).clean


@pytest.mark.parametrize("broken", ["permit", "claim", "box", "attempt", "number"])
def test_a_call_stands_on_its_own_permit_and_claim(broken: str) -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    box = "south" if broken == "box" else "north"
    number = 2 if broken == "number" else 1
    other = Claim(box="north", attempt="e" * 32, at=campaign.now).payload()
    for name, place in (("permit", 1), ("claim", 0)):
        if broken == name:
            campaign.log[place] = replace(campaign.log[place], payload=other)
    if broken == "attempt":
        attempt = "e" * 32
    campaign.dial(box, "ann", attempt, sequence, number)
    assert said(campaign.judge()) == [
        ("claim", box, "row 1 names message 2 as its claim, which is of something else")
    ]


def test_a_permit_without_its_claim_before_it_is_none() -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.dial("north", "ann", attempt, sequence)
    del campaign.log[0]
    assert said(campaign.judge()) == [
        ("claim", "north", "row 1 names message 2 as its claim, which is of something else")
    ]


@pytest.mark.parametrize("claim", [None, [], "x", {"pid": 1}, {"number": True, "sequence": "2"}])
def test_a_claim_that_is_none_stands_for_none(claim: object) -> None:
    campaign = Campaign()
    campaign.row("north", "call.authorised", {"attempt": "a", "claim": claim})
    missing = "row 1 names message 0 as its claim, which is missing"
    without = "row 1 authorises a call without a claim"
    expected = missing if isinstance(claim, dict) else without
    assert said(campaign.judge()) == [("claim", "north", expected)]


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"1"])
def test_a_message_that_cannot_be_read_proves_nothing(payload: bytes) -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.log[1] = replace(campaign.log[1], payload=payload)
    campaign.dial("north", "ann", attempt, sequence)
    assert [promise for promise, _, _ in said(campaign.judge())] == ["claim"]


def test_an_objection_or_a_stop_after_the_claim_does_not_reach_back() -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.object("ann")
    campaign.stop("north", 1)
    campaign.dial("north", "ann", attempt, sequence)
    assert campaign.judge().clean
    # Of two objections the first counts, and of two stops.
    campaign.object("ann")
    campaign.stop("north", 1)
    assert campaign.judge().clean
    assert campaign.judge().objections == 1
    assert campaign.judge().stops == 1


def test_a_new_epoch_takes_the_stop_from_the_next_claim_on() -> None:
    campaign = Campaign()
    campaign.stop("north", 1)
    attempt, sequence = campaign.claim("north", "ann")
    campaign.resume("north", 2)
    campaign.resume("south", 3)
    campaign.dial("north", "ann", attempt, sequence)
    assert [promise for promise, _, _ in said(campaign.judge())] == ["stop"]
    campaign.end("north", "ann", attempt)
    campaign.call("north", "ann", 2)
    assert [promise for promise, _, _ in said(campaign.judge())] == ["stop"]


def test_each_dial_uses_up_its_claim_and_those_before_it() -> None:
    campaign = Campaign()
    for number in (1, 2):
        attempt, sequence = campaign.claim("north", "ann", number)
        claim = {"pid": PIDS["ann"], "number": number, "sequence": sequence}
        campaign.row("north", "call.authorised", {"attempt": attempt, "claim": claim})
        campaign.end("north", "ann", attempt, number)
    at = campaign.log[-2].at
    # The second was dialled, the first never: it grants no later dial.
    for place, seconds in (("network:7", 0.5), ("network:8", 0.7)):
        dialled = Dialled(pid=PIDS["ann"], at=at + timedelta(seconds=seconds), place=place)
        campaign.network.insert(0, dialled)
    assert said(campaign.judge()) == [
        ("unseen", "", f"network:8: a dial at person {ANN}… that no claim preceded"),
    ]


@pytest.mark.parametrize("skew", [0.0, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("claimed_after", [0.01, 0.4, 0.9, 1.1, 3.0])
def test_a_claim_soon_after_a_dial_is_left_to_its_own(skew: float, claimed_after: float) -> None:
    """A number is busy, and another box claims it at once: within what clocks may differ."""
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann", 1)
    campaign.dial("north", "ann", attempt, sequence, 1, after=1.0)
    campaign.end("north", "ann", attempt, 1, after=claimed_after)
    attempt, sequence = campaign.claim("south", "ann", 2)
    campaign.dial("south", "ann", attempt, sequence, 2, after=0.01)
    campaign.end("south", "ann", attempt, 2)
    assert said(campaign.judge(skew=skew)) == []
    again = Dialled(pid=PIDS["ann"], at=campaign.network[-1].at, place="network:3")
    campaign.network.append(again)
    assert [promise for promise, _, _ in said(campaign.judge(skew=skew))] == ["unseen"]


def test_dials_are_judged_in_the_order_of_time() -> None:
    campaign = Campaign()
    for number in (1, 2):
        campaign.call("north", "ann", number)
    campaign.network.reverse()
    assert campaign.judge().clean
    campaign.ledgers["north"].clear()
    assert [promise for promise, _, _ in said(campaign.judge())] == ["unseen", "unseen"]


def test_calls_of_several_boxes_are_taken_by_time() -> None:
    campaign = Campaign()
    for number, box in enumerate(("south", "north", "south"), 1):
        campaign.call(box, "ann", number)
    assert campaign.judge().clean
