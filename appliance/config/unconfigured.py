"""Has anybody configured this box yet? Asked before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from firmware.bounded_read import read_bounded

PLACEHOLDERS = (b"WRITE-THE-PURPOSE", b"WRITE-THE-NUMBER")
"""What stands in the configuration of the package where a person has to write. While both do,
nobody has."""
_LARGEST = 1 << 20


def is_unconfigured(file: Path) -> bool:
    """Tell whether the configuration *file* was never written by anybody.

    A link that leads nowhere is no such file: there was a configuration, and it is lost. So is one
    that cannot be read.
    """
    if file.is_symlink():
        return False
    try:
        text = read_bounded(file, _LARGEST)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not text.strip() or all(word in text for word in PLACEHOLDERS)
