"""The values of a law profile's document, each read with its fault and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from appliance.windows import known_zone
from firmware.wording import worded
from firmware.yaml_document import Document, Fault, Path_, dotted

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


class Values:
    """Reads values by their path; faults gather, and a harmless stand-in keeps the rest going."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = []

    def fault(self, path: Path_, message: str) -> None:
        self.faults.append(Fault(self.document.mark(path), dotted(path), message))

    def value(self, path: Path_) -> Any:
        value: Any = self.document.value
        for key in path:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int):
                value = value[key]
            else:
                return None
        return value

    def text(
        self, path: Path_, remedy: str, pattern: re.Pattern[str] | None = None, default: str = ""
    ) -> str:
        source = self.document.sources.get(path)
        if self.value(path) is None or source is None:
            if not default:
                self.fault(path, worded("is missing; {remedy}", remedy=remedy))
            return default
        if pattern is not None and not pattern.fullmatch(source):
            self.fault(
                path, worded("“{source}” does not fit; {remedy}", source=source[:40], remedy=remedy)
            )
        return source

    def count(self, path: Path_, remedy: str) -> int:
        value = self.value(path)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
            self.fault(
                path, worded("is not a whole number from 1 to 10000; {remedy}", remedy=remedy)
            )
            return 1
        return value

    def members(self, path: Path_, remedy: str) -> Iterator[tuple[Path_, Any]]:
        value = self.value(path)
        if not isinstance(value, list) or not value:
            self.fault(path, worded("is not a list; {remedy}", remedy=remedy))
            return
        for index, item in enumerate(value):
            yield (*path, index), item

    def zone(self, path: Path_) -> str:
        name = self.text(path, worded("write an IANA zone, such as Europe/Paris"))
        if known_zone(name) is None:
            self.fault(
                path,
                worded(
                    "“{name}” is not a zone; write an IANA one, as Europe/Paris", name=name[:40]
                ),
            )
            return "UTC"
        return name

    def keys(self, path: Path_, allowed: Iterable[str]) -> bool:
        value = self.value(path)
        if not isinstance(value, dict):
            self.fault(path, worded("is not a mapping; write key: value"))
            return False
        known = set(allowed)
        for key in value:
            if key not in known:
                place = (*path, key)
                self.faults.append(
                    Fault(
                        self.document.key_mark(place),
                        dotted(place),
                        worded(
                            "is not known here; write one of {names}",
                            names=", ".join(sorted(known)),
                        ),
                    )
                )
        return True

    def zones(self, path: Path_) -> tuple[str, ...]:
        """Return the one ``zone`` or the several ``zones`` at *path*; empty for neither."""
        if self.value((*path, "zone")) is not None:
            return (self.zone((*path, "zone")),)
        if self.value((*path, "zones")) is None:
            return ()
        places = self.members((*path, "zones"), worded("write a list of IANA zones"))
        return tuple(self.zone(place) for place, _ in places)

    def prefixes(self, path: Path_) -> tuple[str, ...]:
        return self.names(path, worded('write a prefix with +, such as "+33388"'), _PREFIX)

    def names(
        self, path: Path_, remedy: str, pattern: re.Pattern[str] | None = None
    ) -> tuple[str, ...]:
        """Return a list that may be missing."""
        if self.value(path) is None:
            return ()
        return tuple(self.text(place, remedy, pattern) for place, _ in self.members(path, remedy))
