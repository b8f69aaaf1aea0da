"""Where the shipped configuration and clips lie: in the source tree, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def sample_config() -> Path:
    """Return the shipped ``config.yaml``."""
    packaged = _PACKAGE / "sample" / "config.yaml"
    return packaged if packaged.exists() else _PACKAGE.parent / "config.yaml"


def is_sample(config: Path) -> bool:
    """Tell whether *config* is the copy inside an installed package."""
    return config.resolve() == (_PACKAGE / "sample" / "config.yaml").resolve()
