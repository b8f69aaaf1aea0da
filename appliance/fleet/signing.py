"""Heads that headquarters signs, and lists sealed to one box.

Ed25519 signatures (RFC 8032) and sealed boxes on X25519 (RFC 7748), by libsodium through PyNaCl;
nothing is invented here. The signed bytes begin with what they are about, so that a signature for
one purpose says nothing for another.
"""

from __future__ import annotations

import base64
import json

from appliance.fleet.messages import decode, encode
from appliance.fleet.packs import Head
from appliance.ledger.anchors import Anchor, AnchorInvalid
from firmware.wording import worded

_HEAD = b"autodialer fleet head\n"


class SignatureWrong(ValueError):
    """Not signed by headquarters, or not for this box."""


class NotForThisBox(ValueError):
    """A list that another box's key opens, or that was changed on its way."""


def new_signing_key() -> tuple[bytes, bytes]:
    """Return a new Ed25519 key: seed and public key."""
    from nacl.signing import SigningKey

    key = SigningKey.generate()
    return bytes(key), bytes(key.verify_key)


def new_sealing_key() -> tuple[bytes, bytes]:
    """Return a new X25519 key: private and public."""
    from nacl.public import PrivateKey

    key = PrivateKey.generate()
    return bytes(key), bytes(key.public_key)


def sign_head(seed: bytes, box: str, head: Head, at: str, *, pack: int = 0) -> bytes:
    """Return the message that tells *box* that headquarters verified its ledger up to *head*.

    *pack* is the hub's number of the message that ends there: the next look begins behind it.
    """
    from nacl.signing import SigningKey

    value = {"box": box, "seq": head.seq, "hash": head.hash, "at": at, "pack": pack}
    signature = SigningKey(seed).sign(_HEAD + encode(value)).signature
    return encode({**value, "signature": base64.b64encode(signature).decode()})


def open_head(payload: bytes, public: bytes, box: str) -> Anchor:
    """Return the head in *payload*. Raises :class:`SignatureWrong`."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        value = decode(payload)
        signature = base64.b64decode(value.pop("signature"), validate=True)
        VerifyKey(public).verify(_HEAD + encode(value), signature)
        if value["box"] != box:
            raise SignatureWrong(worded("it is about {box}", box=value["box"]))
        return Anchor.parse(json.dumps(value))
    except BadSignatureError as error:
        raise SignatureWrong(
            worded("the signature is of another key, or the head was changed")
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, AnchorInvalid) as error:
        raise SignatureWrong(worded("not a signed head: {error}", error=error)) from error


def seal(contents: bytes, public: bytes) -> bytes:
    """Return *contents* so that only the owner of *public* can read it."""
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(public)).encrypt(contents))


def unseal(sealed: bytes, private: bytes) -> bytes:
    """Return what was sealed to *private*. Raises :class:`NotForThisBox`."""
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    try:
        return bytes(SealedBox(PrivateKey(private)).decrypt(sealed))
    except (CryptoError, TypeError, ValueError) as error:
        raise NotForThisBox(
            worded("the list is sealed for another box, or was changed on its way")
        ) from error


def seal_with_key(contents: bytes, key: bytes) -> bytes:
    """Return *contents* so that only who has the 32 bytes of *key* can read it."""
    from nacl.secret import SecretBox

    return bytes(SecretBox(key).encrypt(contents))


def open_with_key(sealed: bytes, key: bytes) -> bytes | None:
    """Return what :func:`seal_with_key` sealed; None where *key* is another or it was changed."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        return bytes(SecretBox(key).decrypt(sealed))
    except (CryptoError, ValueError, TypeError):
        return None
