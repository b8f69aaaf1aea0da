"""Simulated voice modems, the network behind them and the people who pick up.

Written from the vendors' manuals and from recorded sessions, never from the driver: a shared
misreading would then pass every test. So nothing here imports the driver's AT code, families,
transport or tone detector; only :mod:`firmware.clock` is shared.

* :mod:`~firmware.simulator.network.scenario` says who answers how, and what goes wrong; the YAML
reader
  is :mod:`~firmware.simulator.network.scenario_file`.
* :mod:`~firmware.simulator.modem.modem` is the modem without any input or output: bytes in at a
time,
  actions out, timers as data.
* :mod:`~firmware.simulator.host` puts modems on pseudo-terminals for any program.
"""

from __future__ import annotations

FAMILIES = (
    "sim7600",
    "generic",
    "a76xx",
    "sim800",
    "quectel",
    "huawei",
    "zte",
    "option",
    "wavecom",
)
"""Names of the personalities, for command lines (nothing heavy is imported to know them)."""
