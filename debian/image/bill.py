"""The bill of materials of a card, as CycloneDX 1.5: what it holds, in which version and licence.

Debian's packages from dpkg's own database, their licences from their ``copyright`` files where
these are machine-readable (DEP 5); the libraries of the box from what their wheels say.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

Component = dict[str, object]
UNREADABLE = "see copyright file"


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield the paragraphs of a file in dpkg's form; a continued field keeps its first line."""
    for block in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$", block, re.MULTILINE))
        if fields:
            yield fields


def licences(copyright_text: str) -> list[str]:
    """Return the short names of the licences in a DEP 5 file, in their order, each once."""
    if "copyright-format" not in copyright_text[:600]:
        return []
    named = (part.get("License", "").strip() for part in paragraphs(copyright_text))
    return list(dict.fromkeys(name for name in named if name))


def of_packages(tree: Path) -> Iterator[Component]:
    """Yield what dpkg counts as installed in *tree*."""
    status = (tree / "var/lib/dpkg/status").read_text(encoding="utf-8")
    for fields in paragraphs(status):
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            yield debian(name, version, fields["Architecture"], tree)


def debian(name: str, version: str, architecture: str, tree: Path) -> Component:
    """Return one Debian package, with the licences that lie in *tree*."""
    try:
        text = (tree / f"usr/share/doc/{name}/copyright").read_text("utf-8", "replace")
    except OSError:
        text = ""
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        "licenses": _named(licences(text)),
    }


def of_wheels(tree: Path) -> Iterator[Component]:
    """Yield the Python libraries that the box's package brings."""
    listed = tree / "usr/share/doc/autodialer/bill-of-materials.json"
    for part in json.loads(listed.read_text(encoding="utf-8"))["components"]:
        yield {
            "type": "library",
            "name": part["name"],
            "version": part["version"],
            "purl": f"pkg:pypi/{part['name'].lower()}@{part['version']}",
            "licenses": _named([part["licence"]]),
        }


def written(tree: Path, firmware: Path, target: Path, epoch: int) -> int:
    """Write the bill of the card of *tree* and *firmware*; returns the number of components."""
    parts = [*of_packages(tree), *of_wheels(tree)]
    for package in sorted(firmware.glob("*.deb")):
        # Of these only files lie on the boot partition, so dpkg does not know them.
        name, version, architecture = package.stem.split("_")
        if name != "u-boot-qemu":
            parts.append(debian(name, version.replace("%3a", ":"), architecture, firmware))
    parts.sort(key=lambda part: str(part["purl"]))
    told = json.dumps(parts, sort_keys=True)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, told)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": {"type": "firmware", "name": target.name.split(".")[0]},
        },
        "components": parts,
    }
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return len(parts)


def _named(names: list[str]) -> list[dict[str, dict[str, str]]]:
    return [{"license": {"name": name}} for name in names or [UNREADABLE]]
