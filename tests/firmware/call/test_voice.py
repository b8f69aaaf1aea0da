"""When the voice of a call is switched on, and what stops it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.call.progress import Phase
from firmware.call.voice import CallVoice
from firmware.errors import CommandAborted
from firmware.families import FAMILIES
from firmware.faults import Fault
from firmware.voice.path import AudioPath
from firmware.voice.switch import VoiceSwitch
from tests.support.card_fakes import open_card
from tests.support.line_context import line_context


class Switch:
    """A voice switch that notes what it is told."""

    def __init__(self) -> None:
        self.on = self.hopeless = False
        self.lost: str | None = None
        self.defects = 0
        self.log: list[str] = []
        self.aborts = 0

    def advance(self, *, answered: bool) -> None:
        self.log.append("answered" if answered else "early")

    def restart(self) -> bool:
        self.log.append("restart")
        return self.log.count("restart") == 1

    def stop(self) -> None:
        self.log.append("stop")
        if self.aborts:
            self.aborts -= 1
            raise CommandAborted("thrown out")


class Call:
    """As much of a call as its voice asks for."""

    def __init__(self, phase: Phase = Phase.DIALLING) -> None:
        self.progress = SimpleNamespace(phase=phase)
        self.failures: list[str] = []

    @property
    def speaking(self) -> bool:
        return self.progress.phase in (Phase.CLAIMED, Phase.ANSWERED)

    def is_over(self) -> bool:
        return self.progress.phase is Phase.OVER

    def audio_failed(self, detail: str, _at: float) -> None:
        self.failures.append(detail)


def muted(log: list[str]) -> AudioPath:
    """A voice path of which only the mute matters."""
    return cast(AudioPath, SimpleNamespace(mute=lambda: log.append("mute")))


class Rig:
    def __init__(self, phase: Phase = Phase.DIALLING) -> None:
        self.call, self.switch = Call(phase), Switch()
        self.voice = CallVoice(
            call=cast(Any, self.call),
            switch=cast(VoiceSwitch, self.switch),
            path=muted(self.switch.log),
            line=line_context(),
            emergencies=0,
        )


@pytest.mark.parametrize(
    ("phases", "tries"),
    [
        ("DIALLING", ["early"]),
        ("DIALLING DIALLING", ["early"]),
        ("DIALLING ALERTING ALERTING", ["early"]),
        ("DIALLING CLAIMED CLAIMED ANSWERED", ["early", "answered", "answered", "answered"]),
        # A false claim is back to ringing: that phase had its try.
        ("DIALLING CLAIMED ALERTING", ["early", "answered", "early"]),
        ("OVER", []),
    ],
)
def test_it_is_tried_once_in_each_phase_and_after_the_answer_again_and_again(
    phases: str, tries: list[str]
) -> None:
    rig = Rig()
    for phase in phases.split():
        rig.call.progress.phase = Phase[phase]
        rig.voice.advance()
    assert rig.switch.log == tries


def test_a_voice_that_is_on_is_left_alone() -> None:
    rig = Rig(Phase.ANSWERED)
    rig.switch.on = True
    rig.voice.advance()
    assert rig.switch.log == []


@pytest.mark.parametrize("when", ["before start", "within start", "never"])
def test_an_emergency_has_the_last_word_over_start(when: str) -> None:
    """``start`` lifts a mute, and the stop path may come just before it."""
    log: list[str] = []
    line = line_context()

    def emergency() -> None:
        line.emergencies += 1
        log.append("mute")

    class Switching:
        on = hopeless = False
        lost = None

        def advance(self, *, answered: bool) -> None:
            assert answered
            if when == "before start":
                emergency()
            log.append("start")
            if when == "within start":
                emergency()

    CallVoice(
        call=cast(Any, Call(Phase.CLAIMED)),
        switch=cast(VoiceSwitch, Switching()),
        path=muted(log),
        line=line,
        emergencies=0,
    ).advance()
    assert (log[-1] == "mute") is (when != "never")


def test_a_hopeless_voice_fails_once() -> None:
    rig = Rig(Phase.ANSWERED)
    rig.switch.hopeless = True
    for _ in range(2):
        rig.voice.advance()
    rig.voice.trouble("no bytes", 1.0)
    assert rig.call.failures == ["the modem did not switch the voice on"]
    assert rig.switch.log == ["answered"]


def test_trouble_costs_one_restart_and_then_the_voice() -> None:
    rig = Rig(Phase.ANSWERED)
    for _ in range(3):
        rig.voice.trouble("no bytes", 1.0)
    assert rig.switch.log == ["restart", "restart"]
    assert rig.call.failures == ["no bytes"]


def test_trouble_before_the_answer_is_none() -> None:
    rig = Rig(Phase.ALERTING)
    rig.voice.trouble("no bytes", 1.0)
    assert rig.switch.log == []


@pytest.mark.parametrize("phase", [Phase.DIALLING, Phase.ALERTING, Phase.ANSWERED])
@pytest.mark.parametrize("noticed_by", ["trouble", "advance"])
def test_a_path_that_is_gone_is_never_restarted(phase: Phase, noticed_by: str) -> None:
    """Its module would say OK to that, and the callee would hear nothing."""
    rig = Rig(phase)
    rig.switch.lost = "port gone"
    for _ in range(2):
        if noticed_by == "trouble":
            rig.voice.trouble("no bytes", 1.0)
        else:
            rig.voice.advance()
    assert rig.switch.log == []
    assert rig.call.failures == ["port gone"]
    assert rig.voice.fault() == (Fault.AUDIO_UNUSABLE, "port gone")


class Willing:
    """A module that says OK to everything."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def command(self, text: str, **_options: object) -> object:
        self.sent.append(text)
        return SimpleNamespace(final=SimpleNamespace(ok=True, text="OK"), lines=())


@pytest.mark.parametrize("family", ["quectel", "sim800"])
@pytest.mark.parametrize("phase", [Phase.DIALLING, Phase.ALERTING, Phase.ANSWERED])
@pytest.mark.parametrize("noticed_by", ["trouble", "advance"])
def test_nobody_hears_the_silence_of_a_card_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, family: str, phase: Phase, noticed_by: str
) -> None:
    why = "sound card EC25: device unavailable"
    call, modem, log = Call(phase), Willing(), logging.getLogger("test.voice")
    with open_card(monkeypatch) as card:
        card.card.broken = True
        switch = VoiceSwitch(
            modem=cast(Any, modem),
            family=FAMILIES[family],
            path=card.path,
            pause=lambda _: None,
            log=log,
        )
        voice = CallVoice(
            call=cast(Any, call),
            switch=switch,
            path=card.path,
            line=line_context(),
            emergencies=0,
        )
        if noticed_by == "trouble":
            switch.advance(answered=True)
            assert card.next() == ("failed", why)
            voice.trouble(why, 1.0)
        else:
            voice.advance()
        sent = list(modem.sent)
        voice.advance()
        voice.trouble(why, 2.0)
        assert call.failures == [why]
        assert modem.sent == sent, "the module would say OK to a restart"
        voice.stop()
        assert voice.fault() == (Fault.AUDIO_UNUSABLE, why)


def test_a_path_that_goes_with_the_call_is_the_line_s_business_alone() -> None:
    rig = Rig(Phase.OVER)
    rig.switch.lost = "port gone"
    rig.voice.trouble("no bytes", 1.0)
    assert rig.call.failures == [], "what the callee heard stands"
    assert rig.voice.fault() == (Fault.AUDIO_UNUSABLE, "port gone")


def test_a_voice_that_was_restarted_is_not_broken() -> None:
    rig = Rig(Phase.ANSWERED)
    rig.voice.trouble("no bytes", 1.0)
    assert rig.voice.fault() is None


def test_a_box_that_failed_at_what_it_was_told_may_be_deaf() -> None:
    rig = Rig(Phase.ANSWERED)
    rig.switch.defects = 12
    assert rig.voice.fault() == (Fault.INTERNAL, "the box failed at 12 reports of its voice")


def test_a_stop_does_not_keep_the_voice_on() -> None:
    rig = Rig(Phase.OVER)
    rig.switch.aborts = 1
    rig.voice.stop()
    assert rig.switch.log == ["stop", "stop"]
