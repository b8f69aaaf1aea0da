"""Why the hub does not let somebody in, for a person: what is wrong, and what to do."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from firmware.wording import reason_of, worded

NOT_YET_VALID, EXPIRED, OTHER_NAME, OTHER_ADDRESS = 9, 10, 62, 64
"""X509_V_ERR_… of OpenSSL."""
_LIBRARY = "nats: "
"""How the client library begins what it says of a connection."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the link to the hub; ``remedy`` is empty where only the link is."""

    what: str
    remedy: str = ""


def trouble_of(error: BaseException) -> Trouble:
    """Return what *error* of a connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    said = str(error)
    if "authorization violation" in said.lower():
        return Trouble(
            worded("the hub does not know this key"),
            worded(
                "Headquarters sees whether this box was removed, and whether every node has read "
                "the newest users.conf; else it enrols the box anew, under another name."
            ),
        )
    if isinstance(error, TimeoutError):
        return Trouble(worded("the hub does not answer in time"))
    if isinstance(error, OSError) and error.errno is not None:
        # A name that leads nowhere has numbers of its own, below zero (getaddrinfo(3)).
        if error.errno > 0:
            error = OSError(error.errno, os.strerror(error.errno))
        return Trouble(worded("the hub cannot be reached: {why}", why=reason_of(error)))
    if said.startswith(_LIBRARY):
        # A proxy that hangs up, a node that just died.
        why = said.removeprefix(_LIBRARY)
        return Trouble(worded("the link to the hub broke ({why})", why=why))
    return Trouble(named(error))


def named(error: BaseException) -> str:
    """Return the kind of *error* and what it says, for the log: many of a link say nothing."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


_CERTIFICATE = {
    NOT_YET_VALID: Trouble(
        worded("the hub's certificate is not valid yet"),
        worded("Set the clock of this machine, or of the one that made the hub's files."),
    ),
    EXPIRED: Trouble(
        worded("the hub's certificate has expired"),
        worded(
            "See that this machine's clock is right; if it is, the fleet is ten years old: "
            "headquarters makes the next one."
        ),
    ),
    **dict.fromkeys(
        (OTHER_NAME, OTHER_ADDRESS),
        Trouble(
            worded("the hub's certificate is of another machine"),
            worded("Write the servers as headquarters' file named them, or look who answers."),
        ),
    ),
}


def _certificate(error: ssl.SSLCertVerificationError) -> Trouble:
    return _CERTIFICATE.get(error.verify_code) or Trouble(
        worded("whoever answers there is not of this fleet: {why}", why=error.verify_message),
        worded(
            "Look who answers at that address; if headquarters made a new fleet, join with its "
            "file."
        ),
    )
