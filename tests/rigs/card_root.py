"""What a card's root must not have: read from what ordinary commands print inside, judged without.

Pure: each function takes text. The rig (``make image-boot``) hands over what the box said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COMMANDS = {
    "mounts": "cat /proc/mounts",
    "setuid": "find / -xdev -type f -perm /6000 2>/dev/null",
    "writable": "find / -xdev ! -type l -perm -o+w ! -type c ! -type s 2>/dev/null",
    "sockets": "ss -H -l -n -t -u -w -p",
    "shadow": "cat /etc/shadow",
    "keys": "find / -xdev -name 'ssh_host_*' -o -xdev -name authorized_keys 2>/dev/null",
    "swaps": "cat /proc/swaps",
    "running": "systemctl list-units --type=service --state=running --no-legend --plain",
    "security": "systemd-analyze security --no-pager",
    "packages": "dpkg-query --show --showformat='${Package}\\n'",
    "modules": "cat /proc/modules",
    "watchdog": "systemctl show --property=RuntimeWatchdogUSec --property=WatchdogDevice;"
    " cat /sys/class/watchdog/watchdog0/state",
    "machine": "cat /etc/machine-id /etc/hostname",
    "slots": "setpriv --reuid=autodialer --regid=autodialer --clear-groups"
    " rauc status mark-good other 2>&1; echo $?",
}

SETUID = frozenset({"/usr/bin/su", "/usr/bin/mount", "/usr/bin/umount"})
IN_MEMORY = frozenset(
    {"tmpfs", "devtmpfs", "proc", "sysfs", "devpts", "cgroup2", "ramfs", "mqueue", "debugfs"}
    | {"tracefs", "securityfs", "configfs", "fusectl", "hugetlbfs", "bpf", "pstore", "autofs"}
    | {"efivarfs", "binfmt_misc", "rpc_pipefs"}
)
WRITABLE = {
    "/data": "the data partition",
    "/var/lib/autodialer": "the state",
    "/etc/autodialer": "the configuration",
    "/etc/credstore": "the SIM's PIN",
    "/var/lib/systemd": "random seed and last known time",
    "/etc/machine-id": "this box's own",
    "/etc/hostname": "this box's own",
    "/boot/firmware": "the boot partition",
}
LISTENERS = {
    ("tcp", "22"): "sshd, started by the key on the boot partition",
    ("udp", "68"): "the DHCP client, on the address that it got",
    ("raw", "icmp"): "",
}
ABSENT = frozenset(
    {"modemmanager", "network-manager", "avahi-daemon", "sudo", "telnetd", "rpcbind"}
)
DRIVERS = frozenset({"cdc_acm", "usbserial", "option", "qcserial", "usb_wwan", "qmi_wwan"})
EXPOSED = 9.7
"""Above every unit of Debian's that runs here and needs what it has; systemd's scale ends at 10."""
OURS = {
    "autodialer.service": 0.5,
    "autodialer-supervisor.service": 0.5,
}
"""Which are loaded whenever one looks; the others' scores are held by tests/test_units.py."""


def mounts(text: str) -> Iterator[str]:
    """Yield what is writable and neither in memory nor on the data partition."""
    roots = 0
    for line in text.splitlines():
        _, place, kind, options = line.split()[:4]
        words = options.split(",")
        if place == "/":
            roots += 1
            if "ro" not in words:
                yield "the root is mounted writable"
        elif "rw" in words and kind not in IN_MEMORY and place not in WRITABLE:
            yield f"{place} ({kind}) is writable"
        if place in WRITABLE and kind not in IN_MEMORY:
            missing = {"nosuid", "nodev", "noexec"} - set(words)
            if missing:
                yield f"{place} is mounted without {', '.join(sorted(missing))}"
    if roots != 1:
        yield f"{roots} roots are mounted"


def setuid(text: str) -> Iterator[str]:
    """Yield programs that make their caller somebody else, beyond the named ones."""
    for path in sorted(set(text.split()) - SETUID):
        yield f"{path} is setuid or setgid"


def writable(text: str) -> Iterator[str]:
    """Yield files of the root that everybody might write, were it writable."""
    for path in text.splitlines():
        if path not in ("/tmp", "/var/tmp"):
            yield f"{path} is writable for everybody"


def sockets(text: str) -> Iterator[str]:
    """Yield who listens beyond the named ones."""
    for line in text.splitlines():
        words = line.split()
        if len(words) < 5:
            continue
        kind, address = words[0], words[4]
        if address.startswith(("127.", "[::1]")):
            continue
        port = address.rsplit(":", 1)[-1]
        if (kind, port) not in LISTENERS:
            yield f"{kind} {address} is open: {words[-1]}"


def shadow(text: str) -> Iterator[str]:
    """Yield accounts that a password opens."""
    for line in text.splitlines():
        name, password = line.split(":")[:2]
        if password not in ("*", "!", "!!", "!*"):
            yield f"the account {name} has a password, or needs none"


def keys(text: str) -> Iterator[str]:
    """Yield keys that lie in the root, where every card has the same."""
    for path in text.split():
        yield f"{path} is in the root: every card has it"


def swaps(text: str) -> Iterator[str]:
    """Yield swap: it would wear the card out, and hold people's numbers."""
    for line in text.splitlines()[1:]:
        yield f"swap on {line.split()[0]}"


def packages(text: str) -> Iterator[str]:
    """Yield packages that a card must not have."""
    for name in sorted(ABSENT & set(text.split())):
        yield f"{name} is installed"


def modules(text: str) -> Iterator[str]:
    """Yield drivers of modems that were not loaded before the units."""
    loaded = {line.split()[0] for line in text.splitlines() if line}
    for name in sorted(DRIVERS - loaded):
        yield f"the driver {name} is not loaded"


def watchdog(text: str) -> Iterator[str]:
    """Yield where nobody would notice a computer that hangs."""
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if told.get("RuntimeWatchdogUSec", "0") in ("0", "infinity", ""):
        yield "systemd feeds no watchdog"
    if "active" not in text.split():
        yield "no hardware watchdog is active"


def machine(text: str) -> Iterator[str]:
    """Yield where this box would be taken for another."""
    words = text.split()
    if len(words) != 2 or not re.fullmatch(r"[0-9a-f]{32}", words[0]):
        yield "no machine id of its own"
    elif words[1] != f"autodialer-{words[0][:6]}":
        yield f"the host name {words[1]} is not this box's own"


def slots(text: str) -> Iterator[str]:
    """Yield where the box's account may say what boots."""
    if text.split()[-1:] == ["0"] or "Rejected send message" not in text:
        yield f"the box's account may confirm a system: {' '.join(text.split())[:160]}"


def exposures(text: str) -> dict[str, float]:
    """Return the exposure of each unit, as systemd-analyze lists it."""
    found = re.findall(r"^\s*(\S+\.service)\s+([0-9.]+)\s", text, re.MULTILINE)
    return {unit: float(score) for unit, score in found}


def security(text: str) -> Iterator[str]:
    """Yield units of the box that are more exposed than was promised."""
    scores = exposures(text)
    for unit, most in OURS.items():
        if unit not in scores:
            yield f"{unit} has no score"
        elif scores[unit] > most:
            yield f"{unit}: exposure {scores[unit]}, at most {most} was promised"
    for unit, score in sorted(scores.items()):
        if score > EXPOSED:
            yield f"{unit}: exposure {score}"


JUDGES = {
    "mounts": mounts,
    "setuid": setuid,
    "writable": writable,
    "sockets": sockets,
    "shadow": shadow,
    "keys": keys,
    "swaps": swaps,
    "packages": packages,
    "modules": modules,
    "watchdog": watchdog,
    "machine": machine,
    "slots": slots,
    "security": security,
}


def faults(told: dict[str, str]) -> list[str]:
    """Return what is wrong with a root that *told* this of itself; silence is a fault, too."""
    found = []
    for name, judge in JUDGES.items():
        text = told.get(name)
        if text is None or (not text.strip() and name in ("mounts", "shadow", "packages")):
            found.append(f"{name}: the box said nothing")
        else:
            found += [f"{name}: {fault}" for fault in judge(text)]
    return found
