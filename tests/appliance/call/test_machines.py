"""One idiom for the three machines of a call: a class for each state, a pure step, and a deadline
wherever something is waited for. The states are found by reflection, so that a new one is held to
it too."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest

from appliance.call import attempt, incoming, incoming_state
from appliance.call import state as attempt_state
from appliance.call.incoming_state import IncomingCall
from appliance.call.outcome import End
from appliance.call.state import Keys, TimeReached
from appliance.effects import Now, Record, Send
from appliance.model import Clearance, Interval, Script, Timers
from appliance.selftest import machine as selftest
from appliance.selftest import state as selftest_state
from firmware.orders import HangUp

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
CLEARANCE = Clearance(
    subject="s" * 32,
    number="+33639980001",
    language="fr",
    consent="c" * 32,
    window=Interval(T0, T0 + timedelta(hours=1)),
    profile="fr/1",
    rules=(),
    clock="ntp",
    granted_at=T0,
    expires_at=T0 + timedelta(seconds=60),
    bench=True,
)
CLIPS = {"g": 10.0, "p": 5.0, "m": 30.0, "f": 2.0, "o": 3.0}
SCRIPT = Script(
    language="fr",
    greeting="g",
    prompt="p",
    message="m",
    farewell="f",
    opted_out="o",
    durations=CLIPS,
)


def now(monotonic: float) -> Now:
    return Now(
        monotonic=monotonic, utc=T0 + timedelta(seconds=monotonic), trusted=True, source="ntp"
    )


class Machine(NamedTuple):
    states: ModuleType
    union: Any
    """What a state of this machine may be."""
    step: Callable[[Any, Any, Now], Any]
    first: Any
    """The state that a call begins with."""
    more: dict[str, Any]
    """A value for each field that only some states have."""
    end: str
    """The row that ends the call."""


MACHINES = {
    "attempt": Machine(
        attempt_state,
        attempt_state.AttemptState,
        attempt.step,
        attempt.begin(
            CLEARANCE,
            script=SCRIPT,
            timers=Timers(),
            keys=Keys(),
            line="one",
            attempt="a1",
            number_hash="h",
            now=now(0.0),
            linger=0.0,
        ).state,
        {"clip": "f", "reason": "no_key", "played": False},
        "call.ended",
    ),
    "incoming": Machine(
        incoming_state,
        incoming_state.IncomingState,
        incoming.step,
        incoming.begin(
            IncomingCall(
                attempt="in-1",
                line="one",
                subject=None,
                number_hash="h",
                greeting="g",
                confirmation="o",
                object_key="9",
                durations=CLIPS,
                timers=Timers(),
            ),
            now(0.0),
            refusal=None,
        ).state,
        {},
        "incoming.ended",
    ),
    "self-test": Machine(
        selftest_state,
        selftest_state.SelfTestState,
        selftest.step,
        selftest.begun(
            CLEARANCE,
            attempt="a1",
            line="one",
            clip="c",
            clip_seconds=4.0,
            timers=Timers(),
            now=now(0.0),
        ),
        {},
        "call.ended",
    ),
}


def waiting(machine: Machine) -> list[type[Any]]:
    """Every state of *machine* but the last."""
    states = get_args(machine.union)
    return [state for state in states if state.__name__ != "Concluded"]


EVERY_STATE = [
    pytest.param(machine, state, id=f"{name}: {state.__name__}")
    for name, machine in MACHINES.items()
    for state in waiting(machine)
]


def example(machine: Machine, state: type[Any]) -> Any:
    """A state of that class with nothing known but what the call began with."""
    given = {
        field.name: getattr(machine.first, field.name)
        if hasattr(machine.first, field.name)
        else machine.more[field.name]
        for field in dataclasses.fields(state)
    }
    return state(**given)


@pytest.mark.parametrize("name", MACHINES)
def test_the_union_names_every_state_of_its_file(name: str) -> None:
    machine = MACHINES[name]
    (base,) = {state.__mro__[-2] for state in waiting(machine)}
    defined = {
        member
        for _, member in inspect.getmembers(machine.states, inspect.isclass)
        if issubclass(member, base) and not member.__name__.startswith("_")
    }
    states = set(get_args(machine.union))
    assert defined <= states
    assert {*get_args(machine.states.Live), machine.states.Concluded} == states


@pytest.mark.parametrize(("machine", "state"), EVERY_STATE)
def test_every_state_that_waits_is_frozen_and_has_a_deadline(
    machine: Machine, state: type[Any]
) -> None:
    assert get_type_hints(state)["deadline"] is float, "a deadline that may be missing is none"
    one = example(machine, state)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.deadline = 0.0
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(("machine", "state"), EVERY_STATE)
def test_time_alone_ends_every_state(machine: Machine, state: type[Any]) -> None:
    """Where the line says nothing more, each deadline is kept and the last one writes the end."""
    current, rows, orders = example(machine, state), [], []
    early = now(current.deadline - 0.001)
    assert machine.step(current, TimeReached(), early).state == current
    for _ in range(20):
        if isinstance(current, machine.states.Concluded):
            break
        at = now(current.deadline)
        step = machine.step(current, TimeReached(), at)
        assert step.state != current, "the deadline changed nothing"
        assert (
            isinstance(step.state, machine.states.Concluded) or step.state.deadline > at.monotonic
        )
        current = step.state
        rows += [effect for effect in step.effects if isinstance(effect, Record)]
        orders += [effect.order for effect in step.effects if isinstance(effect, Send)]
    assert isinstance(current, machine.states.Concluded)
    assert [row.kind for row in rows] == [machine.end]
    assert rows[0].data["cause"] is None
    untold = End.untold(0.0)
    assert rows[0].data["evidence"]["end"] == untold.evidence
    assert rows[0].data["evidence"]["confirmed"] is False
    hung_up = any(isinstance(order, HangUp) for order in orders)
    assert hung_up or state.__name__ == "HangingUp", "the end was never ordered"
