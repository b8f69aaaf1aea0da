"""A box that belongs to a fleet: asked before each dial, and whatever is answered holds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    FleetResumed,
    FleetStopped,
    NameObjections,
    ObjectedElsewhere,
)
from appliance.config.load import Config
from appliance.effects import AskClaim, Entry
from appliance.fleet.pseudonym import pseudonym
from appliance.ledger import Ledger, read_entries
from appliance.model import AttemptElsewhere, Contact, Outcome
from firmware import events
from firmware.orders import Dial, HangUp, Order
from tests.support.box_bench import Bench, answered_and_pressed
from tests.support.box_bench import loaded as loaded

KEY = bytes(range(32))
NUMBER = "+33199001234"


class FakeFleet:
    """A fleet that says what the test has it say, and notes what was on disk when it was asked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.asked: list[AskClaim] = []
        self.kinds_on_disk: list[str] = []
        self.bars: str | None = None
        self.objections: dict[str, datetime] = {}
        self.refusal: str | None = None
        self.over: list[str] = []
        self.head = 0

    def barred(self) -> str | None:
        return self.bars

    def pseudonym(self, number: str) -> str:
        return pseudonym(KEY, number)

    def objected(self, pid: str) -> datetime | None:
        return self.objections.get(pid)

    @property
    def heard(self) -> int:
        return len(self.objections)

    def ask(self, ask: AskClaim) -> None:
        self.asked.append(ask)
        self.kinds_on_disk = [e.kind for e in read_entries(self._directory / "ledger")]

    def refuses(self, attempt: str) -> str | None:
        return self.refusal

    def concluded(self, attempt: str) -> None:
        self.over.append(attempt)

    def written(self, seq: int) -> None:
        self.head = seq


class FleetBench(Bench):
    """A box with a fake fleet."""

    def __init__(self, directory: Path, loaded: Config) -> None:
        self.fleet = FakeFleet(directory)
        super().__init__(directory, loaded)

    def make(self) -> Box:
        return Box(
            self.config,
            self.state,
            self.now,
            lines={"line-1": self.line},
            post=self.posted.append,
            fleet=self.fleet,
        )

    def open(self) -> None:
        self.box.recover()
        self.ready()
        self.tick()

    def tick(self, seconds: float = 0.0) -> None:
        self.seconds += seconds
        self.box.take([inputs.Tick()])

    def ask(self) -> AskClaim:
        """Bring the box to its first claim."""
        self.open()
        (ask,) = self.fleet.asked
        return ask

    def grant(self, ask: AskClaim, sequence: int = 12, within: float = 2.0) -> None:
        self.box.take(
            [
                ClaimGranted(
                    attempt=ask.attempt,
                    sequence=sequence,
                    number=len(ask.known) + 1,
                    dial_by=self.seconds + within,
                )
            ]
        )

    def rows(self, kind: str) -> list[Entry]:
        return [e for e in read_entries(self.directory / "ledger") if e.kind == kind]

    @property
    def dials(self) -> list[Dial]:
        return [order for order in self.line.orders if isinstance(order, Dial)]


@pytest.fixture
def bench(tmp_path: Path, loaded: Config) -> FleetBench:
    made = FleetBench(tmp_path, loaded)
    made.register(NUMBER)
    return made


def test_asks_with_the_row_on_disk_and_dials_nobody_meanwhile(bench: FleetBench) -> None:
    ask = bench.ask()
    assert ask.pid == pseudonym(KEY, NUMBER)
    assert ask.known == ()
    assert bench.fleet.kinds_on_disk[-1] == "fleet.claim_asked"
    bench.tick(1.0)
    assert bench.dials == []
    assert len(bench.fleet.asked) == 1
    assert "call.authorised" not in bench.kinds()


class Medium:
    """What the system calls of this process have put on the medium."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes: dict[int, int] = {}
        self.names: dict[int, set[str]] = {}
        data, whole = os.fdatasync, os.fsync

        def of_data(descriptor: int) -> None:
            data(descriptor)
            found = os.fstat(descriptor)
            self.bytes[found.st_ino] = found.st_size

        def of_all(descriptor: int) -> None:
            whole(descriptor)
            found = os.fstat(descriptor)
            self.bytes[found.st_ino] = found.st_size
            if stat.S_ISDIR(found.st_mode):
                self.names[found.st_ino] = set(os.listdir(descriptor))

        monkeypatch.setattr(os, "fdatasync", of_data)
        monkeypatch.setattr(os, "fsync", of_all)

    def holds(self, file: Path) -> bool:
        found, folder = file.stat(), file.parent.stat()
        return self.bytes.get(found.st_ino) == found.st_size and file.name in self.names.get(
            folder.st_ino, ()
        )


@pytest.mark.parametrize("page", [None, 1, 2000], ids=["one page", "a page a write", "pages"])
@pytest.mark.parametrize("tail", [None, b'{"at":"2027', b"\0" * 300])
def test_the_row_of_a_dial_is_on_the_medium_with_its_page_before_the_order(
    tmp_path: Path,
    loaded: Config,
    monkeypatch: pytest.MonkeyPatch,
    page: int | None,
    tail: bytes | None,
) -> None:
    """In a fleet too, right behind a change of the page and behind a repaired end of it."""
    medium = Medium(monkeypatch)
    if page is not None:
        settings = Ledger.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
        monkeypatch.setitem(settings, "segment_bytes", page)
    bench = FleetBench(tmp_path, loaded)
    bench.register(NUMBER)
    if tail is not None:
        bench.state.close()
        last = max((tmp_path / "ledger").glob("*.jsonl"))
        with last.open("ab") as stream:
            stream.write(tail)
        bench.state = BoxState.open(tmp_path)
        assert bench.state.repaired()["ledger_cut"]["bytes"] == len(tail)
        bench.box = bench.make()
    seen: list[tuple[str, bool]] = []
    take = bench.line.order

    def order(given: Order) -> None:
        last = max((tmp_path / "ledger").glob("*.jsonl"))
        seen.append((type(given).__name__, medium.holds(last)))
        take(given)

    monkeypatch.setattr(bench.line, "order", order)
    bench.grant(bench.ask())
    assert seen == [("Dial", True)]
    rows = [e.kind for e in read_entries(tmp_path / "ledger")]
    assert rows.index("call.authorised") < len(rows)
    assert bench.line.kinds_on_disk[0][-1] in ("call.authorised", "call.dialling")


def test_a_grant_is_a_call_whose_row_bears_the_claim(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.grant(ask, sequence=12)
    (dial,) = bench.dials
    (row,) = bench.rows("call.authorised")
    assert dial.attempt == ask.attempt == row.data["attempt"]
    assert row.data["claim"] == {"pid": ask.pid, "number": 1, "sequence": 12}
    assert dial.dial_by == 2.0
    assert "fleet" in row.data["rules"]
    assert bench.line.kinds_on_disk[-1][-1] == "call.authorised"


@pytest.mark.parametrize(
    ("reason", "pause"),
    [("claimed", 300), ("objected", 300), ("stopped", 30), ("no_answer", 30), ("refused", 30)],
)
def test_a_refusal_is_no_call_and_the_person_comes_later(
    bench: FleetBench, reason: str, pause: int
) -> None:
    ask = bench.ask()
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason=reason)])
    (row,) = bench.rows("fleet.claim_refused")
    assert row.data["reason"] == reason
    bench.tick(pause - 1.0)
    assert len(bench.fleet.asked) == 1
    bench.tick(2.0)
    assert len(bench.fleet.asked) == 2
    assert bench.dials == []


def test_no_answer_at_all_frees_the_line(bench: FleetBench) -> None:
    bench.ask()
    bench.tick(29.0)
    assert bench.rows("fleet.claim_refused") == []
    bench.tick(2000.0)
    (row,) = bench.rows("fleet.claim_refused")
    assert row.data["reason"] == "no_answer"
    bench.tick(301.0)
    assert len(bench.fleet.asked) == 2


def test_an_answer_after_giving_up_calls_nobody(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.tick(2000.0)
    bench.grant(ask)
    assert bench.dials == []


def test_a_late_grant_is_used_up_and_counts(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.grant(ask, within=-0.1)
    assert bench.dials == []
    (row,) = bench.rows("fleet.claim_unused")
    assert row.data["reason"] == "late"
    assert row.data["claim"]["sequence"] == 12
    assert bench.fleet.over == [ask.attempt]
    bench.restart()
    bench.seconds += 3700.0
    bench.open()
    assert [attempt.id for attempt in bench.fleet.asked[-1].known] == [ask.attempt]


def test_the_gate_is_asked_again_at_the_grant(bench: FleetBench) -> None:
    """Somebody objects by text message while the claim is on its way."""
    ask = bench.ask()
    bench.box.take([events.SmsReceived(line="line-1", at=0.5, number=NUMBER, text="STOP")])
    bench.grant(ask)
    assert bench.dials == []
    (row,) = bench.rows("fleet.claim_unused")
    assert "consent" in row.data["reason"]


@pytest.mark.parametrize("how", ["stop", "pause", "line", "incoming", "bars", "ending"])
def test_whatever_bars_at_the_grant_is_no_call(bench: FleetBench, how: str) -> None:
    ask = bench.ask()
    match how:
        case "stop":
            bench.box.take([events.StopRaised(at=0.1, source="command")])
        case "pause":
            bench.box.take([inputs.Pause(by="test")])
        case "line":
            fault = events.LineFault(
                line="line-1", at=0.1, fault="no_sim", detail="x", remedy="y", final=True
            )
            bench.box.take([fault])
        case "incoming":
            bench.box.take(
                [events.IncomingRinging(line="line-1", at=0.1, attempt="c1", number="+33199009999")]
            )
        case "bars":
            bench.fleet.bars = "the link is cut"
        case "ending":
            bench.box.take([inputs.ShutDown()])
    bench.grant(ask)
    assert bench.dials == []
    assert len(bench.rows("fleet.claim_unused")) == 1


def test_what_the_fleet_hears_between_disk_and_wire_wins(bench: FleetBench) -> None:
    """The last look, after the fsync of call.authorised: late, stopped, objected."""
    ask = bench.ask()
    bench.fleet.refusal = "late"
    bench.grant(ask)
    assert bench.dials == []
    (posted,) = bench.posted
    assert isinstance(posted, events.Ended)
    bench.box.take(bench.posted)
    (row,) = bench.rows("call.ended")
    assert row.data["outcome"] == "failed"
    assert "late" in row.data["evidence"]["end"]


def elsewhere(number: int, outcome: Outcome | None, *, ended: bool = True) -> AttemptElsewhere:
    at = datetime.fromisoformat("2027-03-09T16:30:00+00:00")
    return AttemptElsewhere(
        number=number,
        box="south",
        attempt=f"{number:032x}",
        at=at,
        ended=ended,
        outcome=outcome,
        ended_at=at + timedelta(minutes=1) if ended else None,
    )


def test_an_attempt_elsewhere_counts_for_rests_and_for_the_next_number(bench: FleetBench) -> None:
    ask = bench.ask()
    told = (elsewhere(1, Outcome.BUSY),)
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason="claimed", elsewhere=told)])
    bench.restart()
    bench.open()
    bench.tick(400.0)
    (known,) = bench.fleet.asked[-1].known
    assert (known.id, known.outcome) == (f"{1:032x}", Outcome.BUSY)


def test_attempts_elsewhere_count_for_the_cap(bench: FleetBench) -> None:
    ask = bench.ask()
    cap = bench.config.campaign.retry.max_attempts
    told = tuple(elsewhere(number, Outcome.BUSY) for number in range(1, cap + 1))
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason="claimed", elsewhere=told)])
    for _ in range(20):
        bench.tick(300.0)
    assert len(bench.fleet.asked) == 1


def test_who_listened_elsewhere_is_not_called_again(bench: FleetBench) -> None:
    ask = bench.ask()
    told = (elsewhere(1, Outcome.LISTENED),)
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason="claimed", elsewhere=told)])
    for _ in range(20):
        bench.tick(300.0)
    assert len(bench.fleet.asked) == 1


def test_a_call_under_way_elsewhere_is_asked_about_again(bench: FleetBench) -> None:
    ask = bench.ask()
    told = (elsewhere(1, None, ended=False),)
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason="claimed", elsewhere=told)])
    assert bench.rows("fleet.attempt_elsewhere") == []
    bench.tick(301.0)
    assert len(bench.fleet.asked) == 2
    assert bench.fleet.asked[-1].known == ()


def test_an_attempt_elsewhere_whose_end_never_comes_is_unknown_after_a_day(
    bench: FleetBench,
) -> None:
    bench.seconds = 24 * 3600.0
    ask = bench.ask()
    told = (elsewhere(1, None, ended=False),)
    bench.box.take([ClaimDenied(attempt=ask.attempt, reason="claimed", elsewhere=told)])
    (row,) = bench.rows("fleet.attempt_elsewhere")
    assert row.data["outcome"] == "unknown"


def test_an_objection_elsewhere_ends_the_call_and_is_final_here(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.grant(ask)
    at = bench.now().utc
    bench.fleet.objections[ask.pid] = at
    bench.box.take([ObjectedElsewhere(pid=ask.pid, at=at, box="south")])
    assert any(isinstance(order, HangUp) for order in bench.line.orders)
    bench.tick()
    bench.tick()
    (row,) = bench.rows("consent.revoked")
    assert row.data["by"] == "fleet"
    assert row.data["pid"] == ask.pid
    bench.tick()
    assert len(bench.rows("consent.revoked")) == 1, "heard once, written once"


def test_an_objection_elsewhere_bars_the_person_before_the_registry_is_read(
    bench: FleetBench,
) -> None:
    bench.fleet.objections[pseudonym(KEY, NUMBER)] = bench.now().utc
    bench.open()
    for _ in range(5):
        bench.tick(301.0)
    assert bench.fleet.asked == []


def test_a_further_objection_costs_a_look_at_one_person_not_at_everybody(
    bench: FleetBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand people take a Raspberry Pi seconds, and three in a hundred object."""
    numbers = [f"+3319900{n:04d}" for n in range(2000, 2040)]
    for number in numbers:
        bench.register(number)
    looked: list[str] = []

    def objects(number: str) -> None:
        looked.clear()
        pid = pseudonym(KEY, number)
        bench.fleet.objections[pid] = bench.now().utc
        bench.box.take([ObjectedElsewhere(pid=pid, at=bench.now().utc, box="south")])
        bench.tick()
        bench.tick()

    real = bench.fleet.pseudonym
    bench.open()

    def noted(number: str) -> str:
        looked.append(number)
        return real(number)

    monkeypatch.setattr(bench.fleet, "pseudonym", noted)
    objects(numbers[7])
    assert len(looked) >= 40
    objects(numbers[30])
    assert numbers[30] in looked
    assert set(looked) <= {numbers[30], NUMBER}, "and whoever a claim is asked for"
    objects("+33199009999")  # On nobody's list.
    assert set(looked) <= {NUMBER}
    assert len(bench.rows("consent.revoked")) == 2
    late = "+33199002099"
    bench.register(late)
    bench.box.take([inputs.PeopleChanged(subjects=None)])
    bench.tick()
    objects(late)
    objects("+33199002005")
    assert len(bench.rows("consent.revoked")) == 4


def test_a_consent_given_after_the_objection_is_not_revoked(bench: FleetBench) -> None:
    """Its row stays as it is; in this campaign the fleet's log refuses the person all the same."""
    long_ago = bench.now().utc - timedelta(days=300)
    bench.fleet.objections[pseudonym(KEY, NUMBER)] = long_ago
    bench.open()
    for _ in range(5):
        bench.tick(301.0)
    assert bench.rows("consent.revoked") == []
    assert bench.fleet.asked == []


def revoke_by_key(bench: FleetBench, contact: Contact) -> None:
    ask = bench.fleet.asked[-1]
    bench.grant(ask)
    bench.box.take(answered_and_pressed(ask.attempt, "9"))


def revoke_by_text(bench: FleetBench, contact: Contact) -> None:
    number = contact.number
    bench.box.take([events.SmsReceived(line="line-1", at=0.5, number=number, text="STOP")])


def revoke_by_command(bench: FleetBench, contact: Contact) -> None:
    hashed = bench.box.people.number_hash(contact.number)
    assert hashed is not None
    bench.box.take([inputs.Revoke(subject=contact.subject, number_hash=hashed)])


@pytest.mark.parametrize("way", [revoke_by_key, revoke_by_text, revoke_by_command])
def test_an_objection_bears_the_pseudonym_whichever_way_it_comes(
    tmp_path: Path, loaded: Config, way: object
) -> None:
    bench = FleetBench(tmp_path, loaded)
    contact = bench.register(NUMBER)
    bench.open()
    assert callable(way)
    way(bench, contact)
    (row,) = bench.rows("consent.revoked")
    assert row.data["pid"] == pseudonym(KEY, NUMBER)
    assert bench.fleet.head >= row.seq, "the fleet is told at once that the row is on disk"


def test_an_objection_of_somebody_unknown_bears_it_too(bench: FleetBench) -> None:
    bench.open()
    stranger = "+33199005555"
    bench.box.take([events.SmsReceived(line="line-1", at=0.5, number=stranger, text="STOP")])
    (row,) = bench.rows("consent.revoked")
    assert row.subject is None
    assert row.data["pid"] == pseudonym(KEY, stranger)


def test_objections_from_before_the_fleet_are_named_when_it_asks(
    tmp_path: Path, loaded: Config
) -> None:
    alone = Bench(tmp_path, loaded)
    contact = alone.register(NUMBER)
    hashed = alone.box.people.number_hash(NUMBER)
    assert hashed is not None
    alone.box.take([inputs.Revoke(subject=contact.subject, number_hash=hashed)])
    alone.state.close()
    bench = FleetBench(tmp_path, loaded)
    bench.open()
    bench.box.take([NameObjections(subjects=(contact.subject, "f" * 32))])
    known, unknown = bench.rows("fleet.objection")
    assert known.data["pid"] == pseudonym(KEY, NUMBER)
    assert unknown.data["pid"] is None


def test_a_stop_of_headquarters_hangs_up_and_a_resume_is_recorded(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.grant(ask)
    bench.fleet.bars = "headquarters stopped this box by Ada"
    bench.box.take([FleetStopped(by="Ada", reason="noise", epoch=1)])
    assert any(isinstance(order, HangUp) for order in bench.line.orders)
    (row,) = bench.rows("fleet.stopped")
    assert row.data == {"by": "Ada", "reason": "noise", "epoch": 1, "hang_up": True}
    assert bench.box.engine.why_idle(bench.now()).code == "fleet"
    bench.fleet.bars = None
    bench.box.take([FleetResumed(by="Ada", reason="over", epoch=2)])
    assert len(bench.rows("fleet.resumed")) == 1
    assert not bench.box.engine.state.stopped, "the box's own emergency stop is another matter"


def test_closing_an_old_epoch_lets_the_call_go_on(bench: FleetBench) -> None:
    ask = bench.ask()
    bench.grant(ask)
    bench.box.take([FleetStopped(by="Ada", reason="epoch 1 is over", epoch=1, hang_up=False)])
    assert not any(isinstance(order, HangUp) for order in bench.line.orders)


def test_a_fleet_that_cannot_be_asked_lets_nobody_be_called(bench: FleetBench) -> None:
    bench.fleet.bars = "headquarters cannot be asked: the link to the hub is cut"
    bench.open()
    bench.tick(60.0)
    assert bench.fleet.asked == []
    idle = bench.box.engine.why_idle(bench.now())
    assert "the link to the hub is cut" in idle.sentence
    bench.fleet.bars = None
    bench.tick()
    assert len(bench.fleet.asked) == 1


@pytest.mark.process
def test_a_box_by_itself_imports_nothing_of_the_fleet() -> None:
    """Start-up and memory of a box without the section stay what they were."""
    code = (
        "import sys, appliance.daemon.daemon, appliance.cli.run, appliance.cli.running, "
        "appliance.cli.session, appliance.control.operations\n"
        "from appliance.config.load import load; from appliance.config.paths import sample_config\n"
        "load(sample_config())\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('nats','nkeys','nacl','cryptography')"
        " or m.startswith('appliance.fleet')]\n"
        "print(bad)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"
