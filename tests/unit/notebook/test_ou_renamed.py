"""An OU is known by its GUID: one that is renamed while a change is under way is no move of its groups."""

from __future__ import annotations

import pytest

from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import direct_way
from tests.unit.directory.embedded import BASE, RETIRED, TARGET
from tests.unit.notebook.field import DISABLE, ENABLE, Field, Killed

DELETE = {"disable_by": "delete", "max_deletions": 2}


def rename(field: Field, dn: str, name: str) -> str:
    """Rename an OU by hand; its new distinguished name."""
    entry = field.directory.read_dn(dn, ["objectGUID"])
    assert entry is not None
    field.directory.move(entry.guid, f"OU={name}", BASE)
    return f"OU={name},{BASE}"


def written(field: Field) -> None:
    """Board and Sales stand in AD, and nothing is under way."""
    field.planned()
    run, error = field.run()
    assert (error, run.record.outcome) == (None, Outcome.DONE)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_an_enabling_goes_on_in_an_ou_that_was_renamed(field: Field, at: int) -> None:
    """Whatever was written before: no group, one, both, or members too."""
    field.killed(at)
    field.target = rename(field, TARGET, "Renamed")
    run, error = field.run()
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
    assert {name: len(members) for name, members in field.groups().items()} == {"Board": 3, "Sales": 3}


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("both", [False, True])
def test_a_retirement_goes_on_between_ous_that_were_renamed(field: Field, at: int, both: bool) -> None:
    written(field)
    told = {"disable_names": ["Sales"]}
    field.killed(at, DISABLE, **told)
    field.retired = rename(field, RETIRED, "Attic")
    if both:
        field.target = rename(field, TARGET, "Renamed")
    run, error = field.run(DISABLE, **told)
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
    entry = field.directory.read_dn(f"CN={rdn(field, 'Sales')},{field.retired}", ["displayName"])
    assert entry is not None


def rdn(field: Field, name: str) -> str:
    """Common name of a group below the two OUs."""
    (found,) = (
        node.text("cn")
        for node in field.embedded.store.tree.nodes.values()
        if "group" in node.classes and node.text("displayName") == name and not node.deleted
    )
    return found


def test_a_deletion_goes_on_in_an_ou_that_was_renamed(field: Field) -> None:
    written(field)
    told = {"disable_names": ["Sales", "Board"], **DELETE}
    field.killed(2, DISABLE, **told)
    field.target = rename(field, TARGET, "Renamed")
    run, error = field.run(DISABLE, **told)
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
    assert field.groups() == {}


@pytest.mark.parametrize("notebook", [ENABLE, DISABLE])
def test_parameters_that_still_have_the_old_name_are_told_the_new_one(field: Field, notebook: str) -> None:
    """They name an OU that does not exist, which is not the same as another one."""
    if notebook == DISABLE:
        written(field)
    told = {"disable_names": ["Sales"]} if notebook == DISABLE else {}
    field.killed(2, notebook, **told)
    old, parameter = (TARGET, "target_ou") if notebook == ENABLE else (RETIRED, "retired_ou")
    new = rename(field, old, "Renamed")
    field.sent = 0
    run, error = field.run(notebook, **told)
    assert error is not None
    assert (error.code, field.sent, run.record.outcome) == ("ou-renamed", 0, Outcome.REFUSED)
    assert new in error.message
    assert parameter in error.hint
    field.target, field.retired = (new, RETIRED) if notebook == ENABLE else (TARGET, new)
    run, error = field.run(notebook, **told)
    assert (error, run.record.outcome) == (None, Outcome.DONE)


def test_an_ou_that_is_renamed_between_the_gate_and_the_writes_is_still_the_same(field: Field) -> None:
    field.planned()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    new = rename(field, TARGET, "Renamed")
    change.apply()
    change.verify()
    run.finish()
    assert run.record.outcome is Outcome.DONE
    field.target = new
    assert sorted(field.groups()) == ["Board", "Sales"]


def test_what_is_only_left_to_be_read_back_is_found_in_an_ou_that_was_renamed(field: Field) -> None:
    written(field)
    told = {"disable_names": ["Sales"]}
    field.planned(DISABLE, **told)

    def dying(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(direct_way, "read_back", dying)
        with pytest.raises(Killed):
            field.run(DISABLE, **told)
    field.retired = rename(field, RETIRED, "Attic")
    field.sent = 0
    run, error = field.run(DISABLE, **told)
    assert (error, run.record.outcome, field.sent) == (None, Outcome.DONE, 0)
