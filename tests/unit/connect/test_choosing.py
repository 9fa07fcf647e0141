"""A choice of groups counts only as far as a staging server's pending exports prove it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.connect.choosing import ChoiceProof, prove_choice
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.model.ids import GroupId
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER
from tests.support.connect_evidence import evidence as told_by_collector
from tests.unit.connect.world import collected, rule

ONE, TWO, THREE = (b.cloud_group(name).id for name in ("one", "two", "three"))
SCHEDULER = {**told_by_collector()["scheduler"], "staging": True}
KEEPS_OUT = rule("Mine", standard=False, destination="cloudNoFlow")
SYNCHRONIZED = {
    "connector": "contoso.onmicrosoft.com - AAD",
    "profile": "Full Synchronization",
    "number": 7,
    "complete": True,
    "result": "success",
    "started": "2026-11-30T07:41:00Z",
    "ended": "2026-11-30T07:45:00Z",
    "steps": [],
}
CHANGED = {"id": 2510, "at": "2026-11-30T07:40:00Z", "message": "Custom rule Mine"}


def pending(operation: str, group: str, **more: Any) -> dict[str, Any]:
    told = {"connector": "contoso.com", "operation": operation, "dn": f"CN=Group_{group},{CONTAINER}"}
    return {**told, "anchor": f"Group_{group}", **more}


def staged(folder: Path, *exports: dict[str, Any], **changed: Any) -> ConnectEvidence:
    whole: dict[str, Any] = {
        "scheduler": SCHEDULER,
        "rules": [rule("Out to AD - Group SOAInAAD"), KEEPS_OUT],
        "runs": [SYNCHRONIZED],
        "audit": [CHANGED],
        "pending_exports": list(exports),
    }
    return collected(folder, **{**whole, **changed})


def test_the_chosen_groups_and_no_other_one(tmp_path: Path) -> None:
    read = staged(tmp_path, pending("add", ONE), pending("update", TWO))
    proof = prove_choice(read, {ONE, TWO}, {TWO})
    assert (proof.exported, proof.as_chosen) == (tuple(sorted((ONE, TWO))), True)


def test_what_is_otherwise_is_named(tmp_path: Path) -> None:
    odd = pending("add", "nobody")
    read = staged(tmp_path, pending("add", TWO), pending("DELETE", THREE), odd, pending("add", ONE, anchor=None))
    proof = prove_choice(read, {ONE, THREE}, {THREE})
    assert proof == ChoiceProof(
        exported=(TWO,),
        deleted=(THREE,),
        missing=tuple(sorted((ONE, THREE))),
        unwanted=(TWO,),
        unnamed=tuple(sorted((odd["dn"], f"CN=Group_{ONE},{CONTAINER}"))),
    )
    assert not proof.as_chosen


def test_a_chosen_group_that_is_there_and_does_not_change_is_not_missing(tmp_path: Path) -> None:
    assert prove_choice(staged(tmp_path), {ONE}, {ONE}).as_chosen
    assert prove_choice(staged(tmp_path), {ONE}, ()).missing == (ONE,)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"scheduler": {**SCHEDULER, "staging": False}}, "not in staging mode"),
        ({"scheduler": None, "unread": [{"part": "scheduler", "why": "no"}]}, "not known"),
        ({"features": {"v1": False, "v2": False}}, "v1 is not on"),
        ({"rules": [rule("Out to AD - Group SOAInAAD")]}, "cloudNoFlow"),
        ({"rules": [{**KEEPS_OUT, "disabled": True}]}, "cloudNoFlow"),
        ({"pending_exports": None}, "-PendingExports"),
        ({"audit": None, "unread": [{"part": "audit", "why": "no"}]}, "audit events"),
        ({"runs": []}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "started": "2026-11-30T07:35:00Z", "ended": "2026-11-30T07:39:00Z"}]}, "not sync"),
        ({"runs": [{**SYNCHRONIZED, "started": "2026-11-30T07:39:00Z"}]}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "started": CHANGED["at"]}]}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "connector": "contoso.com"}]}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "complete": False}]}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "result": "stopped-server-down"}]}, "not synchronized"),
        ({"runs": [{**SYNCHRONIZED, "profile": "Export"}]}, "not synchronized"),
    ],
)
def test_what_proves_nothing(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    proof = prove_choice(staged(tmp_path, pending("add", ONE), **changed), {ONE}, ())
    assert why in proof.unproved
    assert (proof.exported, proof.as_chosen) == ((), False)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ConnectEvidence]:
    return lambda *exports: staged(tmp_path, *exports)


IDS = [b.cloud_group(f"any {number}").id for number in range(5)]
_some = st.sets(st.sampled_from(IDS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(chosen=_some, there=_some, added=_some, gone=_some)
def test_a_choice_is_as_chosen_only_if_afterwards_all_chosen_are_there_and_nothing_else_came(
    read: Callable[..., ConnectEvidence],
    chosen: set[GroupId],
    there: set[GroupId],
    added: set[GroupId],
    gone: set[GroupId],
) -> None:
    gone &= there - added
    exports = [pending("add", one) for one in sorted(added)] + [pending("delete", one) for one in sorted(gone)]
    proof = prove_choice(read(*exports), chosen, there)
    after = (there | added) - gone
    assert proof.as_chosen is (chosen <= after and added <= chosen)
