"""Files of any kind are read to a limit, or refused in words."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.bounded_read import read_bounded


@pytest.mark.parametrize("size", [0, 1, 63, 64])
def test_a_file_within_the_limit_is_read_whole(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    assert read_bounded(file, 64) == b"x" * size


def _listening(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _long(path: Path) -> Path:
    path.write_bytes(b"x" * 65)
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: Path("/dev/zero"), errno.ENODEV),
        (lambda _: Path("/dev/null"), errno.ENODEV),
        (lambda path: path, errno.ENOENT),
        (lambda path: path.parent, errno.EISDIR),
        (_listening, errno.ENXIO),
        (_pipe, errno.ENODEV),
        (_long, errno.EFBIG),
        (lambda path: path / "below" / "nothing", errno.ENOENT),
    ],
    ids="zero null missing directory socket pipe long below".split(),
)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], Path], code: int
) -> None:
    with pytest.raises(OSError, match=r".+") as refused:
        read_bounded(make(tmp_path / "it"), 64)
    assert refused.value.errno == code
    assert refused.value.strerror


def test_a_pipe_is_read_where_a_shell_may_have_made_it(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path / "pipe")
    writer = threading.Thread(target=pipe.write_bytes, args=(b"abc",))
    writer.start()
    assert read_bounded(pipe, 64, pipes=True) == b"abc"
    writer.join()
