"""What the network saw, one JSON object a line: evidence that does not come from the box."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self


def _system_time() -> datetime:
    return datetime.now(UTC)


class NetworkLog:
    """Appends ``{at, port, event, ...}`` lines to a file, each flushed when written.

    ``at`` is RFC 3339 UTC with milliseconds from *wall*; ``monotonic_ms`` is the simulator's own
    monotonic clock, for durations.
    """

    def __init__(self, path: Path | None, wall: Callable[[], datetime] = _system_time) -> None:
        self._file: IO[str] | None = None
        if path is not None:
            self._file = path.open("a", encoding="utf-8", buffering=1)
        self._wall = wall

    def write(
        self, *, port: str, event: str, monotonic: float, facts: Mapping[str, object]
    ) -> None:
        if self._file is None:
            return
        at = self._wall().astimezone(UTC).isoformat(timespec="milliseconds")
        record = {
            "at": at.replace("+00:00", "Z"),
            "port": port,
            "event": event,
            **facts,
            "monotonic_ms": round(monotonic * 1000),
        }
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
