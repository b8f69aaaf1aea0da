"""Whether calendar time may be believed, from what its witnesses say at one instant.

A witness is anything that tells the time without asking the system clock: a time server (through
the kernel's own judgement), an RTC, a mobile network, the stamp of a message centre on a text
message, a person. Some carry the clock alone (NTP, an RTC); the network's time does not, because
operators send wrong ones (an hour, a day or years off), and needs
one more hint. Two that contradict each other leave nobody to believe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from itertools import combinations
from pathlib import Path

from firmware.kernel_clock import PUBLISHED, KernelClock, ask_kernel, boot_id, published, since_boot
from firmware.wording import worded

BUILD_FLOOR = datetime(2026, 11, 1, tzinfo=UTC)
"""No release of this software ran before this day."""

RTC_AGREES = timedelta(seconds=5)
"""An RTC that set the system clock at boot drifts less than this from it."""
AGREES = timedelta(seconds=60)
"""Network time (NITZ) has a resolution of a second and is sent by hand in small networks; two
witnesses further apart than this contradict each other."""
FLOOR_SLACK = timedelta(seconds=2)
"""NTP slews by less than this; a step back beyond it means that one of both times was wrong."""

FLAG_FRESH = timedelta(minutes=70)
"""systemd-timesyncd touches its flag at each answer of a server, at most 2048 s apart by default:
two of those. It counts only where nobody can ask the kernel."""

CORRECT = worded(
    "if the time shown is right and the clock once ran ahead: autodialer clock "
    "correct --by NAME --reason TEXT"
)


@unique
class Kind(StrEnum):
    """What sort of witness it is."""

    NTP = "ntp"
    RTC = "rtc"
    NETWORK = "network"
    MESSAGE = "message"
    """The stamp that a message centre put on a text message received since start."""
    WORD = "word"
    """Somebody looked at the clock and put their name to it; holds until power is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One witness's time, carried on to the instant of the reading."""

    kind: Kind
    name: str
    """``rtc1``, a line's name, a person."""
    at: datetime
    operator: str = ""
    """Of network time: who sent it; empty where that is not known."""
    booted: bool = True
    """Of an RTC: the kernel set the system clock from it at boot."""

    @property
    def title(self) -> str:
        match self.kind:
            case Kind.NTP:
                return "NTP"
            case Kind.RTC:
                return worded("the RTC {what}", what=self.name) if self.name else worded("the RTC")
            case Kind.NETWORK:
                if not self.name:
                    return worded("the network")
                if not self.operator:
                    return worded("the network (line {what})", what=self.name)
                return worded(
                    "the network of {operator} (line {what})",
                    operator=self.operator,
                    what=self.name,
                )
            case Kind.MESSAGE:
                return worded("a text message (line {what})", what=self.name)
            case Kind.WORD:
                return worded("the word of {what}", what=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the machine and its lines say about the clock at one instant."""

    utc: datetime
    ntp: bool | None
    """True where the kernel says that its clock is synchronised, None where it cannot be asked."""
    rtc: datetime | None
    network: datetime | None
    witnesses: tuple[Witness, ...] = ()
    """All others, and those two by their names where they have some."""
    mute_rtcs: tuple[str, ...] = ()
    """RTCs that are fitted and tell no time: the driver says so once power was lost."""

    def heard(self) -> tuple[Witness, ...]:
        """Return everybody who tells a time that can be one: after the build of this software.

        An RTC whose battery is flat, or a module that no network ever told, starts in the past.
        """
        plain = [
            Witness(kind=kind, name="", at=at)
            for kind, at in ((Kind.RTC, self.rtc), (Kind.NETWORK, self.network))
            if at is not None and not any(one.kind is kind for one in self.witnesses)
        ]
        return tuple(one for one in (*plain, *self.witnesses) if one.at >= BUILD_FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The judgement, with the one source that carries it or the reason why there is none."""

    trusted: bool
    source: str
    """Source name where trusted, otherwise one sentence with the remedy."""


def judge(readings: Readings, sources: Sequence[str], floor: datetime) -> Trust:
    """Decide whether ``readings.utc`` may be used to call anybody.

    *floor* is the newest time that the ledger has seen: time earlier than that, or than the build
    date, is wrong whatever a source says, until a person puts their name to it. Then nobody among
    the configured *sources* may contradict another by more than a minute. NTP is enough by itself;
    an RTC must agree with the system clock; network time must agree with it and with one more
    hint: an RTC, another operator's network, a text message's stamp, or a person's word.
    """
    refused = _too_early(readings.utc, floor) or _contradiction(readings, sources)
    if refused is not None:
        return Trust(trusted=False, source=refused)
    if "ntp" in sources and readings.ntp:
        return Trust(trusted=True, source="ntp")
    heard = readings.heard()
    rtcs = [one for one in heard if one.kind is Kind.RTC]
    if "rtc" in sources and any(_near(one, readings.utc, RTC_AGREES) for one in rtcs):
        return Trust(trusted=True, source="rtc")
    networks = [
        one
        for one in heard
        if one.kind is Kind.NETWORK and _near(one, readings.utc) and "network" in sources
    ]
    for network in networks:
        for hint in heard:
            if _supports(hint, network) and _near(hint, readings.utc):
                kind = worded("second operator") if hint.kind is Kind.NETWORK else hint.kind
                return Trust(trusted=True, source=f"network+{kind}")
    return Trust(trusted=False, source=_nobody(readings, sources, rtcs, networks))


_HINTS = frozenset({Kind.MESSAGE, Kind.WORD})


def contradict(one: Witness, other: Witness) -> bool:
    """Tell whether both cannot be right.

    Hints support and never contradict: a message may have waited for days, and its stamp comes
    from whatever centre its sender chose; a person's word is about minutes.
    """
    return not {one.kind, other.kind} & _HINTS and abs(one.at - other.at) > AGREES


def _too_early(utc: datetime, floor: datetime) -> str | None:
    lowest = max(floor - FLOOR_SLACK, BUILD_FLOOR)
    if utc >= lowest:
        return None
    way_back = CORRECT if utc >= BUILD_FLOOR else worded("connect a network for NTP or fit an RTC")
    return worded(
        "the clock shows {utc} UTC, before the newest ledger entry or "
        "the build date ({lowest}); {way_back}",
        utc=f"{utc:%Y-%m-%d %H:%M}",
        lowest=f"{lowest:%Y-%m-%d %H:%M}",
        way_back=way_back,
    )


def _contradiction(readings: Readings, sources: Sequence[str]) -> str | None:
    heard = [one for one in readings.heard() if _asked(one, sources)]
    if "ntp" in sources and readings.ntp:
        heard.insert(0, Witness(kind=Kind.NTP, name="", at=readings.utc))
    for one, other in combinations(heard, 2):
        if contradict(one, other):
            rtc = next((each for each in (one, other) if each.kind is Kind.RTC), None)
            device = f" --rtc=/dev/{rtc.name}" if rtc is not None and rtc.name else ""
            how = (
                worded(" (an RTC with hwclock --systohc{device})", device=device)
                if rtc is not None
                else ""
            )
            return worded(
                "{title} says {at} UTC, {title2} says {at2}"
                ": set the one that is wrong{how}, or leave it out of clock.sources",
                title=one.title,
                at=f"{one.at:%Y-%m-%d %H:%M:%S}",
                title2=other.title,
                at2=f"{other.at:%Y-%m-%d %H:%M:%S}",
                how=how,
            )
    return None


def _asked(witness: Witness, sources: Sequence[str]) -> bool:
    """Whether it may contradict; an RTC that is no source may still hint."""
    return ("rtc" if witness.kind is Kind.RTC else "network") in sources


def _supports(hint: Witness, network: Witness) -> bool:
    if hint is network:
        return False
    if hint.kind is Kind.NETWORK:
        return bool(hint.operator and network.operator) and hint.operator != network.operator
    return True


def _near(witness: Witness, utc: datetime, within: timedelta = AGREES) -> bool:
    return abs(witness.at - utc) <= within


def _nobody(
    readings: Readings,
    sources: Sequence[str],
    rtcs: Sequence[Witness],
    networks: Sequence[Witness],
) -> str:
    """Say why nobody vouches, with what lies nearest to hand."""
    if "rtc" in sources and rtcs:
        rtc = rtcs[0]
        name = rtc.name or "rtc0"
        return worded(
            "{title} shows {at} UTC and the clock {utc}"
            ": if the RTC is right, hwclock --hctosys --rtc=/dev/{name}; if the "
            "clock is, hwclock --systohc --rtc=/dev/{name}",
            title=rtc.title,
            at=f"{rtc.at:%Y-%m-%d %H:%M:%S}",
            utc=f"{readings.utc:%Y-%m-%d %H:%M:%S}",
            name=name,
        )
    lost = _lost_rtc(readings) if "rtc" in sources else None
    if lost is not None and not networks:
        return lost
    if networks:
        return worded(
            "only one network's time vouches for the clock; one more hint will do: NTP, an "
            "RTC, a text message to the box, a SIM of another operator, or somebody who "
            "looks at the clock: autodialer clock correct --by NAME --reason TEXT"
        )
    return worded("no clock source vouches for the time; connect a network for NTP or fit an RTC")


def _lost_rtc(readings: Readings) -> str | None:
    """Say of an RTC that is fitted and of no use what would make it useful, or None."""
    past = [w for w in readings.witnesses if w.kind is Kind.RTC and w.at < BUILD_FLOOR]
    if past:
        name, shows = (
            past[0].name or "rtc0",
            worded("shows {at} UTC", at=f"{past[0].at:%Y-%m-%d %H:%M}"),
        )
    elif readings.mute_rtcs:
        name, shows = readings.mute_rtcs[0], worded("tells no time")
    else:
        return None
    return worded(
        "the RTC {name} {shows}: it has lost power. Fit or change its battery, connect "
        "a network for NTP, and once the clock is right: hwclock --systohc "
        "--rtc=/dev/{name}",
        name=name,
        shows=shows,
    )


# --- the machine ------------------------------------------------------------------------------


def read_system(root: Path = Path("/")) -> Readings:
    """Ask kernel and RTCs; *root* is replaced by tests, which then ask no real kernel."""
    utc = datetime.now(UTC)
    rtcs, mute = _rtcs(root)
    first = next((one for one in rtcs if one.booted), rtcs[0] if rtcs else None)
    return Readings(
        utc=utc,
        ntp=_synchronised(root, utc),
        rtc=None if first is None else first.at,
        network=None,
        witnesses=tuple(rtcs),
        mute_rtcs=tuple(mute),
    )


def ask_about_kernel(root: Path = Path("/")) -> KernelClock | None:
    """Return the kernel's word on its clock, directly or by the helper outside the sandbox."""
    asked = ask_kernel() if root == Path("/") else None
    if asked is not None:
        return asked
    boot, now, calendar = boot_id(root), since_boot(), datetime.now(UTC).timestamp()
    answers = (published(root / place, boot, now, calendar) for place in PUBLISHED)
    return next((answer for answer in answers if answer is not None), None)


def _synchronised(root: Path, utc: datetime) -> bool | None:
    """Whether a time daemon keeps the clock; the kernel's word outweighs the daemon's flag.

    The flag of timesyncd stays when the clock is stepped or the network goes, so its age tells.
    """
    kernel = ask_about_kernel(root)
    if kernel is not None:
        return kernel.synchronised
    try:
        touched = (root / "run/systemd/timesync/synchronized").stat().st_mtime
    except OSError:
        return None
    age = utc - datetime.fromtimestamp(touched, UTC)
    return True if -FLOOR_SLACK <= age <= FLAG_FRESH else None


def _rtcs(root: Path) -> tuple[list[Witness], list[str]]:
    """Return every RTC that keeps a time, the one that set the system clock at boot first; and
    the names of those that tell none.

    The driver of an overlay RTC (DS3231) is often a module and comes after the kernel has looked:
    its ``hctosys`` says 0 though udev set the clock from it.
    """
    found: list[Witness] = []
    mute: list[str] = []
    for entry in sorted((root / "sys/class/rtc").glob("rtc*")):
        try:
            at = datetime.fromtimestamp(
                int((entry / "since_epoch").read_text(encoding="ascii")), UTC
            )
        except (OSError, ValueError, OverflowError):
            mute.append(entry.name)
            continue
        try:
            booted = (entry / "hctosys").read_text(encoding="ascii").strip() == "1"
        except (OSError, UnicodeDecodeError):
            booted = False
        found.append(Witness(kind=Kind.RTC, name=entry.name, at=at, booted=booted))
    return sorted(found, key=lambda one: not one.booted), mute
