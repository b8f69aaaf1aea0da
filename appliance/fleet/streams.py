"""The hub's streams, as they must be: what the server itself refuses, whoever asks. Pure.

A campaign's stream takes one message a subject and lets nobody delete, purge or overwrite it; what
a box may rely on is therefore in the server's own rules and not in the good will of its clients.
"""

from __future__ import annotations

from typing import Any

from appliance.fleet import subjects
from appliance.fleet.subjects import Subjects
from firmware.wording import worded

_DAY = 24 * 3600 * 10**9


ACK_WAIT = 5
"""Seconds until a message that a box did not acknowledge comes again: it may have gone to a
connection that was cut at that moment. Claims are refused meanwhile; a call that runs is not ended.
"""


def campaign_stream(campaign: str, replicas: int) -> dict[str, Any]:
    """Return the definition of a campaign's log."""
    names = Subjects(campaign)
    return {
        "name": names.stream,
        "subjects": [names.all],
        "storage": "file",
        "retention": "limits",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "discard": "new",
        "discard_new_per_subject": True,
        "deny_delete": True,
        "deny_purge": True,
        "allow_atomic": True,
        "allow_direct": True,
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
        "duplicate_window": 120 * 10**9,
    }


def other_streams(replicas: int) -> list[dict[str, Any]]:
    """Return the definitions of the streams beside it: ledgers, statuses, heads and lists."""
    common = {
        "storage": "file",
        "retention": "limits",
        "num_replicas": replicas,
        "allow_direct": True,
        "max_msgs": -1,
        "max_bytes": -1,
    }
    return [
        {
            **common,
            "name": subjects.LEDGERS,
            "subjects": ["ledger.*"],
            "discard": "new",
            "deny_delete": True,
            "deny_purge": True,
            "max_age": 0,
            "duplicate_window": 120 * 10**9,
        },
        {
            **common,
            "name": subjects.STATUSES,
            "subjects": ["status.*"],
            "max_msgs_per_subject": 1,
            "discard": "old",
        },
        {
            **common,
            "name": subjects.HEADS,
            "subjects": ["head.*"],
            "max_msgs_per_subject": 1,
            "discard": "old",
        },
        {
            **common,
            "name": subjects.LISTS,
            "subjects": ["list.>"],
            "discard": "new",
            "max_age": 30 * _DAY,
        },
    ]


def consumer(campaign: str, box: str, replicas: int) -> dict[str, Any]:
    """Return the durable consumer by which *box* hears objections, stops and epochs.

    It is made at enrolment, so that the box itself may make none, and it lasts: what was written
    while the box was cut off is delivered when it is back. How far it was followed is kept in the
    nodes' memory: on their disks each objection would be fifty times three synchronised writes, and
    what is lost there (all nodes off at once) only makes every message come again, which the box
    knows already. A hub of one node would lose the consumer itself, so it keeps it on its disk.
    """
    names = Subjects(campaign)
    return {
        "durable_name": box,
        "name": box,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "filter_subjects": [names.objections, names.stops_of(box), names.epochs_of(box)],
        "ack_wait": ACK_WAIT * 10**9,
        "max_ack_pending": 1000,
        "mem_storage": replicas > 1,
        "replay_policy": "instant",
    }


def list_consumer(box: str) -> dict[str, Any]:
    """Return the durable consumer by which *box* receives lists sealed to it.

    This one is kept on disk: a list that came twice would be imported twice.
    """
    return {
        "durable_name": box,
        "name": box,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "filter_subjects": [subjects.lists_of(box)],
        "ack_wait": 300 * 10**9,
        "max_ack_pending": 1000,
        "replay_policy": "instant",
    }


GUARDED = (
    "max_msgs_per_subject",
    "discard",
    "discard_new_per_subject",
    "deny_delete",
    "deny_purge",
    "allow_atomic",
    "storage",
    "retention",
    "num_replicas",
    "max_age",
    "max_msgs",
    "max_bytes",
)
"""Settings of a stream on which promises rest; a server leaves out those that are false."""

_WHEN_MISSING: dict[str, Any] = {
    "max_msgs_per_subject": -1,
    "max_age": 0,
    "max_msgs": -1,
    "max_bytes": -1,
    "discard": "old",
    "num_replicas": 1,
}


def unlike(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return how the stream *found* differs from *wanted* in what promises rest on, in words."""
    faults = []
    if sorted(found.get("subjects") or []) != sorted(wanted["subjects"]):
        faults.append(
            worded(
                "subjects are {get}, not {subjects}",
                get=found.get("subjects"),
                subjects=wanted["subjects"],
            )
        )
    for key in GUARDED:
        default = _WHEN_MISSING.get(key, False)
        is_, should = found.get(key, default), wanted.get(key, default)
        if is_ != should:
            faults.append(
                worded("{key} is {what!r}, not {should!r}", key=key, what=is_, should=should)
            )
    return faults
