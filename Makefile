# Everything happens in .venv and build/; nothing global, no sudo.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
# The other half of the tests waits more than it works.
WAITING := $(shell expr 2 \* $(PROCESSORS))
SHARES := $(addprefix pure-,$(shell seq $(PROCESSORS)))

# Byte code is kept, so that every process but the first starts fast.
unexport PYTHONDONTWRITEBYTECODE
# The detector's matrices are small: threads would only wait for each other.
export OPENBLAS_NUM_THREADS = 1

.PHONY: pictures page-pictures demo demo-fleet test pure check lint bench crash first-boot field-guide card-units soak chaos fleet-day contract restore-matrix death mutants fuzz freeze \
  deb deb-boot arm64-tests sticks docs lock audit clean

demo: $(VENV)/.installed
	$(BIN)/autodialer demo

# A hub of three nodes and four boxes, with what goes wrong, and an auditor's verdict: two minutes.
demo-fleet: $(VENV)/.fleet
	$(BIN)/autodialer fleet demo

test: pure
	$(PYTEST) -n $(WAITING) --dist worksteal -m "pty or process"

# Only the tests without ptys and processes: seconds. Their files need no disk.
pure: $(VENV)/.developer
	$(MAKE) --no-print-directory --keep-going --jobs $(PROCESSORS) --output-sync $(SHARES)

pure-%:
	PYTEST_DEBUG_TEMPROOT=$(wildcard /dev/shm) \
	  $(PYTEST) -p no:xdist --quiet --share $*/$(PROCESSORS) -m "not pty and not process"

lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -W ignore -m mypy.stubtest gsmmodem gpiozero --concise --ignore-missing-stub \
	  --mypy-config-file pyproject.toml --allowlist stubs/allowlist.txt
	$(BIN)/lint-imports --no-logo

# The same tests, with new random examples, and many more of them.
check: export THOROUGH = 1
check: lint test

bench: $(VENV)/.developer
	$(BIN)/python -m bench

# Cuts the power at every system call of the storage: minutes.
crash: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.crash

# Pictures of the screens at the sizes that people have, to be looked at: build/pictures/.
pictures: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.screen_pictures

# Report and dossier in both languages, narrow, wide, light, dark and printed, with axe-core's word on
# each: minutes. Chromium and poppler-utils. STATE names a campaign; else a demonstration makes one.
page-pictures: $(VENV)/.developer
	$(INSTALL) --editable '.[pages]'
	$(BIN)/python -m tests.rigs.page_pictures $(if $(STATE),--state $(STATE))

# The units of a card under the real systemd, with the real rauc on files: a first boot and an update,
# minutes. Root, debootstrap, systemd-nspawn and rauc; PACKAGE is the box's .deb for this machine.
card-units: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.card_units $(PACKAGE)

# The pages as a site that needs no network: build/site/index.html. A broken link ends it.
docs: $(VENV)/.developer
	$(INSTALL) --editable '.[docs]'
	$(BIN)/python docs/site.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file mkdocs.yml
	$(BIN)/python docs/site.py --check

# The field guide's pictures from the code's tables, and the guide itself as it is printed (Chromium):
# build/field-guide.en.pdf and .fr.pdf, one page of A4 each.
field-guide: $(VENV)/.developer
	$(BIN)/python docs/field_guide.py

# The first boot from a folder, killed at each system call that changes a file: half an hour.
first-boot: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.first_boot

# Each file of the state deleted, cut, zeroed, older or another box's, alone and in pairs: minutes.
restore-matrix: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.restore_matrix --pairs

# A million simulated calls with power cuts, revocations, clock steps and stop presses.
soak: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.soak

# A fleet with links, boxes, nodes and clocks broken at random, and an auditor: a quarter of an hour.
chaos: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.fleet_chaos

# A day of a thousand boxes, each with its own connection, at one real hub: half an hour.
fleet-day: $(VENV)/.fleet
	$(BIN)/python -m tests.rigs.fleet_day

# Every fault on every modem family, on ptys: a matrix, in minutes.
contract: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.contract

# Who hangs up when the box dies: nine ways to die in three phases of a call, minutes.
death: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.death

# Small defects, drawn from a seed, in the modules that decide: do the pure tests notice?
mutants: SEED ?= 1
mutants: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.mutants --seed $(SEED)
# Key 9 while the loop is frozen, stopped or killed, in every state of a call: a matrix, in minutes.
freeze: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.freeze

# A million mutated lines through the conversation and through a whole call: minutes.
# With `pip install '.[fuzz]'` a coverage-guided run follows.
fuzz: $(VENV)/.developer
	$(BIN)/python -m tests.fuzz.at_lines
	$(BIN)/python -m tests.fuzz.call_progress
	if $(BIN)/python -c "import atheris" 2> /dev/null; then \
	  $(BIN)/python -m tests.fuzz.atheris_at -max_total_time=120; fi

# Debian packages for a Raspberry Pi, made on any computer with debhelper: build/autodialer_*.deb.
# Needs the Python of each release on the PATH, whose byte code the package ships.
ARCH ?= arm64
deb: $(VENV)/.developer
	$(BIN)/python debian/assemble.py --python 3.11 --arch $(ARCH)
	$(BIN)/python debian/assemble.py --python 3.13 --arch $(ARCH)

deb-%: $(VENV)/.developer
	$(BIN)/python debian/assemble.py --python $* --arch $(ARCH)

# Finds new messages, keeps the translations, and makes the catalogues that the box reads. What has
# no French text yet is named by a test. A catalogue without its dated header counts as fuzzy.
LOCALE := appliance/locale
messages: $(VENV)/.developer
	$(BIN)/python -m babel.messages.frontend --quiet extract --mapping $(LOCALE)/babel.cfg \
	  --keywords "say marked worded several:1,2 plural:1,2" --no-location --sort-output --omit-header \
	  --output $(LOCALE)/autodialer.pot appliance firmware
	$(BIN)/pybabel --quiet update --domain autodialer --input-file $(LOCALE)/autodialer.pot \
	  --output-dir $(LOCALE) --ignore-pot-creation-date --no-fuzzy-matching --ignore-obsolete
	$(BIN)/pybabel --quiet compile --use-fuzzy --domain autodialer --directory $(LOCALE)

# The package of this machine on clean Debian systems, booted in a container: install, calls, kill,
# freeze, update, way back, removal. Root, debootstrap and systemd-nspawn; some minutes a release.
deb-boot: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.boot

# The card to flash, and its signed update: build/image/. Root, mmdebstrap, genimage, rauc,
# u-boot-tools, and the package of `make deb` for the release. RELEASE, MIRROR, LOCK and KEYS as
# docs/card.md says.
.PHONY: image image-twice image-boot
RELEASE ?= bookworm
image: $(VENV)/.developer
	$(BIN)/python debian/image/make.py --release $(RELEASE) \
	  $(if $(MIRROR),--mirror $(MIRROR)) $(if $(LOCK),--lock $(LOCK)) $(if $(KEYS),--keys $(KEYS))

# The same once more, from the packages that the first one's lock names, and both compared.
image-twice: $(VENV)/.developer
	$(if $(MIRROR),MIRROR=$(MIRROR)) $(BIN)/python -m tests.rigs.card_twice --release $(RELEASE)

# That card in an emulated computer: first boot, calls, stop, updates, bad images, pulled plugs.
# Root, qemu-system; long. `python -m tests.rigs.card --only ... --cuts N` picks.
image-boot: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.card --release $(RELEASE)

# Sticks of every kind in such a system, mounted by the shipped unit: minutes.
sticks: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.sticks

# The pure suite on a Raspberry Pi's kind of machine, which qemu plays: minutes, on a quiet computer.
arm64-tests: $(VENV)/.developer
	$(BIN)/python -m tests.rigs.other_machine

# The packages' libraries: hashes, wheels, licences; and what is known against them, where the
# network tells.
audit: $(VENV)/.developer
	$(BIN)/python debian/audit.py

# The newest fitting libraries, hash for hash; a commit of its own, with the tests run on it.
lock: $(VENV)/.developer
	for python in 3.11 3.13; do $(BIN)/uv pip compile --quiet --upgrade --universal \
	  --generate-hashes --no-header --no-annotate --python-version $$python \
	  --extra pi --extra audio --extra alsa --extra fleet \
	  pyproject.toml --output-file debian/lock/box-$$python.txt || exit 1; done

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Byte code is made by all processors at once, and not for the hundreds of countries in two of the
# libraries, of which a box reads a handful. hypothesis makes its table of characters once.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE = $(BIN)/python -W ignore -m compileall -q -j 0 \
  -x '/(phonenumbers/(.*data|data)|holidays/(countries|financial)|pip|pygments/lexers)/' \
  $(VENV)/lib/python3*/site-packages firmware appliance

# With what makes a clip of one's own greeting, whatever recorded it.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[audio]'
	$(COMPILE)
	touch $@

$(VENV)/.fleet: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[hub,demo-fleet]'
	$(COMPILE)
	touch $(VENV)/.installed $@

$(VENV)/.developer: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	$(COMPILE) bench tests
	$(BIN)/python -W ignore -c "from hypothesis import strategies; strategies.text().example()"
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
