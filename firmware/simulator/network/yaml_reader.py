"""Taking the nodes of a scenario apart, with the place of every mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from firmware.wording import worded

_STRING_TAG = "tag:yaml.org,2002:str"
NULL_TAG = "tag:yaml.org,2002:null"
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_T = TypeVar("_T")


@dataclass(slots=True)
class Fields:
    """A mapping whose keys are taken one by one; what nobody took is a typing error."""

    node: yaml.Node
    values: dict[str, yaml.Node]
    taken: set[str] = field(default_factory=set)

    def take(self, key: str) -> yaml.Node | None:
        self.taken.add(key)
        value = self.values.get(key)
        return None if value is None or value.tag == NULL_TAG else value

    def says_null(self, key: str) -> bool:
        value = self.values.get(key)
        return value is not None and value.tag == NULL_TAG


@dataclass(slots=True)
class Reader:
    """Collects what is wrong, each with its place; every getter returns None after a fault."""

    name: str
    directory: Path
    problems: list[str] = field(default_factory=list)

    def wrong(self, node: yaml.Node | None, what: str) -> None:
        place = "" if node is None else f":{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        self.problems.append(f"{self.name}{place}: {what}")

    # -- shapes -----------------------------------------------------------------------------

    def items(self, node: yaml.Node | None, what: str) -> Iterator[yaml.Node]:
        if node is None:
            return
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        else:
            self.wrong(
                node, worded("{what} must be a list; write '- ' before each entry", what=what)
            )

    def fields(self, node: yaml.Node, what: str) -> Fields:
        values: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, worded("{what} must be 'key: value' lines", what=what))
            return Fields(node, values)
        for key, value in node.value:
            word = key.value if isinstance(key, yaml.ScalarNode) else ""
            if word in values:
                self.wrong(key, worded("{word!r} is given twice; remove one", word=word))
            values[word] = value
        return Fields(node, values)

    def done(self, fields: Fields, what: str) -> None:
        if not isinstance(fields.node, yaml.MappingNode):
            return
        known = ", ".join(sorted(fields.taken))
        for key, _ in fields.node.value:
            word = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if word not in fields.taken:
                self.wrong(
                    key,
                    worded(
                        "unknown key {word!r} in {what}; write one of {known}",
                        word=word,
                        what=what,
                        known=known,
                    ),
                )

    def text(self, fields: Fields, key: str, *, quoted: bool = False) -> str | None:
        node = fields.take(key)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, worded("{key} must be a text", key=key))
            return None
        if quoted and node.tag != _STRING_TAG:
            self.wrong(
                node, worded('{key} must be in quotes; write "{node}"', key=key, node=node.value)
            )
            return None
        return str(node.value)

    def seconds(self, fields: Fields, key: str) -> float | None:
        node = fields.take(key)
        if node is None:
            return None
        try:
            value = float(node.value) if isinstance(node, yaml.ScalarNode) else -1.0
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1e7:
            self.wrong(
                node,
                worded("{key} must be seconds, a number from 0; write for example 2.5", key=key),
            )
            return None
        return value

    def whole(self, fields: Fields, key: str, low: int, high: int) -> int | None:
        node = fields.take(key)
        if node is None:
            return None
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            self.wrong(
                node,
                worded(
                    "{key} must be a whole number from {low} to {high}", key=key, low=low, high=high
                ),
            )
            return None
        return int(text)

    def truth(self, fields: Fields, key: str) -> bool | None:
        node = fields.take(key)
        if node is None:
            return None
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if text not in ("true", "false"):
            self.wrong(node, worded("{key} must be true or false", key=key))
            return None
        return bool(text == "true")

    def all_of(
        self, node: yaml.Node | None, what: str, read: Callable[[yaml.Node], _T | None]
    ) -> tuple[_T, ...]:
        """Read every item of a list; what could not be read is left out."""
        found = [read(item) for item in self.items(node, what)]
        return tuple(item for item in found if item is not None)
