"""Joining the fleet that the configuration names; without that section nothing is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.box.state import BoxState
from appliance.campaign.inputs import Input
from appliance.config.load import Config
from appliance.errors import Refused
from firmware.clock import Clock
from firmware.wording import plural, worded

if TYPE_CHECKING:
    from appliance.fleet.member import Member


def join(
    config: Config,
    state: BoxState,
    post: Callable[[Input], None],
    clock: Clock,
    *,
    calls: Callable[[], int],
    request: Callable[[str, dict[str, Any]], Any],
) -> Member | None:
    """Return this box's membership, or None where it belongs to no fleet.

    *calls* tells how many calls run; *request* performs an operation as a technician's client
    would ask for it. Raises :class:`~appliance.fleet.keys.KeysUnusable` and the
    storage errors.
    """
    fleet = config.settings.fleet
    if fleet is None:
        return None
    # 28 MiB and a fifth of a second that a box by itself need not spend.
    from appliance.fleet.member import Member
    from appliance.fleet.membership import keys_of

    return Member(
        keys_of(fleet, config.file),
        state.directory,
        post=post,
        clock=clock,
        describe=lambda: {"calls": calls(), "version": __version__},
        take_list=lambda contents: _import(contents, request),
    )


def _import(contents: bytes, request: Callable[[str, dict[str, Any]], Any]) -> str:
    """Import a list from headquarters, the good rows of it; say in words what came of it."""
    arguments = {"file": "list", "contents": contents, "accept_valid": True}
    try:
        told = request("contacts.import", arguments)
    except Refused as refused:
        return worded("refused: {why}", why=refused)
    if not told.get("imported"):
        return worded("refused: it is no contacts file")
    return worded(
        "taken: {people}, {rows}",
        people=plural("{count} new person", "{count} new people", told["new_people"]),
        rows=plural("{count} row refused", "{count} rows refused", told["rejected_rows"]),
    )
