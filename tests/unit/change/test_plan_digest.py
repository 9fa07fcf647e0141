"""What a plan's digest depends on, and plans as JSON."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import Journal
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import UsageError
from runbook_lib.model import change as change_module
from runbook_lib.model.change_kind import KINDS_OF_ROUTE, ChangeKind, Operation
from runbook_lib.model.ids import digest
from runbook_lib.model.target import Route, Target, identity_of, names_of
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.second_route import THINGS, ThingWork, World, change, plan_of


def enable(cloud: Any, directory: Any, policy: Any) -> Any:
    return plan_enable(b.inventory_of(cloud, directory), policy)


def big_plan(shuffle: random.Random | None = None) -> Any:
    groups = [b.cloud_group(f"Team {number}", description=f"d {number}") for number in range(6)]
    people = [b.synced(f"P{number}") for number in range(9)]
    accounts = [b.ad_user(f"P{number}") for number in range(9)]
    ad = [
        b.written(groups[0], [b.user_dn("P1"), b.user_dn("P2")]),
        b.written(groups[1], parent=b.RETIRED_OU, retired=True),
    ]
    links = {g.display_name: people[number : number + 3] for number, g in enumerate(groups)}
    if shuffle:
        rows: list[list[Any]] = [groups, people, accounts, ad, *links.values()]
        for some in rows:
            shuffle.shuffle(some)
    return enable(b.cloud_side(groups, links), b.directory_side(accounts, ad), b.policy("Team*")).plan


def test_digests_do_not_depend_on_the_order_of_rows() -> None:
    plans = [big_plan(random.Random(seed)) for seed in range(5)]  # noqa: S311
    assert {plan.digest for plan in plans} == {big_plan().digest}
    assert {tuple(c.digest for c in plan.changes) for plan in plans} == {tuple(c.digest for c in big_plan().changes)}


def test_digests_are_the_same_in_every_process_and_hash_seed() -> None:
    code = "from tests.unit.change.test_plan_digest import big_plan; print(big_plan().digest)"
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4711")
    }
    assert found == {big_plan().digest}


def test_digests_cover_content_target_and_limits_and_nothing_else() -> None:
    plan = big_plan()
    change = plan.changes[0]
    assert b.rewritten(change, why="told otherwise", dn="CN=elsewhere").digest == change.digest
    assert replace(change, reason="other").digest != change.digest
    assert replace(plan, limits={"creates": 1}).digest != plan.digest
    assert replace(plan, target=replace(plan.target, target_ou_guid=b.guid("other"))).digest != plan.digest
    assert replace(plan, target=replace(plan.target, target_ou="OU=Renamed")).digest == plan.digest
    assert replace(plan, changes=plan.changes[1:]).digest != plan.digest
    assert replace(plan, changes=plan.changes[::-1]).digest == plan.digest


def test_plans_survive_the_way_through_json_and_damage_is_noticed() -> None:
    plan = big_plan()
    data = json.loads(json.dumps(plan_to_json(plan)))
    assert plan_from_json(data, ROUTES) == plan
    data["changes"][0]["attributes"][0]["added"] = ["something else"]
    with pytest.raises(UsageError, match="changed after it was written"):
        plan_from_json(data, ROUTES)
    with pytest.raises(UsageError):
        plan_from_json({}, ROUTES)


def test_a_digest_is_worked_out_once_however_often_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write of a large group names it; the work was quadratic in the number of members."""
    worked_out: list[object] = []

    def counted(value: object) -> str:
        worked_out.append(value)
        return digest(value)

    monkeypatch.setattr(change_module, "digest", counted)
    monkeypatch.setattr("os.fsync", lambda _: None)
    changes = [change(number, new=True, texts=0, values=40) for number in range(3)]
    plan = plan_of(changes)
    worked_out.clear()
    for number in range(2):
        with Journal(tmp_path / f"{number}.jsonl", lambda: "now") as journal:
            journal.open(approved=[item.digest for item in plan.changes], plan_digest=plan.digest)
            carry_out(ThingWork(plan.changes, World()), journal)
    assert len(THINGS.steps_of(plan.changes)) == 63
    assert (plan.digest, len(worked_out)) == (plan.digest, 3 + 1)


def test_a_digest_that_was_worked_out_changes_no_equality_no_copy_and_no_pickle() -> None:
    asked, other = big_plan(), big_plan()
    assert asked.digest
    assert all(item.digest for item in asked.changes)
    assert asked == other
    assert repr(asked) == repr(other)
    assert pickle.dumps(asked) == pickle.dumps(other)
    back = pickle.loads(pickle.dumps(asked))  # noqa: S301 - our own
    assert (back, back.digest) == (asked, asked.digest)
    first = asked.changes[0]
    assert hash(first) == hash(other.changes[0])
    assert replace(first, reason="another").digest != first.digest
    assert replace(asked, limits={}).digest != asked.digest
    assert copy.copy(first) == first
    with pytest.raises(FrozenInstanceError):
        first.digest = "0" * 64


def test_a_plan_names_its_route_and_one_that_says_nothing_is_of_the_direct_one() -> None:
    plan = big_plan()
    data = json.loads(json.dumps(plan_to_json(plan)))
    assert data["route"] == "direct"
    assert plan_from_json({name: value for name, value in data.items() if name != "route"}, ROUTES) == plan
    for other in ("none", "", 1):
        with pytest.raises(UsageError, match="route"):
            plan_from_json({**data, "route": other}, ROUTES)
    for another in (Route.CLOUD_SYNC, Route.CONNECT_SYNC):
        with pytest.raises(UsageError, match="not a plan"):
            plan_from_json({**data, "route": another.value}, ROUTES)
    assert replace(plan, route=Route.CLOUD_SYNC).digest != plan.digest


def test_digests_of_plans_of_earlier_versions_stay_what_they_were() -> None:
    """Approvals name them. This one was worked out by the version that knew one route and no name for it."""
    assert big_plan().digest == "0e04173012f4419ba9884e01c15b1ef146c18356b02625e995ba7f47463bc11e"


def test_a_target_is_bound_by_its_ids_and_shown_with_its_names() -> None:
    target: Target = big_plan().target
    assert set(identity_of(target)) == {name for name in target.as_json() if name.endswith(("_guid", "_id"))}
    assert set(names_of(target)) == set(target.as_json()) - set(identity_of(target))
    assert target.locked in identity_of(target).values()
    renamed = replace(DIRECT_TYPES.target(target), domain_dns_name="other.com", target_ou="OU=X", retired_ou="OU=Y")
    assert identity_of(renamed) == identity_of(target)
    assert renamed.as_json() != target.as_json()
    assert "IN other.com" in replace(big_plan(), target=renamed).phrase


def test_every_kind_and_operation_has_a_title_by_which_it_can_be_typed() -> None:
    assert [kind.title for kind in ChangeKind] == [kind.value for kind in ChangeKind]
    assert [operation.title for operation in Operation] == [operation.value for operation in Operation]
    assert sorted(kind.value for kinds in KINDS_OF_ROUTE.values() for kind in kinds) == sorted(
        k.value for k in ChangeKind
    )
