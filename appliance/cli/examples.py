"""Examples of each command, as its ``--help`` and the manual page show them.

Data alone, in the order of the commands; ``tests/appliance/cli/test_examples.py`` reads each with
the parser of its command and asks for one of every action.
"""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "demo": (
        ("demo", "48 invented people on two simulated modems"),
        ("demo --contacts 200 --lines 4 --plain", "more of both, as lines of text"),
    ),
    "rehearse": (
        ("rehearse --contacts people.csv", "your people, with numbers that nobody has"),
        ("rehearse --speed 30 --plain", "faster, as lines of text"),
    ),
    "run": (
        ("--config /etc/autodialer/config.yaml run", "as systemd runs it"),
        ("run --until-idle", "end when nobody may be called for half an hour"),
    ),
    "check": (("check", "every fault of the configuration at once"),),
    "contacts import": (
        ("contacts import people.csv --dry-run", "judge the file, change nothing"),
        (
            "contacts import people.csv --accept-valid --rejects refused.csv",
            "take the good rows, keep the others with the reasons",
        ),
    ),
    "contacts list": (("contacts list --json", "everybody, for a program"),),
    "contacts revoke": (
        ("contacts revoke +33199000012", "never call this number again"),
        ("contacts revoke --file objected.txt", "a list of numbers, one a line"),
    ),
    "contacts erase": (("contacts erase +33199000012", "forget a person"),),
    "contacts expire": (("contacts expire --dry-run", "who is kept no longer"),),
    "contacts export": (("contacts export --out people.csv", "everybody as a contacts file"),),
    "messages list": (("messages list", "what waits to be read"),),
    "messages show": (("messages show 3f2a", "an id, or how it begins"),),
    "messages delete": (("messages delete 3f2a 77b0", "for good"),),
    "why": (
        ("why +33199000012", "now, and when next"),
        ("why '01 99 00 00 12' --at 2027-03-10T17:30:00+01:00", "at another moment"),
    ),
    "dossier": (
        ("dossier +33199000012 --out person.html", "a page for the person"),
        ("dossier +33199000012 --json", "everything, for a program"),
    ),
    "status": (("status", ""), ("status --json", "for a program")),
    "watch": (
        ("watch", "live; the keys are shown at its foot"),
        ("watch --plain", "lines of text as they change, for a log or a screen reader"),
    ),
    "pause": (("pause --by 'Ana Field'", "place no further calls"),),
    "resume": (("resume --by 'Ana Field'", "go on"),),
    "stop": (("stop", "hang up everything, now"),),
    "reset": (("reset --by 'Ana Field' --reason 'cable replaced'", "dial again after a stop"),),
    "clock": (("clock", "what each source says"),),
    "clock correct": (
        ("clock correct --by 'Ana Field' --reason 'battery of the RTC replaced'", "it is right"),
    ),
    "ledger verify": (
        ("ledger verify", ""),
        ("ledger verify --anchor report.html.anchor", "nothing was cut off since that report"),
    ),
    "ledger show": (
        ("ledger show --last 20", "the newest rows"),
        ("ledger show --kind call.", "rows of calls alone"),
    ),
    "ledger export": (("ledger export --out ledger.jsonl", "as the rows stand in the files"),),
    "report": (("report --out report.html --csv calls.csv", "a page, and one line per attempt"),),
    "doctor": (
        ("doctor", "what ails, and what to do"),
        ("doctor --bundle support.tar.gz", "a masked archive for support"),
        ("doctor --json", "for a monitor; exit code 1 where something ails"),
    ),
    "modem list": (("modem list", "modems on USB, and what each answers"),),
    "modem probe": (("modem probe /dev/ttyUSB2", "who is on this port"),),
    "modem record": (
        ("modem record /dev/ttyUSB2 --out modem.txt", "a masked transcript for the maintainers"),
    ),
    "modem selftest": (("modem selftest --line line-1", "with the box stopped"),),
    "modem bench": (
        ("modem bench --line line-1", "with the box stopped and your phone in your hand"),
        ("modem bench --number +33199000012 --out EC25.json", "for docs/bench of the source"),
    ),
    "simulate": (
        ("simulate", "one SIM7600; its paths are printed"),
        ("simulate --family sim7600,huawei --lines 4 --log network.jsonl", "four of two kinds"),
    ),
    "audio check": (("audio check greeting.wav --greeting", "is it fit for a call?"),),
    "audio prepare": (("audio prepare recording.mp3 greeting.wav", "make a clip of it"),),
    "audio say": (("audio say 'Bonjour, ici le quartier.' greeting.wav", "make a clip of a text"),),
    "audio dtmf": (("audio dtmf recording.wav", "the keys in a recording"),),
    "panel": (("panel", "its lamps, live; keys press the buttons of a bench box"),),
    "panel test": (("panel test", "each lamp and each button, with the box stopped"),),
    "panel card": (("panel card --language fr --out card.svg", "print it on A6"),),
    "panel wiring": (("panel wiring --out wiring.svg", "which wire goes to which pin"),),
    "provision pack": (("provision pack stick/autodialer --key key", "list and sign its files"),),
    "provision check": (
        ("provision check stick --trust office.pub", "would a box that knows this key take it?"),
    ),
    "provision apply": (
        ("provision apply /media/stick", "all of it, or nothing"),
        ("provision apply --if-there --boot-partition /boot/firmware", "at a start of the card"),
    ),
    "provision settle": (("provision settle", "at a start, after a power cut"),),
    "provision notes": (("provision notes /boot/firmware", "what came of it, for any computer"),),
    "update apply": (
        ("update apply /media/stick", "the bundle in autodialer/update of the stick"),
        ("update apply --again /media/stick", "once more, though it was taken back"),
    ),
    "update confirm": (("update confirm", "at each start of a card"),),
    "fleet hub": (
        (
            "fleet hub --campaign spring --node hub-1=a.example.org --node hub-2=b.example.org",
            "make a hub's configuration",
        ),
        ("fleet hub --check", "try the running hub"),
    ),
    "fleet enrol": (("fleet enrol north --out north.join", "let a box join"),),
    "fleet remove": (("fleet remove north --by 'Ana Field' --reason 'stolen'", ""),),
    "fleet join": (("fleet join north.join", "on the box"),),
    "fleet status": (("fleet status --json", "for a program"),),
    "fleet watch": (("fleet watch", "live"),),
    "fleet stop": (("fleet stop --all --by 'Ana Field' --reason 'wrong greeting'", "every box"),),
    "fleet resume": (("fleet resume north --by 'Ana Field' --reason 'mended'", "one box"),),
    "fleet revoke": (("fleet revoke +33199000012", "an objection that reached headquarters"),),
    "fleet send": (("fleet send --box north people.csv", "sealed; the box imports it"),),
    "fleet verify": (("fleet verify --json", "ledgers and claims of all boxes"),),
    "fleet demo": (("fleet demo", "two minutes on this machine"),),
    "fleet report": (("fleet report --out report.html", "one page for all boxes"),),
    "config init": (
        ("config init", "asks what it must know"),
        ("config init --yes --purpose news --number +33199000001 --out box.yaml", "asks nothing"),
    ),
    "config explain": (
        ("config explain campaign.timers.ring", "one key"),
        ("config explain lines", "a section"),
    ),
    "completion": (
        ("completion bash", "source <(autodialer completion bash)"),
        ("completion zsh", "write it to a folder of $fpath as _autodialer"),
        ("completion fish", "autodialer completion fish | source"),
        ("completion manual", "the manual page, for man -l -"),
    ),
}


def of(words: str, actions: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Return the examples of the command *words*; of one with *actions*, the first of each."""
    found = list(EXAMPLES.get(words, ()))
    for action in sorted(actions):
        found += EXAMPLES.get(f"{words} {action}", ())[:1]
    return found


def as_help(words: str, actions: frozenset[str] = frozenset()) -> str:
    """Return the examples as help text; empty where there are none."""
    rows = []
    for line, meaning in of(words, actions):
        rows.append(f"  autodialer {line}")
        if meaning:
            rows.append(f"      {meaning}")
    return "examples:\n" + "\n".join(rows) + "\n" if rows else ""
