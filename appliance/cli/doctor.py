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
from appliance.screen.local_time import local
from firmware.bounded_read import read_bounded
from firmware.host_health import Part
from firmware.modem.port_users import MODEM_MANAGER_REMEDY, modem_manager_runs

if TYPE_CHECKING:
    from firmware.yaml_document import DocumentFaulty

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
        rows, status = _examined(arguments)
        code = 1 if any(row.state == "fault" for row in rows) else 0
    except DocumentFaulty as faulty:
        rows, status = _without_configuration(arguments, faulty)
        code = USAGE
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        width = max(len(row.part) for row in rows)
        for row in rows:
            remedy = f" -> {row.remedy}" if row.remedy else ""
            print(f"{row.state:<5}  {row.part:<{width}}  {row.detail}{remedy}")
    if arguments.bundle is not None:
        from appliance.cli.doctor_bundle import write_bundle

        write_bundle(arguments, rows, status)
    return code


def _examined(arguments: argparse.Namespace) -> tuple[list[DoctorRow], dict[str, Any]]:
    from appliance.cli.doctor_provisioning import provisioning_rows, update_rows
    from appliance.config import load as configuration

    config = configuration.load(arguments.config, state=arguments.state, examine=True)
    rows = [
        DoctorRow(part="configuration", state="ok", detail=str(config.file)),
        *_law(config),
        *_disk(config.state),
        *_owner(config.state),
        *provisioning_rows(config.state),
        *_handed_out(config.state),
        *_update(config.state),
        *update_rows(),
        *_rivals(config.bench),
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
        rows.append(DoctorRow(part="state", state="fault", detail=str(error), remedy=remedy))
    rows.append(_time_zone_rules())
    rows += _ledger(config.state)
    if not status.get("running") and not status.get("safe_mode"):
        rows += _should_run(config.file)
    return rows, status


def _without_configuration(
    arguments: argparse.Namespace, faulty: DocumentFaulty
) -> tuple[list[DoctorRow], dict[str, Any]]:
    """Look at whatever needs no configuration; a box may run by an earlier, sound one."""
    from appliance.cli.paths import state_directory
    from appliance.cli.session import ask_running
    from appliance.errors import NobodyListens
    from firmware.yaml_document import DocumentFaulty

    rows = [
        DoctorRow(
            part="configuration",
            state="fault",
            detail=fault.text(faulty.file),
            remedy="the box does not start with it",
        )
        for fault in faulty.faults
    ]
    status: dict[str, Any] = {}
    try:
        state = state_directory(arguments)
    except DocumentFaulty:
        return [*rows, _time_zone_rules(), *_should_run(arguments.config)], status
    rows += [*_disk(state), *_owner(state), *_handed_out(state)]
    try:
        status = ask_running(arguments, "status")
        rows += _box(status)
    except NobodyListens:
        rows += [*_no_box(), *_should_run(arguments.config)]
    except Exception as error:  # noqa: BLE001
        remedy = getattr(error, "remedy", "")
        rows.append(DoctorRow(part="box", state="fault", detail=str(error), remedy=remedy))
    return [*rows, _time_zone_rules(), *_ledger(state)], status


WANTED = Path("/etc/systemd/system/multi-user.target.wants/autodialer.service")
"""There while systemd is to start the box with the computer."""


def _should_run(config: Path, wanted: Path = WANTED) -> Iterator[DoctorRow]:
    """A box that the computer starts by itself, and that does not run, ails."""
    from appliance.cli.main import SYSTEM_CONFIG

    if str(config) == SYSTEM_CONFIG and wanted.is_symlink():
        yield DoctorRow(
            part="service",
            state="fault",
            detail="the box is to start with this computer, and does not run",
            remedy="systemctl status autodialer tells why; systemctl start autodialer starts it",
        )


def _no_box() -> Iterator[DoctorRow]:
    yield DoctorRow(
        part="box",
        state="note",
        detail="does not run",
        remedy="systemctl start autodialer, or: autodialer run",
    )


def _law(config: Any) -> Iterator[DoctorRow]:
    from appliance.law import ballot_notes

    rules = config.rules
    yield DoctorRow(
        part="law profile", state="ok", detail=f"{rules.profile.label}: {rules.profile.title}"
    )
    for note in ballot_notes(rules.profile, rules.ballots):
        yield DoctorRow(part="ballots", state="note", detail=note)
    for verdict in rules.caller_verdicts(config.bench):
        yield DoctorRow(
            part="caller number",
            state="ok" if verdict.allowed else "fault",
            detail=f"{verdict.rule}: {verdict.reason}",
            remedy=""
            if verdict.allowed
            else "use a number of an allowed range, or mode: attended; ask your counsel",
        )


def _disk(state: Path) -> Iterator[DoctorRow]:
    from appliance.cli.doctor_host import PARTS, host_findings

    for finding in host_findings(state):
        if finding.part is Part.SPACE:
            finding = replace(finding, detail=f"{finding.detail} for {state}")
        yield DoctorRow(
            part=PARTS[finding.part],
            state=_STATES[finding.state],
            detail=finding.detail,
            remedy=finding.remedy,
        )
    if state.exists() and state.stat().st_mode & 0o077:
        yield DoctorRow(
            part="permissions",
            state="fault",
            detail=f"{state} may be read by other accounts",
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
            part="permissions",
            state="fault",
            detail=f"{len(others)} files belong to another account than {state} does, "
            f"such as {others[0].relative_to(state)}",
            remedy=f"chown -R --reference={state} {state}",
        )


def _handed_out(state: Path) -> Iterator[DoctorRow]:
    """An erasure must find the files with people's data that the box wrote elsewhere."""
    from appliance.people.exports import Index
    from appliance.storage.files import StorageError

    try:
        Index(state).files()
    except StorageError as error:
        yield DoctorRow(part="exports", state="fault", detail=str(error), remedy=error.remedy)


UPDATE_RESULT = "upgrade-result.txt"
"""What the package's last update came to, where there is something to say (debian/)."""


def _update(state: Path) -> Iterator[DoctorRow]:
    try:
        told = read_bounded(state / UPDATE_RESULT, 1 << 16).decode(errors="replace")
    except OSError:
        return
    yield DoctorRow(
        part="update",
        state="note",
        detail=" ".join(told.split())[:400],
        remedy="mend what it says, then install the package again",
    )


def _rivals(bench: bool) -> Iterator[DoctorRow]:
    """Asked here and not by the box: its sandbox hides other accounts' processes from it."""
    if not bench and modem_manager_runs():
        yield DoctorRow(
            part="ModemManager",
            state="note",
            detail="ModemManager runs, and takes modems that the box's udev rules do not name",
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
        return DoctorRow(part="time zone rules", state="ok", detail=f"{version}, of {year}")
    known = "their age is not known" if year is None else f"{age} years old"
    return DoctorRow(
        part="time zone rules",
        state="note",
        detail=f"{version}, {known}",
        remedy="apt install --only-upgrade tzdata, then restart the box",
    )


def _zones(told: dict[str, Any]) -> Iterator[DoctorRow]:
    for kind, what, remedy in (
        (
            "contradicted",
            "zone and number point to two places",
            "make sure that they live there; a corrected zone comes with a newer consent",
        ),
        (
            "not_civil",
            "no place keeps the zone, so the person is never called",
            "import them again with the place where they live and a newer consent",
        ),
    ):
        count, some = told[kind]["count"], ", ".join(told[kind]["some"])
        if count:
            more = ", …" if count > len(told[kind]["some"]) else ""
            yield DoctorRow(
                part="people's zones",
                state="note",
                detail=f"{what} ({count}): {some}{more}",
                remedy=remedy,
            )


def _no_state(state: Path) -> Iterator[DoctorRow]:
    yield DoctorRow(
        part="state",
        state="note",
        detail=f"{state} does not exist: no box ever ran here",
        remedy="autodialer run, or name another directory with --state",
    )


def _box(status: dict[str, Any]) -> Iterator[DoctorRow]:
    if status.get("safe_mode"):
        yield DoctorRow(
            part="box",
            state="fault",
            detail=status["why"]["sentence"],
            remedy="mend that; then press start, or run: systemctl restart autodialer"
            if status["mode"] == "safe mode"
            else status["faults"][0]["remedy"],
        )
        return
    clock = status["clock"]
    if status["running"]:
        yield DoctorRow(part="box", state="ok", detail=f"runs; {status['why']['sentence']}")
    else:
        yield from _no_box()
    yield DoctorRow(
        part="clock",
        state="ok" if clock["trusted"] else "fault",
        detail=f"{local(clock['utc'], status.get('timezone'))}, {clock['source']}",
        remedy="" if clock["trusted"] else "what each source says: autodialer clock",
    )
    if status["stopped"]:
        released = "reset it: autodialer reset --by NAME --reason TEXT"
        yield DoctorRow(
            part="emergency stop",
            state="fault",
            detail="latched"
            + (", button pressed or wire cut" if status["stop_contact_open"] else ""),
            remedy=("release the button, then " if status["stop_contact_open"] else "") + released,
        )
    else:
        yield DoctorRow(part="emergency stop", state="ok", detail="not latched")
    for doubt in status["doubts"]:
        unverified = doubt["code"] == "unverified"
        yield DoctorRow(
            part="calling" if doubt["code"].startswith("host-") else "state",
            state="note" if unverified else "fault",
            detail=doubt["detail"],
            remedy=doubt["remedy"],
        )
    for remark in status["remarks"]:
        yield DoctorRow(part="state", state="note", detail=remark)
    if status["paused"]:
        yield DoctorRow(
            part="dialling",
            state="note",
            detail="paused",
            remedy="press start, or: autodialer resume",
        )
    if "fleet" in status:
        from appliance.cli.doctor_fleet import fleet_rows

        yield from fleet_rows(status["fleet"])
    yield from _kept(status["messages"])
    for line in status["lines"]:
        yield from _line(line, running=status["running"], zone=status.get("timezone"))
    for fault in status["faults"]:
        yield DoctorRow(
            part="lamp code", state="fault", detail=fault["meaning"], remedy=fault["remedy"]
        )


def _kept(messages: dict[str, int]) -> Iterator[DoctorRow]:
    """Text messages that the box did not understand."""
    waiting, held = messages["waiting"], messages["held_back"]
    if not waiting:
        yield DoctorRow(part="messages", state="ok", detail="no text message waits to be read")
        return
    count = f"{waiting} text message{'s' if waiting != 1 else ''}"
    yield DoctorRow(
        part="messages",
        state="note",
        detail=f"{count} may be objections and wait to be read; the senders of {held} are not "
        "called until then",
        remedy="autodialer messages list, then: autodialer messages show ID",
    )


def _stores(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    """Where text messages lie on the modem: a full store takes no objection."""
    told = modem.get("messages") or {}
    stores = told.get("stores") or []
    held = ", ".join(f"{one['memory']} holds {one['used']} of {one['total']}" for one in stores)
    if told.get("nearly_full"):
        yield DoctorRow(
            part=f"{part} messages",
            state="fault",
            detail=f"{held}: a full message store takes no objection by text",
            remedy="delete what others wrote there, with a phone or AT+CMGD; the box deletes what "
            "it has dealt with",
        )
    elif told.get("refused"):
        yield DoctorRow(
            part=f"{part} messages",
            state="fault",
            detail=f"text messages cannot be read ({told['refused']}): no objection by text",
            remedy="check the SIM, and that no other program has the modem",
        )
    elif told.get("undeletable"):
        yield DoctorRow(
            part=f"{part} messages",
            state="note",
            detail=f"the modem does not delete {told['undeletable']} messages that were dealt with",
            remedy="delete them with a phone before the store is full",
        )
    elif stores:
        unannounced = "" if told.get("announces") else "; the modem announces none, so it is swept"
        yield DoctorRow(part=f"{part} messages", state="ok", detail=held + unannounced)


def _line(line: dict[str, Any], *, running: bool, zone: str | None = None) -> Iterator[DoctorRow]:
    part = f"line {line['name']}"
    fault = line["fault"]
    if fault is not None:
        yield DoctorRow(
            part=part,
            state="fault",
            detail=f"{fault['code']}: {fault['detail']}",
            remedy=fault["remedy"],
        )
    elif line["ready"]:
        modem = line["modem"]
        facts = [str(modem[key]) for key in ("family", "model", "audio") if modem.get(key)]
        if modem.get("carrier"):
            facts.append(f"network {modem['carrier']}")
        if modem.get("own_number"):
            facts.append(f"number {modem['own_number']}")
        yield DoctorRow(part=part, state="ok", detail=", ".join(facts) or "ready")
        yield from _keys(part, modem)
    elif running:
        yield DoctorRow(part=part, state="note", detail="comes up")
    yield from _voice(part, line["modem"])
    yield from _stores(part, line["modem"])
    yield from _power(part, line["modem"])
    yield from _sim(part, line)
    yield _self_test(f"{part} self-test", line["selftest"], modem=line["modem"], zone=zone)


def _keys(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    witnesses = modem.get("witnesses")
    if witnesses == []:
        yield DoctorRow(
            part=f"{part} keys",
            state="fault",
            detail="nobody hears keys on this line: no objection could reach the box",
            remedy="give the line a voice port or a sound card",
        )
    elif isinstance(witnesses, list) and len(witnesses) == 1:
        yield DoctorRow(
            part=f"{part} keys",
            state="note",
            detail=f"one witness only ({witnesses[0]})",
            remedy="a self-test shows whether it hears the keys",
        )


def _voice(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    if modem.get("audio_note"):
        yield DoctorRow(
            part=f"{part} voice",
            state="note",
            detail=f"clips on the module: {modem['audio_note']}",
            remedy="to try the voice stream again: autodialer modem selftest --stream",
        )
    if modem.get("voice_failed"):
        yield DoctorRow(
            part=f"{part} voice",
            state="note",
            detail=f"the last call's voice failed: {modem['voice_failed']}",
            remedy="if it fails again, check the modem's cable and supply; with the box stopped, "
            f"autodialer modem selftest --line {part.split()[1]} proves the voice path",
        )
    errors = (modem.get("voice") or {}).get("callback_errors")
    if errors:
        yield DoctorRow(
            part=f"{part} listening",
            state="fault",
            detail=f"the box failed at {errors} reports of the voice path since it started: keys "
            "may have gone unheard",
            remedy="look into the log for the first one, and send it to the maintainers; restart "
            "the box",
        )


def _sim(part: str, line: dict[str, Any]) -> Iterator[DoctorRow]:
    """What the SIM may still be used for."""
    limit = line.get("limit")
    if limit:
        yield DoctorRow(
            part=f"{part} limit",
            state="note",
            detail=f"{limit['detail']} ({limit['limit']}); until {limit['until']}",
            remedy="calls go on by themselves; the limits stand in config.yaml",
        )
    balance = line["modem"].get("balance")
    if not balance:
        return
    if balance["failed"]:
        yield DoctorRow(
            part=f"{part} balance",
            state="note",
            detail=f"not known: {balance['failed']}",
            remedy="ask the operator for the code and the form of its answer, and correct limits."
            f"{line['name']}.balance in config.yaml",
        )
    elif balance["amount"] is not None:
        low = bool(balance.get("low"))
        yield DoctorRow(
            part=f"{part} balance",
            state="fault" if low else "ok",
            detail=f"{balance['amount']:g}{', under the alarm' if low else ''}",
            remedy="top the SIM up" if low else "",
        )


def _power(part: str, modem: dict[str, Any]) -> Iterator[DoctorRow]:
    pin, cuts = modem.get("power_pin"), modem.get("power_cuts") or 0
    if pin is None:
        return
    yield DoctorRow(
        part=f"{part} power",
        state="note" if cuts else "ok",
        detail=f"switched by GPIO {pin}, cut {cuts} times since the box started",
        remedy="check the modem, its supply and its firmware" if cuts else "",
    )


def _self_test(
    part: str, test: dict[str, Any] | None, *, modem: dict[str, Any], zone: str | None
) -> DoctorRow:
    repeat = f"with the box stopped: autodialer modem selftest --line {part.split()[1]}"
    if test is None:
        return DoctorRow(part=part, state="note", detail="this SIM was never tested", remedy=repeat)
    when = local(test["at"], zone)
    detail = f"{'passed' if test['passed'] else 'failed'} {when}, voice {test['audio']}"
    now = modem.get("audio")
    if now and now != test["audio"]:
        return DoctorRow(
            part=part, state="note", detail=f"{detail}; the voice is {now} now", remedy=repeat
        )
    if test["passed"]:
        return DoctorRow(part=part, state="ok", detail=detail)
    found = " ".join(test.get("findings", ()))
    return DoctorRow(part=part, state="note", detail=f"{detail}. {found}".strip(), remedy=repeat)


def _ledger(state: Path) -> Iterator[DoctorRow]:
    from appliance.cli.ledger import verify_state

    directory = state / "ledger"
    if not directory.is_dir():
        return
    verification = verify_state(state)
    yield DoctorRow(
        part="ledger",
        state="ok" if verification.ok else "fault",
        detail=f"{verification.lines} rows verified"
        if verification.ok
        else str(verification.fault),
        remedy="" if verification.ok else f"keep a copy of {directory} as it is; call nobody",
    )
