"""The configuration: every fault at once, with line, column, key and remedy."""

from __future__ import annotations

import math
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.circumstances import longest_call
from appliance.cli.main import main
from appliance.config import load as configuration
from appliance.config import paths
from appliance.config.paths import sample_config, state_directory
from appliance.model import Outcome
from firmware.clips.clip import Clip, encode_wav
from firmware.clips.levels import quantise
from firmware.yaml_document import DocumentFaulty, read_document

SHIPPED = sample_config()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    shutil.copy(SHIPPED, tmp_path / "config.yaml")
    (tmp_path / "audio").symlink_to(SHIPPED.parent / "audio")
    return tmp_path


def faults_after(directory: Path, *changes: tuple[str, str]) -> list[str]:
    """The faults of the shipped file with some text replaced, without the directory."""
    file = directory / "config.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    with pytest.raises(DocumentFaulty) as caught:
        configuration.load(file)
    return [fault.text("config.yaml") for fault in caught.value.faults]


def test_the_shipped_file_is_right() -> None:
    shipped = configuration.load(SHIPPED)
    assert shipped.bench
    assert shipped.state == (SHIPPED.parent / "state").resolve()
    assert shipped.simulated_start == datetime(2027, 3, 9, 17, tzinfo=UTC)
    assert shipped.campaign.retry.after[Outcome.BUSY] == timedelta(minutes=15)
    script = shipped.campaign.script("de")
    assert script.language == "fr"
    assert 3 < script.durations[script.greeting] < 15
    assert script.incoming is not None
    assert 3 < script.durations[script.incoming] < 9


def test_minutes_a_day_that_no_call_fits_into_are_refused(directory: Path) -> None:
    config = configuration.load(directory / "config.yaml")
    timers = config.campaign.timers
    longest = max(longest_call(each, timers) for each in config.campaign.scripts.values())
    least = math.ceil(longest / 60)
    limits = "\nlimits:\n  line-1: {{minutes_per_day: {}}}\nlaw:\n"
    (fault,) = faults_after(directory, ("\nlaw:\n", limits.format(least - 1)))
    assert "limits.line-1.minutes_per_day: a call in" in fault
    assert fault.endswith(f"would never dial; write at least {least}")
    whole = changed(directory, (limits.format(least - 1), limits.format(least)))
    assert whole.settings.limits["line-1"].minutes_per_day == least


def changed(directory: Path, *changes: tuple[str, str]) -> configuration.Config:
    file = directory / "config.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    return configuration.load(file)


def test_the_floor_of_the_product_holds_where_the_file_asks_for_less(directory: Path) -> None:
    assert configuration.load(directory / "config.yaml").floors == ()
    config = changed(
        directory,
        ("ring: 30 s", "ring: 5 s"),
        ("busy: 15 min", "busy: 2 min"),
        ("no_answer: 1 h", "no_answer: 59 min"),
        ("failed: 1 h", "voicemail: 2 h"),
    )
    assert config.campaign.timers.ring == timedelta(seconds=15)
    assert [line.split(" says ")[0] for line in config.floors] == [
        "campaign.timers.ring",
        "campaign.retry.after.busy",
        "campaign.retry.after.no_answer",
        "campaign.retry.after.voicemail",
    ]
    assert "24 hours after this outcome" in config.floors[-1]


@pytest.mark.parametrize("zone", ["EST", "UTC", "Etc/GMT-1", "CET"])
def test_a_zone_that_no_place_keeps_is_refused(directory: Path, zone: str) -> None:
    (fault,) = faults_after(directory, ("timezone: Europe/Paris", f"timezone: {zone}"))
    assert f'law.timezone: "{zone}" is no civil time' in fault


def test_a_fast_clock_does_not_hurry_what_is_late(directory: Path) -> None:
    file = directory / "config.yaml"
    text = file.read_text()
    waits = {}
    for speed in (1, 8):
        file.write_text(text.replace("speed: 10", f"speed: {speed}", 1))
        timers = configuration.load(file).campaign.timers
        waits[speed] = (timers.clip_start / speed, timers.clip_margin / speed)
    assert waits[8] == waits[1]


def test_the_state_option_wins(tmp_path: Path) -> None:
    assert configuration.load(SHIPPED, state=tmp_path / "elsewhere").state == tmp_path / "elsewhere"


def test_the_state_is_found_without_the_rest(directory: Path) -> None:
    (directory / "config.yaml").write_text("box: {state: here}\nlines: nonsense\n")
    assert state_directory(directory / "config.yaml") == directory / "here"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'number: "+33199000001"',
            "number: +33199000001",
            'law.caller.number: stands without quotes; write "+33199000001" in quotes',
        ),
        (
            'listen: "1"',
            "listen: 1",
            'campaign.keys.listen: stands without quotes; write "1" in quotes',
        ),
        ('closes: "20:00"', "closes: 20:00", "law.ballots[0].closes: stands without quotes"),
        *(
            ('closes: "20:00"', f'closes: "{hour}"', f'closes: "{hour}" is not a time')
            for hour in ("18:00Z", "18:00+00:00", "20:00:30", "20:00:00.5")
        ),
        (
            "bench: true # a",
            "bench: true\n    sim_pin: 0123 # a",
            "lines[0].sim_pin: stands without quotes; write it in quotes",
        ),
        ("bench: true # a", "bench: yes # a", 'lines[0].bench: "yes" is neither true nor false'),
        (
            "  profile: fr",
            "  profile: fr\n  retention_days: 0",
            "law.retention_days: input should be greater than or equal to 1; write the days",
        ),
        (
            "law:",
            "ledger:\n  signing_key: nowhere\nlaw:",
            'ledger.signing_key: "nowhere" is not a file; make one with: ssh-keygen',
        ),
        (
            "  mode: automatic",
            "  moed: automatic",
            "campaign.moed: is not a known key; did you mean mode?",
        ),
        (
            "  profile: fr",
            "  profile: fr\n  profile: uk",
            "law.profile: is given twice (first on line",
        ),
        (
            "purpose: neighbourhood-news",
            "purpose:",
            "campaign.purpose: must be text; write the purpose",
        ),
        (
            "default_language: fr",
            "default_language: de",
            "campaign.default_language: de has no clips",
        ),
        (
            "ring: 30 s",
            "ring: 30",
            'campaign.timers.ring: "30" is not a duration; write a duration from 1 s to 10 min',
        ),
        ("busy: 15 min", "listened: 15 min", "campaign.retry.after.listened: is not a known name"),
        ("ring: 30 s", "ring: 0 s", "is no wait of a telephone call; write a duration from 1 s"),
        ("ring: 30 s", "ring: 601 s", "is no wait of a telephone call"),
        ("ring: 30 s", f"ring: {'9' * 60} s", "is longer than a year"),
        ("ring: 30 s", f"ring: {'9' * 400} d", "is longer than a year"),
        ("busy: 15 min", "busy: 367 d", "campaign.retry.after.busy: "),
        ("busy: 15 min", "busy: 99999999999 h", "is longer than a year"),
        (
            "max_attempts: 2",
            "max_attempts: 99",
            "campaign.retry.max_attempts: input should be less than or equal to 10",
        ),
        ("Europe/Paris", "Europe/Pariss", 'law.timezone: "Europe/Pariss" is not a time zone'),
        (
            'date: "2027-04-11"',
            'date: "2027-02-30"',
            'law.ballots[0].date: "2027-02-30" is not a day',
        ),
        ("name: line-2", "name: line-1", 'lines[1].name: "line-1" is already used by lines[0]'),
        ("port: state/lines/line-2.at", "port: state/lines/line-1.at", "lines[1].port:"),
        *(
            (f"port: state/lines/line-{line}.at", f"port: {other}", fault)
            for line, other, fault in (
                (1, "state/lines/line-1.audio", "lines[0].audio: "),
                (2, "state/lines/line-1.audio", "lines[1].port: "),
                (
                    2,
                    "state/lines/line-2.at\n    emergency_port: state/lines/line-1.at",
                    "lines[1].em",
                ),
                (
                    2,
                    "auto\n    emergency_port: state/lines/line-2.audio",
                    "lines[1].emergency_port: ",
                ),
            )
        ),
        ("stop: 6", "stop: 5", "panel.stop: pin 5 is already used by start"),
        ("stop: 6", "stop: 60", "panel.stop: input should be less than or equal to 27"),
        (
            "bench: true # a",
            "bench: false # a",
            "clock.simulated_start: needs bench: true on every line",
        ),
        ('"2027-03-09T18:00:00+01:00"', '"2027-03-09T18:00:00"', "clock.simulated_start:"),
        (
            "greeting_limit: 12 s",
            "greeting_limit: 12",
            'campaign.greeting_limit: "12" is not a duration; write a duration from 1 s to 5 min',
        ),
        (
            "greeting_limit: 12 s",
            "greeting_limit: 0 s",
            'campaign.greeting_limit: "0 s" is no length of a greeting; write a duration from 1 s',
        ),
        ("speed: 10", "speed: 1000", "clock.speed: input should be less than or equal to 100"),
        (
            "greeting: audio/greeting.fr.wav",
            "greeting: audio/none.wav",
            "campaign.clips.fr.greeting:",
        ),
        (
            "      incoming: audio/incoming.en.wav\n",
            "",
            "campaign.clips.en: has no clip for callers, whom a line answers",
        ),
        (
            "incoming: audio/incoming.fr.wav",
            "incoming: audio/none.wav",
            "campaign.clips.fr.incoming:",
        ),
        (
            "bench: true # a",
            "bench: true\n    power_pin: 23 # a",
            "lines[0].power_pin: pin 23 is already used by fault",
        ),
        (
            "bench: true # a",
            "bench: true\n    power_cut: off # a",
            "lines[0].power_cut:",
        ),
        (
            'object: "9"',
            'object: "1"',
            "campaign.keys: listen and object must be two different keys",
        ),
        *(
            ("\nlaw:\n", f"\nlimits:\n  {limits}\nlaw:\n", fault)
            for limits, fault in (
                ("line-9: {calls_per_hour: 2}", "no line has this name; write one of line-1"),
                ("line-1: {calls_per_hour: 0}", "limits.line-1.calls_per_hour:"),
                ("line-1: {calls_per_day: many}", "limits.line-1.calls_per_day:"),
                ("line-1: {minutes_per_day: 1.5}", "limits.line-1.minutes_per_day:"),
                ("line-1: {numbers_a_day: 2}", "limits.line-1.numbers_a_day:"),
                ("line-1: 20", "limits.line-1:"),
                *(
                    (f"line-1: {{balance: {{ussd: '{code}', pattern: '([0-9]+)'}}}}", said)
                    for code, said in (
                        ("**21*33199000001#", "is no USSD code that only asks"),
                        ("*21*3319#", "changes what the SIM does"),
                        ("#33*1234#", "changes what the SIM does"),
                        ("+33199000001", "is no USSD code that only asks"),
                        ('*100#",15;ATD', "is no USSD code that only asks"),
                        ("", "is no USSD code that only asks"),
                    )
                ),
                (
                    "line-1: {balance: {ussd: '*100#', pattern: 'credit'}}",
                    "has no group for the amount",
                ),
                (
                    "line-1: {balance: {ussd: '*100#', pattern: '(credit'}}",
                    "is no regular expression",
                ),
                (
                    "line-1: {balance: {ussd: '*100#', pattern: '(.*)', every: 5 min}}",
                    "is too often",
                ),
            )
        ),
    ],
)
def test_a_fault_names_its_place_and_the_remedy(
    directory: Path, old: str, new: str, fault: str
) -> None:
    faults = faults_after(directory, (old, new))
    assert any(fault in text for text in faults), faults
    assert all(re.match(r"config\.yaml:\d+:\d+: ", text) for text in faults)


def test_the_place_is_the_value_s(directory: Path) -> None:
    (fault,) = faults_after(directory, ("  profile: fr", "  profile: 12"))
    line = SHIPPED.read_text().split("  profile: fr")[0].count("\n") + 1
    assert fault.startswith(f"config.yaml:{line}:12: law.profile: must be text")


def test_all_faults_come_at_once(directory: Path) -> None:
    faults = faults_after(
        directory, ("ring: 30 s", "ring: 30"), ("stop: 6", "stop: 60"), ("name: demo-box", "nam: x")
    )
    assert len(faults) == 4  # the misspelt key is unknown, and the real one is missing


def test_a_wrong_name_hides_no_fault_of_form(directory: Path) -> None:
    """What a value must be by itself is said of every value, whichever module knows it."""
    faults = faults_after(
        directory,
        ("  profile: fr", "  profile: xx"),
        ("timezone: Europe/Paris", "timezone: Europe/Pariss"),
        ("category: ", "category: un"),
        ('date: "2027-04-11"', 'date: "2027-02-30"'),
        ('closes: "20:00"', 'closes: "20 h"'),
        ('"2027-03-09T18:00:00+01:00"', '"2027-03-09T18:00:00"'),
        ("ring: 30 s", "ring: 30"),
    )
    assert [fault.split(": ")[1] for fault in faults] == [
        "campaign.timers.ring",
        "law.profile",
        "law.timezone",
        "law.ballots[0].date",
        "law.ballots[0].closes",
        "law.caller.category",
        "clock.simulated_start",
    ]
    assert "is not a law profile; write one of ca, " in faults[1]


def test_a_real_box_cannot_live_on_another_day(directory: Path) -> None:
    text = (directory / "config.yaml").read_text().replace("bench: true", "bench: false", 1)
    (directory / "config.yaml").write_text(text)
    with pytest.raises(DocumentFaulty) as caught:
        configuration.load(directory / "config.yaml")
    paths = {fault.path for fault in caught.value.faults}
    assert {"clock.speed", "clock.simulated_start", "panel.simulated"} <= paths


@pytest.mark.parametrize("text", ["", "[]", "12", "box", "box: []", "lines: {}"])
def test_something_else_altogether_is_refused(directory: Path, text: str) -> None:
    (directory / "config.yaml").write_text(text)
    with pytest.raises(DocumentFaulty):
        configuration.load(directory / "config.yaml")


def test_a_key_given_twice_hides_no_other_fault(tmp_path: Path) -> None:
    text = sample_config().read_text(encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(
        text.replace("  profile: fr", "  profile: fr\n  profile: uk\n  colour: red"),
        encoding="utf-8",
    )
    with pytest.raises(DocumentFaulty) as caught:
        configuration.load(file)
    assert [fault.path for fault in caught.value.faults] == ["law.profile", "law.colour"]


def seconds(count: float) -> int:
    return round(8000 * count)


@pytest.fixture
def own_clips(directory: Path) -> Path:
    """Short clips that a test may spoil."""
    (directory / "audio").unlink()
    (directory / "audio").mkdir()
    for clip in (SHIPPED.parent / "audio").glob("*.wav"):
        words = Clip.load(clip, clip.stem).pcm[: 2 * seconds(1.5)]
        (directory / "audio" / clip.name).write_bytes(encode_wav(words))
    return directory


def spoil(directory: Path) -> None:
    """Write clips that load, but that nobody could use."""
    greeting = directory / "audio" / "greeting.fr.wav"
    voice = np.frombuffer(Clip.load(greeting, "greeting").pcm, "<i2") / 32768
    whisper = np.concatenate([np.zeros(seconds(6)), voice * 0.01])
    for name, sound in {
        "greeting.fr": np.tile(voice, 9),
        "message.fr": np.full(seconds(2), 0.1),
        "prompt.fr": np.clip(voice * 20, -1, 1),
        "farewell.fr": whisper,
        "opted_out.en": np.concatenate([voice, np.zeros(seconds(2))]),
    }.items():
        (directory / "audio" / f"{name}.wav").write_bytes(encode_wav(quantise(sound)))


def test_clips_are_examined_with_all_their_faults(own_clips: Path) -> None:
    spoil(own_clips)
    file = own_clips / "config.yaml"
    assert configuration.load(file).clip_advice == ()
    with pytest.raises(DocumentFaulty) as caught:
        configuration.load(file, examine=True)
    said = [fault.text("config.yaml") for fault in caught.value.faults]
    for words in (
        r"campaign\.clips\.fr\.greeting: .*greeting\.fr\.wav: lasts 13\.5 s, at most 12 .*shorter",
        r"campaign\.clips\.fr\.message: .*: silent but for a constant offset .*; record it again",
        r"campaign\.clips\.fr\.prompt: .*: clipped in .*; autodialer audio prepare .*NEW\.wav",
        r"campaign\.clips\.fr\.farewell: .*: too quiet.*; autodialer audio prepare",
        r"campaign\.clips\.fr\.farewell: .*: starts with 6\.\d+ s of silence; autodialer",
    ):
        assert any(re.search(words, fault) for fault in said), words
    assert not any("opted_out" in fault for fault in said), "advice refuses nothing"


@pytest.mark.parametrize("command", ["check", "run", "doctor"])
def test_who_calls_or_says_so_examines_the_clips(
    own_clips: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(own_clips)
    assert main(["--config", str(own_clips / "config.yaml"), command]) == 2
    told = capsys.readouterr()
    # The doctor's word on it is a row among the others.
    assert "clipped in" in (told.out if command == "doctor" else told.err)
    assert not (own_clips / "state").exists()


def test_check_prints_advice_on_clips_and_the_limit_is_configured(
    own_clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting = own_clips / "audio" / "greeting.fr.wav"
    pcm = Clip.load(greeting, "greeting").pcm
    greeting.write_bytes(encode_wav(pcm + bytes(2 * seconds(2))))
    file = own_clips / "config.yaml"
    file.write_text(file.read_text().replace("greeting_limit: 12 s", "greeting_limit: 3.6 s", 1))
    assert main(["--config", str(file), "check"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"greeting\.fr\.wav: ends with [12]\.\d+ s of silence", out)
    file.write_text(file.read_text().replace("greeting_limit: 3.6 s", "greeting_limit: 3.4 s", 1))
    assert main(["--config", str(file), "check"]) == 2
    assert "at most 3.4 s" in capsys.readouterr().err


def test_words_that_object_are_added_by_language(directory: Path) -> None:
    config = changed(
        directory, ("logging:", 'objections:\n  fr: [ras le bol, "basta!"]\n  en: [no]\nlogging:')
    )
    assert config.settings.objections == {"fr": ("ras le bol", "basta!"), "en": ("no",)}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("fr: [svp]", 'config.yaml:LINE: objections.fr[0]: "svp" says nothing by itself'),
        ('fr: ["!!"]', "says nothing by itself"),
        ("fr: [OUI]", "is how people agree"),
        ("english: [stop]", "objections"),
        ("fr: stop", "objections.fr"),
        ('fr: ["x"]', "objections.fr[0]"),
        ("fr: [12]", "objections.fr[0]"),
    ],
)
def test_words_that_could_not_object_are_refused_with_their_place(
    directory: Path, written: str, told: str
) -> None:
    (fault,) = faults_after(directory, ("logging:", f"objections:\n  {written}\nlogging:"))
    assert re.sub(r":[0-9]+:[0-9]+:", ":LINE:", fault).find(told) >= 0, fault


PLAIN_STATE = [
    "box:\n  name: x\n  state: state # here\n",
    "# first\nbox:\n  state: /var/lib/autodialer\n  name: x\nlines: 3\n",
    "box:\n  state: 12\n",
    "box:\n  state: null\n",
    "box:\n  state: 0x1F\n",
    'box:\n  state: "quoted"\n',
    "box: {state: here}\n",
    "box:\n  state: a\n  state: b\n",
    "box:\n  state: a\nbox:\n  state: b\n",
    'box:\n  name: "a\n  state: b"\n  state: c\n',
    "box:\n  name: a\n    state: b\n  state: c\n",
    "box:\n  name: a\n    b\n  state: c\n",
    "box:\n  name:\n    state: a\n  state: b\n",
    "box:\n  state: a\n    b\n",
    "box:\n  state: a\n\n    b\n",
    "box:\n  state: &a b\n",
    "box:\n  state: a:b\n",
    "box:\n  state: a#b\n",
    "box:\n  state: a\r\n",
    "lines: >\n box:\nbox:\n  state: a\n",
    "---\nbox:\n  state: a\n",
    "box:\n  state:\n",
    "box:\n\tstate: a\n",
    "box:\n  state: éé\n",
    "box:\n  state: -a\n",
    "box:\n  state: a\n ? b\n",
    "box: # c\n  # d\n  state: a\n# e\n",
]


@pytest.mark.parametrize("text", PLAIN_STATE, ids=ascii)
def test_the_short_way_to_the_state_says_what_the_reader_says(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    short = paths._plainly_said(file)
    try:
        value = read_document(file).value
    except DocumentFaulty:
        return
    box = value.get("box") if isinstance(value, dict) else None
    read = box.get("state") if isinstance(box, dict) else None
    assert short in (None, read)


FRAGMENTS = (
    'box:|  state: a|  state: b/c| state: d|  name: x|    e|lines: 1||# f|  # g|  name: "|"|'
    "  - h|  state: 1e5|  name: \\||   state: i|  name: >|---|..."
)


@given(st.lists(st.sampled_from(FRAGMENTS.split("|")), max_size=7))
def test_the_short_way_never_says_anything_else(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    file = tmp_path_factory.mktemp("plain") / "config.yaml"
    file.write_text("\n".join(lines))
    short = paths._plainly_said(file)
    if short is None:
        return
    try:
        value = read_document(file).value
    except DocumentFaulty:
        return
    assert isinstance(value, dict)
    assert isinstance(value["box"], dict)
    assert value["box"]["state"] == short


def test_the_shipped_configuration_takes_the_short_way() -> None:
    assert paths._plainly_said(SHIPPED) == "state"


def test_two_lines_share_no_modem(directory: Path) -> None:
    modem = '    imei: "353456789012347"\n'
    ports = [f"    port: state/lines/line-{line}.at\n" for line in (1, 2)]
    faults = faults_after(directory, *((port, port + modem) for port in ports))
    assert len(faults) == 1
    assert 'lines[1].imei: "353456789012347" is already used by lines[0]' in faults[0]
