"""The judge of the clock under its first name, for programs from outside that import it.

The box itself imports :mod:`appliance.box.clock`, where it lives.
"""

from appliance.box.clock import Readings, Trust, Witness, judge, read_system

__all__ = ["Readings", "Trust", "Witness", "judge", "read_system"]
