"""One status of a busy box, as ``watch`` shows it."""

from __future__ import annotations

from typing import Any

STATUS: dict[str, Any] = {
    "box": "north",
    "running": True,
    "bench": False,
    "mode": "automatic",
    "language": "en",
    "timezone": "Europe/Paris",
    "clock": {"utc": "2027-03-09T17:02:11Z", "trusted": True, "source": "ntp"},
    "stopped": False,
    "stop_contact_open": False,
    "paused": False,
    "why": {
        "code": "busy",
        "sentence": "Every line has a call.",
        "next_at": "2027-03-10T17:00:00Z",
    },
    "lines": [
        {
            "name": "line-1",
            "ready": True,
            "call": "telling",
            "attempt": "a1",
            "incoming": None,
            "fault": None,
            "modem": {
                "family": "sim7600",
                "audio": "pcm-serial",
                "operator": "20801",
                "signal": -79,
                "level_out": -20.3,
                "level_in": -34.6,
            },
            "selftest": None,
        },
        {
            "name": "line-2",
            "ready": False,
            "call": None,
            "attempt": None,
            "incoming": None,
            "fault": {
                "code": "sim_missing",
                "detail": "no SIM is in the holder",
                "remedy": "insert it, contacts down",
                "final": True,
            },
            "modem": {},
            "selftest": None,
        },
    ],
    "people": 48,
    "waiting": 31,
    "attempts": 12,
    "outcomes": {"busy": 3, "listened": 7, "opted_out": 2},
    "refusals": {"consent": 4, "law.sunday": 1},
    "lamps": {"ready": "on", "line": "blink", "call": "on", "fault": "4 flashes"},
    "faults": [
        {"code": "line_out", "meaning": "a modem or SIM needs a person", "remedy": "see doctor"}
    ],
    "doubts": [],
    "messages": {"kept": 0, "waiting": 0, "held_back": 0},
    "queue": [
        {
            "subject": f"{index:032x}",
            "number": f"+33 ••••••• {index:02d}",
            "opens": "2027-03-10T17:00:00Z",
            "attempts": index % 2,
        }
        for index in range(8)
    ],
    "recent": [
        {
            "at": f"2027-03-09T17:0{index}:00Z",
            "kind": "call.ended",
            "subject": "ab" * 16,
            "line": "line-1",
            "detail": "listened",
        }
        for index in range(3)
    ],
    "ledger": {"seq": 12, "hash": "00"},
}
