"""The shape of ``config.yaml``: sections, keys, ranges, and what to write where a value is wrong.

The models only say what a value must look like by itself; what must fit together is checked in
:mod:`appliance.config.load`. Each field's description is the remedy that an error message ends
with.

Long because each section of the file stands here, each key with what to write where it is wrong.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from appliance.law import Category, profile_names
from appliance.model import Outcome
from appliance.zones import zone_fault
from firmware.wording import worded

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*\Z")
_LONGEST = timedelta(days=366)
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(worded("is not a duration"))
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(worded("is longer than a year"))
    return timedelta(seconds=seconds)


def _timer(wait: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= wait <= timedelta(minutes=10):
        raise ValueError(worded("is no wait of a telephone call"))
    return wait


def _greeting_limit(limit: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= limit <= timedelta(minutes=5):
        raise ValueError(worded("is no length of a greeting"))
    return limit


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(worded("is not a day")) from None


def _hour(value: Any) -> time:
    try:
        at = time.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(worded("is not a time")) from None
    # It is the wall's, to the minute: an offset or seconds would be left out without a word.
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError(worded("is not a time"))
    return at


def _instant(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(worded("is not a date and time with offset"))
    return at


def _zone(name: str) -> str:
    fault = zone_fault(name)
    if fault is not None:
        raise ValueError(fault)
    return name


def _profile(name: str) -> str:
    if name not in profile_names():
        raise ValueError(worded("is not a law profile"))
    return name


def _category(name: Any) -> Category:
    try:
        return Category(name)
    except ValueError:
        raise ValueError(worded("is not a category")) from None


def _objection(entry: str) -> str:
    # Imported here: most files add no words, and those of the shipped languages take a while.
    from appliance.objections.understand import Phrasebook, agrees

    if Phrasebook().means_nothing(entry):
        raise ValueError(worded("says nothing by itself"))
    if agrees(entry):
        raise ValueError(worded("is how people agree"))
    return entry


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Day = Annotated[date, BeforeValidator(_day)]
Hour = Annotated[time, BeforeValidator(_hour)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Timer = Annotated[Duration, AfterValidator(_timer)]
GreetingLimit = Annotated[Duration, AfterValidator(_greeting_limit)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]
Pin = Annotated[int, Field(ge=0, le=27)]
Objection = Annotated[
    str, StringConstraints(min_length=2, max_length=80), AfterValidator(_objection)
]

_TIMER_HELP = worded("write a duration from 1 s to 10 min, such as 45 s")
_DURATION_HELP = worded("write a number and a unit, such as 90 s, 15 min, 2 h or 1 d")


class Section(BaseModel):
    """A mapping in which only the named keys may stand."""

    # Built when it is first asked to judge: `Settings` then builds all of it at once, and not each
    # section by itself besides, which takes as long as reading the file.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Box(Section):
    name: Name = Field(description=worded("write a short name of letters, digits, dots and dashes"))
    state: Annotated[str, StringConstraints(min_length=1)] = Field(
        description=worded(
            "write the directory of ledger and registry, such as /var/lib/autodialer"
        )
    )


class Clips(Section):
    """The recordings of one language, as paths relative to the configuration file."""

    greeting: str = Field(
        description=worded("write the path of a WAV file: who calls, 9 to object, 1 to listen")
    )
    prompt: str = Field(description=worded("write the path of a WAV file: the keys again"))
    message: str = Field(description=worded("write the path of a WAV file: the message itself"))
    farewell: str = Field(description=worded("write the path of a WAV file: goodbye"))
    opted_out: str = Field(
        description=worded("write the path of a WAV file: confirms that 9 was heard")
    )
    incoming: str | None = Field(
        default=None,
        description=worded("write the path of a WAV file for callers: who this is, 9 to object"),
    )


class Keys(Section):
    listen: Key = Field(default="1", description=worded('write one key in quotes, such as "1"'))
    object: Key = Field(default="9", description=worded('write one key in quotes, such as "9"'))


class TimerSettings(Section):
    ring: Timer = Field(default=timedelta(seconds=45), description=_TIMER_HELP)
    key_wait: Timer = Field(default=timedelta(seconds=8), description=_TIMER_HELP)
    prompt_repeats: Annotated[int, Field(ge=0, le=3)] = Field(
        default=1, description=worded("write 0, 1, 2 or 3")
    )
    set_up: Timer = Field(default=timedelta(seconds=15), description=_TIMER_HELP)
    hang_up: Timer = Field(default=timedelta(seconds=20), description=_TIMER_HELP)


RetryableOutcome = Literal[
    "declined", "voicemail", "busy", "no_answer", "rejected", "unreachable", "failed", "stopped"
]


def _default_retry() -> dict[RetryableOutcome, timedelta]:
    return {
        "busy": timedelta(minutes=15),
        "no_answer": timedelta(hours=2),
        "rejected": timedelta(hours=20),
        "unreachable": timedelta(hours=4),
        "voicemail": timedelta(hours=20),
        "failed": timedelta(minutes=30),
    }


class RetrySettings(Section):
    max_attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description=worded("write a whole number from 1 to 10")
    )
    after: dict[RetryableOutcome, Duration] = Field(
        default_factory=_default_retry,
        description=worded(
            "write outcome: pause, such as busy: 15 min; what is left out is not retried"
        ),
    )

    def pauses(self) -> dict[Outcome, timedelta]:
        return {Outcome(name): pause for name, pause in self.after.items()}


class CampaignSettings(Section):
    purpose: Name = Field(description=worded("write the purpose exactly as the consents name it"))
    mode: Literal["automatic", "attended"] = Field(
        default="automatic",
        description=worded("write automatic, or attended (one press, one call)"),
    )
    start: Literal["at_once", "on_button"] = Field(
        default="at_once",
        description=worded(
            "write at_once, or on_button to wait for the start button after power-up"
        ),
    )
    default_language: Language = Field(
        description=worded("write a language that clips has, such as fr")
    )
    clips: dict[Language, Clips] = Field(
        min_length=1, description=worded("write one group of clips per language")
    )
    sms_confirmation: Annotated[str, StringConstraints(max_length=160)] = Field(
        default="",
        description=worded("write the text that answers an objection by SMS, or leave it out"),
    )
    calling_back: Literal["may_object", "objects"] = Field(
        default="may_object",
        description=worded(
            "write may_object (a caller presses the key), or objects where people were told that "
            "calling this number ends the calls"
        ),
    )
    greeting_limit: GreetingLimit = Field(
        default=timedelta(seconds=12),
        description=worded("write a duration from 1 s to 5 min, such as 12 s"),
    )
    keys: Keys = Keys.model_construct()
    timers: TimerSettings = TimerSettings.model_construct()
    retry: RetrySettings = RetrySettings.model_construct()


class BallotSettings(Section):
    date: Day = Field(description=worded('write the day in quotes, such as "2027-04-11"'))
    closes: Hour = Field(
        default=time(20),
        description=worded('write the hour polls close in quotes, such as "20:00"'),
    )
    territory: str | None = Field(
        default=None, description=worded("write the territory that votes, or leave it out")
    )


class CallerSettings(Section):
    number: str = Field(description=worded('write the SIM\'s number in quotes, such as "+33162…"'))
    category: Annotated[Category, BeforeValidator(_category)] = Field(
        description=worded("write one of {names}", names=", ".join(Category))
    )


class LawSettings(Section):
    profile: Annotated[Name, AfterValidator(_profile)] = Field(
        description=worded("write one of {names}", names=", ".join(profile_names()))
    )
    timezone: Zone = Field(description=worded("write an IANA name, such as Europe/Paris"))
    territory: str | None = Field(
        default=None,
        description=worded(
            "write the territory of people of whom zone and number tell only the country, "
            "or leave it out"
        ),
    )
    ballots: tuple[BallotSettings, ...] = Field(
        default=(), description=worded('write a list of date: "2027-04-11", closes: "20:00"')
    )
    retention_days: Annotated[int, Field(ge=1, le=36500)] | None = Field(
        default=None,
        description=worded(
            "write the days after which people without consent are erased, or leave it out"
        ),
    )
    caller: CallerSettings = Field(
        description=worded("write number and category of the SIM's number")
    )


class LineConfig(Section):
    name: Name = Field(description=worded("write a short name, such as line-1"))
    port: str = Field(
        default="auto",
        description=worded("write a device path, a URL such as socket://host:port, or auto"),
    )
    family: str = Field(
        default="auto",
        description=worded("write auto, or a modem family such as sim7600 or generic"),
    )
    audio: str | None = Field(
        default=None,
        description=worded(
            "write the device path of the voice port, alsa:CARD, module, or leave it out"
        ),
    )
    emergency_port: str | None = Field(
        default=None,
        description=worded("write the device path of the modem's second AT port, or leave it out"),
    )
    imei: str | None = Field(
        default=None, description=worded("write the modem's IMEI in quotes, or leave it out")
    )
    sim_pin: str | None = Field(
        default=None,
        description=worded(
            'write "file:PATH" of a file that holds the PIN, credential:autodialer.sim-pin '
            "(docs/appliance.md), or the PIN in quotes"
        ),
    )
    baudrate: Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600] = Field(
        default=115200, description=worded("write the speed of a real UART, such as 115200")
    )
    rtscts: bool = Field(
        default=False, description=worded("write true only where RTS and CTS are wired")
    )
    bench: bool = Field(
        default=False,
        description=worded(
            "write true only for a simulator or test rig: it dials fiction numbers alone"
        ),
    )
    incoming: Literal["reject", "ignore", "answer"] = Field(
        default="reject",
        description=worded("write reject, ignore, or answer (callers hear how to object)"),
    )
    power_pin: Pin | None = Field(
        default=None,
        description=worded(
            "write the BCM number of the pin that cuts the modem's power, or leave it out"
        ),
    )
    power_cut: Literal["high", "low"] = Field(
        default="high", description=worded("write high or low: the pin's level that cuts the power")
    )


class PanelSettings(Section):
    ready: Pin = Field(default=17, description=worded("write a BCM pin number from 0 to 27"))
    line: Pin = Field(default=27, description=worded("write a BCM pin number from 0 to 27"))
    call: Pin = Field(default=22, description=worded("write a BCM pin number from 0 to 27"))
    fault: Pin = Field(default=23, description=worded("write a BCM pin number from 0 to 27"))
    heartbeat: Pin | None = Field(
        default=None, description=worded("write a BCM pin number from 0 to 27, or leave it out")
    )
    start: Pin = Field(default=5, description=worded("write a BCM pin number from 0 to 27"))
    stop: Pin = Field(default=6, description=worded("write a BCM pin number from 0 to 27"))
    stop_second: Pin | None = Field(
        default=None,
        description=worded(
            "write the BCM number of the stop button's second contact, or leave it out"
        ),
    )
    stop_second_contact: Literal["normally_closed", "normally_open"] = Field(
        default="normally_closed", description=worded("write normally_closed or normally_open")
    )
    simulated: bool = Field(
        default=False, description=worded("write true only on a bench without GPIO")
    )


ClockSource = Literal["ntp", "rtc", "network"]


class ClockSettings(Section):
    sources: tuple[ClockSource, ...] = Field(
        default=("ntp", "rtc", "network"),
        min_length=1,
        description=worded("write a list of ntp, rtc, network"),
    )
    simulated_start: Instant | None = Field(
        default=None,
        description=worded(
            'write date, time, offset in quotes, such as "2027-03-10T17:30:00+01:00"'
        ),
    )
    speed: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.0, description=worded("write a number from 1 to 100")
    )


class LedgerSettings(Section):
    signing_key: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None,
        description=worded(
            "write the path of an SSH private key without passphrase, or leave it out"
        ),
    )


def _fleet_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
        raise ValueError(worded("cannot name a box of a fleet"))
    return name


def _server(url: str) -> str:
    match = re.fullmatch(r"(?:tls|nats)://[A-Za-z0-9.\[\]:-]+:([0-9]{1,5})", url)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ValueError(worded("is no server"))
    return url


Server = Annotated[str, AfterValidator(_server)]
FleetName = Annotated[str, AfterValidator(_fleet_name)]


class FleetSettings(Section):
    box: FleetName = Field(
        description=worded(
            "write the name under which headquarters enrolled this box, such as north"
        )
    )
    key: Annotated[str, StringConstraints(min_length=1)] = Field(
        description=worded("write the path of the key file that autodialer fleet join made")
    )
    servers: tuple[Server, ...] = Field(
        min_length=1, description=worded('write a list such as ["tls://hub-1.example.org:443"]')
    )


_SSH_KEY = re.compile(
    r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r" [A-Za-z0-9+/]{40,}={0,2}(?: [ -~]{1,100})?"
)


def _ssh_key(text: str) -> str:
    if not _SSH_KEY.fullmatch(text):
        raise ValueError(worded("is no SSH public key"))
    return text


SshKey = Annotated[str, AfterValidator(_ssh_key)]


class ProvisioningSettings(Section):
    """Who may bring configuration and people on a stick or on the boot partition."""

    trusted: tuple[SshKey, ...] = Field(
        default=(),
        description=worded("write a list of SSH public keys as their .pub files hold them"),
    )
    unsigned: bool = Field(
        default=False,
        description=worded(
            "write true only where whoever can plug in a stick may configure the box"
        ),
    )


_COUNT_HELP = worded("write a whole number from 1 to 100000, or leave it out")
Count = Annotated[int, Field(ge=1, le=100_000)]


_SERVICES = frozenset(
    "002 004 03 04 042 05 052 06 21 30 300 31 33 330 331 332 333 35 351 353 43 61 62 66 67 76"
    " 77".split()
)
"""Codes that change what the SIM does: forwarding, barring, passwords (3GPP TS 22.030, B)."""


def _ussd(code: str) -> str:
    if not re.fullmatch(r"[*#][0-9]{2,5}(?:\*[0-9]{1,4}){0,3}#", code):
        raise ValueError(worded("is no USSD code that only asks"))
    if re.split(r"[*#]", code)[1] in _SERVICES:
        raise ValueError(worded("changes what the SIM does"))
    return code


def _amount_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(worded("is no regular expression ({error})", error=error)) from None
    if groups < 1:
        raise ValueError(worded("has no group for the amount"))
    return pattern


def _rarely(every: timedelta) -> timedelta:
    if every < timedelta(hours=1):
        raise ValueError(worded("is too often"))
    return every


class BalanceSettings(Section):
    """How the balance of the SIM is asked for."""

    ussd: Annotated[str, AfterValidator(_ussd)] = Field(
        description=worded('write the operator\'s code in quotes, such as "*100#"')
    )
    pattern: Annotated[
        str, StringConstraints(min_length=3, max_length=200), AfterValidator(_amount_pattern)
    ] = Field(
        description=worded("write a regular expression whose first group is the amount, in quotes")
    )
    alarm_below: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        default=0.0,
        description=worded("write the amount below which the box tells it, such as 5.0"),
    )
    every: Annotated[Duration, AfterValidator(_rarely)] = Field(
        default=timedelta(days=1), description=worded("write a duration from 1 h on, such as 24 h")
    )


class LimitSettings(Section):
    """What the SIM of one line may be used for; each only narrows."""

    calls_per_hour: Count | None = Field(default=None, description=_COUNT_HELP)
    calls_per_day: Count | None = Field(default=None, description=_COUNT_HELP)
    minutes_per_day: Count | None = Field(default=None, description=_COUNT_HELP)
    numbers_per_day: Count | None = Field(default=None, description=_COUNT_HELP)
    balance: BalanceSettings | None = Field(
        default=None, description=worded("write ussd, pattern and alarm_below, or leave it out")
    )


class MetricsSettings(Section):
    textfile: Annotated[str, StringConstraints(min_length=1, pattern=r"\.prom$")] | None = Field(
        default=None,
        description=worded(
            "write a file that ends in .prom, in the folder of node_exporter's textfile "
            "collector, or leave it out"
        ),
    )


class LoggingSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description=worded("write debug, info, warning or error")
    )


def _panel(value: Any) -> Any:
    if value is None:
        raise ValueError(worded("is empty"))
    return None if value == "none" else value


class Settings(Section):
    """The whole file."""

    box: Box = Field(description=worded("write a section with name and state"))
    campaign: CampaignSettings = Field(
        description=worded("write a section with purpose, default_language and clips")
    )
    law: LawSettings = Field(
        description=worded("write a section with profile, timezone and caller")
    )
    lines: tuple[LineConfig, ...] = Field(
        min_length=1, description=worded("write a list with one entry per modem")
    )
    panel: Annotated[PanelSettings | None, BeforeValidator(_panel)] = Field(
        default=None, description=worded("write the pins, or none")
    )
    clock: ClockSettings = ClockSettings.model_construct()
    objections: dict[Language, tuple[Objection, ...]] = Field(
        default_factory=dict,
        description=worded(
            "write a list of words or phrases by language, such as fr: [ras le bol]"
        ),
    )
    limits: dict[Name, LimitSettings] = Field(
        default_factory=dict,
        description=worded(
            "write limits by the name of a line, such as line-1: {calls_per_hour: 20}"
        ),
    )
    ledger: LedgerSettings = LedgerSettings.model_construct()
    language: Literal["en", "fr"] = Field(
        default="en",
        description=worded("write en or fr: the language in which the box speaks to people"),
    )
    fleet: FleetSettings | None = Field(
        default=None, description=worded("write box, key and servers, or leave the section out")
    )
    provisioning: ProvisioningSettings = ProvisioningSettings.model_construct()
    metrics: MetricsSettings = MetricsSettings.model_construct()
    logging: LoggingSettings = LoggingSettings.model_construct()
