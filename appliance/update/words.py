"""UPDATE.txt: how an update ended, for whoever pulls out the stick."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.language import translator
from appliance.update.decide import Finding

HEAD = "autodialer UPDATE"
"""First line of every result: by it the box knows what it wrote itself."""
NAME = "UPDATE.txt"


def update_text(finding: Finding, languages: Sequence[str], *, version: str) -> bytes:
    """Return the file; *version* is the version that runs."""
    lines = [HEAD, ""]
    for language in languages:
        say = translator(language)
        lines += [say(finding.message), ""]
        lines += [say("This box runs version {version}.").format(version=version), ""]
    # Opened with whatever a stick is plugged into.
    return "\r\n".join(lines).encode()
