"""Everything held about one person, for an access request: gathered, and laid out for reading.

Pure. What the registry knows comes from the box (``dossier`` operation), what happened comes from
the ledger's rows; both are joined here into one plain structure, which is itself the JSON form.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.effects import Entry
from appliance.model import Outcome, utc_text
from appliance.report.report import MEANINGS

Dossier = dict[str, Any]


def compile_dossier(person: dict[str, Any], entries: Iterable[Entry]) -> Dossier:
    """Join *person* (the answer of the operation) with the ledger rows that are about them.

    A row is about them where it has their subject id, or the keyed hash of their number.
    """
    subject, number_hash = person.get("subject"), person["number_hash"]
    attempts: dict[str, dict[str, Any]] = {}
    refusals: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for entry in entries:
        data = entry.data
        if not (subject is not None and entry.subject == subject) and (
            data.get("number_hash") != number_hash
            and number_hash not in (data.get("number_hashes") or ())
        ):
            continue
        at = utc_text(entry.at)
        rows.append({"seq": entry.seq, "at": at, "kind": entry.kind, "data": data})
        call = attempts.get(str(data.get("attempt")))
        match entry.kind:
            case "call.authorised":
                attempts[str(data.get("attempt"))] = _authorised(at, data)
            case "call.refused":
                refusals.append({"at": at, "rules": list(data.get("rules") or ())})
            case "call.answered" if call is not None:
                call["answered_at"] = at
            case "call.key" if call is not None:
                call["keys"].append(
                    {
                        "at": at,
                        "key": data.get("key"),
                        "heard_by": data.get("witness"),
                        "counted": data.get("counted"),
                    }
                )
            case "call.ended" if call is not None:
                call |= {
                    "ended_at": at,
                    "outcome": data.get("outcome"),
                    "ring_seconds": data.get("ring_seconds"),
                    "talk_seconds": data.get("talk_seconds"),
                    "evidence": data.get("evidence"),
                }
    return {**person, "attempts": list(attempts.values()), "refusals": refusals, "rows": rows}


def _authorised(at: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "attempt": data.get("attempt"),
        "purpose": data.get("purpose"),
        "authorised_at": at,
        "answered_at": None,
        "ended_at": None,
        "outcome": None,
        "ring_seconds": None,
        "talk_seconds": None,
        "keys": [],
        "line": data.get("line"),
        "bench": data.get("bench"),
        "consent": data.get("consent"),
        "window": [data.get("window_start"), data.get("window_end")],
        "profile": data.get("profile"),
        "rules": list(data.get("rules") or ()),
        "evidence": None,
    }


# --- for reading -----------------------------------------------------------------------------

_Section = tuple[str, tuple[str, ...], list[tuple[str, ...]], str]
"""Title, column heads, rows, and the sentence that stands where there are none."""


def _facts(dossier: Dossier) -> Iterator[tuple[str, str]]:
    yield "number", str(dossier["number"])
    if dossier["known"]:
        yield "name", dossier["name"] or "not known"
        yield "language", dossier["language"]
        yield "time zone", dossier["timezone"]
        yield "id in the ledger", dossier["subject"]
    else:
        yield "registry", "This number is not in the registry."
    yield "hash of the number", dossier["number_hash"]
    objection = dossier["objection"]
    if objection is not None:
        yield "objected", f"{_local(objection['at'], _zone(dossier))}, by {objection['by']}"
    else:
        yield "objected", "no"


def _sections(dossier: Dossier) -> Iterator[_Section]:
    zone = _zone(dossier)
    yield (
        "Consents",
        ("given", "for", "how", "evidence", "hours", "until", "recorded"),
        [
            (
                _local(one["given_at"], zone),
                one["purpose"],
                one["source"],
                one["evidence"],
                one["windows"],
                _local(one["valid_until"], zone) if one["valid_until"] else "no end",
                _local(one["recorded_at"], zone),
            )
            for one in dossier["consents"]
        ],
        "None is held.",
    )
    yield (
        "Text messages that are kept",
        ("received", "sent", "text"),
        [
            (
                _local(one["received_at"], zone),
                _local(one["sent_at"], zone) if one["sent_at"] else "",
                one["text"] or "(unreadable)",
            )
            for one in dossier.get("messages", ())
        ],
        "None is held.",
    )
    yield (
        "Calls",
        ("begun", "answered", "ended", "for", "outcome", "keys", "allowed by"),
        [
            (
                _local(one["authorised_at"], zone),
                _local(one["answered_at"], zone),
                _local(one["ended_at"], zone),
                one["purpose"] or "",
                _outcome(one["outcome"]),
                ", ".join(f"{key['key']} ({_local(key['at'], zone)})" for key in one["keys"]),
                f"{one['profile']}: {', '.join(one['rules'])}",
            )
            for one in dossier["attempts"]
        ],
        "No call was made.",
    )
    yield (
        "Calls that a rule refused",
        ("at", "rules"),
        [(_local(one["at"], zone), ", ".join(one["rules"])) for one in dossier["refusals"]],
        "None.",
    )
    yield (
        "Rows of the ledger",
        ("row", "at", "kind"),
        [(str(one["seq"]), _local(one["at"], zone), one["kind"]) for one in dossier["rows"]],
        "None.",
    )


def as_text(dossier: Dossier) -> str:
    """Return the dossier for a terminal or a letter."""
    parts = [f"Everything held about {dossier['number']}; times in {_zone(dossier).key}.", ""]
    facts = list(_facts(dossier))
    width = max(len(name) for name, _ in facts)
    parts += [f"{name:<{width}}  {_plain(value)}" for name, value in facts]
    for title, heads, rows, nothing in _sections(dossier):
        parts += ["", title]
        if not rows:
            parts.append(f"  {nothing}")
        for row in rows:
            named = zip(heads, row, strict=True)
            parts.append("  " + "; ".join(f"{head} {_plain(cell)}" for head, cell in named if cell))
    return "\n".join(parts) + "\n"


def as_html(dossier: Dossier) -> str:
    """Return the dossier as a page that needs nothing beside itself."""
    facts = "".join(
        f"<tr><th>{html.escape(name)}<td>{html.escape(value)}" for name, value in _facts(dossier)
    )
    body = []
    for title, heads, rows, nothing in _sections(dossier):
        body.append(f"<h2>{title}</h2>")
        if not rows:
            body.append(f"<p>{nothing}</p>")
            continue
        body.append("<table><tr>" + "".join(f"<th>{head}" for head in heads))
        body += ["<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in row) for row in rows]
        body.append("</table>")
    tables = "\n".join(body)
    return f"""<!doctype html>
<html lang=en><meta charset=utf-8><title>Dossier</title>
<meta name=viewport content="width=device-width">
<style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}}
h1{{font-size:1.6em}} h2{{font-size:1.15em;margin-top:2em}}
table{{border-collapse:collapse}} td,th{{padding:.2em .8em .2em 0;text-align:left}}
td,th{{vertical-align:top}} td{{overflow-wrap:anywhere}}
</style>
<h1>Everything held about one person</h1>
<p>Times in {html.escape(_zone(dossier).key)}.</p>
<table>{facts}</table>
{tables}
</html>
"""


def _zone(dossier: Dossier) -> ZoneInfo:
    return ZoneInfo(str(dossier.get("timezone") or "UTC"))


def _local(text: str | None, zone: ZoneInfo) -> str:
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _outcome(outcome: str | None) -> str:
    if outcome is None:
        return "running"
    known = {one.value: meaning for one, meaning in MEANINGS.items()}
    return f"{outcome}: {known.get(outcome, Outcome.UNKNOWN.value)}"


def _plain(text: str) -> str:
    """Leave out what would move a terminal's cursor; a name is whatever was imported."""
    return "".join(c if c.isprintable() else "?" for c in text)
