"""Two runs under one change id at once: what one has done meanwhile, the other neither repeats nor claims."""

from __future__ import annotations

import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.outcome import Outcome
from tests.unit.notebook.field import Field, Killed


def test_of_two_that_resume_one_finishes_and_the_other_writes_and_claims_nothing(field: Field) -> None:
    field.killed(3)
    first, second = field.begin(), field.begin()
    one, two = (run.plan_enable(run.read_inventory()) for run in (first, second))
    one.require_approval()
    one.apply()
    one.verify()
    first.finish()
    with pytest.raises(Refused) as caught:
        two.require_approval()
    second.ended_with(caught.value)
    assert (caught.value.code, second.record.outcome) == ("plan-overtaken", Outcome.REFUSED)
    assert not (second.record.folder.path / "journal.jsonl").exists()


def test_a_plan_from_before_another_run_broke_off_is_not_carried_out_beside_it(field: Field) -> None:
    field.planned()
    first, second = field.begin(), field.begin()
    one, two = (run.plan_enable(run.read_inventory()) for run in (first, second))
    one.require_approval()
    field.kill_before(1)
    with pytest.raises(Killed):
        one.apply()
    first.context.close()
    field.kill_before(0)
    with pytest.raises(Refused) as caught:
        two.require_approval()
    second.ended_with(caught.value)
    assert caught.value.code == "plan-overtaken"
    run, error = field.run()
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
