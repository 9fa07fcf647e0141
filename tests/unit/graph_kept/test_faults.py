"""Whatever happens during a reading is noticed or healed, and the next reading shows the tenant as it is.

``python -m benchmarks.faults 1000`` makes as many trials as it is told.
"""

from __future__ import annotations

import pytest

from tests.unit.graph_kept.trials import carry_out
from tests.unit.rehearsal_cloud.asking import Asking

TRIALS, AT_ONCE = 30, 10


@pytest.mark.parametrize("seeds", [range(begin, begin + AT_ONCE) for begin in range(0, TRIALS, AT_ONCE)])
def test_faults_and_edits_are_noticed_or_healed(asking: Asking, seeds: range) -> None:
    for seed in seeds:
        trial = carry_out(asking, seed)
        assert trial.outcome != "wrong", (seed, trial)
        assert trial.later, (seed, trial)
