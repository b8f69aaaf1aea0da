"""From a document of marked YAML to :class:`~appliance.config.settings.Settings`, fault by fault.

pydantic judges each value; here its errors get a place, plain words and a remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from appliance.config.settings import (
    CampaignSettings,
    GreetingLimit,
    ProvisioningSettings,
    Section,
    Settings,
)
from firmware.wording import Message, joined, said_by, worded
from firmware.yaml_document import (
    Document,
    DocumentFaulty,
    Fault,
    Path_,
    Value,
    dotted,
    read_document,
)

# Text that a person would read as a number or a time, and YAML may too.
_QUOTED: tuple[tuple[str | None, ...], ...] = (
    ("lines", None, "sim_pin"),
    ("lines", None, "imei"),
    ("law", "caller", "number"),
    ("law", "ballots", None, "date"),
    ("law", "ballots", None, "closes"),
    ("clock", "simulated_start"),
    ("campaign", "keys", "listen"),
    ("campaign", "keys", "object"),
)
SECRETS = frozenset({"sim_pin"})
"""Keys whose value no fault repeats: what is told of a start that fails goes to the journal, to
``status`` and into the archive of ``doctor``."""


def add_further_faults(faulty: DocumentFaulty, document: Document) -> None:
    """Raise what *faulty* found together with what is wrong with the rest, if anything is."""
    try:
        read_settings(document)
    except DocumentFaulty as more:
        raise DocumentFaulty(faulty.file, [*faulty.faults, *more.faults]) from faulty


def read_settings(document: Document) -> Settings:
    """Return the settings of *document*, or raise DocumentFaulty with every fault at once."""
    faults = list(_unquoted(document))
    seen = {fault.path for fault in faults}
    try:
        return_value = Settings.model_validate(_frozen(document.value))
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=True):
            fault = _fault(document, details)
            if fault.path not in seen:
                faults.append(fault)
    else:
        if not faults:
            return return_value
    raise DocumentFaulty(document.file, faults)


def read_greeting_limit(file: Path) -> timedelta:
    """Return only ``campaign.greeting_limit``, whatever else the file says, or its default.

    Raises DocumentFaulty where the file is no YAML or this value is wrong.
    """
    document = read_document(file)
    campaign = document.value.get("campaign") if isinstance(document.value, dict) else None
    if not isinstance(campaign, dict) or "greeting_limit" not in campaign:
        return cast(timedelta, CampaignSettings.model_fields["greeting_limit"].default)
    try:
        limit: timedelta = TypeAdapter(GreetingLimit).validate_python(campaign["greeting_limit"])
    except ValidationError as error:
        (details,) = error.errors(include_url=False)
        details["loc"] = ("campaign", "greeting_limit")
        raise DocumentFaulty(document.file, [_fault(document, details)]) from None
    return limit


def read_provisioning(file: Path) -> ProvisioningSettings:
    """Return only ``provisioning``, whatever else the file says: a box that cannot start is
    exactly the one that waits for a stick. Nobody is trusted where the section is wrong."""
    section = _section(file, "provisioning")
    try:
        return ProvisioningSettings.model_validate(_frozen(section)) if section else _NOBODY
    except ValidationError:
        return _NOBODY


_NOBODY = ProvisioningSettings.model_construct()


def read_language(file: Path) -> str:
    """Return only ``language``, or its default."""
    said = _section(file, "language")
    known = Settings.model_fields["language"]
    return said if said in get_args(known.annotation) else str(known.default)


def _section(file: Path, name: str) -> Any:
    try:
        value = read_document(file).value
    except DocumentFaulty as faulty:
        value = None if faulty.document is None else faulty.document.value
    return value.get(name) if isinstance(value, dict) else None


def _frozen(value: Value) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _unquoted(document: Document) -> Iterator[Fault]:
    for path in document.plain:
        source = document.sources[path]
        if source in ("", "~", "null"):
            continue
        if any(_matches(path, pattern) for pattern in _QUOTED):
            wrong = (
                worded("stands without quotes; write it in quotes")
                if path[-1] in SECRETS
                else worded('stands without quotes; write "{source}" in quotes', source=source)
            )
            yield Fault(document.mark(path), dotted(path), wrong)


def _matches(path: Path_, pattern: tuple[str | None, ...]) -> bool:
    return len(path) == len(pattern) and all(
        (isinstance(part, int) if wanted is None else part == wanted)
        for part, wanted in zip(path, pattern, strict=True)
    )


def _fault(document: Document, details: ErrorDetails) -> Fault:
    location = tuple(part for part in details["loc"] if part != "[key]")
    kind = details["type"]
    path = dotted(location)
    field, section = _field(location)
    remedy = (field.description if field is not None else None) or ""
    source = "" if SECRETS & set(location) else document.sources.get(location, "")
    if kind == "extra_forbidden":
        known = sorted(section.model_fields) if section is not None else []
        import difflib

        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        advice = (
            worded("did you mean {close}?", close=close[0])
            if close
            else worded("known here: {names}", names=", ".join(known))
        )
        return Fault(
            document.key_mark(location), path, worded("is not a known key; {advice}", advice=advice)
        )
    if "[key]" in details["loc"]:
        return Fault(
            document.key_mark(location), path, _sentence(worded("is not a known name"), remedy)
        )
    if kind == "missing":
        return Fault(document.mark(location[:-1]), path, _sentence(worded("is missing"), remedy))
    if kind == "string_type" and source:
        return Fault(
            document.mark(location),
            path,
            worded('must be text; write it in quotes: "{source}"', source=source),
        )
    wrong = {
        "string_type": worded("must be text"),
        "string_pattern_mismatch": worded('"{source}" is not of the right form', source=source),
        "string_too_short": worded("is empty"),
        "tuple_type": worded("must be a list (each entry begins with a dash)"),
        "model_type": worded("must be a section with keys below it"),
        "dict_type": worded("must be a section with keys below it"),
        "too_short": worded("is empty"),
        "bool_type": worded('"{source}" is neither true nor false', source=source),
    }.get(kind)
    if wrong is None:
        told = details.get("ctx", {})
        error = told.get("error")
        if isinstance(error, ValueError):
            text = said_by(error)
            wrong = Message('"{source}" {text}', {"source": source, "text": text})
            wrong = wrong if source else text
        else:
            wrong = _bounds(kind, told) or details["msg"][:1].lower() + details["msg"][1:]
        wrong = wrong or worded("is wrong")
    return Fault(document.mark(location), path, _sentence(wrong, remedy))


def _bounds(kind: str, told: dict[str, Any]) -> str | None:
    """Say in words what number or choice the model wanted."""
    match kind:
        case "greater_than_equal":
            return worded("input should be greater than or equal to {least}", least=told["ge"])
        case "greater_than":
            return worded("input should be greater than {least}", least=told["gt"])
        case "less_than_equal":
            return worded("input should be less than or equal to {most}", most=told["le"])
        case "less_than":
            return worded("input should be less than {most}", most=told["lt"])
        case "int_type":
            return worded("input should be a valid integer")
        case "float_type":
            return worded("input should be a valid number")
        case "literal_error":
            return worded(
                "input should be {names}", names=joined(" or ", told["expected"].split(" or "))
            )
    return None


def _sentence(wrong: str, remedy: str) -> str:
    return joined("; ", [wrong, remedy]) if remedy else wrong


def _field(location: Path_) -> tuple[FieldInfo | None, type[Section] | None]:
    """Walk the models along *location* to the field whose description is the remedy."""
    section: type[Section] | None = Settings
    field: FieldInfo | None = None
    for part in location:
        if isinstance(part, int):
            continue
        if section is None or part not in section.model_fields:
            # A free key (a language, an outcome): its parent's field describes it.
            section = _inner(field) if field is not None and section is None else section
            continue
        field = section.model_fields[part]
        section = _inner(field)
    return field, section


def _inner(field: FieldInfo) -> type[Section] | None:
    pending: list[Any] = [field.annotation]
    while pending:
        candidate = pending.pop()
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
        pending.extend(getattr(candidate, "__args__", ()))
    return None
