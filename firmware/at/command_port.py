"""What takes AT commands, as those see it who ask questions, dial, upload or hang up."""

from __future__ import annotations

from typing import Protocol

from firmware.at.outcomes import Reply


class CommandPort(Protocol):
    """The modem on its port; :class:`firmware.modem.modem.VoiceModem` is one.

    Everything here blocks and raises LinkLost where the port is gone.
    """

    @property
    def emergency_count(self) -> int:
        """How many emergency hang-ups there were; hand it to :meth:`command` as *epoch*."""

    def command(
        self,
        text: str,
        *,
        timeout: float = 2.0,
        dial: bool = False,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        """Send *text* (without CR) and return its reply, also where that is an error result.

        *timeout* in real seconds. *dial* marks ATD and ATA. *payload* is a file whose length
        *text* declares. *epoch* refuses the command where a hang-up came since. Raises
        CommandTimeout, CommandAborted.
        """

    def emergency_hang_up(self) -> None:
        """Write the hang-up now, past whatever is outstanding. Never blocks on a command."""
