"""Joining the fleet that the configuration names; without that section nothing is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.box.state import BoxState
from appliance.campaign.inputs import Input
from appliance.config.load import Config
from firmware.clock import Clock

if TYPE_CHECKING:
    from appliance.fleet.member import Member


def join(
    config: Config,
    state: BoxState,
    post: Callable[[Input], None],
    clock: Clock,
    *,
    calls: Callable[[], int],
) -> Member | None:
    """Return this box's membership, or None where it belongs to no fleet.

    *calls* tells how many calls run. Raises :class:`~appliance.fleet.keys.KeysUnusable` and the
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
    )
