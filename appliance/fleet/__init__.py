"""Many boxes, one campaign: claims before dials, objections and stops that count everywhere.

A box without a ``fleet`` section imports nothing of this package. What decides here is pure
(:mod:`~appliance.fleet.claim`, :mod:`~appliance.fleet.subjects`, :mod:`~appliance.fleet.messages`);
the engine below it is NATS JetStream, reached by one thread (:mod:`~appliance.fleet.member`).
"""
