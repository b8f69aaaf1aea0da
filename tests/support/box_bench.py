"""A box on real files with fake lines and a clock that the test moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.box.box import Box
from appliance.box.state import BoxState, granted
from appliance.campaign import inputs
from appliance.campaign.inputs import Input
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.effects import Now
from appliance.ledger import read_entries
from appliance.model import Consent, Contact
from appliance.numbers import hash_number
from firmware import events
from firmware.orders import Dial, Order

START = datetime(2027, 3, 9, 17, tzinfo=UTC)


class Line:
    """A line that notes its orders, and what the ledger on disk held when each came."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.orders: list[Order] = []
        self.kinds_on_disk: list[list[str]] = []
        self.hung_up = 0

    def order(self, order: Order) -> None:
        self.orders.append(order)
        self.kinds_on_disk.append([e.kind for e in read_entries(self._directory / "ledger")])

    def emergency_hang_up(self) -> None:
        self.hung_up += 1


class Bench:
    """A box on real files with one fake line and a clock that the test moves."""

    def __init__(self, directory: Path, loaded: Config) -> None:
        only_line = loaded.settings.lines[:1]
        settings = loaded.settings.model_copy(update={"lines": only_line})
        self.config = dataclasses.replace(loaded, settings=settings, state=directory)
        self.directory = directory
        self.seconds = 0.0
        self.posted: list[Input] = []
        self.line = Line(directory)
        self.state = BoxState.open(directory)
        self.box = self.make()

    def make(self) -> Box:
        return Box(
            self.config,
            self.state,
            self.now,
            lines={"line-1": self.line},
            post=self.posted.append,
        )

    def restart(self) -> None:
        """Open everything anew, as after a power cut."""
        self.state.close()
        self.state = BoxState.open(self.directory)
        self.box = self.make()

    def now(self) -> Now:
        return Now(
            monotonic=self.seconds,
            utc=START + timedelta(seconds=self.seconds),
            trusted=True,
            source="test",
        )

    def register(self, number: str = "+33199001234") -> Contact:
        key = self.state.registry.number_key
        contact = Contact(
            subject=hash_number(key, number)[:32],
            number=number,
            number_hash=hash_number(key, number),
            name="Alix",
            language="fr",
            timezone="Europe/Paris",
        )
        consent = Consent(
            id=hash_number(key, number)[32:],
            subject=contact.subject,
            purpose=self.config.campaign.purpose,
            given_at=START - timedelta(days=30),
            source="form",
            evidence="form 1",
            windows="mon-fri 18:00-20:00",
            valid_until=None,
            recorded_at=START,
        )
        self.state.registry.add([contact], [consent])
        self.box.note([granted(consent)])
        return contact

    def ready(self) -> None:
        self.box.take(
            [
                events.LineReady(
                    line="line-1",
                    at=self.seconds,
                    family="sim7600",
                    model="test",
                    imei=None,
                    iccid=None,
                    witnesses=(),
                    audio="pcm-serial",
                )
            ]
        )

    def dial(self) -> Dial:
        """Bring the box to its first dial."""
        self.box.recover()
        self.ready()
        self.box.take([inputs.Tick()])
        (order,) = self.line.orders
        assert isinstance(order, Dial)
        return order

    def kinds(self) -> list[str]:
        return [entry.kind for entry in read_entries(self.directory / "ledger")]


def answered_and_pressed(attempt: str, key: str) -> list[Input]:
    line = "line-1"
    return [
        events.Answered(line=line, at=1.0, attempt=attempt, evidence="test", weak=False),
        events.ClipStarted(line=line, at=1.0, attempt=attempt, clip="greeting.fr"),
        events.KeyHeard(
            line=line, at=1.0, attempt=attempt, key=key, witness=events.Witness.HOST, sureness=0.9
        ),
    ]


@pytest.fixture(scope="module")
def loaded() -> Config:
    return configuration.load(sample_config())


@pytest.fixture
def bench(tmp_path: Path, loaded: Config) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state", loaded)
    yield bench
    bench.state.close()
