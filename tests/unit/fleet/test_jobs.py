"""Which runs exclude each other: whatever shares a tenant, a domain controller or a domain."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.fleet.for_schedulers import airflow_pools, jobs_json
from runbook_lib.fleet.jobs import sets_of, startable
from tests.unit.fleet.conftest import FleetProject

KEYS = st.dictionaries(st.sampled_from("abcdefgh"), st.frozensets(st.integers(0, 6).map(str), max_size=3))


@given(KEYS)
def test_a_set_is_what_shares_a_key_directly_or_through_others(keys: dict[str, frozenset[str]]) -> None:
    sets = sets_of(keys)

    for one, other in combinations(keys, 2):
        if keys[one] & keys[other]:
            assert sets[one] == sets[other]
    # Nothing more than that: a set that falls into two parts without a common key would be two sets.
    for name in set(sets.values()):
        members = [tenant for tenant in keys if sets[tenant] == name]
        assert members[0] == name
        reached, waiting = {name}, [name]
        while waiting:
            here = waiting.pop()
            near = {tenant for tenant in members if keys[tenant] & keys[here]} - reached
            reached |= near
            waiting += near
        assert reached == set(members)


def test_tenants_domains_and_controllers_join_runs(project: FleetProject) -> None:
    read = project.read(
        project.tenant("alone", 1)
        + project.tenant("same-tenant-a", 2)
        + project.tenant("same-tenant-b", 2)
        + project.tenant("same-host-a", 3, host="DC9.x.test")
        + project.tenant("same-host-b", 4, host="dc9.X.test")
        + project.tenant("same-domain-a", 5, domain="corp")
        + project.tenant("same-domain-b", 6, domain="CORP", host="dc2.corp.test")
    )

    assert {job.tenant: job.together for job in read.jobs} == {
        "alone": "alone",
        "same-tenant-a": "same-tenant-a",
        "same-tenant-b": "same-tenant-a",
        "same-host-a": "same-host-a",
        "same-host-b": "same-host-a",
        "same-domain-a": "same-domain-a",
        "same-domain-b": "same-domain-a",
    }


def test_what_may_start_beside_what_runs(project: FleetProject) -> None:
    tenants = project.tenant("a", 1) + project.tenant("b", 1) + project.tenant("c", 2)
    both = 'notebooks: ["20-inventory-groups", "30-enable-writeback"]\n'
    jobs = project.read(tenants, both).jobs

    assert [job.name for job in startable(jobs, [])] == ["a.20-inventory-groups", "c.20-inventory-groups"]
    assert [job.name for job in startable(jobs[1:], jobs[:1])] == ["c.20-inventory-groups"]
    assert [job.name for job in startable(jobs[1:5], [jobs[5]])] == ["a.30-enable-writeback"]


def test_a_scheduler_gets_a_pool_of_one_for_each_set_and_one_pool_for_all_others(project: FleetProject) -> None:
    tenants = project.tenant("a", 1) + project.tenant("b", 1) + project.tenant("c", 2) + project.tenant("d", 3)
    read = project.read(tenants, 'notebooks: ["20-inventory-groups"]\nconcurrency: 7\n')

    assert {name: pool["slots"] for name, pool in airflow_pools(read).items()} == {"gwb-night": 7, "gwb-night-a": 1}
    told = jobs_json(read)
    assert told["groups"] == [
        {"pool": "gwb-night-a", "notebooks": ["20-inventory-groups"], "tenants": ["a", "b"]},
        {"pool": "gwb-night", "notebooks": ["20-inventory-groups"], "tenants": ["c", "d"]},
    ]
    assert "tenant_id" not in str(told)
