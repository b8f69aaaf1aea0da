"""What a short command must not pay for at its start."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.process
def test_a_status_imports_nothing_that_only_sound_and_daemons_need() -> None:
    code = (
        "import sys, appliance.cli.running, appliance.cli.session, appliance.control.operations\n"
        "from appliance.config.load import load; from appliance.config.paths import sample_config\n"
        "from appliance.box.box import Box\n"
        "load(sample_config())\n"
        "heavy = ('numpy', 'serial', 'gpiozero', 'gsmmodem', 'asyncio', 'multiprocessing')\n"
        "print(sorted(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"
