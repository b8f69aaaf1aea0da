"""Modems found by USB ids and interface numbers on a made-up sysfs tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.faults import LineDown
from firmware.line_settings import LineSettings
from firmware.modem.discovery import (
    Bindings,
    FoundModem,
    Probe,
    Resolver,
    find_modems,
    stable_name,
    usb_ttys,
)


class Sysfs:
    """A tree with the links that the kernel makes for ttyUSB (two levels) and ttyACM (one)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "class" / "tty").mkdir(parents=True)
        self._next = 0

    def plug(
        self, socket: str, vendor: int, product: int, interfaces: list[int], *, acm: bool = False
    ) -> list[str]:
        device = self.root / "devices" / "platform" / "usb1" / socket
        device.mkdir(parents=True)
        (device / "idVendor").write_text(f"{vendor:04x}\n")
        (device / "idProduct").write_text(f"{product:04x}\n")
        (device / "serial").write_text("0123456789\n")
        names = []
        for interface in interfaces:
            folder = device / f"{socket}:1.{interface}"
            folder.mkdir()
            (folder / "bInterfaceNumber").write_text(f"{interface:02x}\n")
            name = f"tty{'ACM' if acm else 'USB'}{self._next}"
            self._next += 1
            place = folder if acm else folder / name
            node = place / "tty" / name
            node.mkdir(parents=True)
            (node / "device").symlink_to(place)
            (self.root / "class" / "tty" / name).symlink_to(node)
            names.append(f"/dev/{name}")
        return names

    def serial_port(self, name: str) -> None:
        node = self.root / "devices" / "platform" / "uart" / "tty" / name
        node.mkdir(parents=True)
        (node / "device").symlink_to(self.root / "devices" / "platform" / "uart")
        (self.root / "class" / "tty" / name).symlink_to(node)


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sys")


def test_a_sim7600_by_interface_numbers(sysfs: Sysfs) -> None:
    """Also where the interfaces were numbered in another order than the ttys."""
    sysfs.serial_port("ttyS0")
    names = sysfs.plug("1-1.2", 0x1E0E, 0x9001, [4, 3, 2, 1, 0])
    (found,) = find_modems(sysfs.root)
    assert found == FoundModem(
        family="sim7600",
        socket="1-1.2",
        vendor=0x1E0E,
        product=0x9001,
        at=names[2],
        spare_at=names[1],
        audio=names[0],
    )


def test_several_modems_and_a_stranger(sysfs: Sysfs) -> None:
    sysfs.plug("1-1.4", 0x2C7C, 0x0125, [0, 1, 2, 3])
    sysfs.plug("1-1.1", 0x12D1, 0x1001, [0, 1, 2])
    sysfs.plug("1-1.3", 0x2341, 0x0043, [0], acm=True)
    found = find_modems(sysfs.root)
    assert [(m.family, m.socket) for m in found] == [("huawei", "1-1.1"), ("quectel", "1-1.4")]
    assert len(usb_ttys(sysfs.root)) == 8


def test_interface_numbers_are_hexadecimal(sysfs: Sysfs) -> None:
    sysfs.plug("1-1.1", 0x1E0E, 0x9001, [10], acm=True)
    assert [tty.interface for tty in usb_ttys(sysfs.root)] == [10]
    assert find_modems(sysfs.root)[0].at is None


def test_no_sysfs_at_all(tmp_path: Path) -> None:
    assert find_modems(tmp_path) == []


@pytest.mark.parametrize(
    ("links", "name"),
    [
        ({"by-path/pci-usb-0:1:1.2-port0": "ttyUSB2"}, "serial/by-path/pci-usb-0:1:1.2-port0"),
        (
            {"by-id/usb-SimTech-if02": "ttyUSB2", "by-path/usb-0:1": "ttyUSB2"},
            "serial/by-path/usb-0:1",
        ),
        ({"by-id/usb-SimTech-if02": "ttyUSB2"}, "serial/by-id/usb-SimTech-if02"),
        ({"by-path/usb-0:1": "ttyUSB3"}, "ttyUSB2"),
        ({"by-path/gone": "ttyUSB9"}, "ttyUSB2"),
        ({}, "ttyUSB2"),
    ],
)
def test_the_name_that_outlasts_a_replug(tmp_path: Path, links: dict[str, str], name: str) -> None:
    for port in ("ttyUSB2", "ttyUSB3"):
        (tmp_path / port).touch()
    for link, port in links.items():
        place = tmp_path / "serial" / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"../../{port}")
    assert stable_name(str(tmp_path / "ttyUSB2"), tmp_path) == str(tmp_path / name)


def modem(socket: str, at: str) -> FoundModem:
    return FoundModem(
        family="sim7600",
        socket=socket,
        vendor=0x1E0E,
        product=0x9001,
        at=at,
        spare_at=at + "s",
        audio=at + "a",
    )


class Bench:
    def __init__(self, path: Path) -> None:
        self.bindings = Bindings(path / "modems.json")
        self.modems: list[FoundModem] = []
        self.imeis: dict[str, str | None] = {}

    def resolve(self, name: str, **fields: str | None) -> LineSettings:
        resolver = Resolver(bindings=self.bindings, find=lambda: self.modems, ask=self.ask)
        return resolver(LineSettings(name=name, port="auto", **fields))  # type: ignore[arg-type]

    def ask(self, port: str) -> Probe:
        imei = self.imeis[port]
        return Probe(port=port, usable=imei is not None, imei=imei, why="" if imei else "no reply")


def test_lines_keep_their_modems_when_the_sockets_are_swapped(tmp_path: Path) -> None:
    b = Bench(tmp_path)
    b.modems = [modem("1-1.1", "/dev/ttyUSB2"), modem("1-1.2", "/dev/ttyUSB7")]
    b.imeis = {"/dev/ttyUSB2": "001010000000001", "/dev/ttyUSB7": "001010000000002"}
    assert b.resolve("a", audio="auto").audio == "/dev/ttyUSB2a"
    assert b.resolve("b", emergency_port="auto").emergency_port == "/dev/ttyUSB7s"
    b.imeis = {"/dev/ttyUSB2": "001010000000002", "/dev/ttyUSB7": "001010000000001"}
    assert b.resolve("a").port == "/dev/ttyUSB7"
    assert b.resolve("b").port == "/dev/ttyUSB2"


def test_a_line_never_takes_another_lines_modem(tmp_path: Path) -> None:
    b = Bench(tmp_path)
    b.modems = [modem("1-1.1", "/dev/ttyUSB2")]
    b.imeis = {"/dev/ttyUSB2": "001010000000001"}
    b.resolve("a")
    with pytest.raises(LineDown, match="no free modem"):
        b.resolve("b")


def test_a_bound_modem_that_is_away_is_named_and_not_replaced(tmp_path: Path) -> None:
    b = Bench(tmp_path)
    b.bindings.bind("a", "001010000000009")
    b.modems = [modem("1-1.1", "/dev/ttyUSB2"), modem("1-1.2", "/dev/ttyUSB7")]
    b.imeis = {"/dev/ttyUSB2": "001010000000001", "/dev/ttyUSB7": None}
    with pytest.raises(LineDown, match=r"001010000000009.*ttyUSB7: no reply") as error:
        b.resolve("a")
    assert error.value.remedy


def test_a_named_port_is_left_alone(tmp_path: Path) -> None:
    settings = LineSettings(name="a", port="/dev/serial0")
    assert Resolver(bindings=Bindings(tmp_path / "m.json"))(settings) is settings


def test_a_torn_bindings_file_binds_nobody(tmp_path: Path) -> None:
    (tmp_path / "modems.json").write_text('{"a": "0010')
    assert Bindings(tmp_path / "modems.json").imei("a") is None
