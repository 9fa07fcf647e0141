"""What Cloud Sync's jobs say of an OU that is chosen: named where a filter names it, unknown where none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobState, ObjectScope, ScopeClause
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.setup.places import cloud_sync_remarks

OU = "OU=Written,OU=Groups,DC=contoso,DC=com"
DOMAIN = "contoso.com"


def job(*values: str, enabled: bool = True) -> CloudSyncJob:
    clauses = ((ScopeClause("dn", "x", values),),) if values else ()
    return CloudSyncJob(
        id="AD2AADProvisioning.1",
        service_principal="1",
        configuration="contoso",
        template="AD2AADProvisioning",
        state=JobState.ACTIVE,
        quarantine=None,
        last_success=None,
        scope=(ObjectScope("user", "User", enabled, clauses),),
        assigned=(),
        domain="Contoso.com",
    )


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("ou=groups,dc=contoso,dc=com", True),
        (OU.upper(), True),
        ("DC=contoso,DC=com", True),
        ("OU=Staff,DC=contoso,DC=com", False),
        (f"OU=Below,{OU}", False),
    ],
)
def test_a_filter_that_names_an_ou_above_it_is_told(value: str, holds: bool) -> None:
    told = list(cloud_sync_remarks(OU, [job("Sales", value)], DOMAIN))
    assert [f"names {value}" in one for one in told] == ([True] if holds else [])


@pytest.mark.parametrize(
    "found",
    [
        job(),
        job("Sales", "a=b"),
        job("DC=contoso,DC=com", enabled=False),
        replace(job(), scope=Unreadable("scope", "x", t("why"))),
    ],
)
def test_without_such_a_filter_it_is_not_known(found: CloudSyncJob) -> None:
    (told,) = cloud_sync_remarks(OU, [found], DOMAIN)
    assert "is not known" in told
    assert "contoso" in told


@pytest.mark.parametrize(
    "other",
    [
        replace(job(), template="AAD2ADGroupProvisioning", id="AAD2ADGroupProvisioning.1"),
        replace(job(), state=JobState.PAUSED),
        replace(job(), domain="other.example"),
    ],
)
def test_other_jobs_say_nothing_of_it(other: CloudSyncJob) -> None:
    assert list(cloud_sync_remarks(OU, [other], DOMAIN)) == []
