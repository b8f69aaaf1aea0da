"""Everything held about one person, for an access request: gathered, and laid out for reading.

Pure. What the registry knows comes from the box (``dossier`` operation), what happened comes from
the ledger's rows; both are joined here into one plain structure, which is itself the JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.effects import Entry
from appliance.language import DEFAULT, LANGUAGES, Speaker, translator
from appliance.ledger_words import LANGUAGES as SPOKEN
from appliance.ledger_words import (
    MEANINGS,
    OUTCOMES,
    RULES,
    WITNESSES,
    done_by,
    hours,
    kind_name,
    rule_name,
    rule_names,
)
from appliance.model import Outcome, utc_text
from appliance.report.pages import render
from firmware.wording import joined, plural, worded

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


def _facts(dossier: Dossier, say: Speaker) -> Iterator[tuple[str, str]]:
    yield say("number"), str(dossier["number"])
    if dossier["known"]:
        yield say("name"), dossier["name"] or say("not known")
        language = str(dossier["language"])
        yield say("language"), say(SPOKEN.get(language, language))
        yield say("time zone"), dossier["timezone"]
        yield say("id in the ledger"), dossier["subject"]
    else:
        yield say("registry"), say("This number is not in the registry.")
    yield say("hash of the number"), dossier["number_hash"]
    objection = dossier["objection"]
    if objection is not None:
        when = _local(objection["at"], _zone(dossier))
        yield say("objected"), say("{at}, by {by}", at=when, by=say(done_by(objection["by"])))
    else:
        yield say("objected"), say("no")


def _sections(dossier: Dossier, say: Speaker) -> Iterator[_Section]:
    zone = _zone(dossier)
    yield (
        say("Consents"),
        (
            say("given"),
            say("for"),
            say("how"),
            say("evidence"),
            say("hours"),
            say("until"),
            say("recorded"),
        ),
        [
            (
                _local(one["given_at"], zone),
                one["purpose"],
                one["source"],
                one["evidence"],
                hours(one["windows"], say),
                _local(one["valid_until"], zone) if one["valid_until"] else say("no end"),
                _local(one["recorded_at"], zone),
            )
            for one in dossier["consents"]
        ],
        say("None is held."),
    )
    yield (
        say("Text messages that are kept"),
        (say("received"), say("sent"), say("text")),
        [
            (
                _local(one["received_at"], zone),
                _local(one["sent_at"], zone) if one["sent_at"] else "",
                one["text"] or say("(unreadable)"),
            )
            for one in dossier.get("messages", ())
        ],
        say("None is held."),
    )
    yield (
        say("Calls"),
        (
            say("begun"),
            say("answered"),
            say("ended"),
            say("for"),
            say("outcome"),
            say("keys"),
            say("allowed by"),
        ),
        [
            (
                _local(one["authorised_at"], zone),
                _local(one["answered_at"], zone),
                _local(one["ended_at"], zone),
                one["purpose"] or "",
                _outcome(one["outcome"], say),
                ", ".join(f"{key['key']} ({_local(key['at'], zone)})" for key in one["keys"]),
                say(joined(": ", [one["profile"] or "", rule_names(one["rules"], say)])),
            )
            for one in dossier["attempts"]
        ],
        say("No call was made."),
    )
    yield (
        say("Calls that a rule refused"),
        (say("at"), say("rules")),
        [(_local(one["at"], zone), rule_names(one["rules"], say)) for one in dossier["refusals"]],
        say("None."),
    )
    yield (
        say("Rows of the ledger"),
        (say("row"), say("at"), say("kind")),
        [
            (str(one["seq"]), _local(one["at"], zone), say(kind_name(one["kind"])))
            for one in dossier["rows"]
        ],
        say("None."),
    )


def as_text(dossier: Dossier, language: str = "", otherwise: str = DEFAULT) -> str:
    """Return the dossier for a terminal or a letter, in the language of :func:`as_html`."""
    say = translator(_language(dossier, language, otherwise))
    about = say(
        "Everything held about {number}; times in {zone}.",
        number=dossier["number"],
        zone=_zone(dossier).key,
    )
    parts = [about, ""]
    facts = list(_facts(dossier, say))
    width = max(len(name) for name, _ in facts)
    parts += [f"{name:<{width}}  {_plain(value)}" for name, value in facts]
    for title, heads, rows, nothing in _sections(dossier, say):
        parts += ["", title]
        if not rows:
            parts.append(f"  {nothing}")
        for row in rows:
            named = zip(heads, row, strict=True)
            parts.append("  " + "; ".join(f"{head} {_plain(cell)}" for head, cell in named if cell))
    return "\n".join(parts) + "\n"


def _language(dossier: Dossier, wanted: str, otherwise: str) -> str:
    own = str(dossier.get("language") or "")
    return wanted or (own if own in LANGUAGES else otherwise)


RuleTexts = Mapping[str, tuple[str, str, str]]
"""For the name of a law's rule what it says, its source and date."""


def as_html(
    dossier: Dossier,
    texts: RuleTexts | None = None,
    language: str = "",
    otherwise: str = DEFAULT,
) -> str:
    """Return the dossier as a page that needs nothing beside itself.

    In the person's own language where the box speaks it, and in *otherwise*, the box's, where it
    does not, or where nobody knows it; unless *language* names another.
    *texts* has the words of the law's rules.
    """
    return _Page(dossier, texts or {}, _language(dossier, language, otherwise)).page()


class _Page:
    """The values of the page, a part each."""

    def __init__(self, dossier: Dossier, texts: RuleTexts, language: str) -> None:
        self._dossier = dossier
        self._texts = texts
        self._language = language
        self._zone = _zone(dossier)
        self._say = translator(language)

    def page(self) -> str:
        dossier, say = self._dossier, self._say
        objection = dossier["objection"]
        values: dict[str, object] = {
            "title": say("Everything held about one person"),
            "times": say("Times in {zone}.").format(zone=self._zone.key),
            "between": say(": "),
            "facts": list(_facts(dossier, say)),
            "objection": objection
            and say("Objected on {at} ({by}): never called again without a newer consent.").format(
                at=_local(objection["at"], self._zone), by=say(done_by(objection["by"]))
            ),
            "consents": [self._consent(one) for one in dossier["consents"]],
            "calls": [self._call(one) for one in dossier["attempts"]],
            "refusals": [
                {"at": _local(one["at"], self._zone), "rules": self._rules(one["rules"], False)}
                for one in dossier["refusals"]
            ],
            "messages": [
                {
                    "title": _local(one["received_at"], self._zone),
                    "text": one["text"] or say("(unreadable)"),
                }
                for one in dossier.get("messages", ())
            ],
            "rows": [
                {
                    "seq": row["seq"],
                    "at": _local(row["at"], self._zone),
                    "kind": say(kind_name(row["kind"])),
                }
                for row in dossier["rows"]
            ],
            "rows_summary": say(
                "Show {what}", what=plural("{count} row", "{count} rows", len(dossier["rows"]))
            ),
        }
        return render("dossier.html", self._language, values)

    def _consent(self, one: dict[str, Any]) -> dict[str, object]:
        say, zone = self._say, self._zone
        until = _local(one["valid_until"], zone) if one["valid_until"] else say("no end")
        return {
            "title": say("{purpose}, given {at}").format(
                purpose=one["purpose"], at=_local(one["given_at"], zone)
            ),
            "facts": [
                (say("how"), one["source"]),
                (say("evidence"), one["evidence"]),
                (say("hours"), hours(one["windows"], say)),
                (say("until"), until),
                (say("recorded"), _local(one["recorded_at"], zone)),
            ],
        }

    def _call(self, one: dict[str, Any]) -> dict[str, object]:
        say, zone = self._say, self._zone
        keys = ", ".join(
            f"{key['key']} ({_local(key['at'], zone)}, {self._heard_by(key)})"
            for key in one["keys"]
        )
        told = str(one["outcome"] or "")
        outcome = next((known for known in Outcome if known.value == told), None)
        window = [_local(end, zone) for end in one["window"]]
        return {
            "title": _local(one["authorised_at"], zone),
            "outcome_name": say("running") if outcome is None else say(OUTCOMES[outcome]),
            "meaning": "" if outcome is None else say(MEANINGS[outcome]),
            "facts": [
                (say("for"), one["purpose"] or ""),
                (say("answered"), _local(one["answered_at"], zone) or say("no")),
                (say("ended"), _local(one["ended_at"], zone)),
                (say("keys"), keys or say("none")),
                (say("hours that it fell into"), " – ".join(filter(None, window))),
                (say("line"), one["line"] or ""),
            ],
            "profile": one["profile"] or "",
            "rules": self._rules(one["rules"], True),
        }

    def _heard_by(self, key: dict[str, Any]) -> str:
        return self._say(WITNESSES.get(key["heard_by"], str(key["heard_by"])))

    def _rules(self, names: Iterable[str], allowed: bool) -> list[dict[str, object]]:
        return [self._rule(name, allowed) for name in names]

    def _rule(self, name: str, allowed: bool) -> dict[str, object]:
        """Say what *name* says; the law's rules keep their names, by which they are looked up."""
        say = self._say
        text, source = "", ""
        if name in RULES:
            text = say(RULES[name].allowed if allowed else RULES[name].refused)
        elif name in self._texts:
            text, source, dated = self._texts[name]
            text, source = say(text), f"{say(source)}, {dated}"
        known = name in RULES
        return {"name": say(rule_name(name)), "law": not known, "text": text, "source": source}


def _zone(dossier: Dossier) -> ZoneInfo:
    return ZoneInfo(str(dossier.get("timezone") or "UTC"))


def _local(text: str | None, zone: ZoneInfo) -> str:
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _outcome(outcome: str | None, say: Speaker) -> str:
    if outcome is None:
        return say("running")
    known = next((one for one in Outcome if one.value == outcome), Outcome.UNKNOWN)
    return say(joined(": ", [worded(OUTCOMES[known]), worded(MEANINGS[known])]))


def _plain(text: str) -> str:
    """Leave out what would move a terminal's cursor; a name is whatever was imported."""
    # French sets a hard space before most marks; to Python it is no printable character.
    kept = (c if c.isprintable() or c == "\N{NO-BREAK SPACE}" else "?" for c in text)
    return "".join(kept)
