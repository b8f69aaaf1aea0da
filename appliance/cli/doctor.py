"""``doctor``: every part of the box with its state and, where one ails, what to do.

Read from the running box where one runs, and otherwise from configuration and state. Exit code 0
where nothing keeps the box from calling, 1 where something does, 2 for a faulty configuration.

Long because each part of the box has its rows here, in the order in which they are read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from appliance.cli.doctor_row import DoctorRow
from appliance.cli.failures import USAGE
from appliance.cli.session import ask
from appliance.cli.speech import say
from appliance.language import marked
from appliance.ledger_words import fault_name
from appliance.screen.local_time import MINUTES, in_local, local
from firmware.host_health import Part
from firmware.modem.port_users import MODEM_MANAGER_REMEDY, modem_manager_runs
from firmware.wording import joined, plural, said_by, worded

if TYPE_CHECKING:
    from firmware.yaml_document import DocumentFaulty

_STATES_SAID = {"ok": marked("ok"), "note": marked("note"), "fault": marked("fault")}
_STATES: dict[str, Literal["ok", "note", "fault"]] = {"ok": "ok", "note": "note", "fault": "fault"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--bundle", type=Path, metavar="F", help="write a masked archive for support (.tar.gz)"
    )
    # For /usr/bin/autodialer: the box's account may not ask rauc, the journal and the firmware.
    parser.add_argument("--collect", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--evidence", type=Path, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    from appliance.cli.output import check_target
    from firmware.yaml_document import DocumentFaulty

    if arguments.collect:
        from appliance.cli.doctor_card import evidence

        print(json.dumps(dict(evidence())))
        return 0
    check_target(arguments, "--bundle", arguments.bundle)
    try:
        rows, status = _data_lost() or _examined(arguments)
        code = 1 if any(row.state == "fault" for row in rows) else 0
    except DocumentFaulty as faulty:
        rows, status = _without_configuration(arguments, faulty)
        code = USAGE
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        width = max(len(say(row.part)) for row in rows)
        narrow = max(len(say(state)) for state in _STATES_SAID.values())
        for row in rows:
            remedy = f" -> {say(row.remedy)}" if row.remedy else ""
            state, part = say(_STATES_SAID[row.state]), say(row.part)
            print(f"{state:<{narrow}}  {part:<{width}}  {say(row.detail)}{remedy}")
    if arguments.bundle is not None:
        from appliance.cli.doctor_bundle import write_bundle

        write_bundle(arguments, rows, status)
    return code


def _data_lost() -> tuple[list[DoctorRow], dict[str, Any]] | None:
    """Say so where a card has lost its data partition: what is there instead is nobody's."""
    from appliance.box.lamps import DATA_LOST, DATA_LOST_REMEDY
    from appliance.config.unconfigured import data_is_missing

    if not data_is_missing():
        return None
    row = DoctorRow(
        part=worded("storage"), state="fault", detail=DATA_LOST, remedy=DATA_LOST_REMEDY
    )
    return [row], {}


def _examined(arguments: argparse.Namespace) -> tuple[list[DoctorRow], dict[str, Any]]:
    from appliance.cli.doctor_config import law_rows, sample_clips
    from appliance.config import load as configuration

    config = configuration.load(arguments.config, state=arguments.state, examine=True)
    rows = [
        DoctorRow(part=worded("configuration"), state="ok", detail=str(config.file)),
        *law_rows(config),
        *sample_clips(config),
        *_around(config.state, bench=config.bench),
    ]
    status: dict[str, Any] = {}
    try:
        if config.state.exists():
            status = ask(arguments, "status")
            rows += _box(status)
            rows += _zones(ask(arguments, "contacts.zones"))
        else:
            rows += _no_state(config.state)
    except Exception as error:  # noqa: BLE001
        # A doctor that dies of the patient's illness is none: say it as a row.
        remedy = getattr(error, "remedy", "")
        rows.append(
            DoctorRow(part=worded("state"), state="fault", detail=said_by(error), remedy=remedy)
        )
    rows.append(_time_zone_rules())
    rows += _ledger(config.state)
    if not status.get("running") and not status.get("safe_mode"):
        rows += _should_run(config.file)
    return rows, status


def _around(state: Path, *, bench: bool) -> Iterator[DoctorRow]:
    """Look at what needs the place of the state alone."""
    from appliance.cli.doctor_provisioning import package_rows, provisioning_rows, update_rows

    yield from _disk(state)
    yield from _owner(state)
    yield from provisioning_rows(state)
    yield from _handed_out(state)
    yield from package_rows(state)
    yield from update_rows()
    yield from _rivals(bench)


def _without_configuration(
    arguments: argparse.Namespace, faulty: DocumentFaulty
) -> tuple[list[DoctorRow], dict[str, Any]]:
    """Look at whatever needs no configuration; a box may run by an earlier, sound one."""
    from appliance.cli.doctor_provisioning import update_rows
    from appliance.cli.paths import state_directory
    from appliance.cli.session import ask_running
    from appliance.errors import NobodyListens
    from firmware.yaml_document import DocumentFaulty

    rows = [
        DoctorRow(
            part=worded("configuration"),
            state="fault",
            detail=fault.text(faulty.file),
            remedy=worded("the box does not start with it"),
        )
        for fault in faulty.faults
    ]
    status: dict[str, Any] = {}
    try:
        state = state_directory(arguments)
    except DocumentFaulty:
        rows += [*update_rows(), *_rivals(bench=False), _time_zone_rules()]
        return [*rows, *_should_run(arguments.config)], status
    # Modems of a bench are nobody's rivals, but only its configuration says that it is one.
    rows += _around(state, bench=False)
    try:
        status = ask_running(arguments, "status")
        rows += _box(status)
    except NobodyListens:
        rows += [*_no_box(), *_should_run(arguments.config)]
    except Exception as error:  # noqa: BLE001
        remedy = getattr(error, "remedy", "")
        rows.append(
            DoctorRow(part=worded("box"), state="fault", detail=said_by(error), remedy=remedy)
        )
    return [*rows, _time_zone_rules(), *_ledger(state)], status


WANTED = Path("/etc/systemd/system/multi-user.target.wants/autodialer.service")
"""There while systemd is to start the box with the computer."""


def _should_run(config: Path, wanted: Path = WANTED) -> Iterator[DoctorRow]:
    """A box that the computer starts by itself, and that does not run, ails."""
    from appliance.cli.main import SYSTEM_CONFIG

    if str(config) == SYSTEM_CONFIG and wanted.is_symlink():
        yield DoctorRow(
            part=worded("service"),
            state="fault",
            detail=worded("the box is to start with this computer, and does not run"),
            remedy=worded(
                "systemctl status autodialer tells why; systemctl start autodialer starts it"
            ),
        )


def _no_box() -> Iterator[DoctorRow]:
    yield DoctorRow(
        part=worded("box"),
        state="note",
        detail=worded("does not run"),
        remedy=worded("systemctl start autodialer, or: autodialer run"),
    )


def _disk(state: Path) -> Iterator[DoctorRow]:
    from appliance.cli.doctor_host import PARTS, host_findings

    for finding in host_findings(state):
        if finding.part is Part.SPACE:
            finding = replace(
                finding, detail=worded("{detail} for {state}", detail=finding.detail, state=state)
            )
        yield DoctorRow(
            part=PARTS[finding.part],
            state=_STATES[finding.state],
            detail=finding.detail,
            remedy=finding.remedy,
        )
    if state.exists() and state.stat().st_mode & 0o077:
        yield DoctorRow(
            part=worded("permissions"),
            state="fault",
            detail=worded("{state} may be read by other accounts", state=state),
            remedy=f"chmod -R go= {state}",
        )


def _owner(state: Path) -> Iterator[DoctorRow]:
    """A file that root made in the state of another account keeps the box from starting."""
    if not state.is_dir():
        return
    wanted = state.stat().st_uid
    others = [path for path in (*state.glob("*"), *state.glob("*/*")) if _uid(path) != wanted]
    if others:
        yield DoctorRow(
            part=worded("permissions"),
            state="fault",
            detail=plural(
                "{count} file belongs to another account than {state} does: {relative_to}",
                "{count} files belong to another account than {state} does, such as {relative_to}",
                len(others),
                state=state,
                relative_to=others[0].relative_to(state),
            ),
            remedy=f"chown -R --reference={state} {state}",
        )


def _handed_out(state: Path) -> Iterator[DoctorRow]:
    """An erasure must find the files with people's data that the box wrote elsewhere."""
    from appliance.people.exports import Index
    from appliance.storage.files import StorageError

    try:
        Index(state).files()
    except StorageError as error:
        yield DoctorRow(
            part=worded("exports"), state="fault", detail=said_by(error), remedy=error.remedy
        )


def _rivals(bench: bool) -> Iterator[DoctorRow]:
    """Asked here and not by the box: its sandbox hides other accounts' processes from it."""
    if not bench and modem_manager_runs():
        yield DoctorRow(
            part="ModemManager",
            state="note",
            detail=worded(
                "ModemManager runs, and takes modems that the box's udev rules do not name"
            ),
            remedy=MODEM_MANAGER_REMEDY,
        )


def _uid(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def _time_zone_rules() -> DoctorRow:
    """Governments change their clocks at short notice: old rules call at a wrong hour."""
    from appliance.box.calendar_clock import time_zone_database

    version = time_zone_database()
    year = int(version[:4]) if version[:4].isdigit() else None
    age = 99 if year is None else datetime.now(UTC).year - year
    if age <= 1:
        return DoctorRow(
            part=worded("time zone rules"),
            state="ok",
            detail=worded("{version}, of {year}", version=version, year=year),
        )
    known = worded("their age is not known") if year is None else worded("{age} years old", age=age)
    return DoctorRow(
        part=worded("time zone rules"),
        state="note",
        detail=joined(", ", [version, known]),
        remedy=worded("apt install --only-upgrade tzdata, then restart the box"),
    )


def _zones(told: dict[str, Any]) -> Iterator[DoctorRow]:
    for kind, what, remedy in (
        (
            "contradicted",
            worded("zone and number point to two places"),
            worded("make sure that they live there; a corrected zone comes with a newer consent"),
        ),
        (
            "not_civil",
            worded("no place keeps the zone, so the person is never called"),
            worded("import them again with the place where they live and a newer consent"),
        ),
    ):
        count, some = told[kind]["count"], ", ".join(told[kind]["some"])
        if count:
            more = ", …" if count > len(told[kind]["some"]) else ""
            yield DoctorRow(
                part=worded("people's zones"),
                state="note",
                detail=worded("{what} ({count}): {some}", what=what, count=count, some=some + more),
                remedy=remedy,
            )


def _no_state(state: Path) -> Iterator[DoctorRow]:
    yield DoctorRow(
        part=worded("state"),
        state="note",
        detail=worded("{state} does not exist: no box ever ran here", state=state),
        remedy=worded("autodialer run, or name another directory with --state"),
    )


def _box(status: dict[str, Any]) -> Iterator[DoctorRow]:
    if status.get("safe_mode"):
        yield DoctorRow(
            part=worded("box"),
            state="fault",
            detail=status["why"]["sentence"],
            remedy=worded("mend that; then press start, or run: systemctl restart autodialer")
            if status["mode"] == "safe mode"
            else status["faults"][0]["remedy"],
        )
        return
    clock = status["clock"]
    if status["running"]:
        yield DoctorRow(
            part=worded("box"),
            state="ok",
            detail=joined(
                "; ",
                [worded("runs"), in_local(status["why"]["sentence"], status.get("timezone"))],
            ),
        )
    else:
        yield from _no_box()
    yield DoctorRow(
        part=worded("clock"),
        state="ok" if clock["trusted"] else "fault",
        detail=joined(", ", [local(clock["utc"], status.get("timezone")), clock["source"]]),
        remedy="" if clock["trusted"] else worded("what each source says: autodialer clock"),
    )
    if status["stopped"]:
        released = worded("reset it: autodialer reset --by NAME --reason TEXT")
        yield DoctorRow(
            part=worded("emergency stop"),
            state="fault",
            detail=worded("latched")
            + (worded(", button pressed or wire cut") if status["stop_contact_open"] else ""),
            remedy=(worded("release the button, then ") if status["stop_contact_open"] else "")
            + released,
        )
    else:
        yield DoctorRow(part=worded("emergency stop"), state="ok", detail=worded("not latched"))
    for doubt in status["doubts"]:
        unverified = doubt["code"] == "unverified"
        yield DoctorRow(
            part=worded("calling") if doubt["code"].startswith("host-") else worded("state"),
            state="note" if unverified else "fault",
            detail=doubt["detail"],
            remedy=doubt["remedy"],
        )
    for remark in status["remarks"]:
        yield DoctorRow(part=worded("state"), state="note", detail=remark)
    if status["paused"]:
        yield DoctorRow(
            part=worded("dialling"),
            state="note",
            detail=worded("paused"),
            remedy=worded("press start, or: autodialer resume"),
        )
    if "fleet" in status:
        from appliance.cli.doctor_fleet import fleet_rows

        yield from fleet_rows(status["fleet"])
    yield from _kept(status["messages"])
    for line in status["lines"]:
        yield from _line(line, running=status["running"], zone=status.get("timezone"))
    for fault in status["faults"]:
        yield DoctorRow(
            part=worded("lamp code"), state="fault", detail=fault["meaning"], remedy=fault["remedy"]
        )


def _kept(messages: dict[str, int]) -> Iterator[DoctorRow]:
    """Text messages that the box did not understand."""
    waiting, held = messages["waiting"], messages["held_back"]
    if not waiting:
        yield DoctorRow(
            part=worded("messages"), state="ok", detail=worded("no text message waits to be read")
        )
        return
    yield DoctorRow(
        part=worded("messages"),
        state="note",
        detail=plural(
            "{several} may be an objection and waits to be read; the senders of {held} are not "
            "called until then",
            "{several} may be objections and wait to be read; the senders of {held} are not "
            "called until then",
            waiting,
            several=plural("{count} text message", "{count} text messages", waiting),
            held=held,
        ),
        remedy=worded("autodialer messages list, then: autodialer messages show ID"),
    )


def _stores(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    """Where text messages lie on the modem: a full store takes no objection."""
    told = modem.get("messages") or {}
    stores = told.get("stores") or []
    held = joined(
        ", ",
        [
            worded(
                "{memory} holds {used} of {total}",
                memory=one["memory"],
                used=one["used"],
                total=one["total"],
            )
            for one in stores
        ],
    )
    if told.get("nearly_full"):
        yield DoctorRow(
            part=worded("{part} messages", part=part),
            state="fault",
            detail=worded("{held}: a full message store takes no objection by text", held=held),
            remedy=worded(
                "delete what others wrote there, with a phone or AT+CMGD; the box deletes what "
                "it has dealt with"
            ),
        )
    elif told.get("refused"):
        yield DoctorRow(
            part=worded("{part} messages", part=part),
            state="fault",
            detail=worded(
                "text messages cannot be read ({refused}): no objection by text",
                refused=told["refused"],
            ),
            remedy=worded("check the SIM, and that no other program has the modem"),
        )
    elif told.get("undeletable"):
        yield DoctorRow(
            part=worded("{part} messages", part=part),
            state="note",
            detail=plural(
                "the modem does not delete {count} message that was dealt with",
                "the modem does not delete {count} messages that were dealt with",
                told["undeletable"],
            ),
            remedy=worded("delete them with a phone before the store is full"),
        )
    elif stores:
        unannounced = (
            "" if told.get("announces") else worded("; the modem announces none, so it is swept")
        )
        yield DoctorRow(
            part=worded("{part} messages", part=part), state="ok", detail=held + unannounced
        )


def _line(line: dict[str, Any], *, running: bool, zone: str | None = None) -> Iterator[DoctorRow]:
    part = worded("line {name}", name=line["name"])
    fault = line["fault"]
    if fault is not None:
        yield DoctorRow(
            part=part,
            state="fault",
            detail=joined(": ", [worded(fault_name(fault["code"])), fault["detail"]]),
            remedy=fault["remedy"],
        )
    elif line["ready"]:
        modem = line["modem"]
        facts = [str(modem[key]) for key in ("family", "model", "audio") if modem.get(key)]
        if modem.get("carrier"):
            facts.append(worded("network {carrier}", carrier=modem["carrier"]))
        if modem.get("own_number"):
            facts.append(worded("number {own_number}", own_number=modem["own_number"]))
        yield DoctorRow(part=part, state="ok", detail=", ".join(facts) or "ready")
        yield from _keys(part, modem)
    elif running:
        yield DoctorRow(part=part, state="note", detail=worded("comes up"))
    yield from _voice(part, line["modem"])
    yield from _stores(part, line["modem"])
    yield from _power(part, line["modem"])
    yield from _sim(part, line, zone)
    yield _self_test(
        worded("{part} self-test", part=part), line["selftest"], modem=line["modem"], zone=zone
    )


def _keys(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    witnesses = modem.get("witnesses")
    if witnesses == []:
        yield DoctorRow(
            part=worded("{part} keys", part=part),
            state="fault",
            detail=worded("nobody hears keys on this line: no objection could reach the box"),
            remedy=worded("give the line a voice port or a sound card"),
        )
    elif isinstance(witnesses, list) and len(witnesses) == 1:
        yield DoctorRow(
            part=worded("{part} keys", part=part),
            state="note",
            detail=worded("one witness only ({witnesses})", witnesses=witnesses[0]),
            remedy=worded("a self-test shows whether it hears the keys"),
        )


def _voice(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    if modem.get("audio_note"):
        yield DoctorRow(
            part=worded("{part} voice", part=part),
            state="note",
            detail=worded("clips on the module: {audio_note}", audio_note=modem["audio_note"]),
            remedy=worded("to try the voice stream again: autodialer modem selftest --stream"),
        )
    if modem.get("voice_failed"):
        yield DoctorRow(
            part=worded("{part} voice", part=part),
            state="note",
            detail=worded(
                "the last call's voice failed: {voice_failed}", voice_failed=modem["voice_failed"]
            ),
            remedy=worded(
                "if it fails again, check the modem's cable and supply; with the box stopped, "
                "autodialer modem selftest --line {split} proves the voice path",
                split=part.split()[1],
            ),
        )
    errors = (modem.get("voice") or {}).get("callback_errors")
    if errors:
        yield DoctorRow(
            part=worded("{part} listening", part=part),
            state="fault",
            detail=plural(
                "the box failed at {count} report of the voice path since it started: keys "
                "may have gone unheard",
                "the box failed at {count} reports of the voice path since it started: keys "
                "may have gone unheard",
                errors,
            ),
            remedy=worded(
                "look into the log for the first one, and send it to the maintainers; restart "
                "the box"
            ),
        )


def _sim(part: str, line: dict[str, Any], zone: str | None) -> Iterator[DoctorRow]:
    """What the SIM may still be used for."""
    limit = line.get("limit")
    if limit:
        yield DoctorRow(
            part=worded("{part} limit", part=part),
            state="note",
            detail=worded(
                "{detail} ({limit}); until {until}",
                detail=limit["detail"],
                limit=limit["limit"],
                until=local(limit["until"], zone, MINUTES),
            ),
            remedy=worded("calls go on by themselves; the limits stand in config.yaml"),
        )
    balance = line["modem"].get("balance")
    if not balance:
        return
    if balance["failed"]:
        yield DoctorRow(
            part=worded("{part} balance", part=part),
            state="note",
            detail=worded("not known: {failed}", failed=balance["failed"]),
            remedy=worded(
                "ask the operator for the code and the form of its answer, and correct "
                "limits.{name}.balance in config.yaml",
                name=line["name"],
            ),
        )
    elif balance["amount"] is not None:
        low = bool(balance.get("low"))
        yield DoctorRow(
            part=worded("{part} balance", part=part),
            state="fault" if low else "ok",
            detail=worded("{amount:g}, under the alarm", amount=balance["amount"])
            if low
            else f"{balance['amount']:g}",
            remedy=worded("top the SIM up") if low else "",
        )


def _power(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    pin, cuts = modem.get("power_pin"), modem.get("power_cuts") or 0
    if pin is None:
        return
    yield DoctorRow(
        part=worded("{part} power", part=part),
        state="note" if cuts else "ok",
        detail=plural(
            "switched by GPIO {pin}, cut {count} time since the box started",
            "switched by GPIO {pin}, cut {count} times since the box started",
            cuts,
            pin=pin,
        ),
        remedy=worded("check the modem, its supply and its firmware") if cuts else "",
    )


def _self_test(
    part: str, test: dict[str, Any] | None, *, modem: dict[str, Any], zone: str | None
) -> DoctorRow:
    repeat = worded(
        "with the box stopped: autodialer modem selftest --line {split}", split=part.split()[1]
    )
    if test is None:
        return DoctorRow(
            part=part, state="note", detail=worded("this SIM was never tested"), remedy=repeat
        )
    when = local(test["at"], zone)
    detail = worded(
        "{what} {when}, voice {audio}",
        what=worded("passed") if test["passed"] else worded("failed"),
        when=when,
        audio=test["audio"],
    )
    now = modem.get("audio")
    if now and now != test["audio"]:
        return DoctorRow(
            part=part,
            state="note",
            detail=worded("{detail}; the voice is {now} now", detail=detail, now=now),
            remedy=repeat,
        )
    if test["passed"]:
        return DoctorRow(part=part, state="ok", detail=detail)
    found = joined(" ", list(test.get("findings", ())))
    return DoctorRow(
        part=part,
        state="note",
        detail=joined(". ", [detail, found]) if found else detail,
        remedy=repeat,
    )


def _ledger(state: Path) -> Iterator[DoctorRow]:
    from appliance.cli.ledger import verify_state

    directory = state / "ledger"
    if not directory.is_dir():
        return
    verification = verify_state(state)
    yield DoctorRow(
        part=worded("ledger"),
        state="ok" if verification.ok else "fault",
        detail=plural("{count} row verified", "{count} rows verified", verification.lines)
        if verification.ok
        else str(verification.fault),
        remedy=""
        if verification.ok
        else worded("keep a copy of {directory} as it is; call nobody", directory=directory),
    )
