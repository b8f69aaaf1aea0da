"""A new system from a stick: judged, written by rauc, tried once, confirmed or taken back.

What decides is pure (:mod:`appliance.update.decide`, :mod:`appliance.update.trial`); what runs
programs and reads sticks only does (docs/decisions/0014-the-update.md).
"""

STATE_FORMAT = 1
"""The form of the state that this version writes. It reads the one before and the one after it. A
change by one takes two releases: the first reads the new form, the second writes it."""
