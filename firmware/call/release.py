"""Why a call ended, judged from everything that was seen of it and from AT+CEER. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from firmware.call.cause_codes import NORMAL_CODES, Release, cause_of, read_release
from firmware.events import Cause
from firmware.families.base import Reading, Sign, talk_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSign:
    """One piece of end evidence; ``cause`` is None for a bare end."""

    evidence: str
    cause: Cause | None = None
    code: int | None = None
    certain: bool = False
    """The cause stands in a notice of its own, not in a bare word that may be a line of a text."""
    talked: bool = False
    """The module counted seconds of talk, so the call was answered, whoever missed it."""
    counted: bool = False
    """It counted seconds, which are talk where an answer was told before."""
    early: bool = False
    """It came before any sign of this call, so it may be the last word of the call before."""


END_SIGNS = frozenset({Sign.ENDED, Sign.BUSY, Sign.NO_ANSWER, Sign.NO_NETWORK})


def end_sign(reading: Reading, evidence: str) -> EndSign:
    """Return what a notice of the end (:data:`END_SIGNS`) says; *evidence* is its text, masked."""
    match reading.sign:
        case Sign.BUSY:
            return EndSign(evidence=evidence, cause=Cause.BUSY)
        case Sign.NO_ANSWER:
            return EndSign(evidence=evidence, cause=Cause.NO_ANSWER)
        case Sign.NO_NETWORK:
            return EndSign(evidence=evidence, cause=Cause.FAILED)
        case _:
            talked = talk_seconds(reading.fields.get("duration", "000000")) > 0
            counted = int(reading.fields.get("seconds") or 0) > 0
            code = int(reading.fields.get("cause") or 0)
            return EndSign(
                evidence=evidence,
                cause=cause_of(code) if code else None,
                code=code or None,
                certain=code != 0,
                talked=talked,
                counted=counted,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a call that is over."""

    command: str
    """What began it: ``ATD`` or ``ATA``."""
    ends: tuple[EndSign, ...]
    answered: bool
    talked: bool
    """The module counted seconds of talk."""
    weak: bool
    """The answer may have been a ringback that was reported as one."""
    came_back: bool
    """The call was listed again after it had been taken for over, so the box has ended it."""
    rang: bool
    local: bool
    """We hung up."""
    emergency: bool
    lost: str | None
    """How the modem was lost."""
    refused: str | None
    """The result that refused the command."""

    @property
    def certain(self) -> bool:
        """Somebody has answered, whatever the words of the end are."""
        return self.answered and (self.talked or not self.weak)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCause:
    """Why the call ended."""

    cause: Cause
    code: int | None
    evidence: str
    talked: bool = False
    """The module counted seconds of talk: somebody has answered, whoever missed it."""


_TOLD_BETTER = frozenset({Cause.BUSY, Cause.NO_ANSWER, Cause.REJECTED, Cause.UNREACHABLE})


def judge(ending: Ending, end_cause: str | None) -> ReleaseCause:
    """Say why the call ended; *end_cause* is the information line of AT+CEER, or None.

    What we did ourselves comes first, then what a notice said of the cause, then AT+CEER, then how
    far the call had come. Whoever has answered was neither busy nor away, whatever the words are
    with which their call ended, and AT+CEER may still tell of the call before.
    """
    return replace(_judged(ending, end_cause), talked=ending.talked)


def _judged(ending: Ending, end_cause: str | None) -> ReleaseCause:
    release = read_release(end_cause) if end_cause else None
    if ending.emergency:
        return ReleaseCause(cause=Cause.EMERGENCY, code=None, evidence="emergency hang-up")
    if ending.lost is not None:
        return ReleaseCause(cause=Cause.LINE_LOST, code=None, evidence=ending.lost)
    if ending.refused is not None:
        said = f"{ending.command}: {ending.refused}"
        # A normal release is not that of a dial which was refused.
        code = None if release is None or release.code in NORMAL_CODES else release.code
        return ReleaseCause(cause=Cause.FAILED, code=code, evidence=said)
    if ending.local:
        return ReleaseCause(cause=Cause.LOCAL_HANG_UP, code=None, evidence="hung up by the box")
    bare = ending.ends[0].evidence if ending.ends else "the call left the call list"
    if ending.came_back and not ending.ends:
        evidence = f"{bare} and came back: hung up by the box"
        return ReleaseCause(cause=Cause.FAILED, code=None, evidence=evidence)
    told = next((end for end in ending.ends if end.cause is not None), None)
    if ending.certain:
        return _answered(told, release, bare)
    if told is not None:
        return _told(ending, told, release)
    if release is None:
        return _normal(ending, None, bare)
    evidence = f"{bare}; CEER {release.text}"
    if release.code is None or release.code in NORMAL_CODES:
        return _normal(ending, release.code, evidence)
    if ending.weak:
        # The answer of this call or the cause of the one before: in doubt the answer.
        return _normal(ending, None, bare)
    return _coded(release.code, evidence)


def _answered(told: EndSign | None, release: Release | None, bare: str) -> ReleaseCause:
    """An answered call is over; a network that dropped it makes no difference to the callee."""
    code = told.code if told is not None else None
    evidence = bare
    if code is None and release is not None and not _nobody(release.code):
        code, evidence = release.code, f"{bare}; CEER {release.text}"
    return ReleaseCause(
        cause=Cause.REMOTE_HANG_UP, code=None if _nobody(code) else code, evidence=evidence
    )


def _nobody(code: int | None) -> bool:
    """Whether a cause says that nobody was reached, which of an answered call cannot be true."""
    return code is not None and cause_of(code) in _TOLD_BETTER


def _told(ending: Ending, told: EndSign, release: Release | None) -> ReleaseCause:
    assert told.cause is not None
    if told.code is not None:
        if told.code in NORMAL_CODES:
            return _normal(ending, told.code, told.evidence)
        return _coded(told.code, told.evidence)
    if release is None or release.code is None:
        return ReleaseCause(cause=told.cause, code=None, evidence=told.evidence)
    named = cause_of(release.code)
    # BUSY is also said for a rejection by some networks; the number tells them apart.
    if named in _TOLD_BETTER:
        return _coded(release.code, f"{told.evidence}; CEER {release.text}")
    # A number that says something else may be that of the call before.
    code = release.code if named is told.cause else None
    return ReleaseCause(cause=told.cause, code=code, evidence=told.evidence)


def _coded(code: int, evidence: str) -> ReleaseCause:
    return ReleaseCause(cause=cause_of(code), code=code, evidence=evidence)


def _normal(ending: Ending, code: int | None, evidence: str) -> ReleaseCause:
    """Judge a release that names no reason by how far the call had come."""
    if ending.answered:
        cause = Cause.REMOTE_HANG_UP
    elif ending.rang:
        cause = Cause.NO_ANSWER
    elif code is not None:
        cause = Cause.UNREACHABLE
    else:
        cause = Cause.FAILED
    return ReleaseCause(cause=cause, code=code, evidence=evidence)
