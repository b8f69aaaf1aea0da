"""Where a folder is taken in, and how the box changes over to it at one instant.

``config.yaml`` becomes a link into ``provisioned/NNNN-DIGEST/`` beside it, where the configuration
lies with its clips: renaming that link is the moment at which it changes, all of it or nothing.
The configuration that a technician wrote is kept as ``config.yaml.technician``.

Before that, in the state directory::

    STATE/provisioning/lock           one folder at a time
    STATE/provisioning/staging/       the copies, readable by the box alone
    STATE/provisioning/pending.json   from here on it will be applied, whatever is unplugged
    STATE/provisioning/withdrawals.txt  people who withdrew while the box could not take it down
    STATE/provisioning/withdrawals-taken.txt   the same while the box withdraws them
    STATE/provisioning/withdrawals-unread.txt  lines of it that are no number, for a person
    STATE/provisioning/seen          folders and lists of withdrawals that were carried out, by hash
    STATE/provisioning/result.json    what came of it, and RESULT.txt in words
    STATE/provisioning/told          which folder's result stands there in words
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.box.provisioned import FOLDER, Provisioned
from appliance.errors import Refused
from appliance.provisioning.folder import CLIPS, CONFIG, sync_tree
from appliance.storage.files import (
    SYSTEM_DISK,
    Disk,
    make_private_directory,
    replace_file,
    storage_failed,
)
from firmware import durable
from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json
from firmware.wording import worded

GENERATIONS = "provisioned"
KEPT = 2
"""Generations that stay: the present one, and the one before it."""
SEEN = 500
"""Folders and lists of withdrawals that are remembered."""
WAIT = 60.0
"""Seconds that a second stick waits for the first."""
_GENERATION = re.compile(r"(\d{4,9})-[0-9a-f]{12}")
_PENDING_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What was checked whole and is being applied."""

    result: Provisioned
    generation: str | None
    """Name of the prepared configuration; None where it stays as it is."""
    contacts: bool


class Store:
    """The places of one box: its state directory and its configuration file."""

    def __init__(self, state: Path, config: Path, disk: Disk = SYSTEM_DISK) -> None:
        self.place = state / FOLDER
        self.staging = self.place / "staging"
        self._config = config
        self._disk = disk
        self._generations = config.parent / GENERATIONS

    @contextmanager
    def alone(self, wait: float = WAIT) -> Iterator[None]:
        """Keep every other folder waiting. Raises Refused after *wait* seconds of waiting."""
        make_private_directory(self.place, self._disk)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.place / "lock", flags, 0o600)
        try:
            durable.give_to_owner(descriptor, self.place)
            until = time.monotonic() + wait
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise Refused(
                            worded("another folder is being taken in"),
                            worded("wait, then plug it in again"),
                        ) from None
                    time.sleep(0.1)
            yield
        finally:
            os.close(descriptor)

    def empty_staging(self) -> Path:
        """Return the empty directory for the copies."""
        self.clear_staging()
        make_private_directory(self.staging, self._disk)
        return self.staging

    def clear_staging(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)

    # --- the change-over ---------------------------------------------------------------------

    def prepare(self, digest: str) -> str:
        """Lay the staged configuration and its clips beside the present one, durably.

        Returns the generation's name. Raises StorageFailed; nothing has changed then.
        """
        name = f"{self._last() + 1:04}-{digest[:12]}"
        making = self._generations / f".making-{digest[:12]}"
        try:
            if not self._generations.is_dir():
                self._generations.mkdir(mode=0o750)
                durable.give_folder_to_owner(self._generations)
                self._disk.sync_directory(self._config.parent)
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o750)
            (making / CLIPS).mkdir(mode=0o750)
            for file in (CONFIG, *self._clips()):
                self._lay(self.staging / file, making / file)
            sync_tree(making)
            self._disk.rename(making, self._generations / name)
            self._disk.sync_directory(self._generations)
        except OSError as error:
            shutil.rmtree(making, ignore_errors=True)
            raise storage_failed(
                worded("writing {generations}", generations=self._generations), error
            ) from error
        return name

    def _clips(self) -> Iterator[str]:
        for path in sorted((self.staging / CLIPS).glob("*.wav")):
            yield f"{CLIPS}/{path.name}"

    def _lay(self, source: Path, target: Path) -> None:
        descriptor = self._disk.open(target, truncate=True)
        try:
            os.fchmod(descriptor, 0o640)
            durable.write_all(self._disk, descriptor, source.read_bytes())
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)

    def switch(self, generation: str) -> None:
        """Let the box's configuration be *generation* from now on. Raises StorageFailed."""
        target = f"{GENERATIONS}/{generation}/{CONFIG}"
        try:
            if self._config.is_symlink() and str(self._config.readlink()) == target:
                return
            self._keep_technicians()
            link = self._config.with_name(f"{self._config.name}{durable.TEMPORARY}")
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            self._disk.rename(link, self._config)
            self._disk.sync_directory(self._config.parent)
        except OSError as error:
            raise storage_failed(worded("writing {config}", config=self._config), error) from error
        self._tidy(generation)

    def _keep_technicians(self) -> None:
        """Keep what a person wrote: this program removes nothing that it did not write."""
        if self._config.is_symlink() or not self._config.exists():
            return
        for number in range(1, 1000):
            ending = "" if number == 1 else f"-{number}"
            kept = self._config.with_name(f"{self._config.name}.technician{ending}")
            try:
                os.link(self._config, kept)
            except FileExistsError:
                if kept.samefile(self._config):
                    return
                continue
            except PermissionError:
                # The kernel lets nobody link a file that is somebody else's.
                durable.replace_file(kept, read_bounded(self._config, 1 << 20))
            return

    def _numbered(self) -> list[tuple[int, Path]]:
        try:
            found = [
                (_GENERATION.fullmatch(path.name), path) for path in self._generations.iterdir()
            ]
        except OSError:
            return []
        return sorted((int(match[1]), path) for match, path in found if match)

    def _last(self) -> int:
        return max((number for number, _ in self._numbered()), default=0)

    def _tidy(self, present: str) -> None:
        older = [path for _, path in self._numbered() if path.name != present]
        for path in older[: max(len(older) - (KEPT - 1), 0)]:
            shutil.rmtree(path, ignore_errors=True)

    # --- lists that were seen ----------------------------------------------------------------

    def has_seen(self, mark: str) -> bool:
        """Whether this very folder, or list packed at that very time, was carried out before."""
        return mark in self._seen()

    def see(self, mark: str) -> None:
        """Remember that it was carried out. Raises StorageFailed."""
        marks = list(dict.fromkeys([*self._seen(), mark]))[-SEEN:]
        replace_file(self.place / "seen", "".join(f"{m}\n" for m in marks).encode(), self._disk)

    def _seen(self) -> list[str]:
        try:
            return read_bounded(self.place / "seen", 1 << 20).decode("ascii").splitlines()
        except (OSError, ValueError):
            return []

    # --- what was told in words --------------------------------------------------------------

    def is_told(self, digest: str) -> bool:
        """Whether the last result that was told in words is the one of this folder."""
        try:
            return read_bounded(self.place / "told", 128) == digest.encode()
        except OSError:
            return False

    def tell(self, digest: str) -> None:
        """Remember whose result was told in words. Raises StorageFailed."""
        replace_file(self.place / "told", digest.encode(), self._disk)

    # --- what is under way -------------------------------------------------------------------

    def begin(self, pending: Pending) -> None:
        """From here on it is applied to its end, at the next start if need be."""
        value = {**asdict(pending), "result": asdict(pending.result)}
        replace_file(self.place / "pending.json", json.dumps(value).encode(), self._disk)

    def pending(self) -> Pending | None:
        try:
            value: dict[str, Any] = parse_json(
                read_bounded(self.place / "pending.json", _PENDING_LIMIT)
            )
            result = value["result"]
            result = Provisioned(**{**result, "reasons": tuple(result["reasons"])})
            return Pending(
                result=result, generation=value["generation"], contacts=bool(value["contacts"])
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None

    def done(self) -> None:
        """Nothing is under way any more; the copies, which hold people's data, are removed."""
        try:
            self._disk.remove(self.place / "pending.json")
            self._disk.sync_directory(self.place)
        except OSError as error:
            raise storage_failed(
                worded("removing {place}", place=self.place / "pending.json"), error
            ) from error
        self.clear_staging()
