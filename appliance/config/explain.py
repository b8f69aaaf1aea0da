"""Every key of ``config.yaml`` in words, from the model that reads it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from appliance.config.settings import Section, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. ``[]`` stands for an entry of a list, ``*`` for a name of one's own."""

    path: str
    text: str
    """What to write."""
    required: bool
    default: str
    """As it would stand in the file; empty where there is none."""
    choices: tuple[str, ...]
    is_section: bool


def keys() -> Iterator[Key]:
    """Yield every key in the order of the model."""
    yield from _walk(Settings, "")


def find(path: str) -> tuple[list[Key], list[str]]:
    """Return the key called *path* with all below it, and what it may have meant if none is."""
    known = list(keys())
    wanted = path.replace("[0]", "[]").strip(".")
    found = [
        key
        for key in known
        if key.path == wanted or key.path.startswith((f"{wanted}.", f"{wanted}["))
    ]
    if found or not wanted:
        return found or known, []
    names = [key.path for key in known]
    ends = [name for name in names if name.rsplit(".", 1)[-1] == wanted]
    return [], ends or difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)


def _walk(section: type[Section], prefix: str) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        inner, shape = _inner(field.annotation)
        default = field.default
        if field.default_factory is not None:
            default = PydanticUndefined
        yield Key(
            path=path,
            text=field.description or "",
            required=field.is_required(),
            default="" if default in (PydanticUndefined, None) or inner else _written(default),
            choices=_choices(field.annotation),
            is_section=inner is not None,
        )
        if inner is not None:
            yield from _walk(inner, f"{path}{shape}.")


def _inner(annotation: Any) -> tuple[type[Section] | None, str]:
    """Return the section that a field holds, and how its place is written."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, ""
    origin = get_origin(annotation)
    for argument in get_args(annotation):
        found, shape = _inner(argument)
        if found is not None:
            own = {tuple: "[]", list: "[]", dict: ".*"}.get(origin, "")
            return found, own + shape
    return None, ""


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(str(one) for one in get_args(annotation))
    for argument in get_args(annotation):
        found = _choices(argument)
        if found:
            return found
    return ()


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds >= size and seconds % size == 0:
                return f"{seconds / size:g} {unit}"
        return f"{seconds:g} s"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)
