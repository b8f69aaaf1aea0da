"""Clips on the module's own flash: put there once, proven, and found again at the next start.

A clip's file name ends in a hash of its content, so a changed recording is another file and an
unchanged one is not sent again: flash wears out, and a UART needs 13 s for a greeting. A file
counts as stored only when the module states its length and the box remembers that the module
confirmed the upload; one that was cut off is replaced. The box's own files that no clip needs any
more are deleted; no other file is touched.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.clips.clip import Clip, encode_wav
from firmware.errors import CommandRefused
from firmware.families.base import FileAudio
from firmware.voice.module_memory import HASH_DIGITS, FileMemory, is_ours
from firmware.wording import worded

_log = logging.getLogger(__name__)

ASK_TIMEOUT = 5.0
"""Real seconds for a command about files."""
SLACK = 20.0
"""Real seconds that a module may take to write a file, beyond the time on the wire."""


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip as the module keeps it."""

    name: str
    """File name on the module."""
    data: bytes
    """The whole WAV file."""

    @classmethod
    def of(cls, clip: Clip) -> StoredClip:
        data = encode_wav(clip.pcm)
        digest = hashlib.sha256(data).hexdigest()[:HASH_DIGITS]
        return cls(f"{_stem(clip.name)}-{digest}.wav", data)

    def path(self, files: FileAudio) -> str:
        return f"{files.folder}{self.name}"


class ModuleStore:
    """The files of one module. Only between calls, from the line's worker."""

    def __init__(
        self,
        port: CommandPort,
        files: FileAudio,
        *,
        baudrate: int = 115200,
        memory: FileMemory | None = None,
        guest: bool = False,
    ) -> None:
        """*memory* is of this module. A *guest*'s clips lie beside those of the box's campaign,
        which are only deleted where there is no room for both."""
        self._port = port
        self._files = files
        self._bytes_per_second = baudrate / 10
        self._memory = memory or FileMemory()
        self._guest = guest

    def keep(self, clips: Iterable[Clip]) -> dict[str, str]:
        """Make sure that every clip is on the module; return clip name to path there.

        Clips that are not wanted any more are deleted. Raises CommandRefused with the remedy
        where the module does not take a file whole, CommandTimeout, CommandAborted, LinkLost.
        """
        wanted = {clip.name: StoredClip.of(clip) for clip in clips}
        names = frozenset(stored.name for stored in wanted.values())
        for command in self._files.enter:
            self._ask(command)
        there = self._listing()
        if not self._guest:
            self._clear(there, names)
        for stored in wanted.values():
            try:
                self._keep(stored, there)
            except CommandRefused:
                if not self._guest or not self._clear(there, names):
                    raise
                there = self._listing()
                self._keep(stored, there)
        return {name: stored.path(self._files) for name, stored in wanted.items()}

    def remove(self, clips: Iterable[Clip]) -> None:
        """Delete these clips. Raises CommandTimeout, CommandAborted, LinkLost."""
        names = {StoredClip.of(clip).name for clip in clips}
        for command in self._files.enter:
            self._ask(command)
        there = self._listing()
        for name in sorted(names & (set(there) | self._memory.names)):
            self._delete_if_there(name, there)

    def _clear(self, there: dict[str, int | None], wanted: frozenset[str]) -> bool:
        """Delete files of ours that are not wanted; return whether there were any."""
        ours = {name for name in there if is_ours(name)} | self._memory.names
        # Where nothing lists the files, each that was ever sent is asked for.
        deleted = [self._delete_if_there(name, there) for name in sorted(ours - wanted)]
        return any(deleted)

    def _delete_if_there(self, name: str, there: dict[str, int | None]) -> bool:
        if name not in there and self._measure(name) is None:
            self._memory.gone(name)
            return False
        return self._delete(name)

    def _keep(self, stored: StoredClip, there: dict[str, int | None]) -> None:
        length = there.get(stored.name)
        if length is None:
            length = self._measure(stored.name)
        if length == len(stored.data) and self._memory.confirmed(stored.name):
            return
        if stored.name in there or length is not None:
            self._delete(stored.name)
        self._memory.begun(stored.name)
        self._upload(stored)
        self._memory.stored(stored.name)

    def _upload(self, stored: StoredClip) -> None:
        files, data = self._files, stored.data
        for template in files.create:
            self._demand(self._fill(template, stored.name, len(data)), stored)
        part = files.part or len(data)
        for start in range(0, len(data), part):
            piece = data[start : start + part]
            reply = self._demand(
                self._fill(files.upload, stored.name, len(piece)), stored, payload=piece
            )
            self._check(reply, piece, stored)
        length = self._measure(stored.name)
        if length is None:
            # The module counted the bytes itself before it said OK; no command tells more.
            _log.debug("the length of %s could not be asked for", stored.name)
        elif length != len(data):
            raise _refused(
                stored, worded("{length} of {count} bytes arrived", length=length, count=len(data))
            )

    def _check(self, reply: Reply, piece: bytes, stored: StoredClip) -> None:
        pattern = self._files.uploaded
        if pattern is None:
            return
        found = next(filter(None, map(pattern.fullmatch, reply.lines)), None)
        if found is None:
            raise _refused(stored, worded("the module did not say what it took"))
        if int(found["bytes"]) != len(piece):
            raise _refused(
                stored,
                worded("{bytes} of {count} bytes arrived", bytes=found["bytes"], count=len(piece)),
            )
        checksum = self._files.checksum
        if checksum is not None and int(found["sum"], 16) != checksum(piece):
            raise _refused(stored, worded("the checksum differs"))

    def _listing(self) -> dict[str, int | None]:
        pattern = self._files.listed
        if not self._files.listing or pattern is None:
            return {}
        reply = self._ask(self._files.listing)
        found: dict[str, int | None] = {}
        for match in map(pattern.fullmatch, reply.lines if reply.final.ok else ()):
            if match is not None:
                length = match.groupdict().get("bytes")
                # Modules compare names without case, and some list them in capitals.
                found[match["name"].lower()] = None if length is None else int(length)
        return found

    def _measure(self, name: str) -> int | None:
        pattern = self._files.measured
        if not self._files.measure or pattern is None:
            return None
        reply = self._ask(self._fill(self._files.measure, name, 0))
        for match in map(pattern.fullmatch, reply.lines if reply.final.ok else ()):
            if match is not None:
                return int(match["bytes"])
        return None

    def _delete(self, name: str) -> bool:
        reply = self._ask(self._fill(self._files.delete, name, 0))
        if reply.final.ok:
            self._memory.gone(name)
            return True
        _log.info("%s could not be deleted from the module", name)
        return False

    def _fill(self, template: str, name: str, size: int) -> str:
        return template.format(path=f"{self._files.folder}{name}", name=name, size=size)

    def _ask(self, command: str) -> Reply:
        return self._port.command(command, timeout=ASK_TIMEOUT)

    def _demand(self, command: str, stored: StoredClip, *, payload: bytes | None = None) -> Reply:
        seconds = SLACK + 2 * len(payload or b"") / self._bytes_per_second
        reply = self._port.command(command, timeout=seconds, payload=payload)
        if not reply.final.ok:
            raise _refused(stored, worded("the module said {final}", final=reply.final.text))
        return reply


def _stem(clip_name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", clip_name.lower()).strip("-") or "clip"


def _refused(stored: StoredClip, detail: str) -> CommandRefused:
    return CommandRefused(
        worded(
            "{stored} ({count} bytes) is not on the module: {detail}",
            stored=stored.name,
            count=len(stored.data),
            detail=detail,
        ),
        result=detail,
        remedy=worded("make room on the module or shorten the clips"),
    )
