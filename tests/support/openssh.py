"""What an auditor does with an anchor's signature: the command of docs/ledger.md."""

from __future__ import annotations

import subprocess
from pathlib import Path


def signed_by(path: Path, allowed_signers: Path, signer: str) -> bool:
    """Tell whether *signer* of the *allowed_signers* file signed *path*, as OpenSSH says."""
    signature = path.with_name(path.name + ".sig")
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(allowed_signers), "-I", signer]
    verify += ["-n", "autodialer-ledger", "-s", str(signature)]
    done = subprocess.run(verify, input=path.read_bytes(), capture_output=True, check=False)
    return done.returncode == 0
