"""The story of one call, told from notices, call list rows and the result of ATD or ATA. Pure.

Three witnesses may each be late, doubled, missing or wrong: notices, the polled call list, and the
result of the command. The rules that make one story of them:

* Phases only go forward: dialling, alerting, answered, over. What comes late is ignored.
* A notice *claims*; the call list decides. An answer claim is denied by a row that still dials or
  alerts, an end claim by a row that is still there. (A late ``NO CARRIER`` of the previous call
  must not end this one; an A76xx says it while it falls back to 2G.) Where the list cannot be
  read, the claim stands; an answer is then weak.
* Rows heal lost notices: state 3 is alerting, 0 answered, a vanished row is an end.
* An answer without ringing before it is weak: networks with early media report the ringback as
  an answer, and no later notice tells when somebody really picks up.
* Only voice rows of our direction, with our call id once it is known.
* An incoming call is answered by ourselves: its OK to ATA is a claim, and never a weak one.
* :class:`Over` comes once. Why is asked afterwards (:meth:`Progress.verdict`), with everything
  that was seen and AT+CEER.

Times are box seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, unique

from firmware.at.calls import CallRow, CallState, call_row
from firmware.call.facts import (
    Alerting,
    AnswerClaimed,
    AnswerConfirmed,
    AnswerDenied,
    EndClaimed,
    Fact,
    Over,
    mask,
)
from firmware.call.release import END_SIGNS, Ending, EndSign, Verdict, end_sign, judge
from firmware.families.base import Family, Reading, Sign


@unique
class Phase(IntEnum):
    DIALLING = 0
    ALERTING = 1
    CLAIMED = 2
    """A notice said answered; the call list has not agreed yet."""
    ANSWERED = 3
    OVER = 4


_DENIALS = 3
"""A lingering row is read this often before it outweighs a bare end notice."""

_MOST_ENDS = 8
"""End notices kept; a modem that repeats itself must not fill the memory."""

_RANG_FOR = 0.3
"""Box seconds of ringing that tell an answer from a ringback that is reported as one. Shorter
than two reads of the call list are apart."""

_EMPTY_AFTER_ROW = 2
_EMPTY_WITHOUT_ROW = 6
"""A modem whose list never showed the call is believed later that it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where one call stands. Every method returns the next state and the new facts."""

    family: Family
    began: float
    incoming: bool = False
    """Mobile terminated; DIALLING then means that it rings here."""
    phase: Phase = Phase.DIALLING
    index: int | None = None
    accepted: bool = False
    """The dial command was accepted, or progress proved it."""
    begun: bool = False
    """The result of the dial command was its own for certain."""
    alerted_at: float | None = None
    claimed_at: float | None = None
    row_seen: bool = False
    sign_seen: bool = False
    empties: int = 0
    denials: int = 0
    ending: bool = False
    ends: tuple[EndSign, ...] = ()
    answer_evidence: str = ""
    weak: bool = False
    unchecked: bool = False
    """Weak only because the call list could not be asked; a row makes the answer certain."""
    local: bool = False
    emergency: bool = False
    lost: str | None = None
    refused: str | None = None

    @property
    def urgent(self) -> bool:
        """The call list should be read at once rather than at the next poll."""
        return self.phase is not Phase.OVER and (self.ending or self.phase is Phase.CLAIMED)

    @property
    def ended_early(self) -> bool:
        """No end was told since this call has shown itself."""
        return all(end.early for end in self.ends)

    @property
    def command(self) -> str:
        """What begins the call."""
        return "ATA" if self.incoming else "ATD"

    # -- what is seen ---------------------------------------------------------------------

    def notice(self, text: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
        """Take one notification line."""
        if self.phase is Phase.OVER:
            return _late(self, text)
        row = call_row(text)
        if row is not None:
            return _told_row(self, row, mask(text), at)
        reading = self.family.read(text)
        if reading is None or not _ours(self, reading):
            return self, ()
        evidence = mask(text, reading.fields.get("number", ""))
        match reading.sign:
            case Sign.DIALLING:
                return replace(self, accepted=True, sign_seen=True), ()
            case Sign.ALERTING:
                return _alerting(replace(self, accepted=True, sign_seen=True), evidence, at)
            case Sign.ANSWERED | Sign.HELD:
                seen = replace(self, accepted=True, sign_seen=True)
                if reading.check:
                    return _claimed(seen, evidence, at)
                return _answered(seen, evidence, at=at)
            case Sign.ENDED | Sign.BUSY | Sign.NO_ANSWER | Sign.NO_NETWORK:
                return _ending(self, end_sign(reading, evidence))
            case Sign.BOOT | Sign.POWER_DOWN | Sign.SIM_MISSING:
                return self.link_lost(f"the module said {evidence}")
            case _:
                return self, ()

    def dial_final(self, text: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
        """Take the final result of ATD or ATA; V.250 allows call results in this place."""
        word = text.strip().upper()
        if self.phase is Phase.OVER:
            return _late(self, text)
        if word == "OK" and self.incoming:
            return _claimed(replace(self, accepted=True, sign_seen=True), "OK to ATA", at)
        if word == "OK":
            return replace(self, accepted=True, begun=True), ()
        if word.startswith("CONNECT"):
            # ZTE dongles (MF110 and others) answer CONNECT where the far end picks up.
            return _claimed(replace(self, accepted=True, sign_seen=True), mask(text), at)
        reading = self.family.read(text)
        if reading is not None and reading.sign in END_SIGNS:
            end = end_sign(reading, mask(text))
            # A bare NO CARRIER may be the late word of the call before; BUSY hardly is.
            begun = self.begun or end.cause is not None
            return _ending(replace(self, accepted=True, begun=begun), end)
        return _over(replace(self, refused=mask(text)), f"{self.command}: {mask(text)}")

    def rows(self, rows: Sequence[CallRow], at: float) -> tuple[Progress, tuple[Fact, ...]]:
        """Take a call list that was read completely (final OK)."""
        if self.phase is Phase.OVER:
            return self, ()
        mine = _mine(self, rows)
        if mine is None:
            return _no_row(self, at)
        seen = replace(self, index=mine.call_id, row_seen=True, accepted=True, empties=0)
        evidence = f"CLCC state {int(mine.state)}"
        if seen.ending and seen.ended_early:
            # The list was empty before the dial: the row is ours, the end was another's.
            seen = replace(seen, ending=False, ends=())
        if seen.ending:
            if seen.denials + 1 < _DENIALS:
                return replace(seen, denials=seen.denials + 1), ()
            if any(end.cause is not None and not end.early for end in seen.ends):
                return _over(seen, seen.ends[0].evidence)
            seen = replace(seen, ending=False, denials=0, ends=())
        match mine.state:
            case CallState.DIALLING | CallState.INCOMING | CallState.WAITING:
                return _denied(seen, evidence)
            case CallState.ALERTING:
                denied, facts = _denied(seen, evidence)
                alerting, more = _alerting(denied, evidence, at)
                return alerting, facts + more
            case CallState.ACTIVE | CallState.HELD:
                return _answered(seen, evidence, at=at)
            case _:
                return seen, ()

    def list_unreadable(self, at: float) -> tuple[Progress, tuple[Fact, ...]]:
        """The call list could not be read: pending claims stand."""
        if self.phase is Phase.OVER:
            return self, ()
        if self.ending:
            return _over(self, self.ends[0].evidence)
        if self.phase is Phase.CLAIMED:
            return _answered(self, self.answer_evidence, at=at, unchecked=True)
        return self, ()

    def tick(self, at: float) -> tuple[Progress, tuple[Fact, ...]]:
        """Give up a call that never showed itself in row or notice."""
        silent = self.phase is Phase.DIALLING and not (self.row_seen or self.sign_seen)
        if silent and self.empties and at - self.began >= self.family.timing.row_missing:
            return _over(self, "the call never appeared in the call list")
        return self, ()

    # -- what we do ------------------------------------------------------------------------

    def hang_up_ordered(self, *, emergency: bool = False) -> Progress:
        """Note that what follows is our own doing; the line ends the call itself."""
        if self.phase is Phase.OVER:
            return replace(self, emergency=self.emergency or emergency)
        return replace(self, local=True, emergency=self.emergency or emergency)

    def finished(self, evidence: str) -> tuple[Progress, tuple[Fact, ...]]:
        """Our hang-up is under way: the story is over whatever comes."""
        return (self, ()) if self.phase is Phase.OVER else _over(self, evidence)

    def link_lost(self, reason: str) -> tuple[Progress, tuple[Fact, ...]]:
        """The modem is gone or has restarted."""
        if self.phase is Phase.OVER:
            return self, ()
        return _over(replace(self, lost=reason), reason)

    # -- why it ended ----------------------------------------------------------------------

    def verdict(self, end_cause: str | None) -> Verdict:
        """Say why the call ended; *end_cause* is the information line of AT+CEER, or None."""
        ending = Ending(
            command=self.command,
            ends=self.ends,
            # Whoever calls us is there from the start.
            answered=self.answer_evidence != ""
            or self.incoming
            or any(end.talked for end in self.ends),
            certain=self.answer_evidence != "" and not self.weak,
            rang=self.alerted_at is not None,
            local=self.local,
            emergency=self.emergency,
            lost=self.lost,
            refused=self.refused,
        )
        return judge(ending, end_cause)


def _alerting(state: Progress, evidence: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    told = state.alerted_at is not None or state.incoming
    if told or state.phase in (Phase.ANSWERED, Phase.OVER):
        return state, ()
    phase = Phase.ALERTING if state.phase is Phase.DIALLING else state.phase
    return replace(state, phase=phase, alerted_at=at), (Alerting(evidence=evidence),)


def _claimed(state: Progress, evidence: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    if state.phase >= Phase.CLAIMED:
        return state, ()
    new = replace(state, phase=Phase.CLAIMED, answer_evidence=evidence, claimed_at=at, empties=0)
    return new, (AnswerClaimed(evidence=evidence),)


def _denied(state: Progress, evidence: str) -> tuple[Progress, tuple[Fact, ...]]:
    if state.phase is not Phase.CLAIMED:
        return state, ()
    phase = Phase.ALERTING if state.alerted_at is not None else Phase.DIALLING
    said = f"{state.answer_evidence} denied by {evidence}"
    return (
        replace(state, phase=phase, answer_evidence=""),
        (AnswerDenied(evidence=said),),
    )


def _answered(
    state: Progress, evidence: str, *, at: float, unchecked: bool = False
) -> tuple[Progress, tuple[Fact, ...]]:
    if state.phase is Phase.ANSWERED and state.unchecked and not unchecked:
        # The row that could not be read before: it may make the answer certain now.
        if _too_soon(state, at) or state.family.weak_answer:
            return replace(state, unchecked=False), ()
    elif state.phase >= Phase.ANSWERED:
        return state, ()
    doubtful = unchecked or state.family.weak_answer or _too_soon(state, at)
    weak = doubtful and not state.incoming
    claimed = state.answer_evidence
    said = f"{claimed}, {evidence}" if claimed and claimed != evidence else evidence
    new = replace(
        state,
        phase=Phase.ANSWERED,
        answer_evidence=said,
        weak=weak,
        unchecked=unchecked and not state.incoming,
        empties=0,
    )
    return new, (AnswerConfirmed(evidence=said, weak=weak),)


def _too_soon(state: Progress, at: float) -> bool:
    """An answer without ringing before it, or at its very start, is what a false answer at
    ringback looks like (A7672SA on a network with early media); a machine's may look so too."""
    if state.phase is Phase.CLAIMED and state.claimed_at is not None:
        at = state.claimed_at
    return state.alerted_at is None or at - state.alerted_at < _RANG_FOR


def _ending(state: Progress, end: EndSign) -> tuple[Progress, tuple[Fact, ...]]:
    end = replace(end, early=not (state.begun or state.row_seen or state.sign_seen))
    new = replace(state, ends=(*state.ends, end)[:_MOST_ENDS])
    if state.ending:
        return new, ()
    return replace(new, ending=True, denials=0), (EndClaimed(evidence=end.evidence),)


def _over(state: Progress, evidence: str) -> tuple[Progress, tuple[Fact, ...]]:
    return replace(state, phase=Phase.OVER, ending=False), (Over(evidence=evidence),)


def _late(state: Progress, text: str) -> tuple[Progress, tuple[Fact, ...]]:
    """After the end, evidence about it is still worth having; nothing else is."""
    reading = state.family.read(text)
    if reading is None or reading.sign not in END_SIGNS or not _ours(state, reading):
        return state, ()
    ends = (*state.ends, end_sign(reading, mask(text)))[:_MOST_ENDS]
    return replace(state, ends=ends), ()


def _told_row(
    state: Progress, row: CallRow, evidence: str, at: float
) -> tuple[Progress, tuple[Fact, ...]]:
    """Take a row that came as a notice (SIMCom with CLCC=1)."""
    if not _is_ours(state, row):
        return state, ()
    if row.state is CallState.RELEASED:
        return _ending(state, EndSign(evidence=evidence))
    seen = replace(state, index=row.call_id, sign_seen=True, accepted=True)
    match row.state:
        case CallState.ALERTING:
            return _alerting(seen, evidence, at)
        case CallState.ACTIVE | CallState.HELD:
            return _answered(seen, evidence, at=at)
        case _:
            return seen, ()


def _no_row(state: Progress, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    new = replace(state, empties=state.empties + 1)
    if new.ending and not new.ended_early:
        return _over(new, new.ends[0].evidence)
    known = new.row_seen or new.sign_seen or new.ending
    limit = _EMPTY_AFTER_ROW if new.row_seen else _EMPTY_WITHOUT_ROW
    if new.phase is Phase.CLAIMED and not new.row_seen and new.empties >= 2:
        # A modem that never lists its calls: the notice is all there is.
        return _answered(new, new.answer_evidence, at=at, unchecked=True)
    if known and new.empties >= limit:
        left = "the call left the call list"
        return _over(new, new.ends[0].evidence if new.ending else left)
    return new, ()


def _mine(state: Progress, rows: Sequence[CallRow]) -> CallRow | None:
    for row in rows:
        if _is_ours(state, row) and row.state is not CallState.RELEASED:
            return row
    return None


def _is_ours(state: Progress, row: CallRow) -> bool:
    ours = row.voice and row.incoming is state.incoming
    return ours and state.index in (None, row.call_id)


def _ours(state: Progress, reading: Reading) -> bool:
    """Call notices that carry direction or mode must say ours, voice."""
    if "dir" not in reading.fields:
        return True
    ours = reading.fields["dir"] == ("1" if state.incoming else "0")
    return ours and reading.fields.get("mode", "0") == "0"
