"""The auditor finds each broken promise by what lies on paper, and nothing where all were kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import Refused
from appliance.fleet.audit import Dialled, Logged, Verdict, audit, told
from appliance.fleet.copies import Copies, read_network
from appliance.fleet.messages import Claim, Ended, Objection, Order
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.subjects import Subjects
from appliance.ledger.format import GENESIS, Line, encode
from appliance.model import Outcome

NAMES = Subjects("spring")
BEGIN = datetime(2027, 3, 10, 17, tzinfo=UTC)
KEY = bytes(range(32))
NUMBERS = {name: f"+3363998000{n}" for n, name in enumerate(("ann", "ben", "cleo"))}
PIDS = {name: pseudonym(KEY, number) for name, number in NUMBERS.items()}


class Campaign:
    """A campaign on paper, written by hand: what boxes and hub would have left."""

    def __init__(self) -> None:
        self.log: list[Logged] = []
        self.ledgers: dict[str, list[Line]] = {"north": [], "south": []}
        self.network: list[Dialled] = []
        self.seconds = 0.0
        self._attempts = 0

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def write(self, subject: str, payload: bytes) -> int:
        self.log.append(
            Logged(sequence=len(self.log) + 1, subject=subject, payload=payload, at=self.now)
        )
        return len(self.log)

    def row(self, box: str, kind: str, data: dict[str, Any]) -> None:
        lines = self.ledgers[box]
        line, _ = encode(
            seq=len(lines) + 1,
            at=self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            kind=kind,
            subject="s",
            data=data,
            prev=lines[-1].hash if lines else GENESIS,
        )
        lines.append(line)

    def claim(self, box: str, who: str, number: int = 1) -> tuple[str, int]:
        self._attempts += 1
        attempt = f"{self._attempts:032x}"
        payload = Claim(box=box, attempt=attempt, at=self.now).payload()
        self.write(NAMES.claim(PIDS[who], number), payload)
        return attempt, self.write(NAMES.permit(PIDS[who], number, box), payload)

    def dial(
        self, box: str, who: str, attempt: str, sequence: int, number: int = 1, after: float = 0.1
    ) -> None:
        claim = {"pid": PIDS[who], "number": number, "sequence": sequence}
        self.row(box, "call.authorised", {"attempt": attempt, "claim": claim})
        self.seconds += after
        self.network.append(Dialled(pid=PIDS[who], at=self.now, place="network:1"))

    def end(self, box: str, who: str, attempt: str, number: int = 1, after: float = 30.0) -> None:
        self.seconds += after
        self.row(box, "call.ended", {"attempt": attempt, "outcome": "busy"})
        ended = Ended(box=box, attempt=attempt, outcome=Outcome.BUSY, at=self.now)
        self.write(NAMES.outcome(PIDS[who], number, box), ended.payload())

    def call(self, box: str, who: str, number: int = 1) -> None:
        attempt, sequence = self.claim(box, who, number)
        self.dial(box, who, attempt, sequence, number)
        self.end(box, who, attempt, number)

    def object(self, who: str) -> None:
        told = Objection(box="north", at=self.now, by="key")
        self.write(NAMES.objection(PIDS[who]), told.payload())

    def stop(self, box: str, epoch: int) -> None:
        order = Order(by="Ada", reason="noise", at=self.now)
        self.write(NAMES.stop(epoch, box), order.payload())

    def resume(self, box: str, epoch: int) -> None:
        order = Order(by="Ada", reason="over", at=self.now)
        self.write(NAMES.epoch(epoch, box), order.payload())

    def judge(self, **more: Any) -> Verdict:
        return audit("spring", self.log, self.ledgers, network=self.network, **more)


def sound() -> Campaign:
    campaign = Campaign()
    campaign.call("north", "ann")
    campaign.call("south", "ann", 2)
    campaign.call("south", "ben")
    campaign.object("ben")
    campaign.stop("north", 1)
    campaign.resume("north", 2)
    campaign.call("north", "cleo")
    return campaign


def test_a_sound_campaign_is_clean() -> None:
    verdict = sound().judge(cap=2)
    assert verdict.findings == []
    assert (verdict.calls, verdict.claims, verdict.objections, verdict.dials) == (4, 4, 1, 4)
    assert "BROKEN" not in "\n".join(told(verdict))


def claim_skipped(campaign: Campaign) -> None:
    campaign.row("north", "call.authorised", {"attempt": "a" * 32})


def claim_of_another(campaign: Campaign) -> None:
    attempt, sequence = campaign.claim("south", "cleo", 2)
    campaign.dial("north", "cleo", attempt, sequence, 2)


def claim_that_the_log_lost(campaign: Campaign) -> None:
    campaign.dial("north", "cleo", "b" * 32, 9999, 2)


def claim_of_another_attempt(campaign: Campaign) -> None:
    _, sequence = campaign.claim("north", "cleo", 2)
    campaign.dial("north", "cleo", "c" * 32, sequence, 2)


def late_dial(campaign: Campaign) -> None:
    attempt, sequence = campaign.claim("north", "cleo", 2)
    campaign.dial("north", "cleo", attempt, sequence, 2, after=3.0)


def stale_epoch(campaign: Campaign) -> None:
    campaign.stop("south", 1)
    campaign.call("south", "cleo", 2)


def stopped_in_the_new_epoch(campaign: Campaign) -> None:
    campaign.stop("north", 2)
    campaign.call("north", "cleo", 2)


def after_an_objection(campaign: Campaign) -> None:
    campaign.object("cleo")
    campaign.call("south", "cleo", 2)


def twice_for_one_claim(campaign: Campaign) -> None:
    attempt, sequence = campaign.claim("north", "cleo", 2)
    campaign.dial("north", "cleo", attempt, sequence, 2)
    campaign.dial("south", "cleo", attempt, sequence, 2)


def while_another_may_be_in_the_call(campaign: Campaign) -> None:
    attempt, sequence = campaign.claim("north", "cleo", 2)
    campaign.dial("north", "cleo", attempt, sequence, 2)
    campaign.call("south", "cleo", 3)


def over_the_cap(campaign: Campaign) -> None:
    campaign.call("north", "ann", 3)


def without_the_attempt_before(campaign: Campaign) -> None:
    campaign.call("north", "ben", 3)


def a_row_is_changed(campaign: Campaign) -> None:
    line = campaign.ledgers["south"][1]
    campaign.ledgers["south"][1] = line._replace(prev="0" * 64)


def a_row_is_cut_out(campaign: Campaign) -> None:
    del campaign.ledgers["south"][1]


def a_row_is_there_twice(campaign: Campaign) -> None:
    campaign.ledgers["south"].append(campaign.ledgers["south"][-1])


def a_dial_that_nobody_recorded(campaign: Campaign) -> None:
    dial = Dialled(pid=PIDS["ann"], at=campaign.now, place="network:9")
    campaign.network.append(dial)


FAULTS: list[tuple[Callable[[Campaign], None], str]] = [
    (claim_skipped, "claim"),
    (claim_of_another, "claim"),
    (claim_that_the_log_lost, "claim"),
    (claim_of_another_attempt, "claim"),
    (late_dial, "late"),
    (stale_epoch, "stop"),
    (stopped_in_the_new_epoch, "stop"),
    (after_an_objection, "objection"),
    (twice_for_one_claim, "double"),
    (while_another_may_be_in_the_call, "double"),
    (over_the_cap, "cap"),
    (without_the_attempt_before, "double"),
    (a_row_is_changed, "chain"),
    (a_row_is_cut_out, "chain"),
    (a_row_is_there_twice, "chain"),
    (a_dial_that_nobody_recorded, "unseen"),
]


@pytest.mark.parametrize(("fault", "promise"), FAULTS, ids=lambda f: getattr(f, "__name__", f))
def test_each_planted_fault_is_found(fault: Callable[[Campaign], None], promise: str) -> None:
    campaign = sound()
    fault(campaign)
    verdict = campaign.judge(cap=2)
    assert promise in {finding.promise for finding in verdict.findings}
    assert "BROKEN" in "\n".join(told(verdict))


def test_clocks_may_differ_by_what_is_said() -> None:
    campaign = sound()
    attempt, sequence = campaign.claim("north", "cleo", 2)
    campaign.dial("north", "cleo", attempt, sequence, 2, after=2.4)
    assert campaign.judge(skew=0.5).clean
    assert not campaign.judge(skew=0.1).clean


def test_an_attempt_before_the_fleet_needs_no_end() -> None:
    campaign = Campaign()
    prior = Claim(box="north", attempt="d" * 32, at=campaign.now, prior=True)
    campaign.write(NAMES.claim(PIDS["ann"], 1), prior.payload())
    campaign.call("north", "ann", 2)
    assert campaign.judge().clean


def test_after_a_day_an_attempt_without_an_end_holds_nobody_back() -> None:
    campaign = Campaign()
    attempt, sequence = campaign.claim("north", "ann")
    campaign.dial("north", "ann", attempt, sequence)
    campaign.seconds += 25 * 3600
    campaign.call("south", "ann", 2)
    assert campaign.judge().clean


def test_copies_come_back_as_they_were(tmp_path: Path) -> None:
    campaign = sound()
    copies = Copies("spring", campaign.log, campaign.ledgers)
    copies.save(tmp_path / "copy")
    again = Copies.load(tmp_path / "copy")
    assert again == copies
    with pytest.raises(Refused, match="exists already"):
        copies.save(tmp_path / "copy")
    ledger = tmp_path / "copy" / "ledgers" / "south.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"call.ended", b"call.xnded", 1))
    assert Copies.load(tmp_path / "copy").damaged[0][0] == "south"


def test_a_network_log_is_read_and_a_damaged_one_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "network.jsonl"
    rows = [
        {"at": "2027-03-10T17:00:00.000Z", "event": "dialled", "number": NUMBERS["ann"]},
        {"at": "2027-03-10T17:00:03.000Z", "event": "answered"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    (dial,) = read_network([path], KEY)
    assert (dial.pid, dial.place) == (PIDS["ann"], "network.jsonl:1")
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(Refused, match=r"network\.jsonl:3"):
        read_network([path], KEY)
