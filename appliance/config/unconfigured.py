"""Has anybody configured this box yet? Asked before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from firmware.bounded_read import read_bounded

PLACEHOLDERS = (b"WRITE-THE-PURPOSE", b"WRITE-THE-NUMBER")
"""What stands in the configuration of the package where a person has to write. While both do,
nobody has."""
MISSING = Path("/run/autodialer-card/data-missing")
"""There where the card's data partition could not be mounted (docs/decisions/0013-the-card.md)."""
_LARGEST = 1 << 20


def data_is_missing() -> bool:
    """Tell whether people and configuration lie on a partition that cannot be read."""
    return MISSING.exists()


def is_unconfigured(file: Path) -> bool:
    """Tell whether the configuration *file* was never written by anybody.

    A link that leads nowhere is no such file: there was a configuration, and it is lost. So is one
    that cannot be read, and what lies in the place of a card's data that could not be mounted.
    """
    if data_is_missing():
        return False
    if file.is_symlink():
        return False
    try:
        text = read_bounded(file, _LARGEST)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not text.strip() or all(word in text for word in PLACEHOLDERS)
