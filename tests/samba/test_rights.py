"""Predicted rights against what a real DC allows: each operation is tried as each account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.evaluate import Situation
from runbook_lib.directory.rights.needs import UNDELETED, Purpose, operations
from runbook_lib.directory.rights.table import OperationRight, needed_grants, rights_table
from runbook_lib.model.cloud import Switch
from tests.samba.lab import SambaLab
from tests.samba.rights_lab import RETIRED, TARGET, RightsLab, Trial, allowed, rights_lab, trials

OpenLab = Callable[..., Directory]
_ATTRIBUTES = ("adminDescription", "cn", "description", "extensionName", "member", "name", *UNDELETED)
"""One of each kind: in a property set and in none, the RDN's, links. More would only take longer."""


@pytest.fixture(scope="module")
def lab(samba: SambaLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RightsLab]:
    with rights_lab(samba, tmp_path_factory.mktemp("rights")) as made:
        yield made


def situation_of(directory: Directory) -> Situation:
    found = read_situation(directory, TARGET, RETIRED)
    return replace(found, types={name: found.types[name] for name in _ATTRIBUTES})


def compared(who: Directory, tried: dict[str, Trial]) -> dict[str, tuple[Switch, bool]]:
    """Operations whose prediction and trial differ; an unknown prediction differs from nothing."""
    rows = {row.operation.id: row for row in rights_table(situation_of(who))}
    found = {name: allowed(trial, who) for name, trial in tried.items()}
    return {
        name: (rows[name].granted, done)
        for name, done in found.items()
        if rows[name].granted is not Switch.UNKNOWN and (rows[name].granted is Switch.ON) != done
    }


def test_predictions(lab: RightsLab, open_lab: OpenLab, samba: SambaLab) -> None:
    """The administrator, an ordinary account, the dedicated account, and that account without each of its entries."""
    administrator = {"bind_user": samba.administrator, "bind_password_file": samba.administrator_password_file}
    told = lab.account("rights-a")
    names = [operation.id for operation in operations(dict.fromkeys(_ATTRIBUTES))]
    with open_lab(**administrator) as admin, open_lab(**told) as writer:
        assert compared(admin, trials(lab, admin, names)) == {}
        ordinary = situation_of(writer)
        sid, grants = ordinary.account.sid, needed_grants(ordinary, *Purpose)
        assert ordinary.account.name == "CONTOSO\\rights-a"
        refused = [row for row in rights_table(ordinary) if row.granted is not Switch.ON]
        assert len(refused) > len(names) / 2
        assert _ids(refused) >= {"create", "retire", "restore", "delete:target", "write:target:member"}

        # Samba refuses an undelete to an account with all of these entries; only the administrator's is compared.
        names = [name for name in names if not name.startswith("undelete:")]
        differences: dict[str, object] = {}
        for left_out in [None, *range(len(grants)), "everything"]:
            lab.set_entries(grants, sid)
            prepared = trials(lab, writer, names)
            kept = [] if left_out == "everything" else [g for n, g in enumerate(grants) if n != left_out]
            lab.set_entries(kept, sid)
            if left_out is None:
                assert {row.granted for row in rights_table(situation_of(writer))} == {Switch.ON}
            wrong = compared(writer, prepared)
            if wrong:
                without = grants[left_out] if isinstance(left_out, int) else left_out
                differences[str(without)] = wrong
        assert not differences, json.dumps(differences, indent=1, default=str)


def _ids(rows: list[OperationRight]) -> set[str]:
    return {row.operation.id for row in rows}
