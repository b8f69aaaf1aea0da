"""A box's places, and folders for it, packed with keys that OpenSSH makes."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.cli.session import ask_beside_safe_mode
from appliance.config.paths import sample_config
from appliance.errors import NobodyListens
from appliance.provisioning.apply import Provisioning
from appliance.provisioning.folder import take
from appliance.provisioning.judge import Trust
from appliance.provisioning.manifest import Manifest, sign

HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
)
ADA = (
    "+33639980001,Ada,fr,Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,"
    "mon-fri 18:00-20:00,2027-12-31\n"
)
WITHDRAWN = "+33639980002"


class Place:
    """One box, not running, and what is beside it: keys and a stick."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc = root / "etc"
        self.state = root / "state"
        self.stick = root / "stick"
        for each in (self.etc, self.stick):
            each.mkdir(parents=True)
        self.keys = {name: make_key(root / name) for name in ("office", "thief")}
        self.config = self.etc / "config.yaml"
        self.config.write_text(
            f"box: {{name: box-1, state: {self.state}}}\n"
            f'provisioning:\n  trusted: ["{self.keys["office"]}"]\nlines: []\n',
            encoding="utf-8",
        )

    def trust(self, *, unsigned: bool = False) -> Trust:
        return Trust(keys=(self.keys["office"],), unsigned=unsigned)

    def box(self, *, unsigned: bool = False) -> Provisioning:
        def ask(config: Path, operation: str, given: dict[str, Any]) -> Any:
            at = argparse.Namespace(config=config, state=self.state)
            return ask_beside_safe_mode(at, operation, given)

        def nobody() -> None:
            raise NobodyListens("nobody")

        return Provisioning(
            self.config, self.state, self.trust(unsigned=unsigned), ask=ask, tell=nobody
        )

    def folder(self, name: str = "autodialer", /, **files: str | None) -> Path:
        """Make a whole folder; *files* replaces some by other text, or leaves them out (None)."""
        folder = self.stick / name
        (folder / "clips").mkdir(parents=True)
        for clip in sorted((sample_config().parent / "audio").glob("*.wav")):
            shutil.copy(clip, folder / "clips" / clip.name)
        texts = {
            "config": self.config_text(),
            "contacts": HEADER + ADA,
            "withdrawals": f"{WITHDRAWN}\n",
        } | files
        for stem, ending in (("config", "yaml"), ("contacts", "csv"), ("withdrawals", "txt")):
            text = texts[stem]
            if text is not None:
                (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
        return folder

    def config_text(self, box: str = "box-2") -> str:
        """The sample's configuration as it stands on a box that takes folders."""
        text = sample_config().read_text(encoding="utf-8")
        text = text.replace("audio/", "clips/").replace("name: demo-box", f"name: {box}")
        text = text.replace("state: state ", f"state: {self.state} ")
        return text + f'provisioning:\n  trusted: ["{self.keys["office"]}"]\n'

    def pack(self, folder: Path, *, key: str | None = "office", at: datetime | None = None) -> Path:
        """List and sign the folder, as ``provision pack`` does, whatever is in it."""
        (self.root / "packing").mkdir()
        try:
            taken = take(folder, self.root / "packing")
        finally:
            shutil.rmtree(self.root / "packing")
        files = {name: one.sha256 for name, one in taken.payload().items()}
        manifest = Manifest(made_at=at or datetime.now(UTC), files=files)
        (folder / "manifest.json").write_text(manifest.text(), encoding="utf-8")
        if key is not None:
            sign(folder, self.root / key)
        return folder

    def names(self) -> list[str]:
        """Who is in the registry."""
        from appliance.box.state import BoxState

        if not (self.state / "registry").exists():
            return []
        state = BoxState.open(self.state)
        try:
            return sorted(contact.name for contact in state.registry.contacts())
        finally:
            state.close()

    def withdrawn(self) -> bool:
        """Whether the person of the list of withdrawals is suppressed, or waits to be."""
        from appliance.box.state import BoxState
        from appliance.numbers import hash_number

        kept = self.state / "provisioning" / "withdrawals.txt"
        if kept.exists() and WITHDRAWN in kept.read_text().split():
            return True
        if not (self.state / "registry").exists():
            return False
        state = BoxState.open(self.state)
        try:
            key = hash_number(state.registry.number_key, WITHDRAWN)
            return state.campaign.history("", key).revocation is not None
        finally:
            state.close()

    def is_new(self) -> bool:
        """Whether the configuration of the folder is the box's."""
        return "name: box-2" in self.config.read_text(encoding="utf-8")


def make_key(path: Path) -> str:
    """Make an SSH key at *path*; returns its public half."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_name(path.name + ".pub").read_text(encoding="ascii").strip()


def codes(faults: Iterable[Any]) -> set[str]:
    return {fault.code for fault in faults}
