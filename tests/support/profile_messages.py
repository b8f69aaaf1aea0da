"""Finds the sentences of law profiles that people read, for the catalogues (a Babel extractor)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import yaml

READ = ("title", "text", "source")
"""Keys whose values people read, of a profile, a territory or a rule."""


def extract(
    fileobj: IO[bytes],
    _keywords: Any,
    _comment_tags: Any,
    options: Any,
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the line and the text of each."""
    root = yaml.compose(fileobj.read().decode())
    yield from _texts(root)


def _texts(node: yaml.Node | None) -> Iterator[tuple[int, str, str, list[str]]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in READ and isinstance(value, yaml.ScalarNode):
                yield value.start_mark.line + 1, "", value.value, []
            else:
                yield from _texts(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _texts(item)
