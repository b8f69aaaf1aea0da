"""The checks of a card's root see what they are for, and pass what is right."""

from __future__ import annotations

import pytest

from tests.rigs import card_root

MOUNTS = """\
/dev/vda2 / ext4 ro,relatime 0 0
/dev/vda4 /data ext4 rw,nosuid,nodev,noexec,noatime,errors=remount-ro 0 0
/dev/vda4 /var/lib/autodialer ext4 rw,nosuid,nodev,noexec,noatime,errors=remount-ro 0 0
/dev/vda1 /boot/firmware vfat rw,nosuid,nodev,noexec,noatime,gid=610,fmask=0027 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,size=65536k 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
"""
ID = "0123456789abcdef0123456789abcdef"
SCORES = """\
UNIT                              EXPOSURE PREDICATE HAPPY
autodialer-clock.service               0.6 SAFE      :)
autodialer-supervisor.service          0.3 SAFE      :)
autodialer.service                     0.4 SAFE      :)
dbus.service                           9.6 UNSAFE    :(
"""
RIGHT = {
    "mounts": MOUNTS,
    "setuid": "/usr/bin/mount\n/usr/bin/su\n",
    "writable": "/tmp\n/var/tmp\n",
    "sockets": 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
    'udp UNCONN 0 0 10.0.2.15%eth0:68 0.0.0.0:* users:(("systemd-network",pid=2,fd=18))\n',
    "shadow": "root:*:19000:0:99999:7:::\nautodialer:!:19000::::::\n",
    "keys": "",
    "swaps": "Filename Type Size Used Priority\n",
    "packages": "systemd\nrauc\n",
    "modules": "".join(f"{name} 1 0 - Live 0x0\n" for name in card_root.DRIVERS),
    "watchdog": "RuntimeWatchdogUSec=15s\nWatchdogDevice=/dev/watchdog0\nactive\n",
    "machine": f"{ID}\nautodialer-012345\n",
    "slots": "rauc mark: Rejected send message, 3 matched rules\n1\n",
    "security": SCORES,
}
WRONG = {
    "a writable root": ("mounts", MOUNTS.replace(" ro,", " rw,"), "root is mounted writable"),
    "a second disk": ("mounts", MOUNTS + "/dev/sda1 /mnt ext4 rw 0 0\n", "/mnt (ext4)"),
    "programs on the boot partition": (
        "mounts",
        MOUNTS.replace("vfat rw,nosuid,nodev,noexec", "vfat rw,nosuid,nodev"),
        "/boot/firmware is mounted without noexec",
    ),
    "no root at all": ("mounts", MOUNTS.split("\n", 1)[1], "0 roots"),
    "a setuid program": ("setuid", "/usr/bin/mount\n/usr/bin/sudo\n", "/usr/bin/sudo"),
    "a file of everybody": ("writable", "/tmp\n/etc/passwd\n", "/etc/passwd"),
    "an open port": (
        "sockets",
        'tcp LISTEN 0 4096 0.0.0.0:5355 0.0.0.0:* users:(("systemd-resolve",pid=1,fd=3))\n',
        "0.0.0.0:5355",
    ),
    "an open port of IPv6": (
        "sockets",
        'udp UNCONN 0 0 [::]:5353 [::]:* users:(("avahi",pid=1,fd=3))\n',
        "[::]:5353",
    ),
    "a password": ("shadow", "root:$y$j9T$abc:19000::::::\n", "root"),
    "no password needed": ("shadow", "root::19000::::::\n", "root"),
    "a host key for all": ("keys", "/etc/ssh/ssh_host_rsa_key\n", "every card has it"),
    "swap": ("swaps", "Filename Type\n/swapfile file 1 0 -2\n", "/swapfile"),
    "ModemManager": ("packages", "systemd\nmodemmanager\n", "modemmanager"),
    "no driver": ("modules", "cdc_acm 1 0 - Live 0x0\n", "option is not loaded"),
    "no watchdog": ("watchdog", "RuntimeWatchdogUSec=0\nactive\n", "feeds no watchdog"),
    "no watchdog device": ("watchdog", "RuntimeWatchdogUSec=15s\ninactive\n", "no hardware"),
    "everybody's machine id": ("machine", "uninitialized\nautodialer\n", "no machine id"),
    "everybody's name": ("machine", f"{ID}\nautodialer\n", "not this box's own"),
    "an account that confirms": ("slots", "rauc status: marked slot rootfs.1 as good\n0\n", "may"),
    "an account that could": ("slots", "No such slot\n1\n", "may confirm"),
    "an open box": ("security", SCORES.replace(" 0.4 ", " 5.7 "), "exposure 5.7"),
    "a box without score": ("security", SCORES.replace("autodialer.service", "x"), "no score"),
    "a naked unit": ("security", SCORES.replace(" 9.6 ", " 9.8 "), "dbus.service"),
}


def test_a_right_root_has_no_fault() -> None:
    assert card_root.faults(RIGHT) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name: str) -> None:
    kind, text, said = WRONG[name]
    found = card_root.faults({**RIGHT, kind: text})
    assert len(found) >= 1
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize("name", card_root.JUDGES)
def test_a_question_that_was_not_answered_is_a_fault(name: str) -> None:
    told = {key: text for key, text in RIGHT.items() if key != name}
    assert card_root.faults(told) == [f"{name}: the box said nothing"]


def test_every_question_has_a_judge_or_is_shown() -> None:
    assert set(card_root.COMMANDS) - set(card_root.JUDGES) == {"running"}
    assert {kind for kind, _, _ in WRONG.values()} == set(card_root.JUDGES)
