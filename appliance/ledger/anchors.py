"""Anchors: what the head of the ledger was, kept where the box cannot rewrite it.

A hash chain shows every change except one: that its end was cut off. An anchor (a number and a
hash, printed in a report, mailed, or signed) shows that too. Signing is left to OpenSSH
(``ssh-keygen -Y``, PROTOCOL.sshsig), so that an outsider needs no tool of ours.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.ledger.format import timestamp
from appliance.storage.files import StorageError
from firmware.json_text import parse_json
from firmware.wording import worded

NAMESPACE = "autodialer-ledger"
"""Namespace of the signatures: a signature for another purpose proves nothing here."""

_HASH = re.compile(r"[0-9a-f]{64}")


class AnchorInvalid(StorageError):
    """An anchor file that says nothing usable."""


class SigningFailed(StorageError):
    """``ssh-keygen`` is missing or would not sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The ledger's head at one moment."""

    seq: int
    hash: str
    at: str
    """RFC 3339 UTC; when the anchor was taken, by the box's best time."""

    @classmethod
    def of(cls, head: tuple[int, str], at: datetime) -> Anchor:
        """Return the anchor of *head* (as ``Ledger.head`` gives it) taken at *at*."""
        return cls(seq=head[0], hash=head[1], at=timestamp(at))

    def text(self) -> str:
        """Return the anchor file's contents: one line of JSON."""
        return json.dumps({"at": self.at, "hash": self.hash, "seq": self.seq}) + "\n"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Read what :meth:`text` wrote. Raises :class:`AnchorInvalid`."""
        try:
            value = parse_json(text)
            anchor = cls(seq=value["seq"], hash=value["hash"], at=value["at"])
        except (ValueError, TypeError, KeyError) as error:
            raise AnchorInvalid(worded("not an anchor: {error!r}", error=error)) from error
        sound = type(anchor.seq) is int and anchor.seq >= 0 and isinstance(anchor.at, str)
        if not (sound and isinstance(anchor.hash, str) and _HASH.fullmatch(anchor.hash)):
            raise AnchorInvalid(worded("not an anchor: seq, hash and at are needed"))
        return anchor


def sign(path: Path, key: Path, *, timeout: float = 10.0) -> Path:
    """Sign the file *path* with the SSH private key *key*; return the signature, ``PATH.sig``.

    The key must need no passphrase (or be held by an agent). Raises :class:`SigningFailed`.
    """
    signature = path.with_name(path.name + ".sig")
    signature.unlink(missing_ok=True)  # ssh-keygen would ask before it overwrites.
    _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(path)], b"", timeout)
    if not signature.is_file():
        raise SigningFailed(worded("ssh-keygen left no {signature}", signature=signature))
    return signature


def _ssh_keygen(arguments: list[str], stdin: bytes, timeout: float) -> None:
    try:
        done = subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SigningFailed(
            worded("ssh-keygen: {error}", error=error),
            remedy=worded("Install openssh-client and use a key without passphrase."),
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise SigningFailed(
            worded("ssh-keygen: {said}", said=said),
            remedy=worded("Check the key file and its permissions."),
        )
