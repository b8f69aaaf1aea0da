"""``autodialer audio``: check and prepare clips, speak texts, find keys in recordings."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.output import check_target, remember_target
from appliance.cli.speech import say
from appliance.errors import Refused
from appliance.language import marked
from firmware.errors import FirmwareError
from firmware.wording import said_by, worded

if TYPE_CHECKING:
    from firmware.clips.check import ClipReport
    from firmware.clips.levels import Levels

MEASURED = worded(
    "speech: RMS of the 20 ms frames that lie within 30 dB of the loudest one, "
    "pauses left out; dBFS: 0 is the RMS of a full-scale square wave, a full-scale "
    "sine has -3"
)
DTMF_MODULE = "appliance.cli.audio_dtmf"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    check = tools.add_parser("check", help="is this clip fit for a call?", epilog=MEASURED)
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.add_argument(
        "--greeting",
        action="store_true",
        help="it is a greeting: at most campaign.greeting_limit of the configuration (12 s)",
    )
    check.add_argument("--longest", type=_seconds, metavar="SECONDS", help="at most so long")
    check.add_argument("--json", action="store_true", help="print one JSON object per file")
    prepare = tools.add_parser("prepare", help="make a clip of any WAV, FLAC, MP3 or OGG file")
    prepare.add_argument("source", type=Path, metavar="IN")
    prepare.add_argument("target", type=Path, metavar="OUT")
    prepare.add_argument("--json", action="store_true", help="print JSON")
    say = tools.add_parser("say", help="make a clip of a text, by espeak-ng or piper")
    say.add_argument("text", metavar="TEXT", help="the words, or - to read standard input")
    say.add_argument("target", type=Path, metavar="OUT")
    say.add_argument("--language", default="fr", help="espeak-ng's voice, such as fr or en-gb")
    say.add_argument(
        "--piper-model", type=Path, metavar="FILE", help="speak with piper and this voice model"
    )
    say.add_argument("--json", action="store_true", help="print JSON")
    if importlib.util.find_spec(DTMF_MODULE) is not None:
        dtmf = tools.add_parser("dtmf", help="print the keys in a recording: SECONDS KEY")
        importlib.import_module(DTMF_MODULE).add_arguments(dtmf)


def run(arguments: argparse.Namespace) -> int:
    match arguments.tool:
        case "check":
            longest = arguments.longest
            if longest is None and arguments.greeting:
                longest = _greeting_limit(arguments.config)
            return _check(arguments.files, longest, as_json=arguments.json)
        case "prepare":
            return _prepare(arguments)
        case "say":
            return _say(arguments)
        case _:
            return int(importlib.import_module(DTMF_MODULE).run(arguments))


def _greeting_limit(config: Path) -> float:
    from appliance.config.validation import read_greeting_limit

    return read_greeting_limit(config).total_seconds()


def _check(files: list[Path], longest: float | None, *, as_json: bool) -> int:
    from firmware.clips.check import check_clip

    fit = True
    for path in files:
        try:
            report = check_clip(path, longest=longest)
        except FirmwareError as error:
            fit = False
            if as_json:
                _print_json({"file": str(path), "faults": [str(error)], "remedy": error.remedy})
            else:
                print(f"{path}\n  {_label(FAULT)}{say(said_by(error))}")
                print(f"  {_label(REMEDY)}{say(error.remedy)}")
            continue
        fit = fit and report.usable
        if as_json:
            _print_json(_as_data(report))
        else:
            _print(report)
    if not as_json:
        print(f"({say(MEASURED)})")
    return 0 if fit else 1


FAULT, REMEDY, LEVELS = marked("FAULT"), marked("remedy"), marked("levels")
ADVICE, BEFORE, GAIN = marked("advice"), marked("before"), marked("gain")


def _label(text: str) -> str:
    return f"{say(text):<8}"


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=False))


def _print(report: ClipReport) -> None:
    form, levels = report.form, report.levels
    print(f"{report.path}")
    print(
        say(
            "  format  {rate} Hz, {width} bits, {channels}",
            rate=form.rate,
            width=form.width * 8,
            channels=_channels(form.channels),
        )
    )
    print(f"  {_label(LEVELS)}{say(_figures(levels))}")
    for fault in report.faults:
        print(f"  {_label(FAULT)}{say(fault)}")
    for advice in report.advice:
        print(f"  {_label(ADVICE)}{say(advice)}")
    fit = say("  fit for a call")
    print(fit if report.usable else f"  {_label(REMEDY)}{say(report.remedy)}")


def _as_data(report: ClipReport) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "rate": report.form.rate,
        "bits": report.form.width * 8,
        "channels": report.form.channels,
        **_rounded(report.levels),
        "faults": list(report.faults),
        "advice": list(report.advice),
        "remedy": report.remedy,
    }


def _check_place(arguments: argparse.Namespace) -> None:
    """Refuse a place that may not be written; a clip that came with the program gives way."""
    from appliance.config.sample_clips import is_sample_clip

    target: Path = arguments.target
    check_target(arguments, "OUT", target, clip=True, again=is_sample_clip(target))


def _prepare(arguments: argparse.Namespace) -> int:
    # Imported late: this needs the optional audio libraries, and says so where they are absent.
    from firmware.clips.prepare import prepare_clip

    _check_place(arguments)
    done = prepare_clip(arguments.source, arguments.target)
    remember_target(arguments, arguments.target)
    return _tell(done, arguments.target, as_json=arguments.json)


def _say(arguments: argparse.Namespace) -> int:
    from firmware.clips.say import say_clip

    _check_place(arguments)
    done = say_clip(
        _standard_input() if arguments.text == "-" else arguments.text,
        arguments.target,
        language=arguments.language,
        piper_model=arguments.piper_model,
    )
    remember_target(arguments, arguments.target)
    return _tell(done, arguments.target, as_json=arguments.json)


def _standard_input() -> str:
    if sys.stdin is None:
        raise Refused(worded("standard input is closed"), worded("pipe the text in"))
    # A character that is none of UTF-8 is refused like one on the command line.
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


def _tell(done: Any, target: Path, *, as_json: bool) -> int:
    if as_json:
        _print_json(
            {
                "file": str(target),
                "source_rate": done.source_rate,
                "source_channels": done.source_channels,
                "before": _rounded(done.before),
                "after": _rounded(done.after),
                "gain_db": round(done.gain_db, 1),
                "limited_db": round(done.limited_db, 1),
            }
        )
        return 0
    source = f"{done.source_rate} Hz, {say(_channels(done.source_channels))}"
    print(f"{target}")
    print(f"  {_label(BEFORE)}{say(_figures(done.before))} ({source})")
    print(
        say(
            "  after   {figures} (8000 Hz, 16 bits, mono, 300-3400 Hz)",
            figures=_figures(done.after),
        )
    )
    pressed = (
        worded(", peaks pressed by {limited_db:.1f} dB", limited_db=done.limited_db)
        if done.limited_db > 0.05
        else ""
    )
    gain = say("{gain_db:+.1f} dB", gain_db=done.gain_db)
    print(f"  {_label(GAIN)}{gain}{say(pressed)}")
    return 0


def _figures(levels: Levels) -> str:
    return worded(
        "{seconds:.2f} s, speech {active_dbfs:.1f} dBFS peak {peak_dbfs:.1f} dBFS, "
        "clipped places {clipped}, silence {leading_silence:.2f} s before, "
        "{trailing_silence:.2f} s after",
        seconds=levels.seconds,
        active_dbfs=levels.active_dbfs,
        peak_dbfs=levels.peak_dbfs,
        clipped=levels.clipped,
        leading_silence=levels.leading_silence,
        trailing_silence=levels.trailing_silence,
    )


def _rounded(levels: Levels) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(levels).items()}


def _channels(count: int) -> str:
    return "mono" if count == 1 else worded("{count} channels", count=count)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 300:
        raise argparse.ArgumentTypeError(
            worded("{text!r} is not a number of seconds up to 300", text=text)
        )
    return value
