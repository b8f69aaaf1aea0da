"""``modem list|probe|record|selftest|bench``: the bench, without the running box."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from appliance.cli import bench, selftest
from appliance.cli.output import check_target, write_target
from appliance.cli.speech import say
from firmware.wording import worded

RECORDED = (
    "ATI",
    "AT+CGMI",
    "AT+CGMM",
    "AT+CGMR",
    "AT+CPIN?",
    "AT+CSQ",
    "AT+CREG?",
    "AT+CEREG?",
    "AT+COPS?",
    "AT+CLCC",
    "AT+CCLK?",
    "AT+CFUN?",
    "AT+CEER",
)
"""Questions alone: nothing that changes the modem, places a call or enters a PIN."""


def _baudrate(text: str) -> int:
    rate = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 300 <= rate <= 4_000_000:
        raise argparse.ArgumentTypeError(
            worded("{text!r} is not a rate; write 115200", text=text[:20])
        )
    return rate


def _listening(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(
            worded("{text!r} is not from 0 to 86400 seconds", text=text[:20])
        )
    return seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = commands.add_parser("list", help="modems on USB, and what each answers")
    listing.add_argument("--no-probe", action="store_true", help="do not open any port")
    probing = commands.add_parser("probe", help="who is on a port, and why it is not usable")
    record = commands.add_parser("record", help="write a masked transcript that can become a test")
    for action in (probing, record):
        action.add_argument("port", help="device path, or a URL such as socket://host:port")
        action.add_argument("--baudrate", type=_baudrate, default=115200)
    record.add_argument("--out", type=Path, help="write here instead of standard output")
    record.add_argument(
        "--listen", type=_listening, default=0.0, help="seconds to listen afterwards"
    )
    selftest.add_arguments(
        commands.add_parser("selftest", help="call the technician's phone, see who heard what")
    )
    bench.add_arguments(
        commands.add_parser("bench", help="walk the checklist of a modem, write its report")
    )
    for action in (listing, probing, record):
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "probe":
        return _probe(arguments)
    if arguments.action == "selftest":
        return selftest.run(arguments)
    if arguments.action == "bench":
        return bench.run(arguments)
    return _record(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from firmware.modem.discovery import find_modems, probe, stable_name

    rows = []
    for modem in find_modems():
        answer = None if arguments.no_probe or modem.at is None else probe(modem.at)
        row = asdict(modem)
        for port in ("at", "spare_at", "audio"):
            # What a technician copies into config.yaml must outlast a replug.
            row[port] = None if row[port] is None else stable_name(row[port])
        rows.append({**row, "probe": None if answer is None else asdict(answer)})
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        print(
            say(
                "{family} in socket {socket}: AT {at}, audio {audio}",
                family=row["family"],
                socket=row["socket"],
                at=row["at"] or worded("no port"),
                audio=row["audio"] or worded("none"),
            )
        )
        answer = row["probe"]
        if answer is not None:
            print(f"  {say(_answer(answer))}")
    if not rows:
        print(
            say(
                "no modem of a known family is on USB; one on a UART has no identity: modem "
                "probe PORT"
            )
        )
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    from firmware.modem.discovery import probe

    found = probe(arguments.port, baudrate=arguments.baudrate)
    told = asdict(found)
    print(json.dumps(told, ensure_ascii=False) if arguments.json else say(_answer(told)))
    return 0 if found.usable else 1


def _answer(found: dict[str, object]) -> str:
    if not found["usable"]:
        return worded(
            "{port}: not usable: {why}; {remedy}",
            port=found["port"],
            why=found["why"],
            remedy=found["remedy"],
        )
    facts = f"{found['maker']} {found['model']} {found['revision']}".strip()
    return worded(
        "{port}: {facts}, family {family}, SIM {sim}",
        port=found["port"],
        facts=facts,
        family=found["family"],
        sim=found["sim"] or worded("unknown"),
    )


def _record(arguments: argparse.Namespace) -> int:
    from appliance.selftest.bench_transcript import Transcript
    from firmware.errors import CommandTimeout
    from firmware.modem.modem import VoiceModem

    check_target(arguments, "--out", arguments.out)
    transcript = Transcript()
    lost = threading.Event()
    modem = VoiceModem(
        arguments.port,
        baudrate=arguments.baudrate,
        on_urc=lambda _: None,
        on_lost=lambda _: lost.set(),
        trace=transcript.add,
    )
    modem.open()
    try:
        for command in RECORDED:
            try:
                modem.command(command, timeout=3.0)
            except CommandTimeout:
                continue
        deadline = time.monotonic() + arguments.listen
        while time.monotonic() < deadline and not lost.is_set():
            lost.wait(0.2)
    finally:
        modem.close()
    head = worded(
        "# recorded on {name}; numbers are zeros of the same length",
        name=Path(arguments.port).name,
    )
    text = "\n".join([head, "== recorded", *transcript.lines()]) + "\n"
    if arguments.json:
        if arguments.out is not None:
            write_target(arguments, "--out", arguments.out, text.encode())
        out = None if arguments.out is None else str(arguments.out)
        print(json.dumps({"file": out, "transcript": text.splitlines()}))
    elif arguments.out is None:
        sys.stdout.write(text)
    else:
        write_target(arguments, "--out", arguments.out, text.encode())
        print(say("transcript in {out}; read it through before you share it", out=arguments.out))
    return 0
