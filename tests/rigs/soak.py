"""A million simulated calls with faults, restarts, objections, clock steps and stop presses.

``python -m tests.rigs.soak [CALLS [SEED]]``. Worlds differ in size, mode and trouble; each is
audited and thrown away. Exits with 1 at the first broken law, naming the seed that reproduces it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from multiprocessing import Pool

from tests.rigs.simulated_campaign import Result, Setting, simulate

CALLS = 1_000_000
TROUBLE = (0.0, 0.2, 0.5, 1.0, 4.0)
REPORT_SECONDS = 30.0
BATCH = 64


def setting(seed: int) -> Setting:
    """Return the world of one seed."""
    return Setting(
        seed=seed,
        people=(20, 60, 250, 800)[seed % 4],
        lines=1 + seed % 7,
        attended=seed % 11 == 0,
        max_attempts=1 + seed % 4,
        trouble=TROUBLE[seed % len(TROUBLE)],
        loss=(0.0, 0.02, 0.15)[seed % 3],
    )


def _one(seed: int) -> tuple[int, Result]:
    result = simulate(setting(seed))
    result.entries = []
    return seed, result


def soak(calls: int, first_seed: int) -> int:
    """Simulate until *calls* were dialled; return the exit code."""
    outcomes: Counter[str] = Counter()
    disturbances: Counter[str] = Counter()
    done = worlds = rows = 0
    started = told = time.monotonic()
    with Pool() as pool:
        # The pool reads its input ahead without end, so worlds are handed out in batches.
        batches = (range(n, n + BATCH) for n in itertools.count(first_seed, BATCH))
        for seed, result in (r for seeds in batches for r in pool.imap_unordered(_one, seeds)):
            if result.breaches:
                print(f"seed {seed} breaks a law ({setting(seed)}):")
                for breach in result.breaches[:10]:
                    print(f"  {breach}")
                pool.terminate()
                return 1
            worlds += 1
            done += result.calls
            rows += result.rows
            outcomes += result.outcomes
            disturbances += result.disturbances
            if time.monotonic() - told > REPORT_SECONDS or done >= calls:
                told = time.monotonic()
                print(
                    f"{done} calls in {worlds} worlds, {rows} ledger rows, "
                    f"{done / (told - started):.0f} calls/s, no law broken",
                    flush=True,
                )
            if done >= calls:
                pool.terminate()
                break
    print("outcomes:", ", ".join(f"{name} {n}" for name, n in outcomes.most_common()))
    print("disturbances:", ", ".join(f"{name} {n}" for name, n in disturbances.most_common()))
    return 0


def main() -> int:
    """``python -m tests.rigs.soak [CALLS [FIRST_SEED]]``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", nargs="?", type=int, default=CALLS)
    parser.add_argument("first_seed", nargs="?", type=int, default=1)
    options = parser.parse_args()
    return soak(options.calls, options.first_seed)


if __name__ == "__main__":
    sys.exit(main())
