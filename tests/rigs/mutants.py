"""Draws small defects from a seed, puts each into one module that decides, and runs its tests.

    python -m tests.rigs.mutants --seed 7 --count 70 [--only PART-OF-A-PATH]

Every mutant is one changed place: a comparison, an ``and``, a ``not``, a number one higher, a
truth turned round, a sum for a difference, a call, an assignment or a ``raise`` left out. It is
compiled from the changed syntax tree in a forked process, so that nothing is written and pytest is
loaded once: a mutant costs what its tests cost, a second or two. First come the tests that name
the module, then those of its folder, then those elsewhere that name its room.
(mutmut and cosmic-ray start the whole suite for each mutant and write into the tree, which would be
minutes each here.)

A survivor is either a place that no test looks at, or a change that changes nothing; the list is
for a person to read. The exit code is 1 where more than one in twenty survived, apart from those
in ``tests/rigs/equivalent_mutants.txt``, which a person has found to change nothing.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.test_architecture import pure_modules

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
DECIDE_TOO = (
    "firmware/line/ladder.py",
    "firmware/line/out_of_service.py",
    "firmware/line/recovery.py",
    "firmware/line/session.py",
    "firmware/modem/hang_up.py",
    "firmware/modem/network.py",
)
"""Not pure, because they wait or hold a queue, but what they decide is tested without ports."""
PURE = "not pty and not process"
WANTED = 0.95
LONGEST = 200
"""Seconds of processor time for the tests of one mutant: one that never ends is noticed, and a
crowded machine is taken for none."""
PATIENCE = 1800.0
"""Real seconds, for one that waits for what never comes."""
_LOGS = {"debug", "info", "warning", "error", "exception"}

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


def mutated(node: ast.AST) -> ast.AST | None:
    """Return what *node* becomes, or None where this kind of place is left alone."""
    new = deepcopy(node)
    match new:
        case ast.Compare(ops=[only]) if type(only) in _COMPARISONS:
            new.ops = [_COMPARISONS[type(only)]()]
        case ast.BoolOp(op=op):
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.BinOp(op=op) if type(op) in _SUMS and not _of_text(new):
            new.op = _SUMS[type(op)]()
        case ast.Constant(value=bool(value)):
            new.value = not value
        case ast.Constant(value=int(value) | float(value)):
            new.value = value + 1
        case ast.Expr(value=ast.Call(func=func)):
            if isinstance(func, ast.Attribute) and func.attr in _LOGS:
                return None
            return ast.copy_location(ast.Pass(), node)
        case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign() | ast.Raise():
            return ast.copy_location(ast.Pass(), node)
        case _:
            return None
    return new


def _of_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(inner, ast.JoinedStr | ast.List | ast.Tuple)
        or (isinstance(inner, ast.Constant) and isinstance(inner.value, str | bytes))
        for inner in ast.walk(node)
    )


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every place that can be mutated: its parent, field, index there, and the node itself.

    Annotations, decorators and assertions are none: they decide nothing.
    """
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        nodes = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, node in nodes:
            if not isinstance(node, ast.AST) or isinstance(node, ast.Assert):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if mutated(node) is not None:
                yield tree, field, index, node
            yield from places(node)


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """The *number*-th place of a module, changed."""

    file: str
    number: int

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def tree(self) -> ast.Module:
        tree = ast.parse(_source(self.file))
        parent, field, index, node = list(places(tree))[self.number]
        new = mutated(node)
        assert new is not None
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new
        return ast.fix_missing_locations(tree)

    def describe(self) -> str:
        node = list(places(ast.parse(_source(self.file))))[self.number][3]
        new = mutated(node)
        assert new is not None
        before, after = (" ".join(ast.unparse(part).split()) for part in (node, new))
        line = getattr(node, "lineno", 0)
        around = " ".join(_source(self.file).splitlines()[line - 1].split())
        return f"{self.file}:{line}: {before} -> {after}    in: {around}"

    def key(self) -> str:
        """The same without the line's number, which moves."""
        file, _, rest = self.describe().partition(":")
        return f"{file}: {rest.partition(': ')[2]}"


@cache
def _source(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def drawn(seed: int, count: int, only: str) -> list[Mutant]:
    """The mutants of a seed: the same ones for the same sources."""
    files = {path.relative_to(ROOT).as_posix() for path in pure_modules()} | set(DECIDE_TOO)
    everywhere = [
        Mutant(file, number)
        for file in sorted(files)
        if only in file
        for number, _ in enumerate(places(ast.parse(_source(file))))
    ]
    return random.Random(seed).sample(everywhere, min(count, len(everywhere)))


# -- running --------------------------------------------------------------------------------------


class _MutantLoader(SourceFileLoader):
    """Compiles the changed tree; byte code on disk is neither read nor written."""

    def __init__(self, fullname: str, path: str, tree: ast.Module) -> None:
        super().__init__(fullname, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType | None:
        code: CodeType = compile(self._tree, self.path, "exec", dont_inherit=True)
        return code


class _MutantFinder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _MutantLoader(fullname, spec.origin, self._mutant.tree())
        return spec


def notices(tests: Sequence[str], mutant: Mutant | None) -> bool:
    """Whether one of *tests* fails, or never ends, with the mutant in place (None: without)."""
    child = os.fork()
    if child == 0:
        _run_tests(tests, mutant)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _run_tests(tests: Sequence[str], mutant: Mutant | None) -> None:
    code: int = 70
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        for module in [name for name in sys.modules if name.split(".")[0] in _OURS]:
            del sys.modules[module]
        if mutant is not None:
            sys.meta_path.insert(0, _MutantFinder(mutant))
        # Without a limit for each test: on a crowded machine the first that reads a number loads
        # the numbering plans for longer than that, and every mutant beside it would seem noticed.
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=0"]
        options += ["-m", PURE]
        code = int(pytest.main([*options, *tests]))
    finally:
        os._exit(code)


_OURS = {"firmware", "appliance", "tests", "bench"}


@cache
def stages(file: str) -> tuple[tuple[str, ...], ...]:
    """The tests that concern a module, the likeliest first."""
    path, package = Path(file), file.split("/")[0]
    module = Mutant(file, 0).module
    folder = Path("tests") / path.parent
    every = sorted((ROOT / "tests" / package).rglob("test_*.py"))
    named = [
        test
        for test in every
        if test.stem.startswith(f"test_{path.stem}") or module in test.read_text(encoding="utf-8")
    ]
    near = [test for test in every if (ROOT / folder) in test.parents and test not in named]
    room = module.rpartition(".")[0] + "."
    far = [
        test
        for test in every
        if test not in named and test not in near and room in test.read_text(encoding="utf-8")
    ]
    found = (tuple(str(test) for test in tests) for tests in (named, near, far))
    return tuple(tests for tests in found if tests)


@cache
def sound(tests: tuple[str, ...]) -> bool:
    """Whether *tests* pass without any mutant; else they would notice everything."""
    return not notices(tests, None)


def survives(mutant: Mutant) -> bool:
    for tests in stages(mutant.file):
        if notices(tests, mutant):
            if not sound(tests):
                sys.exit(f"these tests fail without a mutant: {' '.join(tests)}")
            return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rigs.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=70)
    parser.add_argument("--only", default="", help="only modules with this in their path")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args(arguments)
    # Byte code of what is no mutant is kept: the libraries' tables take a minute to compile anew,
    # in each of hundreds of processes.
    sys.dont_write_bytecode = False
    known = set(EQUIVALENT.read_text(encoding="utf-8").splitlines())
    mutants = drawn(chosen.seed, chosen.count, chosen.only)
    survivors = []
    began = time.monotonic()
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for mutant, survived in zip(mutants, pool.map(_judged(known), mutants), strict=True):
            if survived:
                survivors.append(mutant)
                print(f"survived  {mutant.describe()}", flush=True)
    judged = len([mutant for mutant in mutants if mutant.key() not in known])
    share = 1.0 - len(survivors) / judged if judged else 1.0
    print(
        f"seed {chosen.seed}: {len(mutants)} mutants, {len(mutants) - judged} known to change "
        f"nothing; of the other {judged} the tests notice {judged - len(survivors)} "
        f"({share:.0%}) in {time.monotonic() - began:.0f} s"
    )
    return 0 if share >= WANTED else 1


def _judged(known: set[str]) -> Callable[[Mutant], bool]:
    return lambda mutant: mutant.key() not in known and survives(mutant)


if __name__ == "__main__":
    sys.exit(main())
