"""Reads ``config.yaml``: one frozen :class:`Config`, or every fault at once with its place.

A fault reads ``config.yaml:LINE:COLUMN: key.path: what is wrong; what to write``. Nothing here
opens a device or asks the clock; clips are measured because the length of a call depends on them.

Long because what must fit together is checked in one place, each with what to write.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.clearance.circumstances import longest_call
from appliance.clearance.rests import RING_FLOOR, rest_after, spoken
from appliance.clearance.rules import Rules
from appliance.config.paths import resolve, state_base
from appliance.config.sample_clips import strangers
from appliance.config.settings import Clips, Settings
from appliance.config.validation import add_further_faults, read_settings
from appliance.law import Ballot, Caller, Profile, load_profile
from appliance.model import Campaign, Retry, Script, Timers
from appliance.numbers import NumberRefused, read_number
from firmware.clips.clip import Clip
from firmware.clips.memory import Judgements, memory_file
from firmware.errors import ClipUnusable
from firmware.wording import joined, with_remedy, worded
from firmware.yaml_document import (
    Document,
    DocumentFaulty,
    Fault,
    Path_,
    dotted,
    read_document,
)

ROLES = ("greeting", "prompt", "message", "farewell", "opted_out")
FOR_CALLERS = "incoming"
"""The role of the clip that only a box which answers callers needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that is right in itself, with paths resolved."""

    file: Path
    settings: Settings
    state: Path
    clips: dict[str, Clip]
    """By clip name, ``ROLE.LANGUAGE``."""
    clip_advice: tuple[str, ...]
    """What could be better about the clips; empty where they were not examined."""
    campaign: Campaign
    rules: Rules
    simulated_start: datetime | None

    @property
    def floors(self) -> tuple[str, ...]:
        """Where the product's floor against nuisance holds instead of what the file says."""
        campaign = self.settings.campaign
        found = []
        if campaign.timers.ring < RING_FLOOR:
            found.append(
                worded(
                    "campaign.timers.ring says {time}: a phone rings for at least {least}",
                    time=spoken(campaign.timers.ring),
                    least=spoken(RING_FLOOR),
                )
            )
        for outcome, pause in campaign.retry.pauses().items():
            rest = rest_after(outcome, self.rules.past)
            if pause < rest:
                found.append(
                    worded(
                        "campaign.retry.after.{outcome} says {time}: the next call comes "
                        "{least} after this outcome at the earliest",
                        outcome=outcome,
                        time=spoken(pause),
                        least=spoken(rest),
                    )
                )
        return tuple(found)

    @property
    def strangers(self) -> tuple[Path, ...]:
        """Clips of a box with real lines that came with the program, and name somebody else."""
        return strangers(self.settings, self.file.parent)

    @property
    def bench(self) -> bool:
        """True where every line is a bench line."""
        return all(line.bench for line in self.settings.lines)


def load(file: Path, *, state: Path | None = None, examine: bool = False) -> Config:
    """Read, validate and resolve a configuration; *state* overrides ``box.state``.

    With *examine* each clip is heard as ``audio check`` hears it, unless the same samples were
    heard before: for whoever calls people, or says whether the box may.

    Raises :class:`~firmware.yaml_document.DocumentFaulty` with all faults.
    """
    try:
        document = read_document(file)
    except DocumentFaulty as faulty:
        if faulty.document is not None:
            add_further_faults(faulty, faulty.document)
        raise
    settings = read_settings(document)
    check = _Checks(document, settings, file.resolve().parent, examine=examine)
    config = check.config(file, state)
    if check.faults or config is None:
        raise DocumentFaulty(document.file, check.faults)
    return config


class _Checks:
    """What must fit together, beyond what each value must be by itself."""

    def __init__(
        self, document: Document, settings: Settings, base: Path, *, examine: bool
    ) -> None:
        self.document = document
        self.settings = settings
        self.base = base
        self.judgements = Judgements(memory_file()) if examine else None
        self.advice: list[str] = []
        self.faults: list[Fault] = []

    def fault(self, path: Path_, message: str) -> None:
        self.faults.append(Fault(self.document.mark(path), dotted(path), message))

    def config(self, file: Path, state: Path | None) -> Config | None:
        settings = self.settings
        clips, scripts = self._clips()
        if self.judgements is not None:
            self.judgements.keep()
        rules = self._rules()
        timers = self._timers()
        self._lines()
        self._limits(scripts, timers)
        self._keys()
        self._panel()
        self._signing_key()
        self._clock()
        if self.faults or rules is None:
            return None
        return Config(
            file=file.resolve(),
            settings=settings,
            state=state.resolve()
            if state is not None
            else resolve(state_base(file), settings.box.state),
            clips=clips,
            clip_advice=tuple(self.advice),
            campaign=Campaign(
                purpose=settings.campaign.purpose,
                attended=settings.campaign.mode == "attended",
                scripts=scripts,
                default_language=settings.campaign.default_language,
                listen_key=settings.campaign.keys.listen,
                object_key=settings.campaign.keys.object,
                timers=timers,
                retry=Retry(
                    max_attempts=settings.campaign.retry.max_attempts,
                    after=settings.campaign.retry.pauses(),
                ),
            ),
            rules=rules,
            simulated_start=settings.clock.simulated_start,
        )

    def _timers(self) -> Timers:
        timers, speed = self.settings.campaign.timers, self.settings.clock.speed
        return Timers(
            ring=max(timers.ring, RING_FLOOR),
            key_wait=timers.key_wait,
            prompt_repeats=timers.prompt_repeats,
            hang_up=timers.hang_up,
            set_up=timers.set_up,
            clip_start=Timers().clip_start * speed,
            clip_margin=Timers().clip_margin * speed,
        )

    def _clips(self) -> tuple[dict[str, Clip], dict[str, Script]]:
        clips: dict[str, Clip] = {}
        scripts: dict[str, Script] = {}
        for language, group in self.settings.campaign.clips.items():
            names: dict[str, str] = {}
            roles = ROLES if group.incoming is None else (*ROLES, FOR_CALLERS)
            if group.incoming is None and self._answers():
                self.fault(
                    ("campaign", "clips", language),
                    worded(
                        "has no clip for callers, whom a line answers; write incoming: and the "
                        "path of a WAV file"
                    ),
                )
            for role in roles:
                clip = self._clip(language, role, group)
                if clip is not None:
                    clips[clip.name] = clip
                    names[role] = clip.name
            if len(names) == len(roles):
                scripts[language] = Script(
                    language=language,
                    durations={name: clips[name].seconds for name in names.values()},
                    **names,
                )
        wanted = self.settings.campaign.default_language
        if wanted not in self.settings.campaign.clips:
            self.fault(
                ("campaign", "default_language"),
                worded(
                    "{wanted} has no clips; add campaign.clips.{wanted} or name another language",
                    wanted=wanted,
                ),
            )
        return clips, scripts

    def _answers(self) -> bool:
        return any(line.incoming == "answer" for line in self.settings.lines)

    def _clip(self, language: str, role: str, group: Clips) -> Clip | None:
        key = ("campaign", "clips", language, role)
        path = resolve(self.base, getattr(group, role))
        try:
            clip = Clip.load(path, f"{role}.{language}")
        except ClipUnusable as error:
            self.fault(key, with_remedy(error))
            return None
        if self.judgements is not None:
            self._examine(self.judgements, key, path, clip, role)
        return clip

    def _examine(
        self, judgements: Judgements, key: Path_, path: Path, clip: Clip, role: str
    ) -> None:
        limit = self.settings.campaign.greeting_limit if role == "greeting" else None
        report = judgements.of(path, clip, longest=limit.total_seconds() if limit else None)
        for fault in report.faults:
            said = joined("; ", [fault, report.remedy])
            self.fault(key, joined(": ", [str(path), said]))
        self.advice += [joined(": ", [str(path), advice]) for advice in report.advice]

    def _rules(self) -> Rules | None:
        law, campaign = self.settings.law, self.settings.campaign
        profile = load_profile(law.profile)
        territories = [name for name in profile.territories if name]
        if law.territory is not None and law.territory not in territories:
            self.fault(
                ("law", "territory"),
                worded(
                    '"{territory}" is not a territory of {profile}; write one of {names}, or leave '
                    "it out",
                    territory=law.territory,
                    profile=law.profile,
                    names=", ".join(territories),
                )
                if territories
                else worded(
                    '"{territory}" is not a territory of {profile}; please leave it out',
                    territory=law.territory,
                    profile=law.profile,
                ),
            )
        ballots = self._ballots(territories)
        caller = self._caller(profile)
        if caller is None or self.faults:
            return None
        return Rules(
            purpose=campaign.purpose,
            profile=profile,
            territory=law.territory or "",
            ballots=ballots,
            caller=caller,
            attended=campaign.mode == "attended",
            max_attempts=campaign.retry.max_attempts,
        )

    def _ballots(self, territories: list[str]) -> tuple[Ballot, ...]:
        ballots = []
        for index, ballot in enumerate(self.settings.law.ballots):
            if ballot.territory is not None and ballot.territory not in territories:
                self.fault(
                    ("law", "ballots", index, "territory"),
                    worded(
                        '"{territory}" is not a territory of the profile; leave it out where '
                        "everybody votes",
                        territory=ballot.territory,
                    ),
                )
            ballots.append(
                Ballot(day=ballot.date, closes=ballot.closes, territory=ballot.territory)
            )
        return tuple(ballots)

    def _caller(self, profile: Profile) -> Caller | None:
        declared = self.settings.law.caller
        try:
            number = read_number(declared.number, profile.territory(None).region, fiction=True)
        except NumberRefused as refused:
            self.fault(("law", "caller", "number"), with_remedy(refused))
            return None
        return Caller(number=number, category=declared.category)

    def _lines(self) -> None:
        # A port that is one line's voice is no other's commands, nor its own.
        for keys in (("name",), ("port", "audio", "emergency_port"), ("imei",)):
            first: dict[str, int] = {}
            for index, line in enumerate(self.settings.lines):
                for key in keys:
                    value = getattr(line, key)
                    if value is None or value in ("auto", "module"):
                        continue
                    if value in first:
                        self.fault(
                            ("lines", index, key),
                            worded(
                                '"{value}" is already used by lines[{first}]; give each its own',
                                value=value,
                                first=first[value],
                            ),
                        )
                    first.setdefault(value, index)

    def _limits(self, scripts: dict[str, Script], timers: Timers) -> None:
        names = [line.name for line in self.settings.lines]
        # A call is placed only where the longest one still fits.
        longest = {language: longest_call(each, timers) for language, each in scripts.items()}
        language = max(longest, key=longest.__getitem__, default="")
        for name, limits in self.settings.limits.items():
            if name not in names:
                known = ", ".join(names)
                self.fault(
                    ("limits", name),
                    worded("no line has this name; write one of {known}", known=known),
                )
            minutes = limits.minutes_per_day
            if minutes is not None and longest and minutes * 60 < longest[language]:
                self.fault(
                    ("limits", name, "minutes_per_day"),
                    worded(
                        "a call in {language} may take {longest:.1f} minutes, so this line would "
                        "never dial; write at least {ceil}",
                        language=language,
                        longest=longest[language] / 60,
                        ceil=math.ceil(longest[language] / 60),
                    ),
                )

    def _keys(self) -> None:
        keys = self.settings.campaign.keys
        if keys.listen == keys.object:
            self.fault(("campaign", "keys"), worded("listen and object must be two different keys"))

    def _panel(self) -> None:
        panel = self.settings.panel
        used: list[tuple[Path_, int | None]] = []
        if panel is not None:
            names = ("ready", "line", "call", "fault", "heartbeat", "start", "stop", "stop_second")
            used += [(("panel", name), getattr(panel, name)) for name in names]
        lines = enumerate(self.settings.lines)
        used += [(("lines", index, "power_pin"), line.power_pin) for index, line in lines]
        first: dict[int, str] = {}
        for path, pin in used:
            if pin is None:
                continue
            if pin in first:
                self.fault(
                    path,
                    worded(
                        "pin {pin} is already used by {first}; move one", pin=pin, first=first[pin]
                    ),
                )
            first.setdefault(pin, dotted(path).removeprefix("panel."))
        if (
            panel is not None
            and panel.simulated
            and not all(line.bench for line in self.settings.lines)
        ):
            self.fault(
                ("panel", "simulated"),
                worded("needs bench: true on every line; a real box has real buttons"),
            )

    def _signing_key(self) -> None:
        key = self.settings.ledger.signing_key
        if key is not None and not resolve(self.base, key).is_file():
            self.fault(
                ("ledger", "signing_key"),
                worded(
                    '"{key}" is not a file; make one with: ssh-keygen -t ed25519 -N "" -f {key}',
                    key=key,
                ),
            )

    def _clock(self) -> None:
        clock = self.settings.clock
        bench = all(line.bench for line in self.settings.lines)
        if clock.speed != 1 and not bench:
            self.fault(
                ("clock", "speed"),
                worded("needs bench: true on every line; a real box runs at speed 1"),
            )
        if clock.simulated_start is not None and not bench:
            self.fault(
                ("clock", "simulated_start"),
                worded("needs bench: true on every line; a real box lives today"),
            )
