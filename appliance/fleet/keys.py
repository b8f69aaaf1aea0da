"""What a box must hold to belong to a fleet: one secret file, made by ``fleet join``.

``fleet.key`` (JSON, mode 0600) holds the box's own NATS key, the campaign's key for pseudonyms, the
key that opens lists sealed to this box, and what it needs to recognise the hub and headquarters.
The hub holds none of this but public keys. Whoever has the file is this box until headquarters
removes it: the procedure for a stolen box is in ``docs/fleet.md``.
"""

from __future__ import annotations

import json
import re
import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.fleet.pseudonym import KEY_BYTES
from appliance.fleet.subjects import NameRefused, name
from appliance.storage.files import StorageError, replace_file
from firmware.bounded_read import read_bounded
from firmware.wording import joined, reason_of, worded

LIMIT = 64 * 1024
"""Bytes of a key file; one is some 1,200 long."""
_SERVER = re.compile(r"(?:tls|nats)://[A-Za-z0-9.\[\]:-]+:\d{1,5}")
_SEED = re.compile(r"SU[A-Z2-7]{56}")
_HEX32 = re.compile(r"[0-9a-f]{64}")


class KeysUnusable(StorageError):
    """A key file that is missing, damaged, readable by others or of another box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxKeys:
    """The contents of ``fleet.key``."""

    campaign: str
    box: str
    seed: str
    """NATS nkey seed of this box (an Ed25519 private key)."""
    campaign_key: bytes
    sealing_key: bytes
    """X25519 private key: opens what is sealed to this box."""
    headquarters: bytes
    """Ed25519 public key that signs ledger heads."""
    authority: str
    """Certificate of the fleet's own authority, PEM; empty only on a bench without TLS."""
    servers: tuple[str, ...]

    def text(self) -> str:
        value = {
            "version": 1,
            "campaign": self.campaign,
            "box": self.box,
            "seed": self.seed,
            "campaign_key": self.campaign_key.hex(),
            "sealing_key": self.sealing_key.hex(),
            "headquarters": self.headquarters.hex(),
            "authority": self.authority,
            "servers": list(self.servers),
        }
        return json.dumps(value, indent=1) + "\n"

    @classmethod
    def parse(cls, text: str, place: str) -> BoxKeys:
        """Read what :meth:`text` wrote. Raises :class:`KeysUnusable`, naming the member."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _damaged(place, worded("it is not JSON")) from error
        if not isinstance(value, dict) or value.get("version") != 1:
            raise _damaged(place, worded("it is no key file of this version"))
        servers = value.get("servers")
        if not isinstance(servers, list) or not servers:
            raise _damaged(place, worded("servers is missing"))
        for server in servers:
            check_server(server, place)
        try:
            return cls(
                campaign=_name(value, "campaign"),
                box=_name(value, "box"),
                seed=_matching(value, "seed", _SEED, place),
                campaign_key=bytes.fromhex(_matching(value, "campaign_key", _HEX32, place)),
                sealing_key=bytes.fromhex(_matching(value, "sealing_key", _HEX32, place)),
                headquarters=bytes.fromhex(_matching(value, "headquarters", _HEX32, place)),
                authority=_authority(value, place),
                servers=tuple(servers),
            )
        except NameRefused as error:
            raise _damaged(place, str(error)) from error

    @classmethod
    def load(cls, path: Path) -> BoxKeys:
        """Read the key file. Raises :class:`KeysUnusable`."""
        try:
            mode = path.stat().st_mode
            text = read_bounded(path, LIMIT).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _damaged(str(path), worded("it is no text")) from error
        except OSError as error:
            raise KeysUnusable(
                joined(": ", [str(path), reason_of(error)]),
                remedy=worded("Join the fleet with: autodialer fleet join FILE"),
            ) from error
        if mode & 0o077:
            raise KeysUnusable(
                worded("{path} can be read by others than its owner", path=path),
                remedy=worded(
                    "Take that away with: chmod 600 {path}; if others may have read it, let "
                    "headquarters remove the box and enrol it anew.",
                    path=path,
                ),
            )
        return cls.parse(text, str(path))

    def save(self, path: Path) -> None:
        """Put the key file under *path*, mode 0600, whole or not at all."""
        replace_file(path, self.text().encode())


def check_server(server: object, place: str) -> None:
    """Raise :class:`KeysUnusable` unless *server* reads ``tls://HOST:PORT``."""
    port = server.rpartition(":")[2] if isinstance(server, str) else ""
    if not isinstance(server, str) or not _SERVER.fullmatch(server) or not 1 <= int(port) <= 65535:
        raise _damaged(
            place, worded("{server!r} is no server; write tls://HOST:PORT", server=server)
        )


def new_seed() -> tuple[str, str]:
    """Return a new NATS user key: the secret seed and the public key."""
    import nkeys

    seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode(), public_key(seed.decode())


def public_key(seed: str) -> str:
    """Return the public key of *seed*, ``U…``."""
    import nkeys

    return str(nkeys.from_seed(bytearray(seed.encode())).public_key.decode())


def tls_context(authority: str) -> ssl.SSLContext | None:
    """Return how to speak to the hub: TLS 1.3, and only to what *authority* (PEM) vouches for.

    None where there is no authority: a bench on its own machine.
    """
    if not authority:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    return context


def _matching(value: dict[str, Any], key: str, pattern: re.Pattern[str], place: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise _damaged(place, worded("{key} is missing or damaged", key=key))
    if key == "campaign_key" and len(found) != 2 * KEY_BYTES:
        raise _damaged(place, worded("{key} has another length", key=key))
    return found


def _name(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise NameRefused(worded("{key} is missing or no name", key=key))
    return name(found)


def _authority(value: dict[str, Any], place: str) -> str:
    found = value.get("authority")
    if not isinstance(found, str):
        raise _damaged(place, worded("authority is missing"))
    try:
        tls_context(found)
    except (ssl.SSLError, ValueError) as error:
        raise _damaged(
            place, worded("authority is no certificate: {error}", error=error)
        ) from error
    return found


def _damaged(place: str, why: str) -> KeysUnusable:
    return KeysUnusable(
        joined(": ", [place, why]),
        remedy=worded(
            "Let headquarters enrol the box anew, then join with: autodialer fleet join FILE"
        ),
    )
