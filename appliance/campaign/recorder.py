"""The effects of one step, in order, and the fold that each record is applied to at once. Pure.

What bars every call beside that fold (a dead disk, the stop contact, doubts) stands here too."""

from __future__ import annotations

from appliance.campaign.doubts import Doubts
from appliance.campaign.history import CampaignState
from appliance.effects import Effect, Entry, Now, Record, Send
from appliance.numbers import without_numbers


class Recorder:
    """Collects effects. A record changes *state* as it is emitted, as its row would at a start."""

    def __init__(self, state: CampaignState) -> None:
        self.state = state
        self.storage_failure: str | None = None
        """Why nothing can be recorded any more; it never heals without a restart."""
        self.contact_open = False
        """The stop button is pressed or its wire is cut, whatever the ledger says."""
        self.doubts = Doubts(state)
        """What a person must look at before anybody is called."""
        self._effects: list[Effect] = []

    def record(self, kind: str, subject: str | None, now: Now, **data: object) -> None:
        self.emit(Record(kind=kind, subject=subject, data=data), now)

    def emit(self, effect: Effect, now: Now) -> None:
        if isinstance(effect, Record):
            data = {key: without_numbers(value) for key, value in effect.data.items()}
            if not now.trusted:
                data["clock"] = "untrusted"
            effect = Record(kind=effect.kind, subject=effect.subject, data=data)
            self.state.apply(
                Entry(
                    seq=self.state.seq + 1,
                    at=now.utc,
                    kind=effect.kind,
                    subject=effect.subject,
                    data=effect.data,
                )
            )
        self._effects.append(effect)

    def take(self) -> list[Effect]:
        """Return what was collected, and begin anew."""
        effects, self._effects = self._effects, []
        if self.storage_failure is not None:
            # Nothing can be recorded any more, so nothing may wait behind a record.
            return [effect for effect in effects if isinstance(effect, Send)]
        return effects
