"""Lay out and build the Debian package: ``python debian/assemble.py --python 3.11 --arch arm64``.

The libraries come from wheels, hash for hash as ``debian/lock/`` names them, for the Python and the
machine that the package is for, so that a package for a Raspberry Pi is made on any computer in
seconds and without an emulator. Byte code is shipped: the units may not write it, and without it
each start takes twice as long. It is made by the very Python that will read it.

``wheelhouse`` instead of a package fetches the wheels into a folder, which pip installs offline.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "deb"
LOCKS = ROOT / "debian" / "lock"

MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
GLIBC = 36
"""Bookworm has glibc 2.36: wheels for it and for every older one will do (PEP 600)."""
RELEASES = {"3.11": "bookworm", "3.13": "trixie"}
"""The Debian and Raspberry Pi OS release whose Python this is."""
DEPENDS = {
    "3.11": "python3, python3.11",
    "3.13": "python3, python3.13",
}
RECOMMENDS_OF = {"3.13": "python3-lgpio"}
"""PyPI has no lgpio wheel for this Python; Debian itself, other than Raspberry Pi OS, has none."""

PROGRAMS = {
    "autodialer": "appliance.cli.main",
    "autodialer-supervisor": "firmware.supervisor.__main__",
    "autodialer-clock": "firmware.kernel_clock",
}
"""What the units and the technician start, and the module of its ``main``: as in pyproject.toml."""

SOURCE_ONLY = ("nkeys",)
"""Libraries of which the index has no wheel: pure Python, so one is made here for every machine."""

# What no box reads: other countries' texts, tests, headers, type stubs.
UNREAD = (
    "phonenumbers/geodata",
    "phonenumbers/carrierdata",
    "numpy/_core/tests",
    "numpy/_core/include",
    "numpy/f2py",
    "numpy/doc",
    "numpy/distutils",
    # numpy loads these where somebody names them, and no box does.
    "numpy/ma",
    "numpy/polynomial",
    "numpy/testing",
    # The interface of its first version, for programs that were not carried over.
    "pydantic/v1",
    "setuptools",
    "_distutils_hack",
    "pkg_resources",
    "bin",
    # rich colours source code and renders Markdown with these, of which a box shows neither; cffi
    # reads C with pycparser, which the built modules have behind them.
    "pygments",
    "markdown_it",
    "mdurl",
    "mdit_py_plugins",
    "linkify_it",
    "uc_micro",
    "textual/demo",
    "textual/tree-sitter",
    "pycparser",
    # Command-line programs of two libraries.
    "gpiozerocli",
    "gsmtermlib",
)
UNREAD_PATTERNS = (
    "**/tests",
    "**/*.pyi",
    "**/__pycache__",
    "**/*.pxd",
    "**/*.a",
    "numpy/_core/_simd.*",
    "numpy/_core/*_tests.*",
    "distutils-precedence.pth",
)
LEFT_OUT = (
    *("setuptools", "pygments", "markdown_it_py", "mdurl", "mdit_py_plugins", "linkify_it_py"),
    *("uc_micro_py", "pycparser"),
)
"""Libraries of which nothing is left, by the name of their wheel."""


def main() -> int:
    """Build what the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["package", "wheelhouse"], default="package")
    parser.add_argument("--python", choices=sorted(RELEASES), default="3.11")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64")
    parser.add_argument(
        "--quick", action="store_true", help="pack fast and large: to try it, not to hand it out"
    )
    arguments = parser.parse_args()
    if arguments.what == "wheelhouse":
        print(wheelhouse(arguments.python, arguments.arch))
        return 0
    interpreter = _interpreter(arguments.python)
    if interpreter is None:
        print(
            f"debian/assemble.py: python{arguments.python} is not on the PATH, and byte code "
            f"for it can be made by no other; apt install python{arguments.python}-minimal",
            file=sys.stderr,
        )
        return 1
    print(package(arguments.python, arguments.arch, interpreter, quick=arguments.quick))
    return 0


def version() -> str:
    """Return the version of the project."""
    text = (ROOT / "appliance" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    assert found is not None
    return found[1]


def wheelhouse(python: str, arch: str) -> Path:
    """Fetch each locked wheel for *python* on *arch*, and the project's own; returns the folder."""
    folder = BUILD / f"wheels-{python}-{arch}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheels, sources = _locked(python, folder)
    _pip("download", "--dest", folder, *_for_machine(python, arch), *wheels)
    _pip("wheel", "--wheel-dir", folder, *sources)
    _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    impure = [w.name for w in folder.glob("*.whl") if w.name.split("-")[0] in SOURCE_ONLY]
    if not all(name.endswith("-none-any.whl") for name in impure):
        raise SystemExit(f"debian/assemble.py: built for this machine, not for {arch}: {impure}")
    return folder


def package(python: str, arch: str, interpreter: str, *, quick: bool = False) -> Path:
    """Make the package; returns its file."""
    name = f"{version()}+{RELEASES[python]}"
    tree = BUILD / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    house = tree / "usr/lib/autodialer" / name
    library = house / "lib"
    library.mkdir(parents=True)
    wheels = wheelhouse(python, arch)
    _pip(
        *("install", "--no-index", "--find-links", wheels, "--no-deps", "--no-compile"),
        # Wheels named one by one would be measured by the Python that runs this.
        *("--target", library, "--ignore-requires-python", *_for_machine(python, arch)),
        *(str(wheel) for wheel in sorted(wheels.glob("*.whl"))),
    )
    _trim(library)
    materials = list(_materials(library))
    for program, module in PROGRAMS.items():
        _launcher(house, program, python, module)
    _compile(library, house, interpreter)
    _system_files(tree, name, materials)
    return _packed(name, arch, python, quick=quick)


def _for_machine(python: str, arch: str) -> list[str]:
    machine = MACHINES[arch]
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)]
    platforms.append(f"--platform=manylinux2014_{machine}")
    abi = f"cp{python.replace('.', '')}"
    return [
        *platforms,
        *(f"--python-version={python}", "--implementation=cp", f"--abi={abi}", "--abi=abi3"),
        *("--abi=none", "--only-binary=:all:"),
    ]


def _locked(python: str, folder: Path) -> tuple[list[str], list[str]]:
    """Return pip's words for the locked libraries that come as wheels, and for the others."""
    lock = (LOCKS / f"box-{python}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", lock.strip())
    split: dict[bool, list[str]] = {False: [], True: []}
    for block in blocks:
        split[block.split("==")[0] in SOURCE_ONLY].append(block)
    words = []
    for kind, name in ((False, "wheels"), (True, "sources")):
        file = folder.with_name(f"{folder.name}-{name}.txt")
        file.write_text("\n".join(split[kind]) + "\n", encoding="utf-8")
        words.append(["--no-deps", "--require-hashes", "--requirement", str(file)])
    return words[0], words[1]


def _trim(library: Path) -> None:
    for name in UNREAD:
        shutil.rmtree(library / name, ignore_errors=True)
    for pattern in UNREAD_PATTERNS:
        for path in sorted(library.glob(pattern), reverse=True):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name in LEFT_OUT:
        for info in library.glob(f"{name}-*.dist-info"):
            shutil.rmtree(info)


def _materials(library: Path) -> Iterator[dict[str, str]]:
    """Name, version and licence of each library, from what its wheel says of itself."""
    for info in sorted(library.glob("*.dist-info")):
        told = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        classifiers = told.get_all("Classifier") or []
        licence = (
            told.get("License-Expression")
            or next((c.rsplit(" :: ", 1)[1] for c in classifiers if c.startswith("License")), "")
            or (told.get("License") or "").split("\n")[0]
        )
        yield {
            "name": told["Name"],
            "version": told["Version"],
            "licence": licence or "see METADATA",
        }


def _launcher(house: Path, program: str, python: str, module: str) -> None:
    """A shell looks first: a Python that an upgrade of the system took cannot say so itself."""
    script = house / "programs" / f"{program}.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f'"""Runs {program} of this version with the libraries that lie beside it."""\n'
        "import os\n"
        "import sys\n\n"
        "here = os.path.dirname(os.path.realpath(__file__))\n"
        'sys.path.insert(0, os.path.join(os.path.dirname(here), "lib"))\n'
        f'sys.argv[0] = "{program}"\n'
        f"from {module} import main\n\n"
        f"sys.exit(main())\n",
        encoding="utf-8",
    )
    launcher = house / program
    launcher.write_text(
        "#!/bin/sh\n"
        f"# {RELEASES[python]}'s Python and no other: the libraries beside were made for it.\n"
        f"if [ ! -x /usr/bin/python{python} ]; then\n"
        f'    echo "{program}: this package is for Python {python} ({RELEASES[python]}), which is '
        "not here any more; install the autodialer package of this release: people and settings "
        'stay as they are" >&2\n'
        "    exit 78\n"
        "fi\n"
        'here=$(dirname "$(readlink -f "$0")")\n'
        # Asked by root it would leave byte code beside, which no package manager takes away.
        f'exec /usr/bin/python{python} -I -B "$here/programs/{program}.py" "$@"\n',
        encoding="utf-8",
    )
    launcher.chmod(0o755)


def _compile(library: Path, house: Path, interpreter: str) -> None:
    # Checked by nobody at start: the files are the package manager's and nobody else writes them.
    subprocess.run(
        [
            *(interpreter, "-W", "ignore", "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(house)),
            *("-p", f"/usr/lib/autodialer/{house.name}"),
            *(
                "-x",
                r"/(phonenumbers/(.*data|data)|holidays/(countries|financial)|pygments/lexers)/",
            ),
            str(library),
        ],
        check=True,
    )


def _system_files(tree: Path, name: str, materials: list[dict[str, str]]) -> None:
    debian = ROOT / "debian"
    documents = tree / "usr/share/doc/autodialer"
    for unit in sorted((ROOT / "systemd").glob("*.*")):
        # Not of every box: a drop-in of boxes with a fleet, and the fleet's hub.
        example = unit.suffix == ".conf" or "-hub" in unit.name
        place = documents / "examples" if example else tree / "lib/systemd/system"
        _put(unit, place / unit.name)
    _put(debian / "autodialer.sysusers", tree / "usr/lib/sysusers.d/autodialer.conf")
    _put(debian / "autodialer.modules-load", tree / "usr/lib/modules-load.d/autodialer.conf")
    program = tree / "usr/bin/autodialer"
    program.parent.mkdir(parents=True)
    program.write_text(as_box(), encoding="utf-8")
    program.chmod(0o755)
    _put(debian / "config.yaml", tree / "etc/autodialer/config.yaml", mode=0o640)
    for source in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        _put(source, documents / source.name)
    for source in sorted((ROOT / "docs" / "metrics").iterdir()):
        _put(source, documents / "metrics" / source.name)
    _put(ROOT / "docs" / "contacts-example.csv", documents / "examples/contacts.csv")
    bill = {"name": "autodialer", "version": name, "components": materials}
    (documents / "bill-of-materials.json").write_text(
        json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    for shell, place in (
        ("manual", "usr/share/man/man1/autodialer.1"),
        ("bash", "usr/share/bash-completion/completions/autodialer"),
        ("zsh", "usr/share/zsh/vendor-completions/_autodialer"),
        ("fish", "usr/share/fish/vendor_completions.d/autodialer.fish"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "appliance.cli.main", "completion", shell],
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_bytes(done.stdout)


def as_box() -> str:
    """Return the command on the PATH, with the size of a file that the box takes."""
    sys.path.insert(0, str(ROOT))
    from appliance.control.protocol import FILE_LIMIT

    text = (ROOT / "debian" / "as-box").read_text(encoding="utf-8")
    return text.replace("@FILE_LIMIT@", str(FILE_LIMIT))


def _put(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _packed(name: str, arch: str, python: str, *, quick: bool) -> Path:
    # dpkg writes beside its source folder: a copy keeps the project's own parent clean.
    source = BUILD / "source" / "autodialer"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    shutil.copytree(ROOT / "debian", source / "debian")
    for script in ("postinst", "preinst", "prerm", "postrm"):
        file = source / "debian" / f"autodialer.{script}"
        file.write_text(
            file.read_text(encoding="utf-8").replace("@VERSION@", name), encoding="utf-8"
        )
    # Laid out by hand above, so that the same tool makes them on every release.
    for laid in ("sysusers", "modules-load"):
        (source / "debian" / f"autodialer.{laid}").unlink()
    shutil.copyfile(ROOT / "CHANGELOG.md", source / "CHANGELOG.md")
    (source / "build" / "deb").mkdir(parents=True)
    (source / "build" / "deb" / "tree").symlink_to(BUILD / "tree")
    recommended = RECOMMENDS_OF.get(python)
    control = source / "debian" / "control"
    if recommended:
        text = control.read_text(encoding="utf-8")
        control.write_text(
            text.replace("Recommends: ", f"Recommends: {recommended}, "), encoding="utf-8"
        )
    environment = {
        **os.environ,
        "AUTODIALER_VERSION": name,
        "AUTODIALER_DEPENDS": DEPENDS[python],
        "AUTODIALER_PACKING": "-Zgzip -z1" if quick else "-Zxz -z9",
        "DEB_BUILD_OPTIONS": "nocheck",
    }
    with (BUILD / "build.log").open("wb") as log:
        done = subprocess.run(
            ["dpkg-buildpackage", "-b", "-d", "-us", "-uc", f"--host-arch={arch}"],
            cwd=source,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        print((BUILD / "build.log").read_text(encoding="utf-8")[-4000:], file=sys.stderr)
        raise SystemExit(1)
    made = BUILD / "source" / f"autodialer_{name}_{arch}.deb"
    target = ROOT / "build" / made.name
    shutil.copyfile(made, target)
    return target


def _interpreter(python: str) -> str | None:
    for candidate in (f"python{python}", sys.executable):
        found = shutil.which(candidate)
        if found is None:
            continue
        told = subprocess.run(
            [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.stdout.strip() == python:
            return found
    return None


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, arguments)], check=True)


if __name__ == "__main__":
    sys.exit(main())
