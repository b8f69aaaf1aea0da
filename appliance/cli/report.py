"""``report [--out F.html] [--csv F.csv]``: the campaign, for people."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appliance import __version__
from appliance.cli import speech
from appliance.cli.answer import answered, beside
from appliance.cli.output import check_target, remember_target, write_target
from appliance.cli.paths import LEDGER, existing_state, zone_of
from appliance.errors import Refused
from appliance.language import DEFAULT, LANGUAGES, translator
from appliance.storage.written_files import takes_a_stream
from firmware.wording import plural, worded

if TYPE_CHECKING:
    from appliance.ledger import Anchor
    from appliance.report.figures import Figures
    from appliance.report.report import LawFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="write a page that opens in any browser")
    parser.add_argument("--csv", type=Path, help="write one line per attempt")
    parser.add_argument("--language", choices=LANGUAGES, help="of the page; the box's by default")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")


def _check(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is read, what could not be written whole at the end."""
    for option, path in (("--out", arguments.out), ("--csv", arguments.csv)):
        check_target(arguments, option, path)
    out, csv = arguments.out, arguments.csv
    if out is not None and not takes_a_stream(out):
        beside = [out.with_name(out.name + end) for end in (".anchor", ".anchor.sig")]
        for path in beside:
            check_target(arguments, "--out", path)
        if csv is not None and csv.absolute() in (p.absolute() for p in (out, *beside)):
            raise Refused(
                worded("--csv {csv}: --out writes that file", csv=csv),
                worded("give it another name"),
            )


def run(arguments: argparse.Namespace) -> int:
    arguments.wrote, arguments.told = [], {}
    with beside(arguments):
        code = _report(arguments)
    answered(arguments, arguments.told)
    return code


def _report(arguments: argparse.Namespace) -> int:
    from appliance.ledger_words import MEANINGS, rule_name
    from appliance.report.table import as_csv
    from firmware.yaml_document import read_document

    _check(arguments)
    directory = existing_state(arguments) / LEDGER
    settings = read_document(arguments.config).value
    zone, figures, head = _added_up(directory, settings)
    if arguments.out is not None:
        language = box_language(arguments, settings)
        page = _page(settings, zone, figures, head, language, anchor=f"{arguments.out.name}.anchor")
        write_target(arguments, "--out", arguments.out, page.encode())
        arguments.wrote.append(arguments.out)
        print(speech.say("page in {out}", out=arguments.out))
        if not takes_a_stream(arguments.out):
            _anchor(arguments, settings, head, figures.last)
    if arguments.csv is not None:
        write_target(arguments, "--csv", arguments.csv, as_csv(figures).encode())
        arguments.wrote.append(arguments.csv)
        listed = plural("{count} attempt", "{count} attempts", len(figures.rows))
        print(speech.say("{listed} in {csv}", listed=listed, csv=arguments.csv))
    if arguments.json:
        totals = {"outcomes": figures.outcomes, "refused": figures.refused, "head": head}
        arguments.told = {**totals, "files": [str(file) for file in arguments.wrote]}
    elif arguments.out is None and arguments.csv is None:
        width = 1 + max(len(speech.say(outcome)) for outcome in MEANINGS)
        for outcome, meaning in MEANINGS.items():
            made, name = figures.outcomes[outcome], speech.say(outcome)
            print(f"{made:>6}  {name:<{width}} {speech.say(meaning)}")
        for rule, count in figures.refused.most_common():
            name = speech.say(rule_name(rule))
            print(speech.say("{count:>6}  refused by {rule}", count=count, rule=name))
        print(speech.say("anchor: row {head} {head2}", head=head[0], head2=head[1]))
    return 0


def campaign_page(config: Path, ledger: Path, *, name: str, language: str) -> tuple[str, Anchor]:
    """Return the page that is to be called *name*, and the anchor beside it.

    Raises Refused where the ledger is not sound.
    """
    from appliance.ledger import Anchor
    from firmware.yaml_document import read_document

    settings = read_document(config).value
    zone, figures, head = _added_up(ledger, settings)
    page = _page(settings, zone, figures, head, language, anchor=f"{name}.anchor")
    return page, Anchor.of(head, figures.last or datetime.now(UTC))


def _added_up(ledger: Path, settings: Any) -> tuple[ZoneInfo, Figures, tuple[int, str]]:
    from appliance.ledger import read_entries, verify
    from appliance.report.figures import add_up
    from appliance.windows import known_zone

    verification = verify(ledger)
    if not verification.ok:
        raise Refused(
            worded("the ledger is not sound: {fault}", fault=verification.fault),
            worded("see: ledger verify"),
        )
    # A configuration that is mended later must not keep anybody from the report.
    zone = known_zone(zone_of(settings) or "UTC") or ZoneInfo("UTC")
    figures = add_up(read_entries(ledger), zone)
    return zone, figures, (verification.seq, verification.hash)


def _page(
    settings: Any,
    zone: ZoneInfo,
    figures: Figures,
    head: tuple[int, str],
    language: str,
    *,
    anchor: str,
) -> str:
    from appliance.report.report import Frame, as_html

    say = translator(language)
    purposes = ", ".join(sorted(figures.purposes)) or say("no campaign yet")
    frame = Frame(
        title=say("Calls for {purposes}").format(purposes=purposes),
        head=head,
        zone=zone,
        language=language,
        law=law_facts(settings.get("law") if isinstance(settings, dict) else None),
        anchor=anchor,
        version=__version__,
    )
    return as_html(figures, frame)


def law_facts(law: Any) -> LawFacts:
    """Return what the page says of the profile that the configuration names."""
    from appliance.law import HoursRule, load_profile
    from appliance.report.report import LawFacts

    try:
        profile = load_profile(str(law["profile"]))
    except (KeyError, TypeError):
        return LawFacts()
    hours: set[tuple[int, int]] | None = None
    for rule in profile.enforced:
        if isinstance(rule, HoursRule):
            open_hours = {
                (weekday, minute // 60)
                for weekday, spans in enumerate(rule.hours.days)
                for start, end in spans
                for minute in range(start, end, 30)
            }
            hours = open_hours if hours is None else hours & open_hours
    return LawFacts(
        label=profile.label,
        title=profile.title,
        rules=profile.words(),
        hours=frozenset(hours or ()),
    )


def box_language(arguments: argparse.Namespace, settings: Any) -> str:
    """Return ``--language``, else the box's own."""
    if arguments.language is not None:
        return str(arguments.language)
    chosen = settings.get("language") if isinstance(settings, dict) else None
    return str(chosen) if chosen in LANGUAGES else DEFAULT


def _anchor(
    arguments: argparse.Namespace,
    settings: Any,
    head: tuple[int, str],
    newest: datetime | None,
) -> None:
    """Write the head beside the page, ``F.anchor``, and sign it where a key is configured."""
    from appliance.config.paths import resolve
    from appliance.ledger import Anchor
    from appliance.ledger.anchors import sign

    path = arguments.out.with_name(arguments.out.name + ".anchor")
    # The ledger's own time: the clock of the box that prints may be another's.
    anchor = Anchor.of(head, newest or datetime.now(UTC))
    write_target(arguments, "--out", path, anchor.text().encode())
    arguments.wrote.append(path)
    ledger = settings.get("ledger") if isinstance(settings, dict) else None
    key = ledger.get("signing_key") if isinstance(ledger, dict) else None
    if not isinstance(key, str):
        print(speech.say("anchor in {path}", path=path))
        return
    signature = sign(path, resolve(arguments.config.parent, key))
    remember_target(arguments, signature)
    arguments.wrote.append(signature)
    print(speech.say("anchor in {path}, signed in {signature}", path=path, signature=signature))
