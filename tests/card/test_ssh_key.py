"""The public keys of the boot partition, as computers of every kind write them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = (
    Path(__file__).resolve().parents[2] / "debian/image/files/usr/lib/autodialer-card/take-ssh-key"
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmpKzqXKJ5lsXGKQ1bFzZ8mWmD2cWnB3Y7uJQyq7zXh"
KEYGEN = """#!/bin/sh
if [ "$1" = -l ]; then exec test -s "$3"; fi
while [ "$1" != -f ]; do shift; done
echo secret >"$2"; echo public >"$2.pub"
"""
"""Stands in for ssh-keygen: which lines are taken is the question here."""


def take(place: Path, given: bytes) -> tuple[int, list[str]]:
    """Run the script below *place*; return its exit code and the keys that it took."""
    for folder in ("boot/firmware/autodialer", "run/autodialer-card", "data/system/ssh", "bin"):
        (place / folder).mkdir(parents=True)
    (place / "boot/firmware/autodialer/ssh.pub").write_bytes(given)
    keygen = place / "bin/ssh-keygen"
    keygen.write_text(KEYGEN)
    keygen.chmod(0o755)
    text = SCRIPT.read_text()
    for folder in ("/boot/firmware", "/run/autodialer-card", "/data/"):
        text = text.replace(folder, f"{place}{folder}")
    text = text.replace("/etc/hostname", os.devnull)
    done = subprocess.run(
        ["sh", "-c", text],
        env={"PATH": f"{place / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    taken = place / "run/autodialer-card/authorized_keys"
    return done.returncode, taken.read_text().splitlines() if taken.exists() else []


@pytest.mark.parametrize(
    "given",
    [
        f"{KEY} me@desk\n".encode(),
        f"{KEY} me@desk".encode(),
        f"{KEY} me@desk\r\n".encode(),
        f"\ufeff{KEY} me@desk\r\n".encode(),
        f"\ufeff{KEY} me@desk\r\n".encode("utf-16-le"),
        f"\ufeff{KEY} me@desk\r\n".encode("utf-16-be"),
        f"  \t{KEY} me@desk\n".encode(),
        f"\r\n# whose this is\r\n\r\n{KEY} me@desk\r\n".encode(),
        f'command="true" {KEY} other\n{KEY} me@desk\n'.encode(),
        f"ssh-ed25519 not!base64 x\n{KEY} me@desk\n".encode(),
    ],
)
def test_a_key_is_taken_however_it_was_written(tmp_path: Path, given: bytes) -> None:
    assert take(tmp_path, given) == (0, [f"{KEY} me@desk"])


def test_a_comment_in_any_language_spoils_no_key(tmp_path: Path) -> None:
    code, keys = take(tmp_path, f"{KEY} clé d'Ève\n".encode())
    assert code == 0
    assert [key.startswith(f"{KEY} ") for key in keys] == [True]


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"\xef\xbb\xbf",
        f'command="true" {KEY}\n'.encode(),
        f'  environment="A=b" {KEY}\n'.encode(),
        f"# {KEY}\n".encode(),
        f"{KEY[:11]}\n{KEY[12:]}\n".encode(),
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        f"{KEY}\n".encode() + b"#" * 16384,
    ],
)
def test_without_a_bare_key_there_is_no_sshd(tmp_path: Path, given: bytes) -> None:
    code, keys = take(tmp_path, given)
    assert code == 1
    assert keys == []
