"""The balance of a line's SIM, asked by USSD (3GPP TS 27.007, 7.15): rarely, and never in a call.

The question is one command whose OK comes at once; what the network says comes later as a notice,
``+CUSD: <m>[,<str>,<dcs>]``, and nobody waits for it.
"""

from __future__ import annotations

import re

from firmware.at.command_port import CommandPort
from firmware.call.context import LineContext
from firmware.errors import CommandTimeout
from firmware.events import BalanceTold
from firmware.line_settings import BalanceQuery
from firmware.wording import worded

FIRST_AFTER = 120.0
"""Box seconds in service before the first question: whoever waits to be called goes first."""
ANSWER_WITHIN = 60.0
"""Box seconds; a network that says nothing in them is not waited for."""
_ASK_TIMEOUT = 10.0
_NOTICE = re.compile(r'\+CUSD:\s*(\d)(?:\s*,\s*"(?P<text>[^"]*)"?(?:\s*,\s*(?P<dcs>\d+))?)?')
_AMOUNT = re.compile(
    r"-?\d{1,3}(?:[ '.,\u00a0]?\d{3})*(?:[.,]\d{1,2})?|-?\d+(?:[.,]\d+)?", re.ASCII
)
_WORDS = {
    "2": worded("the network ended the session"),
    "3": worded("another local client answered"),
    "4": worded("the network does not support this code"),
    "5": worded("the network did not answer"),
}


class LineBalance:
    """:meth:`urc` is called by the dispatcher's thread, all else by the line's worker."""

    def __init__(self, line: LineContext) -> None:
        self._line = line
        self._next_at: float | None = None
        self._asked_at: float | None = None
        self._session_open = False
        self.amount: float | None = None
        self.told_at: float | None = None
        """Box seconds of the newest amount."""
        self.failed: str | None = None
        """Why the newest question brought no amount."""

    @property
    def query(self) -> BalanceQuery | None:
        return self._line.settings.balance

    @property
    def is_asking(self) -> bool:
        """Whether an answer may still come."""
        asked = self._asked_at
        return asked is not None and self._line.now() - asked < ANSWER_WITHIN

    def duty(self, modem: CommandPort) -> None:
        """Ask, where it is time to and the line serves; no call is up. Raises LinkLost."""
        query, now = self.query, self._line.now()
        if query is None:
            return
        if self._next_at is None:
            self._next_at = now + FIRST_AFTER
        if self._session_open:
            self.end(modem)
        if self._asked_at is not None and not self.is_asking:
            self._asked_at, self.failed = None, worded("the network did not answer")
        if now < self._next_at or not self._line.ready:
            return
        self._next_at = now + query.every
        try:
            reply = modem.command(f'AT+CUSD=1,"{query.code}",15', timeout=_ASK_TIMEOUT)
        except CommandTimeout:
            self.failed = worded("the modem did not answer the question")
            return
        if not reply.final.ok:
            self.failed = worded("the modem refused the question: {final}", final=reply.final.text)
            return
        self._asked_at = now

    def end(self, modem: CommandPort) -> None:
        """End what may still be open: a call is about to begin, or the network asks back."""
        self._asked_at, self._session_open = None, False
        try:
            modem.command("AT+CUSD=2", timeout=_ASK_TIMEOUT)
        except CommandTimeout as error:
            self._line.log.info("a USSD session could not be ended: %s", error)

    def urc(self, text: str) -> None:
        """Take a notice, where it is one of these and was asked for."""
        query, found = self.query, _NOTICE.match(text)
        if query is None or found is None or not self.is_asking:
            return
        self._asked_at = None
        if found[1] == "1":
            # A menu: the network waits for a choice.
            self._session_open = True
        if found["text"] is None:
            self.failed = _WORDS.get(found[1], worded("the network said nothing"))
            return
        amount = read_amount(query.pattern, decoded(found["text"], found["dcs"]))
        if amount is None:
            self.failed = worded("the pattern fits nothing in what the network said")
            return
        self.amount, self.told_at, self.failed = amount, self._line.now(), None
        self._line.post(BalanceTold(line=self._line.name, at=self.told_at, amount=amount))

    def describe(self) -> dict[str, object] | None:
        """Plain values, None where the balance is not asked for. Nothing of the network's text:
        it may hold the SIM's number."""
        if self.query is None:
            return None
        low = self.amount is not None and self.amount < self.query.alarm_below
        return {"amount": self.amount, "low": low, "failed": self.failed}


def decoded(text: str, dcs: str | None) -> str:
    """Return what was said: UCS2 comes as hexadecimal digits (3GPP TS 23.038, 5)."""
    scheme = int(dcs) if dcs else 15
    ucs2 = scheme == 17 or (scheme & 0xC0 == 0x40 and scheme & 0x0C == 0x08)
    hexadecimal = re.fullmatch(r"(?:[0-9A-Fa-f]{4})+", text)
    # Some firmwares give hex for every scheme; no balance is a text of hex quadruples alone.
    if hexadecimal and (ucs2 or len(text) >= 16):
        return bytes.fromhex(text).decode("utf-16-be", "replace")
    return text


def read_amount(pattern: str, text: str) -> float | None:
    """Return the number in the first group of *pattern*; a comma or point divides it."""
    try:
        found = re.search(pattern, text[:400])
        number = None if found is None else found[1]
    except (re.error, IndexError):
        return None
    if number is None or not _AMOUNT.fullmatch(number):
        return None
    whole, _, part = re.sub(r"[ '\u00a0]", "", number).replace(",", ".").rpartition(".")
    if not whole:
        return float(part)
    if len(part) == 3:
        # Thousands, as in 1.234: no currency here has a thousandth.
        return float(whole.replace(".", "") + part)
    return float(f"{whole.replace('.', '')}.{part}")
