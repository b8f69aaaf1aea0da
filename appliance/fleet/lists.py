"""Lists of people on their way from headquarters to one box: sealed, in parts, taken once.

The hub and everybody who listens there see that a list goes to a box and how long it is, and
nothing else. A list is a contacts file as ``contacts import`` takes it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.fleet.messages import MessageUnreadable, decode, encode
from appliance.storage.files import make_private_directory, replace_file
from firmware.wording import worded

PART = 512 * 1024
"""Bytes of a part before base64; the hub takes messages of a megabyte."""
PARTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a sealed list."""

    list: str
    """SHA-256 of the sealed list, hex: sent twice, it is one list."""
    number: int
    of: int
    data: bytes

    def payload(self) -> bytes:
        return encode(
            {
                "list": self.list,
                "number": self.number,
                "of": self.of,
                "data": base64.b64encode(self.data).decode(),
            }
        )

    @classmethod
    def read(cls, payload: bytes) -> Part:
        """Read what :meth:`payload` wrote; raises :class:`MessageUnreadable`."""
        value = decode(payload)
        try:
            part = cls(
                list=str(value["list"]),
                number=int(value["number"]),
                of=int(value["of"]),
                data=base64.b64decode(value["data"], validate=True),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MessageUnreadable(worded("not a part of a list: {error}", error=error)) from error
        if not re.fullmatch(r"[0-9a-f]{64}", part.list):
            raise MessageUnreadable(worded("not a part of a list: its name"))
        if not 1 <= part.number <= part.of <= PARTS or len(part.data) > PART:
            raise MessageUnreadable(worded("not a part of a list: its number or length"))
        return part


def parts(sealed: bytes) -> Iterator[Part]:
    """Cut a sealed list into parts. Raises :class:`ValueError` where it is too long."""
    identity = hashlib.sha256(sealed).hexdigest()
    count = max(1, -(-len(sealed) // PART))
    if count > PARTS:
        raise ValueError(f"a list of {len(sealed)} bytes; send it in pieces")
    for number in range(1, count + 1):
        yield Part(
            list=identity,
            number=number,
            of=count,
            data=sealed[(number - 1) * PART : number * PART],
        )


class Assembly:
    """Puts lists together in *directory*, whatever order their parts come in.

    A part that was acknowledged does not come again, so each is on disk first, sealed as it came.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def take(self, part: Part) -> bytes | None:
        """Keep *part*; return the whole sealed list where it completes it.

        Raises :class:`MessageUnreadable` where the parts do not make the list that they name,
        and the storage errors.
        """
        place = self._directory / part.list
        make_private_directory(self._directory)
        make_private_directory(place)
        replace_file(place / str(part.number), part.data)
        found = [place / str(number) for number in range(1, part.of + 1)]
        if not all(path.exists() for path in found):
            return None
        sealed = b"".join(path.read_bytes() for path in found)
        if hashlib.sha256(sealed).hexdigest() != part.list:
            self.drop(part.list)
            raise MessageUnreadable(worded("the parts do not make the list that they name"))
        return sealed

    def drop(self, identity: str) -> None:
        """Forget a list: it was imported, or is nobody's."""
        shutil.rmtree(self._directory / identity, ignore_errors=True)
