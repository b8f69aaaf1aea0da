"""Where things lie: the shipped configuration, paths in it, and the state directory.

Kept apart from :mod:`appliance.config.load` so that a command which only talks to the running box
finds its socket without importing the whole box.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from firmware.wording import worded

_PACKAGE = Path(__file__).resolve().parents[1]


def sample_config() -> Path:
    """Return the shipped ``config.yaml``."""
    packaged = _PACKAGE / "sample" / "config.yaml"
    return packaged if packaged.exists() else _PACKAGE.parent / "config.yaml"


def is_sample(config: Path) -> bool:
    """Tell whether *config* is the copy inside an installed package."""
    return config.resolve() == (_PACKAGE / "sample" / "config.yaml").resolve()


def resolve(base: Path, text: str) -> Path:
    """Return *text* as a path relative to the configuration file's directory *base*."""
    return (base / Path(text).expanduser()).resolve()


def state_base(file: Path) -> Path:
    """Return what ``box.state`` is relative to.

    That is the file's directory, but for the packaged sample: site-packages is nobody's place.
    """
    return Path.cwd() if is_sample(file) else file.resolve().parent


def managers_state() -> Path | None:
    """Return the state directory that the service manager made; None where there is none."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else None


def state_directory(file: Path) -> Path:
    """Return only where the state lies, whatever else the configuration says.

    Faults elsewhere in the file are left to ``check``; raises
    :class:`~firmware.yaml_document.DocumentFaulty` where even this cannot be told.
    """
    plain = _plainly_said(file)
    if plain is not None:
        return resolve(state_base(file), plain)
    from firmware.yaml_document import DocumentFaulty, Fault, read_document

    document = read_document(file)
    box = document.value.get("box") if isinstance(document.value, dict) else None
    state = box.get("state") if isinstance(box, dict) else None
    if not isinstance(state, str) or not state:
        fault = Fault(
            document.mark(("box", "state")), "box.state", worded("is missing; write a directory")
        )
        raise DocumentFaulty(document.file, [fault])
    return resolve(state_base(file), state)


_LANGUAGE = re.compile(r"""^language: *["']?([a-z]{2})["']? *(?:#.*)?$""", re.MULTILINE)


def language_of(file: Path) -> str | None:
    """Return ``language`` as the file says it; None where it does not, or cannot be read.

    Read without the YAML reader, which takes longer than all else that ``status`` does, and so
    that the faults of a broken file are told in the language that it asks for.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return None
    found = _LANGUAGE.search(text)
    return found[1] if found is not None else None


PLAIN_LIMIT = 1 << 16
# A plain scalar of these characters is text in YAML 1.2 where it has a letter or a slash and none
# of the words that mean something else.
_STATE = re.compile(r" +state: +([A-Za-z0-9_./-]*[A-Za-z/][A-Za-z0-9_./-]*) *(?: #.*)?")
_OTHER_KEY = re.compile(r" +[a-z_]+: +[A-Za-z0-9_./-]+ *(?: #.*)?| *(?:#.*)?")
_NOT_TEXT = re.compile(r"~|null|true|false|[-+.0-9eExXoOa-fA-F]*|[-+]?\.(?:inf|nan)", re.IGNORECASE)
_TOP_KEY = re.compile(r"[a-z_]+:(?: .*)?|#.*|")


def _plainly_said(file: Path) -> str | None:
    """Return ``box.state`` of a file that says it as the sample does; None where it takes a reader.

    Loading the YAML reader takes longer than all else that ``status`` does. So what is read here
    is a block of plain ``key: value`` lines at the file's first key; whatever is not exactly so
    (quotes, tags, anchors, a second ``box``, tabs, another indentation) is left to the reader.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(PLAIN_LIMIT + 1).decode("ascii", "replace")
    except OSError:
        return None
    lines = text.split("\n")
    if len(text) > PLAIN_LIMIT or "\r" in text or "\t" in text:
        return None
    if sum(line.startswith("box:") for line in lines) != 1:
        return None
    start = next(index for index, line in enumerate(lines) if line.startswith("box:"))
    if any(line.strip() and not line.startswith("#") for line in lines[:start]):
        return None
    if re.fullmatch(r"box: *(?: #.*)?", lines[start]) is None:
        return None
    found: list[str] = []
    indents = set()
    for line in lines[start + 1 :]:
        if line and line[0] not in " #":
            if _TOP_KEY.fullmatch(line) is None:
                return None
            break
        if _OTHER_KEY.fullmatch(line) is None:
            return None
        if line.strip() and not line.lstrip().startswith("#"):
            indents.add(len(line) - len(line.lstrip()))
        state = _STATE.fullmatch(line)
        if state is not None:
            found.append(state[1])
    if len(found) != 1 or len(indents) != 1 or _NOT_TEXT.fullmatch(found[0]):
        return None
    return found[0]
