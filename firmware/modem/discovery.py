"""Which modem sits on which port: USB ids and interface numbers from sysfs, then an AT probe.

``ttyUSB2`` is whatever was plugged in third; nothing is ever bound to such a name. A modem is
found by the ids of its USB device and the numbers of its interfaces, confirmed by asking it, and
a line remembers the IMEI of its modem, so that neither renumbering nor swapped sockets matter.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from firmware.durable import give_folder_to_owner, give_to_owner, replace_file
from firmware.errors import FirmwareError
from firmware.families import FAMILIES, identify
from firmware.families.base import Family, UsbIdentity
from firmware.faults import Fault, LineDown
from firmware.json_text import parse_json
from firmware.line_settings import LineSettings
from firmware.modem import port_users
from firmware.modem.modem import VoiceModem
from firmware.wording import joined, worded

SYSFS = Path("/sys")
DEV = Path("/dev")
PROBE_SECONDS = 3.0
"""Real seconds a port may take to answer AT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbTty:
    """One serial port of a USB device, as sysfs shows it."""

    device: str
    """Path under /dev."""
    vendor: int
    product: int
    interface: int
    socket: str
    """Where the device is plugged in (bus and ports, ``1-1.2``); stable per socket."""
    serial: str
    maker: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModem:
    """One USB device whose ids belong to a known family, with its ports by purpose."""

    family: str
    """By USB ids; the probe has the last word."""
    socket: str
    vendor: int
    product: int
    at: str | None
    """None where the AT interface shows no port (no driver bound)."""
    spare_at: str | None
    audio: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a port answered."""

    port: str
    usable: bool
    maker: str = ""
    model: str = ""
    revision: str = ""
    imei: str | None = None
    family: str | None = None
    sim: str = ""
    why: str = ""
    """Why it is not usable."""
    remedy: str = ""


def usb_ttys(root: Path = SYSFS, dev: Path = DEV) -> list[UsbTty]:
    """Return every serial port that hangs on USB, ordered by socket and interface."""
    found = []
    tty_class = root / "class" / "tty"
    for entry in sorted(tty_class.iterdir()) if tty_class.is_dir() else ():
        interface = _interface_of(entry / "device")
        if interface is None:
            continue
        device = interface.parent
        vendor, product = _hex(device / "idVendor"), _hex(device / "idProduct")
        number = _hex(interface / "bInterfaceNumber")
        if vendor is None or product is None or number is None:
            continue
        found.append(
            UsbTty(
                device=str(dev / entry.name),
                vendor=vendor,
                product=product,
                interface=number,
                socket=device.name,
                serial=_text(device / "serial"),
                maker=_text(device / "manufacturer"),
                title=_text(device / "product"),
            )
        )
    return sorted(found, key=lambda tty: (tty.socket, tty.interface, tty.device))


def find_modems(
    root: Path = SYSFS, dev: Path = DEV, families: Iterable[Family] = tuple(FAMILIES.values())
) -> list[FoundModem]:
    """Return the USB devices that are modems of a known family."""
    known = {
        (identity.vendor, identity.product): (family, identity)
        for family in families
        for identity in family.usb
    }
    sockets: dict[str, list[UsbTty]] = {}
    for tty in usb_ttys(root, dev):
        if (tty.vendor, tty.product) in known:
            sockets.setdefault(tty.socket, []).append(tty)
    found = []
    for socket, ttys in sockets.items():
        family, identity = known[ttys[0].vendor, ttys[0].product]
        found.append(_modem(family, identity, socket, ttys))
    return found


def stable_name(device: str, dev: Path = DEV) -> str:
    """Return the name of *device* that goes by its socket, or its own where udev made none.

    ``/dev/serial/by-path`` outlasts a replug into the same socket; ``ttyUSB2`` is whatever was
    plugged in third.
    """
    for kind in ("by-path", "by-id"):
        folder = dev / "serial" / kind
        try:
            names = sorted(folder.iterdir())
        except OSError:
            continue
        for name in names:
            # A device that went meanwhile leaves a link to nothing.
            if name.resolve() == Path(device).resolve():
                return str(name)
    return device


def probe(
    port: str,
    *,
    baudrate: int = 115200,
    rtscts: bool = False,
    open_modem: Callable[..., VoiceModem] = VoiceModem,
) -> Probe:
    """Open *port*, ask who is there, close it again. Places no call, enters no PIN, never raises
    for what a port may do; opening a port takes at most a few seconds."""
    modem = open_modem(
        port,
        baudrate=baudrate,
        rtscts=rtscts,
        on_urc=lambda _notification: None,
        on_lost=lambda _reason: None,
    )
    try:
        modem.open(PROBE_SECONDS)
        return _ask(modem, port)
    except FirmwareError as error:
        who, remedy = port_users.explain(port) if port.startswith("/") else ("", "")
        why = (
            worded("{error}; {who} may be talking to it", error=error, who=who)
            if who
            else str(error)
        )
        return Probe(port=port, usable=False, why=why, remedy=error.remedy or remedy)
    finally:
        modem.close()


class Bindings:
    """Which IMEI belongs to which line; one small JSON file, written when a line first comes up.

    Deleting a line's entry (or the file) lets it accept another modem.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other lines, and other processes, from choosing a modem meanwhile."""
        if not self._path.parent.is_dir():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            give_folder_to_owner(self._path.parent)
        with self._path.with_suffix(".lock").open("w") as lock:
            give_to_owner(lock.fileno(), self._path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def imei(self, line: str) -> str | None:
        """Return the IMEI that *line* is bound to."""
        found = self._read().get(line)
        return found if isinstance(found, str) else None

    def all(self) -> dict[str, str]:
        """Return every binding, IMEI by line."""
        return self._read()

    def bind(self, line: str, imei: str) -> None:
        """Remember *imei* for *line*; durable when it returns."""
        bindings = self._read()
        if bindings.get(line) == imei:
            return
        bindings[line] = imei
        replace_file(self._path, json.dumps(bindings, indent=1, sort_keys=True).encode())

    def _read(self) -> dict[str, str]:
        try:
            data = parse_json(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


class Prober(Protocol):
    def __call__(self, port: str) -> Probe: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Finds the ports of a line whose port is ``auto``: its own modem, or one that is nobody's.

    A port that another line has open cannot be probed, and a modem that is bound to another line
    is left alone, so each line may have its own resolver over the same bindings file.
    """

    bindings: Bindings
    find: Callable[[], Sequence[FoundModem]] = find_modems
    ask: Prober = probe

    def __call__(self, settings: LineSettings) -> LineSettings:
        """Return *settings* with real ports. Raises LineDown where no modem fits."""
        if settings.port != "auto":
            return settings
        with self.bindings.exclusive():
            return self._choose(settings)

    def _choose(self, settings: LineSettings) -> LineSettings:
        mine = settings.imei or self.bindings.imei(settings.name)
        others = {i for name, i in self.bindings.all().items() if name != settings.name}
        silent: list[str] = []
        free: tuple[FoundModem, Probe] | None = None
        for modem in self.find():
            if modem.at is None:
                continue
            answer = self.ask(modem.at)
            if not answer.usable:
                silent.append(joined(": ", [modem.at, answer.why]))
            elif mine is not None and answer.imei == mine:
                return self._settle(settings, modem)
            elif mine is None and answer.imei not in others and free is None:
                free = (modem, answer)
        if free is not None:
            modem, answer = free
            if answer.imei is not None:
                self.bindings.bind(settings.name, answer.imei)
            return self._settle(settings, modem)
        if mine is not None:
            detail = worded("the modem of this line (IMEI {mine}) is not plugged in", mine=mine)
        else:
            detail = worded("no free modem was found")
        if silent:
            detail += worded("; no answer from ") + joined(", ", silent)
        raise LineDown(Fault.NO_MODEM, detail, answering=False)

    def _settle(self, settings: LineSettings, modem: FoundModem) -> LineSettings:
        assert modem.at is not None
        return replace(
            settings,
            port=modem.at,
            audio=modem.audio if settings.audio in (None, "auto") else settings.audio,
            emergency_port=(
                modem.spare_at if settings.emergency_port == "auto" else settings.emergency_port
            ),
        )


def _ask(modem: VoiceModem, port: str) -> Probe:
    def first(command: str) -> str:
        try:
            reply = modem.command(command, timeout=PROBE_SECONDS)
        except FirmwareError:
            return ""
        return reply.lines[0].strip() if reply.final.ok and reply.lines else ""

    modem.command("ATE0", timeout=PROBE_SECONDS)
    maker, model, revision = first("AT+CGMI"), first("AT+CGMM"), first("AT+CGMR")
    imei = re.search(r"\d{15}", first("AT+CGSN"))
    return Probe(
        port=port,
        usable=True,
        maker=maker,
        model=model,
        revision=revision,
        imei=imei.group() if imei else None,
        family=identify(maker, model).name,
        sim=first("AT+CPIN?").partition(":")[2].strip(),
    )


def _modem(
    family: Family, identity: UsbIdentity, socket: str, ttys: Sequence[UsbTty]
) -> FoundModem:
    by_interface = {tty.interface: tty.device for tty in ttys}

    def port(interface: int | None) -> str | None:
        return None if interface is None else by_interface.get(interface)

    return FoundModem(
        family=family.name,
        socket=socket,
        vendor=identity.vendor,
        product=identity.product,
        at=port(identity.at),
        spare_at=port(identity.spare_at),
        audio=port(identity.audio),
    )


def _interface_of(device: Path) -> Path | None:
    """Walk up from a tty's device to its USB interface: one level for ttyACM, two for ttyUSB."""
    try:
        place = device.resolve(strict=True)
    except OSError:
        return None
    for folder in (place, *place.parents[:2]):
        if (folder / "bInterfaceNumber").is_file():
            return folder
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _hex(path: Path) -> int | None:
    try:
        return int(_text(path), 16)
    except ValueError:
        return None
