"""A box's keys as its configuration names them, and the membership of a box that does not run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from appliance.effects import AskClaim
from appliance.fleet.keys import BoxKeys, KeysUnusable
from appliance.fleet.pseudonym import pseudonym
from firmware.wording import worded


class FleetSection(Protocol):
    """The section ``fleet`` of the configuration."""

    @property
    def box(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def servers(self) -> tuple[str, ...]: ...


def key_path(section: FleetSection, config: Path) -> Path:
    """Return where the key file of *section* lies: relative paths begin beside *config*."""
    return config.parent / section.key


def keys_of(section: FleetSection, config: Path) -> BoxKeys:
    """Return the keys that *section* names. Raises :class:`~appliance.fleet.keys.KeysUnusable`."""
    path = key_path(section, config)
    keys = BoxKeys.load(path)
    if keys.box != section.box:
        raise KeysUnusable(
            worded(
                "{path} is the key of box {box}, and {config} says fleet.box: {box2}",
                path=path,
                box=keys.box,
                config=config.name,
                box2=section.box,
            ),
            remedy=worded(
                "Write fleet.box: {box}, or join with this box's own file.", box=keys.box
            ),
        )
    return replace(keys, servers=tuple(section.servers))


class Passive:
    """The membership of a box that does not run: it names people, and calls nobody.

    A command on a stopped box may record an objection; its row must bear the pseudonym by which
    the other boxes will hear of it at the next start.
    """

    def __init__(self, keys: BoxKeys) -> None:
        self._keys = keys
        self.heard = 0

    def barred(self) -> str | None:
        return worded("the box is not running")

    def pseudonym(self, number: str) -> str:
        return pseudonym(self._keys.campaign_key, number)

    def objected(self, pid: str) -> datetime | None:  # noqa: ARG002 - asked of a running box
        return None

    def ask(self, ask: AskClaim) -> None:
        raise AssertionError(f"attempt {ask.attempt} of a box that does not run")

    def refuses(self, attempt: str) -> str | None:  # noqa: ARG002
        return worded("the box is not running")

    def concluded(self, attempt: str) -> None:
        """Nothing runs."""

    def written(self, seq: int) -> None:
        """The next start reads it."""
