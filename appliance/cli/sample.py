"""The configuration that comes with the program is for the demonstration, and for nothing else."""

from __future__ import annotations

import argparse

from appliance.errors import Refused
from firmware.wording import worded


def refuse_the_sample(arguments: argparse.Namespace, command: str) -> None:
    """Refuse where no configuration was named or found, so that the shipped sample would serve."""
    from appliance.config.paths import is_sample

    if getattr(arguments, "fallback", False) or is_sample(arguments.config):
        raise Refused(
            worded(
                "there is no config.yaml here, and {command} does not take the sample that "
                "comes with the program",
                command=command,
            ),
            worded(
                "make one with autodialer config init, or name one with --config; autodialer "
                "demo needs none"
            ),
        )
