"""The ladders: hang-up until silence is proven, recovery until service; and the voice switch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firmware.at.outcomes import Reply
from firmware.at.parsing import registration
from firmware.at.results import Final, FinalKind
from firmware.clock import SystemClock
from firmware.errors import CommandAborted, CommandTimeout
from firmware.families import FAMILIES
from firmware.line.ladder import ABSENT_BEFORE_POWER, BACK_OFF, HEALTHY_AFTER, Ladder, Remedy
from firmware.modem.hang_up import hang_up, is_silent, read_calls
from firmware.modem.network import Service, judge_service, read_network_time, service_fault
from firmware.voice.path import AudioCallbacks, SilentPath
from firmware.voice.switch import VoiceSwitch

SIM7600 = FAMILIES["sim7600"]
ROW = '+CLCC: 1,0,0,0,0,"+33639980001",145'
OK = Reply(final=Final(kind=FinalKind.OK, text="OK"))
ERROR = Reply(final=Final(kind=FinalKind.ERROR, text="ERROR"))


class Script:
    """A modem whose call ends only at *ends_at*; commands are recorded."""

    emergency_count = 0

    def __init__(self, ends_at: str = "", **answers: Reply | Exception | list[Reply]) -> None:
        self.sent: list[str] = []
        self.up = True
        self.ends_at = ends_at
        self.lists: list[Reply | Exception] = []
        self.refuse: dict[str, list[Reply | Exception]] = {}

    def command(self, text: str, **_options: object) -> Reply:
        self.sent.append(text)
        if text == "AT+CLCC":
            answer: Reply | Exception = (
                self.lists.pop(0)
                if self.lists
                else Reply(final=OK.final, lines=(ROW,) if self.up else ())
            )
        else:
            answer = self.refuse[text].pop(0) if self.refuse.get(text) else OK
            if text == self.ends_at:
                self.up = False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def emergency_hang_up(self) -> None:
        self.sent.append("blind")


class Mute(Script):
    """A modem that answers nothing any more."""

    def command(self, text: str, **_options: object) -> Reply:
        self.sent.append(text)
        raise CommandTimeout(text)


def no_wait(_seconds: float) -> None:
    return


def rungs(script: Script) -> list[str]:
    return [command for command in script.sent if command != "AT+CLCC"]


def test_the_first_rung_is_enough_where_it_works() -> None:
    script = Script(ends_at="AT+CHUP")
    silence = hang_up(script, SIM7600, pause=no_wait)
    assert (silence.confirmed, silence.by, silence.radio_cycled) == (True, "AT+CHUP", False)
    assert script.sent == ["AT+CHUP", "AT+CLCC", "AT+CLCC"]


def test_how_often_the_list_is_read_and_how_long_apart() -> None:
    pauses: list[float] = []
    script = Script()
    assert not is_silent(script, SIM7600, pause=pauses.append)
    assert (script.sent, pauses) == (["AT+CLCC"] * 5, [0.2] * 4)
    script, pauses = Script(), []
    script.up = False
    assert is_silent(script, SIM7600, pause=pauses.append)
    assert (script.sent, pauses) == (["AT+CLCC"] * 2, [0.2])


@pytest.mark.parametrize(("aborts", "tries"), [(1, 2), (2, 3), (3, 3), (9, 3)])
def test_a_rung_that_stops_throw_out_is_tried_again_so_often(aborts: int, tries: int) -> None:
    script = Script()
    script.refuse["AT+CHUP"] = [CommandAborted("thrown out") for _ in range(aborts)]
    hang_up(script, SIM7600, pause=no_wait)
    first = script.sent[: script.sent.index("AT+CLCC")]
    assert first == ["AT+CHUP"] * tries


def test_ok_is_no_proof() -> None:
    """CHUP and ATH answer OK and do nothing: the ladder goes on to the radio."""
    script = Script(ends_at="AT+CFUN=4")
    silence = hang_up(script, SIM7600, pause=no_wait)
    assert silence.confirmed
    assert silence.radio_cycled
    assert rungs(script) == ["AT+CHUP", "ATH", "AT+CHUP", "AT+CFUN=4", "AT+CFUN=1"]


def test_a_modem_that_cannot_be_silenced_is_reported() -> None:
    assert not hang_up(Script(), SIM7600, pause=no_wait).confirmed


def test_an_unreadable_list_is_no_silence() -> None:
    script = Script(ends_at="AT+CHUP")
    script.lists = [ERROR, CommandTimeout("none"), Reply(final=OK.final, lines=("+CLCC: rubbish",))]
    silence = hang_up(script, SIM7600, pause=no_wait)
    assert silence.confirmed
    assert script.sent.count("AT+CLCC") == 5


def test_one_empty_list_is_not_yet_silence() -> None:
    """Right after the dial the call may not be listed yet."""
    script = Script()
    script.lists = [OK]
    assert not is_silent(script, SIM7600, pause=no_wait)


def test_a_mute_modem_is_given_up_soon_but_told_to_hang_up() -> None:
    """It may hear what it does not answer; AT before a command would hold the command back."""
    mute = Mute()
    assert not hang_up(mute, SIM7600, pause=no_wait).confirmed
    assert mute.sent == ["AT+CHUP", "blind", "AT+CLCC", "AT+CLCC"]
    mute = Mute()
    assert not is_silent(mute, SIM7600, pause=no_wait)
    assert len(mute.sent) == 3


def test_a_modem_that_answers_again_is_not_given_up() -> None:
    script = Script(ends_at="ATH")
    silent: Reply | Exception = CommandTimeout("AT+CLCC")
    script.lists = [silent, silent, ERROR, silent, silent, ERROR, ERROR]
    assert hang_up(script, SIM7600, pause=no_wait).by == "ATH"


def test_a_hang_up_without_result_may_have_worked() -> None:
    script = Script(ends_at="AT+CHUP")
    script.refuse["AT+CHUP"] = [CommandTimeout("none")]
    assert hang_up(script, SIM7600, pause=no_wait).by == "AT+CHUP"


def test_an_emergency_in_the_ladder_repeats_its_rung() -> None:
    script = Script(ends_at="AT+CHUP")
    script.refuse["AT+CHUP"] = [CommandAborted("stop")]
    assert hang_up(script, SIM7600, pause=no_wait).confirmed
    assert rungs(script) == ["AT+CHUP", "AT+CHUP"]


def test_data_and_released_rows_are_no_calls() -> None:
    script = Script()
    lines = ('+CLCC: 1,0,0,1,0,"",128', '+CLCC: 2,0,6,0,0,"+33639980001",145')
    script.lists = [Reply(final=OK.final, lines=lines)]
    assert read_calls(script, SIM7600) == ()


@pytest.mark.parametrize(
    ("states", "left"), [((3, 0, 0), [0]), ((0, 6), []), ((6, 2), [2]), ((2, 3), [3])]
)
def test_of_two_rows_of_one_call_the_later_counts(states: tuple[int, ...], left: list[int]) -> None:
    """Rows that came as notices are mixed into the answer of the query that was outstanding."""
    script = Script()
    lines = tuple(f'+CLCC: 1,0,{state},0,0,"+33639980001",145' for state in states)
    script.lists = [Reply(final=OK.final, lines=lines)]
    assert [int(row.state) for row in read_calls(script, SIM7600) or ()] == left


def climb(ladder: Ladder, times: int, *, answering: bool = True) -> tuple[Ladder, list[Remedy]]:
    steps = []
    for _ in range(times):
        ladder, remedy, wait = ladder.failed(answering=answering)
        assert wait > 0
        steps.append(remedy)
    return ladder, steps


OPEN, RESET, POWER, WAIT = Remedy.REOPEN, Remedy.RESET, Remedy.POWER_CYCLE, Remedy.WAIT
FIRST = [(OPEN, 0.5), (OPEN, 1.0), (OPEN, 2.0)]
THEN = [(OPEN, 10.0), (OPEN, 20.0), (OPEN, 30.0)]
WALKS = {
    "answers, no switch": (
        Ladder(),
        True,
        [
            (OPEN, 0.5),
            (OPEN, 1.0),
            (OPEN, 2.0),
            (RESET, 5.0),
            (OPEN, 10.0),
            (OPEN, 20.0),
            (OPEN, 30.0),
            (RESET, 30.0),
        ]
        + [(OPEN, 30.0)] * 3
        + [(WAIT, 60.0)] * 4,
    ),
    "answers, with a switch": (
        Ladder(power_switch=True),
        True,
        [
            (OPEN, 0.5),
            (OPEN, 1.0),
            (OPEN, 2.0),
            (RESET, 5.0),
            (OPEN, 10.0),
            (OPEN, 20.0),
            (OPEN, 30.0),
            (RESET, 30.0),
        ]
        + [*[(OPEN, 30.0)] * 3, (POWER, 30.0), *[(OPEN, 30.0)] * 3]
        + [(WAIT, 60.0)] * 4,
    ),
    "absent, no switch": (
        Ladder(),
        False,
        [
            (OPEN, 0.5),
            (OPEN, 1.0),
            (OPEN, 2.0),
            (OPEN, 5.0),
            (OPEN, 10.0),
            (OPEN, 20.0),
            *[(OPEN, 30.0)] * 6,
        ],
    ),
    "absent, with a switch": (
        Ladder(power_switch=True),
        False,
        [
            (OPEN, 0.5),
            (OPEN, 1.0),
            (OPEN, 2.0),
            (OPEN, 5.0),
            (OPEN, 10.0),
            (OPEN, 20.0),
            (OPEN, 30.0),
            (POWER, 30.0),
        ]
        + [(OPEN, 30.0)] * 4,
    ),
}


@pytest.mark.parametrize(("ladder", "answering", "walk"), WALKS.values(), ids=WALKS.keys())
def test_every_rung_and_every_wait(
    ladder: Ladder, answering: bool, walk: list[tuple[Remedy, float]]
) -> None:
    for number, step in enumerate(walk, start=1):
        ladder, remedy, wait = ladder.failed(answering=answering)
        assert (remedy, wait) == step, number


def test_what_is_known_of_a_line_that_never_failed() -> None:
    ladder = Ladder()
    assert not any((ladder.power_switch, ladder.cycled, ladder.out, ladder.call_reset))
    ladder, remedy, wait = ladder.failed(answering=True, call_up=True)
    assert (remedy, wait, ladder.failures, ladder.call_reset) == (RESET, 0.5, 1, True)
    # A call that cannot be reset away, since nobody answers, is looked for like any other.
    _, remedy, _ = Ladder().failed(answering=False, call_up=True)
    assert remedy is OPEN


def test_recovery_climbs_from_reopen_to_out_of_service() -> None:
    _, steps = climb(Ladder(power_switch=True), 16)
    special = [step for step in steps if step is not Remedy.REOPEN]
    assert special == [Remedy.RESET, Remedy.RESET, Remedy.POWER_CYCLE, Remedy.WAIT]
    _, steps = climb(climb(Ladder(), 12)[0], 5)
    assert set(steps) == {Remedy.WAIT}


def test_without_a_power_switch_none_is_thrown() -> None:
    _, steps = climb(Ladder(), 40)
    assert Remedy.POWER_CYCLE not in steps
    assert steps[-1] is Remedy.WAIT


def test_an_absent_modem_is_only_looked_for() -> None:
    _, steps = climb(Ladder(), 40, answering=False)
    assert set(steps) == {Remedy.REOPEN}


def test_an_absent_modem_gets_its_power_switched_once() -> None:
    """A module that died off the bus never comes back by itself."""
    _, steps = climb(Ladder(power_switch=True), 40, answering=False)
    assert steps.index(Remedy.POWER_CYCLE) == ABSENT_BEFORE_POWER - 1
    assert steps.count(Remedy.POWER_CYCLE) == 1


def test_a_call_that_will_not_end_loses_its_power_at_once() -> None:
    ladder, remedy, _ = Ladder(power_switch=True).failed(answering=True, call_up=True)
    assert remedy is Remedy.POWER_CYCLE
    _, remedy, _ = ladder.failed(answering=True, call_up=True)
    assert remedy is Remedy.RESET
    _, remedy, _ = Ladder().failed(answering=True, call_up=True)
    assert remedy is Remedy.RESET


def test_a_line_out_of_service_still_loses_its_power_for_a_call() -> None:
    ladder, _ = climb(Ladder(), 12)
    assert ladder.out
    _, remedy, _ = replace(ladder, power_switch=True).failed(answering=True, call_up=True)
    assert remedy is Remedy.POWER_CYCLE


@pytest.mark.parametrize("power_switch", [False, True])
def test_a_call_that_will_not_end_is_never_waited_out(power_switch: bool) -> None:
    for failures in range(20):
        ladder, _ = climb(Ladder(power_switch=power_switch), failures)
        if power_switch and not ladder.cycled:
            ladder, remedy, _ = ladder.failed(answering=True, call_up=True)
            assert remedy is Remedy.POWER_CYCLE
        for _ in range(6):
            ladder, remedy, wait = ladder.failed(answering=True, call_up=True)
            assert (remedy, wait) == (Remedy.RESET, BACK_OFF[0]), failures
            # The next look must find the module as it boots, or it never comes up.
            again, remedy, _ = ladder.failed(answering=True, call_up=True)
            assert remedy is Remedy.REOPEN, failures
            # In service meanwhile, or down for another reason: that call is a new one.
            _, remedy, _ = ladder.served(1.0).failed(answering=True, call_up=True)
            assert remedy is Remedy.RESET, failures
            other, _, _ = ladder.failed(answering=True)
            if not power_switch or other.cycled:
                _, remedy, _ = other.failed(answering=True, call_up=True)
                assert remedy is Remedy.RESET, failures
            ladder = again
    assert ladder.out
    _, remedy, _ = ladder.failed(answering=True)
    assert remedy is Remedy.WAIT


def test_long_service_forgets_and_short_does_not() -> None:
    ladder, _ = climb(Ladder(power_switch=True), 3)
    assert ladder.served(HEALTHY_AFTER - 1) == ladder
    assert ladder.served(HEALTHY_AFTER) == Ladder(power_switch=True)


@pytest.mark.parametrize(
    ("lines", "service"),
    [
        (["+CREG: 0,1", "+CEREG: 0,1"], Service.VOICE),
        (["+CREG: 0,5"], Service.VOICE),
        (["+CREG: 0,0", "+CEREG: 0,1"], Service.VOICE),
        (["+CREG: 0,6", "+CEREG: 0,1"], Service.SMS_ONLY),
        (["+CREG: 0,7"], Service.SMS_ONLY),
        (["+CREG: 0,0", "+CEREG: 0,6"], Service.SMS_ONLY),
        (["+CREG: 0,2", "+CEREG: 0,0"], Service.SEARCHING),
        (["+CREG: 0,3", "+CEREG: 0,3"], Service.DENIED),
        (["+CREG: 0,0"], Service.NONE),
        (["+CREG: 1,0,1"], Service.VOICE),
        ([], Service.UNKNOWN),
    ],
)
def test_service(lines: list[str], service: Service) -> None:
    rows = [row for row in map(registration, lines) if row is not None]
    assert judge_service(rows) is service
    fault = service_fault(service)
    assert (fault is None) is (service in (Service.VOICE, Service.UNKNOWN))


@pytest.mark.parametrize(
    ("family", "line", "told"),
    [
        ("sim7600", '+CCLK: "26/11/24,18:00:00+04"', datetime(2026, 11, 24, 17, tzinfo=UTC)),
        ("sim7600", '+CCLK: "26/11/24,12:00:00-20"', datetime(2026, 11, 24, 17, tzinfo=UTC)),
        ("sim7600", '+CCLK: "80/01/06,07:09:04"', None),
        ("sim7600", '+CCLK: "26/11/24,18:00:00"', None),
        ("sim7600", '+CCLK: "26/13/44,18:00:00+04"', None),
        ("quectel", '+QLTS: "2026/11/24,17:00:00+04,0"', datetime(2026, 11, 24, 17, tzinfo=UTC)),
        ("quectel", '+QLTS: ""', None),
        ("quectel", '+QLTS: "2000/01/01,00:00:00+00,1"', None),
        ("huawei", "^NWTIME: 26/11/24,18:00:00+04,00", datetime(2026, 11, 24, 17, tzinfo=UTC)),
    ],
)
def test_network_time(family: str, line: str, told: datetime | None) -> None:
    built = datetime(2025, 1, 1, tzinfo=UTC)
    assert read_network_time(FAMILIES[family], [line], not_before=built) == told


class VoicePath(SilentPath):
    kind = "pcm-serial"

    def __init__(self) -> None:
        def nothing(*_values: object) -> None: ...

        super().__init__(
            clock=SystemClock(),
            callbacks=AudioCallbacks(
                on_started=nothing, on_finished=nothing, on_downlink=nothing, on_failed=nothing
            ),
        )
        self.log: list[str] = []

    def start(self) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")

    def resume(self) -> None:
        self.log.append("resume")


def switch(
    script: Script,
    path: VoicePath,
    *,
    pause: Callable[[float], None] = no_wait,
    usual: int | None = None,
) -> VoiceSwitch:
    return VoiceSwitch(
        modem=script,
        family=SIM7600,
        path=path,
        pause=pause,
        log=logging.getLogger("test"),
        usual_refusals=usual,
    )


def test_the_voice_comes_on_when_the_call_exists() -> None:
    """A refusal before the answer is the SIM7600's way to say that there is no call yet."""
    script, path = Script(), VoicePath()
    script.refuse["AT+CPCMREG=1"] = [ERROR]
    voice = switch(script, path)
    voice.advance(answered=False)
    assert path.log == []
    voice.advance(answered=False)
    assert voice.on
    assert path.log == ["start"]
    assert not voice.rotten
    assert voice.refusals == 1


def test_a_refusal_after_the_answer_is_rot() -> None:
    script = Script()
    script.refuse["AT+CPCMREG=1"] = [ERROR]
    voice = switch(script, VoicePath())
    voice.advance(answered=True)
    voice.advance(answered=True)
    assert voice.on
    assert voice.rotten


def test_more_refusals_than_in_the_first_call_are_rot() -> None:
    script = Script()
    script.refuse["AT+CPCMREG=1"] = [ERROR]
    voice = switch(script, VoicePath(), usual=0)
    voice.advance(answered=False)
    voice.advance(answered=False)
    assert voice.rotten


def test_a_voice_that_never_comes_is_given_up() -> None:
    script = Script()
    script.refuse["AT+CPCMREG=1"] = [ERROR] * 50
    voice = switch(script, VoicePath())
    tries = 0
    while not voice.hopeless:
        voice.advance(answered=True)
        tries += 1
    assert SIM7600.audio is not None
    assert tries == SIM7600.audio.tries
    assert voice.refusals is None


def test_a_dead_downlink_is_restarted_once() -> None:
    script, path = Script(), VoicePath()
    voice = switch(script, path)
    voice.advance(answered=True)
    assert voice.restart()
    assert script.sent == ["AT+CPCMREG=1", "AT+CPCMREG=0,1", "AT+CPCMREG=1"]
    assert not voice.restart()
    # The module's word that it is full was of the stream that ended; a new one may come at once.
    assert path.log == ["start", "resume"]


def test_the_path_stops_before_the_module_does() -> None:
    script, path = Script(), VoicePath()
    script.refuse["AT+CPCMREG=0,1"] = [ERROR]
    voice = switch(script, path)
    voice.advance(answered=True)
    voice.stop()
    assert path.log == ["start", "stop"]
    assert script.sent[-2:] == ["AT+CPCMREG=0,1", "AT+CPCMREG=0"]
