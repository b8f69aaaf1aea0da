"""The progress of one call, told from notices, call list rows and the result of ATD or ATA. Pure.

Three witnesses may each be late, doubled, missing or wrong: notices, the polled call list, and the
result of the command. The rules that make one progress of them:

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
* A row may vanish for a read or two, and come back under another id, where the network hands a
  call on (SRVCC, 3GPP TS 23.216): a row that is gone without a word is gone after a while only.
* Some modems never list a call (Huawei K3715, E1752). A notice of progress that comes after empty
  reads proves it, and so do earlier calls (:attr:`Progress.listed`): then notices are believed, and
  silence ends the call after a while.
* What the modem says of our own hang-up is no evidence of what the far end did.
* :class:`Over` comes once. Why is asked afterwards (:meth:`Progress.release_cause`), with
  everything that was seen and AT+CEER.

Times are box seconds. Long because one call has one progress: each rule reads what the others have
left, and apart they would be harder to hold against each other.
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
from firmware.call.release import END_SIGNS, Ending, EndSign, ReleaseCause, end_sign, judge
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

_LEFT = "the call left the call list"

_RANG_FOR = 0.3
"""Box seconds of ringing that tell an answer from a ringback that is reported as one. Shorter
than two reads of the call list are apart."""

_GONE_READS = 3
_GONE_FOR = 2.0
"""A listed call that left the list without a word is over after so many empty reads and box
seconds: less may be a handover."""

_NOISE_AFTER = 2.0
"""Box seconds for which a row outlives a bare word such as ``BUSY`` that then was none of it."""

_EMPTY_WITHOUT_ROW = 6
"""A modem that lists its calls, and not this one, is believed so much later that it is gone."""

_BLANK_READS = 2
"""Empty reads that show, together with notices, that a modem lists no calls."""

_SILENT_FOR = {Phase.DIALLING: 20.0, Phase.ALERTING: 90.0, Phase.ANSWERED: 180.0}
"""Box seconds without a word after which the call of a modem that lists none is over."""


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
    listed: bool | None = None
    """Whether this modem lists its calls; None where no call has shown it yet."""
    row_seen: bool = False
    told_at: float | None = None
    """When a notice of progress came last, None where none has come."""
    told_blind: bool = False
    """One came although the list had been empty before it: this modem lists no calls."""
    empties: int = 0
    """Empty reads in a row."""
    empty_at: float | None = None
    """When the first of them was; None where the list was read last with this call, or never."""
    blank_reads: int = 0
    """Empty reads of the whole call."""
    denials: int = 0
    denied_at: float | None = None
    """When the list first contradicted the end that is claimed."""
    ends: tuple[EndSign, ...] = ()
    """What says that it is over, and was not outlived by a row."""
    answer_evidence: str = ""
    weak: bool = False
    unchecked: bool = False
    """Weak only because the call list could not be asked; a row makes the answer certain."""
    local: bool = False
    cutting: bool = False
    """The hang-up ladder is at work: what the modem says now is its echo."""
    came_back: bool = False
    """The call was taken for over and was still listed then."""
    emergency: bool = False
    lost: str | None = None
    refused: str | None = None

    @property
    def urgent(self) -> bool:
        """The call list should be read at once rather than at the next poll."""
        return self.ending or self.phase is Phase.CLAIMED

    @property
    def ending(self) -> bool:
        """Its end is claimed, and the call list has not decided."""
        return self.phase is not Phase.OVER and self.ends != ()

    @property
    def ended_early(self) -> bool:
        """No end was told since this call has shown itself."""
        return all(end.early for end in self.ends)

    @property
    def lists_calls(self) -> bool | None:
        """Whether this call has shown that the modem lists its calls; None where it has not."""
        if self.row_seen:
            return True
        shown = self.alerted_at is not None or self.answer_evidence != ""
        return False if shown and self.blank_reads >= _BLANK_READS else None

    @property
    def blind(self) -> bool:
        """The list says nothing of this call: notices are all there is."""
        return not self.row_seen and (self.told_blind or self.listed is False)

    @property
    def talked(self) -> bool:
        """The modem has counted seconds of talk."""
        return any(end.talked for end in self.ends)

    @property
    def cause_told(self) -> bool:
        """A notice of the end has named its cause."""
        return any(end.cause is not None for end in self.ends)

    @property
    def command(self) -> str:
        """What begins the call."""
        return "ATA" if self.incoming else "ATD"

    # -- what is seen ---------------------------------------------------------------------

    def urc(self, text: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
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
                return _told(self, at), ()
            case Sign.ALERTING:
                return _alerting(_told(self, at), evidence, at)
            case Sign.ANSWERED | Sign.HELD:
                seen = _told(self, at)
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
            return _claimed(_told(self, at), "OK to ATA", at)
        if word == "OK":
            return replace(self, accepted=True, begun=True), ()
        if word.startswith("CONNECT"):
            # ZTE dongles (MF110 and others) answer CONNECT where the far end picks up.
            return _claimed(_told(self, at), mask(text), at)
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
        seen = replace(
            self, index=mine.call_id, row_seen=True, accepted=True, empties=0, empty_at=None
        )
        evidence = f"CLCC state {int(mine.state)}"
        if seen.ended_early:
            # The list was empty before the dial: the row is ours, the end was another's.
            seen = replace(seen, ends=())
        if seen.ending:
            since = at if seen.denied_at is None else seen.denied_at
            seen = replace(seen, denials=seen.denials + 1, denied_at=since)
            if not _outlived(seen, mine.state, at - since):
                return seen, ()
            if any(end.certain and not end.early for end in seen.ends):
                return _over(seen, seen.ends[0].evidence)
            seen = replace(seen, denials=0, denied_at=None, ends=())
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
        """Give up a call that never showed itself in row or notice, or does so no more."""
        if self.phase is Phase.OVER or self.empty_at is None:
            return self, ()
        if self.row_seen:
            if self.empties >= _GONE_READS and at - self.empty_at >= _GONE_FOR:
                return _over(self, _LEFT)
        elif self.told_at is not None:
            # A claimed answer is settled by the reads themselves.
            longest = _SILENT_FOR.get(self.phase)
            if longest is not None and at - self.told_at >= longest:
                return _over(self, f"a modem that lists no calls was silent for {longest:g} s")
        elif at - self.began >= self.family.timing.row_missing:
            return _over(self, "the call never appeared in the call list")
        return self, ()

    # -- what we do ------------------------------------------------------------------------

    def hang_up_ordered(self, *, emergency: bool = False) -> Progress:
        """Note that what follows is our own doing; the line ends the call itself."""
        if self.phase is Phase.OVER:
            return replace(self, emergency=self.emergency or emergency)
        return replace(self, local=True, emergency=self.emergency or emergency)

    def cut(self, *, came_back: bool = False) -> Progress:
        """Note that the ladder is at work although the far end ended the call, to be sure.

        *came_back*: the call is listed again, so that it is the box that ends it now.
        """
        return replace(self, cutting=True, came_back=self.came_back or came_back)

    def finished(self, evidence: str) -> tuple[Progress, tuple[Fact, ...]]:
        """Our hang-up is under way: the call is over whatever comes."""
        return (self, ()) if self.phase is Phase.OVER else _over(self, evidence)

    def link_lost(self, reason: str) -> tuple[Progress, tuple[Fact, ...]]:
        """The modem is gone or has restarted."""
        if self.phase is Phase.OVER:
            return self, ()
        return _over(replace(self, lost=reason), reason)

    # -- why it ended ----------------------------------------------------------------------

    def release_cause(self, end_cause: str | None) -> ReleaseCause:
        """Say why the call ended; *end_cause* is the information line of AT+CEER, or None."""
        ending = Ending(
            command=self.command,
            ends=self.ends,
            # Whoever calls us is there from the start.
            answered=self.answer_evidence != "" or self.incoming or self.talked,
            talked=self.talked,
            weak=self.answer_evidence != "" and self.weak,
            came_back=self.came_back,
            rang=self.alerted_at is not None,
            local=self.local,
            emergency=self.emergency,
            lost=self.lost,
            refused=self.refused,
        )
        return judge(ending, end_cause)


def _told(state: Progress, at: float) -> Progress:
    """A notice of progress came: the call is about, whatever the list says."""
    blind = state.told_blind or (not state.row_seen and state.empties >= _BLANK_READS)
    return replace(state, accepted=True, told_at=at, told_blind=blind)


def _outlived(state: Progress, row: CallState, seconds: float) -> bool:
    """Whether a row has outlived the end that is claimed, which it denied *seconds* ago first.

    A cause that stands in a notice of its own (``^CEND``) is not outlived by an old row, so it is
    believed after a few reads. A bare word may be a line of another notice, such as a text: the row
    of a call that goes on outweighs it, at once where somebody has answered.
    """
    if state.denials < _DENIALS:
        return False
    if row in (CallState.ACTIVE, CallState.HELD) or any(end.certain for end in state.ends):
        return True
    named = any(end.cause is not None for end in state.ends)
    return not named or seconds >= _NOISE_AFTER


def _alerting(state: Progress, evidence: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    told = state.alerted_at is not None or state.incoming
    if told or state.phase in (Phase.ANSWERED, Phase.OVER):
        return state, ()
    phase = Phase.ALERTING if state.phase is Phase.DIALLING else state.phase
    return replace(state, phase=phase, alerted_at=at), (Alerting(evidence=evidence),)


def _claimed(state: Progress, evidence: str, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    if state.phase >= Phase.CLAIMED:
        return state, ()
    new = replace(
        state,
        phase=Phase.CLAIMED,
        answer_evidence=evidence,
        claimed_at=at,
        empties=0,
        empty_at=None,
    )
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
        empty_at=None,
    )
    return new, (AnswerConfirmed(evidence=said, weak=weak),)


def _too_soon(state: Progress, at: float) -> bool:
    """An answer without ringing before it, or at its very start, is what a false answer at
    ringback looks like (A7672SA on a network with early media); a machine's may look so too."""
    if state.phase is Phase.CLAIMED:
        assert state.claimed_at is not None
        at = state.claimed_at
    return state.alerted_at is None or at - state.alerted_at < _RANG_FOR


def _ending(state: Progress, end: EndSign) -> tuple[Progress, tuple[Fact, ...]]:
    end = replace(
        end,
        early=not (state.begun or state.row_seen or state.told_at is not None),
        # Some modems count from the dial: seconds are talk only where an answer was told.
        talked=end.talked or (end.counted and state.answer_evidence != ""),
    )
    new = replace(state, ends=(*state.ends, end)[:_MOST_ENDS])
    return new, () if state.ending else (EndClaimed(evidence=end.evidence),)


def _over(state: Progress, evidence: str) -> tuple[Progress, tuple[Fact, ...]]:
    return replace(state, phase=Phase.OVER), (Over(evidence=evidence),)


def _late(state: Progress, text: str) -> tuple[Progress, tuple[Fact, ...]]:
    """After the end, evidence about it is still worth having; nothing else is."""
    if state.local or state.cutting:
        return state, ()
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
    seen = replace(_told(state, at), index=row.call_id)
    match row.state:
        case CallState.ALERTING:
            return _alerting(seen, evidence, at)
        case CallState.ACTIVE | CallState.HELD:
            return _answered(seen, evidence, at=at)
        case _:
            return seen, ()


def _no_row(state: Progress, at: float) -> tuple[Progress, tuple[Fact, ...]]:
    new = replace(
        state,
        empties=state.empties + 1,
        blank_reads=state.blank_reads + 1,
        empty_at=at if state.empty_at is None else state.empty_at,
    )
    if not new.ended_early:
        return _over(new, new.ends[0].evidence)
    if new.phase is Phase.CLAIMED and not new.row_seen and new.empties >= _BLANK_READS:
        # A modem that never lists its calls: the notice is all there is.
        return _answered(new, new.answer_evidence, at=at, unchecked=not new.blind)
    if new.empties >= _EMPTY_WITHOUT_ROW and not new.row_seen:
        if new.ends:
            return _over(new, new.ends[0].evidence)
        if new.told_at is not None and new.listed and not new.told_blind:
            return _over(new, _LEFT)
    return new.tick(at)


def _mine(state: Progress, rows: Sequence[CallRow]) -> CallRow | None:
    ours = [
        row
        for row in rows
        if row.voice and row.incoming is state.incoming and row.state is not CallState.RELEASED
    ]
    for row in ours:
        if state.index in (None, row.call_id):
            return row
    # Handed on (SRVCC) a call may come back under another id. Nobody else dials, and the list was
    # empty before the dial; a second caller who rings beside an answered one is another call.
    answered = state.phase is Phase.ANSWERED
    moved = [row for row in ours if row.state in (CallState.ACTIVE, CallState.HELD)]
    if not answered and not state.incoming:
        moved = ours
    return moved[0] if len(moved) == 1 and (answered or not state.incoming) else None


def _is_ours(state: Progress, row: CallRow) -> bool:
    ours = row.voice and row.incoming is state.incoming
    return ours and state.index in (None, row.call_id)


def _ours(state: Progress, reading: Reading) -> bool:
    """Call notices that carry direction or mode must say ours, voice."""
    if "dir" not in reading.fields:
        return True
    ours = reading.fields["dir"] == ("1" if state.incoming else "0")
    return ours and reading.fields.get("mode", "0") == "0"
