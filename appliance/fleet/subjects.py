"""The names under which the fleet's messages stand in the hub's streams. Pure.

Everything of a campaign begins with ``c.<campaign>.``. A token of a NATS subject may hold no dot,
star, angle bracket or space, so the names of boxes and campaigns are narrower here than elsewhere.
Every subject of the campaign's stream is written once: the server refuses a second message,
whoever sends it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware.wording import worded

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""A box's or a campaign's name: one token of a subject."""
PID = re.compile(r"[0-9a-f]{32}")
"""A pseudonym: 128 bits in hex."""

LEDGERS = "LEDGER"
"""Stream of the boxes' ledgers, ``ledger.<box>``."""
STATUSES = "STATUS"
"""Stream of what each box said last, ``status.<box>``: one message a subject, the newest."""
HEADS = "HEADS"
"""Stream of the signed heads that headquarters returns, ``head.<box>``."""
LISTS = "LISTS"
"""Stream of sealed lists, ``list.<box>.<id>.<part>``."""


class NameRefused(ValueError):
    """A name that cannot be a token of a subject."""


def name(text: str) -> str:
    """Return *text*; raises :class:`NameRefused` where it cannot name a box or a campaign."""
    if not NAME.fullmatch(text):
        raise NameRefused(
            worded(
                "{text!r} cannot name a box or a campaign: write up to 32 small letters, "
                "digits and dashes, beginning with a letter or digit",
                text=text,
            )
        )
    return text


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of one campaign."""

    campaign: str

    def __post_init__(self) -> None:
        name(self.campaign)

    @property
    def stream(self) -> str:
        return f"CAMP_{self.campaign}"

    @property
    def _root(self) -> str:
        return f"c.{self.campaign}"

    @property
    def all(self) -> str:
        return f"{self._root}.>"

    def claim(self, pid: str, attempt: int) -> str:
        """Attempt number *attempt* (1, 2, 3 … over all boxes) at the person *pid*."""
        return f"{self._root}.claim.{pid}.{attempt}"

    def claims_of(self, pid: str) -> str:
        return f"{self._root}.claim.{pid}.*"

    def permit(self, pid: str, attempt: int, box: str) -> str:
        """The second half of a claim: written only where *box* is not stopped.

        It names the box, and the server lets each box write its own alone, so that it says whose
        the claim is.
        """
        return f"{self._root}.permit.{pid}.{attempt}.{box}"

    def outcome(self, pid: str, attempt: int, box: str) -> str:
        """How an attempt of *box* ended; the server lets each box write its own alone."""
        return f"{self._root}.outcome.{pid}.{attempt}.{box}"

    def objection(self, pid: str) -> str:
        return f"{self._root}.rev.{pid}"

    @property
    def objections(self) -> str:
        return f"{self._root}.rev.*"

    def stop(self, epoch: int, box: str) -> str:
        return f"{self._root}.stop.{epoch}.{box}"

    def stops_of(self, box: str) -> str:
        return f"{self._root}.stop.*.{box}"

    def epoch(self, epoch: int, box: str) -> str:
        return f"{self._root}.epoch.{epoch}.{box}"

    def epochs_of(self, box: str) -> str:
        return f"{self._root}.epoch.*.{box}"

    def canary(self, box: str, part: str) -> str:
        return f"{self._root}.canary.{box}.{part}"

    # --- not stored: only faster ---------------------------------------------------------------

    def push_stop(self, box: str) -> str:
        """A stop on its way: *box* may be ``all``."""
        return f"push.{self.campaign}.stop.{box}"

    @property
    def push_objection(self) -> str:
        return f"push.{self.campaign}.rev"

    def read(self, subject: str) -> Subject | None:
        """Take *subject* apart; None where it is none of this campaign's."""
        tokens = subject.split(".")
        if tokens[:2] != ["c", self.campaign] or len(tokens) < 4:
            return None
        match tokens[2:]:
            case ["claim", pid, count] if PID.fullmatch(pid) and count.isdigit():
                return Subject("claim", pid=pid, number=int(count))
            case [("outcome" | "permit") as kind, pid, count, box] if (
                PID.fullmatch(pid) and count.isdigit()
            ):
                return Subject(kind, pid=pid, number=int(count), box=box)
            case ["rev", pid] if PID.fullmatch(pid):
                return Subject("rev", pid=pid)
            case [("stop" | "epoch") as kind, epoch, box] if epoch.isdigit():
                return Subject(kind, number=int(epoch), box=box)
            case ["canary", box, *_]:
                return Subject("canary", box=box)
        return None


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of the campaign's stream, taken apart."""

    kind: str
    """``claim``, ``permit``, ``outcome``, ``rev``, ``stop``, ``epoch`` or ``canary``."""
    pid: str = ""
    number: int = 0
    """The attempt's number, or the epoch."""
    box: str = ""


def ledger(box: str) -> str:
    return f"ledger.{box}"


def status(box: str) -> str:
    return f"status.{box}"


def head(box: str) -> str:
    return f"head.{box}"


def list_part(box: str, identity: str, part: int) -> str:
    return f"list.{box}.{identity}.{part}"


def lists_of(box: str) -> str:
    return f"list.{box}.>"
