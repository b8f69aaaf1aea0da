"""A disk whose power can be cut: ext4 on a loop device, in an image of its own.

The cut is ext4's own (``EXT4_IOC_SHUTDOWN`` without a flush of the log, as xfstests use it): from
that instant nothing reaches the device, and what was not synchronised is gone with the next mount,
which replays the journal as after a real cut. What it does not show: a disk that loses what it
said to have flushed. Root only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSH = 2


def why_not() -> str:
    """Return why there can be no such disk here; empty where there can."""
    if os.geteuid() != 0:
        return "not root"
    if not Path("/dev/loop-control").exists():
        return "no loop devices"
    missing = [name for name in ("mkfs.ext4", "mount", "umount") if shutil.which(name) is None]
    return f"no {', '.join(missing)}" if missing else ""


class PowerDisk:
    """One disk, mounted at *place*."""

    def __init__(self, image: Path, place: Path, size: int) -> None:
        self.image, self.place = image, place
        with image.open("wb") as stream:
            stream.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)
        place.mkdir(parents=True, exist_ok=True)
        self._mount()

    def cut_power(self) -> None:
        """Nothing reaches the disk any more; whoever writes to it gets an error."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(descriptor)

    def restore(self) -> None:
        """Mount it again after a cut; whoever had files open there must have ended."""
        self.close()
        self._mount()

    def close(self) -> None:
        end = time.monotonic() + 10.0
        while True:
            done = subprocess.run(["umount", str(self.place)], capture_output=True, check=False)
            if done.returncode == 0:
                return
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, done.stderr.decode().strip(), str(self.place))
            time.sleep(0.05)

    def _mount(self) -> None:
        """Raises OSError where the kernel still has the file system of before, as another mount
        namespace may hold it: its memory would be taken for what lay on the disk."""
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.place)], check=True)
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            _, place, _, options, *_ = mount.split()
            if place == str(self.place) and "shutdown" in options.split(","):
                raise OSError(errno.EBUSY, "somebody else holds the disk mounted", place)
