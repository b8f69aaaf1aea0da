"""Getting back in step with a modem that owes results: silence, a probe, one clean answer. Pure.

Nothing in a result says which command it belongs to (V.250, 5.7). So after a command that was
given up, the modem is first let finish (*draining*); then it is sent AT until it answers
(*probing*); and that answer must stand alone for a moment (*guarding*), or all begins again.

* Notices do not break the silence; :class:`firmware.at.exchange.Exchange` tells of the rest only.
* A modem that may be in text entry is freed with ESC, which spoils the line for another; so a
  silent one is sent it with every second probe.
* A modem left in numeric results (ATV0) or silent ones (ATQ1) by another program is brought back.

``now`` is real monotonic seconds.
"""

from __future__ import annotations

from enum import Enum, auto

from firmware.at.outcomes import ResyncFailed, Resynchronised, Send

QUIET_SECONDS = 0.3
"""Silence that ends the draining; longer than any gap seen inside one answer."""
GUARD_SECONDS = 0.1
"""How long a probe's OK must stand alone."""
DRAIN_SECONDS = 1.5
"""A chattering modem is probed after this long even without silence."""
PROBE_SECONDS = 0.5
"""An AT without an answer is repeated after this long."""
PROBE_ERRORS = 3
"""So many lone ERRORs to AT are accepted: some modems answer so and are in step all the same."""

ESCAPE = b"\x1b"
"""Leaves the modem's text entry without sending the message (27.005, 3.5.1)."""

_TERSE_RESULTS = ("0", "4")
"""OK and ERROR after ATV0 (V.250, table 1)."""


class _Step(Enum):
    DRAINING = auto()
    PROBING = auto()
    GUARDING = auto()


class Resync:
    """One resync after the other; what was learnt of the modem in one is kept for the next."""

    def __init__(self) -> None:
        self.escape = False
        """The modem may be waiting for the text of a command that was given up."""
        self._step: _Step | None = None
        self._terse = False
        # begin() and the probes set these, before anything reads them.
        self._deadline: float
        self._quiet: float
        self._quiet_at: float
        self._drain_until: float
        self._step_until: float
        self._probes: int
        self._unanswered: int
        self._errors: int

    @property
    def draining(self) -> bool:
        """Silence is waited for."""
        return self._step is _Step.DRAINING

    @property
    def wake_at(self) -> float:
        """When :meth:`tick` must be called, while a resync is under way."""
        if self._step is _Step.DRAINING:
            return min(self._quiet_at, self._drain_until, self._deadline)
        return min(self._step_until, self._deadline)

    def begin(self, now: float, *, timeout: float, quiet: float, last_byte: float) -> None:
        """Start; *last_byte* is when the modem last said anything but a notice."""
        self._step = _Step.DRAINING
        self._quiet = quiet
        self._quiet_at = max(last_byte + quiet, now)
        self._drain_until = now + min(DRAIN_SECONDS, timeout / 2)
        self._deadline = now + timeout
        self._probes = self._unanswered = self._errors = 0

    def stop(self) -> None:
        """Give it up."""
        self._step = None

    def tick(self, now: float) -> Send | Resynchronised | ResyncFailed | None:
        """Let time pass; what comes of it, if anything. The last two end the resync."""
        if now >= self._deadline:
            self.stop()
            return ResyncFailed()
        match self._step:
            case _Step.DRAINING if now >= min(self._quiet_at, self._drain_until):
                return self._probe(now)
            case _Step.PROBING if now >= self._step_until:
                self._unanswered += 1
                return self._probe(now)
            case _Step.GUARDING if now >= self._step_until:
                self.stop()
                self.escape = False
                return Resynchronised()
            case _:
                return None

    def heard(self, now: float) -> None:
        """Something that is no notice came while draining: the silence begins anew."""
        self._quiet_at = now + self._quiet

    def answered(self, now: float, *, ok: bool, late: bool) -> bool:
        """Take a final result, and say whether it is the probe's.

        It is not where no probe is out, or where *late* information came before it.
        """
        self._unanswered = 0
        if self._step is not _Step.PROBING or late:
            self.disturbed(now)
            return False
        if not ok:
            self._errors += 1
            if self._errors < PROBE_ERRORS:
                self._drain_again(now)
                return True
        self._step = _Step.GUARDING
        self._step_until = now + GUARD_SECONDS
        return True

    def answered_tersely(self, line: str, now: float) -> bool:
        """Whether *line* is the probe's result as a number; the next probe asks for words."""
        if self._step is not _Step.PROBING or line not in _TERSE_RESULTS:
            return False
        self._terse, self._unanswered = True, 0
        self._drain_again(now)
        return True

    def disturbed(self, now: float) -> None:
        """Something came that belongs to an older command: the probe's answer stands not alone."""
        if self._step is _Step.GUARDING:
            self._drain_again(now)

    def _probe(self, now: float) -> Send:
        self._step = _Step.PROBING
        self._step_until = now + PROBE_SECONDS
        self._probes += 1
        # Alternating, since ESC frees a modem in text entry and spoils the line for another.
        escape = self._unanswered % 2 == 1 or (self._probes == 1 and self.escape)
        # V.250 6.2.5 and 6.2.6. Not tried first: there are firmwares that know the bare AT only.
        mute = self._unanswered >= 2 and not escape
        self._terse, terse = False, self._terse
        probe = b"ATQ0V1\r" if mute else b"ATV1\r" if terse else b"AT\r"
        return Send((ESCAPE if escape else b"") + probe)

    def _drain_again(self, now: float) -> None:
        self._step = _Step.DRAINING
        self._quiet_at = now + GUARD_SECONDS
        self._drain_until = now + DRAIN_SECONDS
