"""The moves that several states of a call share: play, wait, close, hang up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from appliance.call.state import Call, Closing, HangingUp, Live, State, Waiting
from appliance.effects import Effect, Now, Send
from firmware.events import Machine
from firmware.orders import HangUp, Play

MONOLOGUE_WAIT = 2.0
"""Seconds left to press a key once the far end talked on like a machine."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where the call stands now and what the shell must do, in order."""

    state: State
    effects: tuple[Effect, ...] = ()


def know(state: Live, **facts: Any) -> Live:
    """Return the same state with these facts about the call noted."""
    return replace(state, facts=replace(state.facts, **facts))


def until(call: Call, deadline: float) -> float:
    """Return *deadline*, or the end of the window where that comes first."""
    return min(deadline, call.end_by)


def play(state: Live, clip: str) -> Send:
    return Send(order=Play(line=state.call.line, attempt=state.call.attempt, clip=clip))


def clip_deadline(call: Call, clip: str, at: float, *, started: bool) -> float:
    """Return when *clip*, begun or ordered at *at*, counts as over without a notice."""
    timers = call.timers
    allowance = timers.clip_margin if started else timers.clip_margin + timers.clip_start
    return until(call, at + call.script.durations[clip] + allowance.total_seconds())


def hang_up(state: Live, reason: str, now: Now, *, again: bool = False) -> Step:
    """Order the hang-up once; *again* repeats the order and leaves its deadline."""
    if isinstance(state, HangingUp) and not again:
        return Step(state)
    call = state.call
    facts = replace(state.facts, hung_up_because=state.facts.hung_up_because or reason)
    deadline = now.monotonic + call.timers.hang_up.total_seconds()
    if isinstance(state, HangingUp):
        deadline = state.deadline
    order = HangUp(line=call.line, attempt=call.attempt)
    return Step(HangingUp(call, facts, deadline), (Send(order=order),))


def close(state: Live, clip: str, reason: str, now: Now) -> Step:
    """Play the last *clip*; its end hangs up because of *reason*."""
    deadline = clip_deadline(state.call, clip, now.monotonic, started=False)
    return Step(Closing(state.call, state.facts, deadline, clip, reason), (play(state, clip),))


def wait(state: Live, at: float) -> Waiting:
    """Wait for a key from *at* on."""
    seconds = state.call.timers.key_wait.total_seconds()
    if state.facts.machine is Machine.MONOLOGUE:
        seconds = min(seconds, MONOLOGUE_WAIT)
    return Waiting(state.call, state.facts, until(state.call, at + seconds))
