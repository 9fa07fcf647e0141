"""Readings with faults and edits at places that chance picks: ``python -m benchmarks.faults [TRIALS] [FIRST SEED]``.

A thousand take about ten minutes of processor time. Nothing may come out wrong, and the reading after each trial shows
the tenant as it is; the tests of CI make a few of them.
"""

from __future__ import annotations

import sys
from collections import Counter

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso.cloud import populate_cloud
from rehearsal.contoso.directory import DirectoryIndex
from tests.unit.graph_kept.trials import carry_out
from tests.unit.rehearsal_cloud.asking import Asking, Clock


def main(arguments: list[str]) -> int:
    """Make the trials, print how they came out; 1 where one is wrong."""
    trials, first = map(int, [*arguments, *("1000", "0")[len(arguments) :]])
    return _report(Asking(_tenant()), trials, first)


def _report(asking: Asking, trials: int, first: int) -> int:
    outcomes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, first + trials):
        trial = carry_out(asking, seed)
        outcomes[trial.outcome] += 1
        faults.update(trial.faults)
        if trial.outcome == "wrong" or not trial.later:
            wrong += 1
            print(f"seed {seed}: {trial}")
    print(f"{trials} trials: {', '.join(f'{number} {outcome}' for outcome, number in sorted(outcomes.items()))}")
    print(f"faults met: {', '.join(f'{number} × {kind}' for kind, number in sorted(faults.items()))}")
    return 1 if wrong else 0


def _tenant() -> CloudStore:
    store = CloudStore(clock=Clock())
    populate_cloud(store, DirectoryIndex({}, {}))
    store.keep_as_seed()
    return store


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
