"""What a box without screen leaves on its boot partition: what came of the folder, and while nobody
has configured it how that is done, in both languages, with a sample.

Any computer can open the partition, so anybody may have written there. The box makes the folder
where there is none, and changes only what it wrote itself (:mod:`appliance.provisioning.beside`).
"""

from __future__ import annotations

import os
import stat
import textwrap
from pathlib import Path

from appliance.box.lamps import DATA_LOST, DATA_LOST_REMEDY, FaultCode, waiting_lamps
from appliance.box.provisioned import FOLDER
from appliance.errors import Refused
from appliance.language import LANGUAGES, Translate, marked, translator
from appliance.provisioning.beside import drop_beside, write_beside, write_sealed
from appliance.provisioning.folder import LISEZMOI, NAME, README, SAMPLE
from appliance.provisioning.words import HEAD, RESULT
from firmware.gpio.lamp import Lamp, describe
from firmware.wording import worded

_BYTE_ORDER = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it an older Notepad takes French for another alphabet."""
_LARGEST = 1 << 18
_COLUMNS = 76
_BESIDE = f"{NAME}-{RESULT}"
"""The result's name on the partition itself, where what is called autodialer there is no folder."""

PARAGRAPHS = (
    marked("A box without configuration calls nobody; its fault lamp shows: {waits}."),
    marked("To configure it:"),
    marked(
        "1. On a computer, make a folder with config.yaml, the recordings that it names in a "
        "folder clips, and contacts.csv: who agreed to be called, and when. People who withdrew "
        "stand in withdrawals.txt, one number a line. {sample} beside this file shows what a "
        "configuration looks like: copy it, call the copy config.yaml, and write what it asks for."
    ),
    marked(
        "2. Where the program autodialer is, run: autodialer provision pack FOLDER. It names every "
        "fault. With --key it signs the folder, too. Without the program go on: the box checks "
        "the same."
    ),
    marked(
        "3. Copy what is in your folder into this one, called {name} on the card's boot partition. "
        "Eject the card, put it into the box, switch the box on."
    ),
    marked(
        "4. Within two minutes that lamp pattern ends. Where the fault lamp shows: {refused}, "
        "switch the box off and open this folder again: {result} says in words what is wrong."
    ),
    marked(
        "5. When the box has it, delete contacts.csv from the card: it names people, and anybody "
        "can read it here. The box keeps its own copy."
    ),
    marked(
        "From then on the section provisioning of config.yaml says who may bring the next folder, "
        "on this card or on a USB stick."
    ),
    marked(
        "Power may be cut at any moment: the box then has all of a folder, or nothing of it. The "
        "box writes this file and {sample} again only where nobody changed them."
    ),
)


def readme(language: str) -> str:
    """Return how a box without screen is configured, in *language*."""
    say = translator(language)
    waits = describe(waiting_lamps(refused=False)[Lamp.FAULT])
    values = {
        "waits": say(waits),
        "refused": say(describe(FaultCode.PROVISIONING.pattern)),
        "sample": SAMPLE,
        "name": NAME,
        "result": RESULT,
    }
    said = (say(paragraph).format(**values) for paragraph in PARAGRAPHS)
    body = "\n\n".join(textwrap.fill(one, _COLUMNS, break_on_hyphens=False) for one in said)
    return f"{_BYTE_ORDER}{_title(say)}\n\n{body}\n"


def _title(say: Translate) -> str:
    return say("autodialer: how to configure this box")


SAMPLE_TEXT = """\
# A sample. Copy it, call the copy config.yaml, and write what stands in capitals. Every fault is
# named in RESULT.txt, with its line. (Exemple : copiez-le sous le nom config.yaml et remplacez ce
# qui est en majuscules ; RESULT.txt nomme chaque faute, avec sa ligne.)

language: en                          # or fr: of the box's own words

box:
  name: box-1
  state: /var/lib/autodialer          # as it is: the box's own directory

campaign:
  purpose: WRITE-THE-PURPOSE          # exactly as the consents name it
  mode: attended                      # one press, one call; automatic when you trust it
  default_language: fr
  clips:
    fr:                               # in the folder clips; `autodialer audio prepare` makes them
      greeting: clips/greeting.fr.wav
      prompt: clips/prompt.fr.wav
      message: clips/message.fr.wav
      farewell: clips/farewell.fr.wav
      opted_out: clips/opted_out.fr.wav

law:
  profile: fr
  timezone: Europe/Paris
  caller:                             # the SIM's own number, and what kind of number it is
    number: "WRITE-THE-NUMBER"        # "+33...", in quotes
    category: mobile                  # docs/law-profiles.md names the others

lines:
  - name: line-1
    port: auto
    audio: auto

# Who may bring the next folder. With neither only a technician can change this box from now on.
provisioning:
  trusted: []                         # ["ssh-ed25519 AAAA... office"]: what a .pub file holds
  unsigned: false                     # true: whoever can plug in a stick configures the box
"""


def leave_notes(place: Path, state: Path, *, waits: bool) -> tuple[list[str], list[str]]:
    """Write onto the boot partition mounted at *place*; returns what is there, and what could not
    be written.

    *waits*: nobody has configured the box yet. Raises nothing for what anybody did to the
    partition: a box goes on without these notes.
    """
    written: list[str] = []
    refused: list[str] = []
    folder = place / NAME
    if waits:
        _made(folder, refused)
        for name, text, remark in (
            (README, readme("en"), ""),
            (LISEZMOI, readme("fr"), ""),
            (SAMPLE, SAMPLE_TEXT, "# "),
        ):
            try:
                if write_sealed(folder, name, text, remark=remark):
                    written.append(f"{NAME}/{name}")
            except Refused as error:
                refused.append(str(error))
    result = _result(state)
    if result is not None and os.path.lexists(folder):
        _tell(place, result, written, refused)
    elif result is None:
        for where, name in ((folder, RESULT), (place, _BESIDE)):
            drop_beside(where, name, lost_text())
    return written, refused


def tell_lost(place: Path) -> tuple[list[str], list[str]]:
    """Write onto the boot partition mounted at *place* that the card's data cannot be read.

    Returns as :func:`leave_notes` does, which takes it down again.
    """
    written: list[str] = []
    refused: list[str] = []
    _made(place / NAME, refused)
    _tell(place, lost_text(), written, refused)
    return written, refused


def lost_text() -> bytes:
    """Return what is told where the card's data cannot be read; nor is the box's language known."""
    lines = [HEAD, ""]
    for language in LANGUAGES:
        say = translator(language)
        lines += [
            say("This box calls nobody: {why}.").format(why=say(DATA_LOST)),
            say("What to do: {remedy}.").format(remedy=say(DATA_LOST_REMEDY)),
            "",
        ]
    return "\r\n".join(lines).encode()


def _made(folder: Path, refused: list[str]) -> None:
    if not os.path.lexists(folder):
        try:
            folder.mkdir(mode=0o755)
        except OSError as error:
            refused.append(f"{folder}: {error.strerror}")


def _tell(place: Path, result: bytes, written: list[str], refused: list[str]) -> None:
    """Lay the result into the folder, or beside it where that is no folder."""
    beside = write_beside(place / NAME, RESULT, result)
    if beside is not None:
        written.append(f"{NAME}/{beside}")
        return
    beside = write_beside(place, _BESIDE, result)
    if beside is not None:
        written.append(beside)
    else:
        refused.append(worded("{file}: could not be written", file=place / NAME / RESULT))


def _result(state: Path) -> bytes | None:
    """Return the result as the box keeps it. Root reads it, so no link of the account is followed:
    what it points to would lie open on the partition."""
    step = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    opened: list[int] = []
    try:
        opened.append(os.open(state, step | os.O_DIRECTORY))
        opened.append(os.open(FOLDER, step | os.O_DIRECTORY, dir_fd=opened[-1]))
        opened.append(os.open(RESULT, step | os.O_NONBLOCK, dir_fd=opened[-1]))
        found = os.fstat(opened[-1])
        # Nor is another name of somebody else's file.
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return None
        return os.read(opened[-1], _LARGEST) or None
    except OSError:
        return None
    finally:
        for one in reversed(opened):
            os.close(one)
