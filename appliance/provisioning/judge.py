"""Is everything in a folder right? Reads the copies, never the stick; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import resolve
from appliance.config.validation import read_provisioning
from appliance.language import Message, marked
from appliance.people.contacts_file import ContactsFile, decoded
from appliance.people.contacts_format import ContactsUnreadable, Defaults, RejectedRow, RowFault
from appliance.provisioning.folder import (
    CLIPS,
    CONFIG,
    CONTACTS,
    MANIFEST,
    SIGNATURE,
    WITHDRAWALS,
    Fault,
    Taken,
)
from appliance.provisioning.manifest import Manifest, signer
from firmware.yaml_document import DocumentFaulty

MOST_SHOWN = 50
"""Faults of one file that the result names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose folders the box takes."""

    keys: tuple[str, ...] = ()
    unsigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a folder comes from, as far as can be proven."""

    key: str | None = None
    made_at: datetime | None = None


def first_trust(place: Path) -> Trust:
    """Return whom a box believes that has no configuration yet, on its boot partition.

    Whoever writes there can change the system that starts, so a signature would keep nobody out
    (docs/threats.md). Where there is one it must be by a key that the folder's own configuration
    names: it shows that the folder is whole, and that its sender can bring the next one.
    """
    return Trust(keys=read_provisioning(place / CONFIG).trusted, unsigned=True)


def origin(
    place: Path, taken: Taken, trust: Trust, *, newest: datetime | None = None
) -> tuple[Origin, list[Fault]]:
    """Say who packed the folder, and why it is not to be believed.

    *newest* is when the newest folder that the box took was packed: an older one would undo it.
    """
    made_at = None
    faults: list[Fault] = []
    if MANIFEST in taken.files:
        try:
            manifest = Manifest.parse((place / MANIFEST).read_bytes())
        except ValueError:
            text = marked("{name} is no list of files; pack the folder anew")
            return Origin(), [Fault("changed", Message(text, {"name": MANIFEST}))]
        made_at = manifest.made_at
        faults += manifest.faults(taken.payload())
    key = None
    if MANIFEST in taken.files and SIGNATURE in taken.files:
        signature = (place / SIGNATURE).read_bytes()
        key = signer((place / MANIFEST).read_bytes(), signature, trust.keys)
        if key is None:
            # A signature that proves nothing is no better where unsigned folders are taken.
            text = marked("it was signed by a key that this box does not know")
            faults.append(Fault("wrong_key", Message(text)))
    elif not trust.unsigned:
        text = marked("it is not signed, and this box takes signed folders only")
        faults.append(Fault("unsigned", Message(text)))
    if made_at is not None and newest is not None and made_at < newest:
        text = marked("it was packed at {made}, before the one that the box has ({newest})")
        values: dict[str, object] = {"made": made_at.isoformat(), "newest": newest.isoformat()}
        faults.append(Fault("older", Message(text, values)))
    return Origin(key=key, made_at=made_at), faults


def contents(
    place: Path, taken: Taken, current: Config | None, state: Path | None, *, here: bool = True
) -> tuple[Config | None, list[Fault]]:
    """Judge what the folder says; returns the configuration that would hold then.

    *current* is the box's own, None where it has none that can be used; *state* is its state
    directory, None where there is no box yet. Where the judge is not the box (*here* is False),
    what only the box has is not missed.
    """
    faults: list[Fault] = []
    config = current
    clips = [name for name in taken.files if name.startswith(f"{CLIPS}/")]
    if CONFIG in taken.files:
        config, faults = _config(place, state, here=here)
    elif clips:
        text = marked("clips come with the config.yaml that names them; put it into the folder")
        faults.append(Fault("clips", Message(text)))
    if not {CONFIG, CONTACTS, WITHDRAWALS} & taken.files.keys() and not clips:
        text = marked("there is nothing in the folder that the box could take")
        faults.append(Fault("empty", Message(text)))
    if CONTACTS in taken.files:
        if config is None and not faults and here:
            text = marked("the box has no configuration yet; put config.yaml into the folder")
            faults.append(Fault("config", Message(text)))
        elif config is not None:
            faults += _contacts(place, config)
    return config, faults


def _config(place: Path, state: Path | None, *, here: bool) -> tuple[Config | None, list[Fault]]:
    try:
        config = configuration.load(place / CONFIG, examine=True)
    except DocumentFaulty as faulty:
        return None, [
            Fault("config", Message("{fault}", {"fault": fault.text(CONFIG)}))
            for fault in faulty.faults[:MOST_SHOWN]
        ]
    faults = list(_places(place, config, state, here=here))
    return config, faults


def _places(place: Path, config: Config, state: Path | None, *, here: bool) -> Iterator[Fault]:
    """What a configuration names must be in the folder, or have an absolute path on the box."""
    wanted = Path(config.settings.box.state)
    if not wanted.is_absolute() or (state is not None and wanted.resolve() != state.resolve()):
        where = str(state) if state is not None else "/var/lib/autodialer"
        text = marked("config.yaml: box.state must name the box's own directory; write {where}")
        yield Fault("config", Message(text, {"where": where}))
    for key, said in _paths(config):
        found = resolve(place, said)
        if not Path(said).is_absolute() or (here and not found.is_file()):
            text = marked(
                "config.yaml: {key} names a file that the box does not have; write an absolute "
                "path, and have a technician put the file there"
            )
            yield Fault("config", Message(text, {"key": key}))
    for group in config.settings.campaign.clips.values():
        for said in group.model_dump(exclude_none=True).values():
            if not Path(said).is_absolute() and not str(said).startswith(f"{CLIPS}/"):
                text = marked("config.yaml: the clip {clip} must lie in the folder clips")
                yield Fault("clips", Message(text, {"clip": str(said)}))


def _paths(config: Config) -> Iterator[tuple[str, str]]:
    settings = config.settings
    for number, line in enumerate(settings.lines):
        if line.sim_pin is not None and line.sim_pin.startswith("file:"):
            yield f"lines[{number}].sim_pin", line.sim_pin.removeprefix("file:")
    if settings.ledger.signing_key is not None:
        yield "ledger.signing_key", settings.ledger.signing_key
    if settings.fleet is not None:
        yield "fleet.key", settings.fleet.key


def defaults(config: Config, now: datetime | None = None) -> Defaults:
    """Return what *config* adds to a contacts file."""
    territory = config.rules.profile.territory(config.settings.law.territory)
    return Defaults(
        country=territory.region,
        language=config.settings.campaign.default_language,
        day_first=config.settings.language != "en",
        fiction=any(line.bench for line in config.settings.lines),
        now=now,
    )


def _contacts(place: Path, config: Config) -> Iterator[Fault]:
    raw = (place / CONTACTS).read_bytes()
    found: list[RowFault] = []
    try:
        file = ContactsFile(_whole(raw), CONTACTS, defaults(config))
        rejected = 0
        for judged in file.judged():
            if isinstance(judged, RejectedRow):
                rejected += 1
                if len(found) < MOST_SHOWN:
                    found += judged.faults
                if rejected > 20 * MOST_SHOWN:
                    break
    except ContactsUnreadable as unreadable:
        found = list(unreadable.faults)
    for one in found[:MOST_SHOWN]:
        yield row_fault(one)


def row_fault(fault: RowFault) -> Fault:
    return Fault("contacts", Message("{fault}", {"fault": fault.text(CONTACTS)}))


def _whole(raw: bytes) -> str:
    steps = decoded([raw], CONTACTS)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return str(done.value)


def newest_of(made_at: str | None) -> datetime | None:
    """Read the time of a result that was kept."""
    try:
        return None if made_at is None else datetime.fromisoformat(made_at)
    except ValueError:
        return None
