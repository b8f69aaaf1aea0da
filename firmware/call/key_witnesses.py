"""Two witnesses, one press: fuses what the module and the host detector heard. Pure.

The host detector stamps a key about 50 ms after its onset. A module's notice comes later: SIMCom's
``+DTMF:`` and Quectel's ``+QTONEDET:`` are seen up to a second after the press, some only at key
release. Within that lag a key from the other witness is the same press; a second notice from the
same witness is a second press, save within the short time in which an echo repeats one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from firmware.dtmf.detector import ALL_KEYS
from firmware.events import MODULE_LAG, Witness

HOST_LAG: Final = 0.3
"""Seconds by which the host detector may be later than a module."""
ECHO: Final = 0.1
"""Seconds within which one witness repeating a key heard the same press."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A new press, named by whoever heard it first."""

    key: str
    witness: Witness
    at: float
    sureness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The other witness heard a press that was already reported."""

    key: str
    witness: Witness
    at: float
    sureness: float
    press: Press


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A press that one witness heard and the other did not, within its time."""

    press: Press
    missed_by: Witness

    @property
    def evidence(self) -> str:
        """One sentence for the ledger."""
        return (
            f"key {self.press.key} heard by {self.press.witness} only "
            f"(sureness {self.press.sureness:.2f}), not by {self.missed_by}"
        )


@dataclass(slots=True)
class _Open:
    press: Press
    missing: set[Witness] = field(default_factory=set)


class KeyFusion:
    """The presses of one call. Times are box-monotonic seconds and never run backwards by much.

    ``witnesses`` are those that this line has; with one alone nothing is confirmed and nothing
    disagrees. The host's detector is a witness of ``host_keys`` only: it reports no others.
    """

    def __init__(
        self,
        witnesses: Sequence[Witness] = (Witness.HOST, Witness.MODULE),
        *,
        host_keys: str = ALL_KEYS,
        module_lag: float = MODULE_LAG,
        host_lag: float = HOST_LAG,
        echo: float = ECHO,
    ) -> None:
        self._witnesses = frozenset(witnesses)
        self._host_keys = frozenset(host_keys)
        self._lag = {Witness.MODULE: module_lag, Witness.HOST: host_lag}
        self._echo = echo
        self._open: list[_Open] = []
        self._last: dict[tuple[str, Witness], float] = {}

    def heard(
        self, key: str, witness: Witness, at: float, sureness: float
    ) -> Press | Confirmation | None:
        """Take what one witness heard: a new press, a confirmation, or a mere repetition."""
        last = self._last.get((key, witness))
        if last is not None and abs(at - last) <= self._echo:
            return None
        self._last[key, witness] = at
        # Notices keep their order, so the oldest press that waits for this witness is meant.
        for waiting in self._open:
            press = waiting.press
            if press.key != key or witness not in waiting.missing:
                continue
            # The stamps may also disagree the other way round: the first to arrive was late.
            if -self._lag[press.witness] <= at - press.at <= self._lag[witness]:
                waiting.missing.discard(witness)
                if not waiting.missing:
                    self._open.remove(waiting)
                return Confirmation(key=key, witness=witness, at=at, sureness=sureness, press=press)
        press = Press(key=key, witness=witness, at=at, sureness=sureness)
        missing = set(self._witnesses - {witness})
        if key not in self._host_keys:
            missing.discard(Witness.HOST)
        if missing:
            self._open.append(_Open(press, missing))
        return press

    def expired(self, now: float) -> tuple[Disagreement, ...]:
        """Presses whose other witness can no longer come; each is returned once."""
        return self._give_up(
            [o for o in self._open if now - o.press.at > max(self._lag[w] for w in o.missing)]
        )

    def finish(self) -> tuple[Disagreement, ...]:
        """The call is over: every press that still waits for its other witness."""
        return self._give_up(list(self._open))

    def _give_up(self, late: Sequence[_Open]) -> tuple[Disagreement, ...]:
        found: list[Disagreement] = []
        for waiting in late:
            self._open.remove(waiting)
            found += [
                Disagreement(press=waiting.press, missed_by=missing)
                for missing in sorted(waiting.missing)
            ]
        return tuple(found)
