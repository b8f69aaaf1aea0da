"""The file with which a box joins: its keys, under a passphrase that travels another way.

``fleet enrol`` writes it and prints the passphrase once; ``fleet join`` opens it. Whoever finds the
stick or the mail alone has nothing. scrypt (RFC 7914) makes the key, XSalsa20-Poly1305 (NaCl
secretbox) seals.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

from appliance.errors import Refused
from appliance.fleet.keys import BoxKeys
from appliance.fleet.messages import decode
from appliance.fleet.signing import open_with_key, seal_with_key
from firmware.wording import worded

_N, _R, _P = 2**15, 8, 1
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look alike: it is read aloud."""


def new_passphrase() -> str:
    """Return sixteen letters in groups: 79 bits."""
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)]
    return "-".join(groups)


def close(keys: BoxKeys, passphrase: str) -> bytes:
    """Return the joining file of *keys*."""
    salt = secrets.token_bytes(16)
    sealed = seal_with_key(keys.text().encode(), _key(passphrase, salt))
    value = {
        "autodialer": "fleet join 1",
        "box": keys.box,
        "campaign": keys.campaign,
        "salt": base64.b64encode(salt).decode(),
        "sealed": base64.b64encode(sealed).decode(),
    }
    return json.dumps(value, indent=1).encode() + b"\n"


def open_file(contents: bytes, passphrase: str, place: str) -> BoxKeys:
    """Return the keys in a joining file. Raises :class:`~appliance.errors.Refused`."""
    try:
        value = decode(contents)
        if value["autodialer"] != "fleet join 1":
            raise ValueError(worded("it is of another version"))
        salt = base64.b64decode(value["salt"], validate=True)
        sealed = base64.b64decode(value["sealed"], validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            worded("{place}: not a joining file: {error}", place=place, error=error),
            worded("it comes from: autodialer fleet enrol"),
        ) from error
    text = open_with_key(sealed, _key(passphrase.strip().lower(), salt))
    if text is None:
        raise Refused(
            worded(
                "{place}: the passphrase does not open it, or it was changed on its way",
                place=place,
            ),
            worded("type it as headquarters read it: four groups of four"),
        )
    return BoxKeys.parse(text.decode(), place)


def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=64 * 1024 * 1024, dklen=32
    )
