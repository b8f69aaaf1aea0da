"""The key of every number hash: 32 random bytes in ``STATE/number.key``, made once.

Whoever has it can find out whether a number objected; without it no objection is recognised. It
leaves the box only in the backup of the state directory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from appliance.storage.files import Disk, StorageError, replace_file, storage_failed
from firmware.wording import worded

KEY_BYTES = 32
FEWEST_DIFFERENT = 12
"""Bytes that differ in a key; 32 drawn by lot have 30, and fewer than 12 in no life of the sun."""
FROM_BACKUP = worded(
    "Restore it, or the whole state directory, from the backup; docs/backup.md says how."
)


class NumberKeyLost(StorageError):
    """``STATE/number.key`` is missing or damaged: no suppressed number could be recognised."""


def read_number_key(path: Path, disk: Disk) -> bytes | None:
    """Return the key, or None where there is none yet. Raises :class:`NumberKeyLost`."""
    try:
        with disk.reader(path) as stream:
            key = stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_failed(worded("reading {path}", path=path), error) from error
    if len(key) != KEY_BYTES:
        raise NumberKeyLost(
            worded(
                "{path} holds {count} bytes instead of {key_bytes}",
                path=path,
                count=len(key),
                key_bytes=KEY_BYTES,
            ),
            remedy=FROM_BACKUP,
        )
    if len(set(key)) < FEWEST_DIFFERENT:
        raise NumberKeyLost(
            worded("{path} holds no key that was ever drawn: the card lost it", path=path),
            remedy=FROM_BACKUP,
        )
    return key


def fingerprint(key: bytes) -> str:
    """Return what the ledger may say of *key*: enough to tell it from another, and no more."""
    return derived(key, "fingerprint").hex()[:32]


def derived(key: bytes, purpose: str) -> bytes:
    """Return a key for one purpose, so that no two uses of *key* have anything in common."""
    return hmac.digest(key, f"autodialer {purpose}".encode(), hashlib.sha256)


def make_number_key(path: Path, disk: Disk, *, durable: bool) -> bytes:
    """Return a new key, which is on disk before this returns unless *durable* is false."""
    key = secrets.token_bytes(KEY_BYTES)
    if durable:
        replace_file(path, key, disk)
    return key
