"""The list of a folder's files, and the SSH signature under it.

The signature is OpenSSH's own (``ssh-keygen -Y``, PROTOCOL.sshsig), over ``manifest.json``, which
names each file with its SHA-256: whoever packs needs no tool of ours, and neither does an auditor.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.errors import Refused
from appliance.language import Message, marked
from appliance.provisioning.folder import MANIFEST, SIGNATURE, Copied, Fault, printable
from firmware.json_text import parse_json
from firmware.wording import worded

NAMESPACE = "autodialer-provision"
"""Namespace of the signatures: one for another purpose says nothing here."""
FORMAT = 1
TIMEOUT = 20.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was packed, and when by the packer's clock."""

    made_at: datetime
    files: dict[str, str]
    """SHA-256 in hex, by name."""

    def text(self) -> str:
        value = {
            "format": FORMAT,
            "made_at": self.made_at.astimezone(UTC).isoformat(timespec="seconds"),
            "files": self.files,
        }
        return json.dumps(value, indent=1, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, raw: bytes) -> Manifest:
        """Read what :meth:`text` wrote. Raises ValueError."""
        try:
            value = parse_json(raw.decode("utf-8"))
            made_at = datetime.fromisoformat(value["made_at"])
            files = value["files"]
            sound = value["format"] == FORMAT and made_at.tzinfo is not None
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise ValueError("no manifest") from error
        if (
            not sound
            or not isinstance(files, dict)
            or not all(
                isinstance(name, str) and isinstance(digest, str) and _SHA256.fullmatch(digest)
                for name, digest in files.items()
            )
        ):
            raise ValueError("no manifest")
        return cls(made_at=made_at, files=files)

    def faults(self, copied: dict[str, Copied]) -> Iterable[Fault]:
        """Yield how the files that were copied differ from the list."""
        for name in sorted(self.files.keys() | copied.keys()):
            there = copied.get(name)
            if there is None:
                text = marked("{name} is in the list and not in the folder; pack it anew")
            elif name not in self.files:
                text = marked("{name} is in the folder and not in the list; pack it anew")
            elif there.sha256 != self.files[name]:
                text = marked("{name} was changed or damaged after it was packed; pack it anew")
            else:
                continue
            yield Fault("changed", Message(text, {"name": printable(name)}))


def fingerprint(key: str) -> str:
    """Return the fingerprint of a public key as ``ssh-keygen -l`` prints it."""
    blob = base64.b64decode(key.split()[1] + "==")
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def sign(folder: Path, key: Path) -> None:
    """Sign the manifest in *folder* with the private key *key*. Raises Refused."""
    signature = folder / SIGNATURE
    signature.unlink(missing_ok=True)  # ssh-keygen would ask before it overwrites.
    done = _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(folder / MANIFEST)], b"")
    if done.returncode != 0 or not signature.is_file():
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Refused(
            worded("ssh-keygen did not sign: {said}", said=said),
            worded("name a private key that needs no passphrase"),
        )


def signer(manifest: bytes, signature: bytes, trusted: Sequence[str]) -> str | None:
    """Return the fingerprint of the key of *trusted* that signed *manifest*; None for none.

    Raises Refused where OpenSSH is not there to ask.
    """
    with tempfile.TemporaryDirectory(prefix="autodialer-") as place:
        signed = Path(place) / "manifest.sig"
        signed.write_bytes(signature)
        allowed = Path(place) / "allowed"
        for key in trusted:
            kind, blob = key.split()[:2]
            allowed.write_text(
                f'box namespaces="{NAMESPACE}" {kind} {blob}\n',
                encoding="ascii",
            )
            verify = ["-Y", "verify", "-f", str(allowed), "-I", "box", "-n", NAMESPACE]
            if _ssh_keygen([*verify, "-s", str(signed)], manifest).returncode == 0:
                return fingerprint(key)
    return None


def _ssh_keygen(arguments: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(
            worded("ssh-keygen: {error}", error=error), worded("install openssh-client")
        ) from error
