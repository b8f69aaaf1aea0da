"""Speak texts.yaml again: ``python audio/make_clips.py [FOLDER]`` (needs espeak-ng).

Writes ROLE.LANGUAGE.wav for every text into FOLDER, by default beside this file, and prints
what each clip became.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from firmware.clips.check import check_clip
from firmware.clips.say import say_clip

HERE = Path(__file__).parent


def main(folder: Path) -> int:
    """Make every clip; return 1 where one of them would not pass ``audio check``."""
    texts = yaml.safe_load((HERE / "texts.yaml").read_text(encoding="utf-8"))
    sound = True
    for language, roles in texts.items():
        voice = roles.pop("voice")
        for role, text in roles.items():
            target = folder / f"{role}.{language}.wav"
            say_clip(text, target, language=voice)
            report = check_clip(target)
            levels = report.levels
            print(
                f"{target.name:<18} {levels.seconds:5.2f} s {levels.active_dbfs:6.1f} dBFS "
                f"peak {levels.peak_dbfs:5.1f} lead {levels.leading_silence:.2f} s "
                f"{'; '.join(report.faults + report.advice)}"
            )
            sound = sound and not report.faults and not report.advice
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
