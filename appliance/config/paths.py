"""Where things lie: the shipped configuration, paths in it, and the state directory.

Kept apart from :mod:`appliance.config.load` so that a command which only talks to the running box
finds its socket without importing the whole box.
"""

from __future__ import annotations

from pathlib import Path

from firmware.yaml_document import DocumentFaulty, Fault, read_document

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


def state_directory(file: Path) -> Path:
    """Return only where the state lies, whatever else the configuration says.

    Faults elsewhere in the file are left to ``check``; raises
    :class:`~firmware.yaml_document.DocumentFaulty` where even this cannot be told.
    """
    document = read_document(file)
    box = document.value.get("box") if isinstance(document.value, dict) else None
    state = box.get("state") if isinstance(box, dict) else None
    if not isinstance(state, str) or not state:
        fault = Fault(document.mark(("box", "state")), "box.state", "is missing; write a directory")
        raise DocumentFaulty(document.file, [fault])
    return resolve(state_base(file), state)
