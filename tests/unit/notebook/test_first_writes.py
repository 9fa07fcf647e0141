"""A change belongs to the controller with its first writes: runs go there by themselves, or say which one to name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runbook_lib.change.journal import Journal, read_journal
from runbook_lib.errors import Refused
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.course import Course
from runbook_lib.notebook.direct_way import DirectWay
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.registry import ROUTES

FIRST = ControllerIdentity("dc1.contoso.com", "CN=NTDS Settings,CN=DC1", "11111111-0000-0000-0000-000000000000")
BOTH = {"dc_host": "dc2.contoso.com", "dc_host_fallback": "DC1.contoso.com"}


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., Path]:
    """``change(run, closed=…)`` writes the journal of a run and returns its folder."""

    def written(run: str, *, closed: bool = False) -> Path:
        folder = tmp_path / run
        folder.mkdir()
        with Journal(folder / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal:
            journal.open(
                operation="enable",
                approved=[],
                dc_host=FIRST.host,
                ds_service_name=FIRST.ds_service_name,
                invocation_id=FIRST.invocation_id,
                resumes=None,
            )
            if closed:
                journal.close("done")
        return folder

    return written


def _pinned(own: Path, **parameters: Any) -> ControllerIdentity | None:
    context = SimpleNamespace(
        parameters=Parameters.model_validate(parameters),
        record=SimpleNamespace(folder=SimpleNamespace(path=own, change_folder=own.parent)),
    )
    return RunContext._written_to(cast(RunContext, context))


def test_a_change_that_broke_off_goes_back_to_its_controller(change: Callable[..., Path], tmp_path: Path) -> None:
    change("1")
    own = tmp_path / "2"
    own.mkdir()
    assert _pinned(own, **BOTH) == FIRST
    assert _pinned(own, dc_host="dc1.contoso.com") == FIRST
    # Another name altogether: whoever answers there is told apart when the plan is taken up.
    assert _pinned(own, dc_host="dc3.contoso.com") is None


def test_a_change_that_is_finished_binds_nobody_but_its_own_run(change: Callable[..., Path], tmp_path: Path) -> None:
    done = change("1", closed=True)
    own = tmp_path / "2"
    own.mkdir()
    assert _pinned(own, **BOTH) is None
    assert _pinned(done, **BOTH) == FIRST


def test_another_controller_is_refused_and_the_right_one_named(change: Callable[..., Path]) -> None:
    journal = read_journal(change("1"), ROUTES)
    assert journal is not None
    elsewhere = SimpleNamespace(controller=SimpleNamespace(invocation_id="2" * 36))
    context = cast(
        RunContext, SimpleNamespace(connect_directory=lambda: elsewhere, parameters=Parameters.model_validate({}))
    )
    way = DirectWay(context, Operation.ENABLE, cast(Any, None))
    session = ChangeSession(context, cast(Course, None), way)
    session._chain = [journal]
    with pytest.raises(Refused) as caught:
        session._take_up(cast(Any, None))
    assert caught.value.code == "another-dc"
    assert "dc_host to 'dc1.contoso.com'" in caught.value.hint
