"""Cloud Sync's configurations are found whatever application template they were made of."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from runbook_lib.graph.errors import or_unreadable
from runbook_lib.graph.tenant.cloud_sync import FROM_AD, TO_AD, read_cloud_sync
from runbook_lib.graph.tenant.jobs import CloudSync, JobKind
from runbook_lib.model.reading import Unreadable
from tests.unit.graph.fake_cloud import TENANT, Reply, client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, identifier

ONE, TWO, THREE = (identifier(number) for number in (1, 2, 3))
DENIED = graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
AD_MAPPING = {"targetAttributeName": "parentDistinguishedName", "source": {"expression": '"OU=G,DC=x"'}}


def principal(number: str, template: str | None = None, homepage: str | None = None) -> dict[str, object]:
    return {"id": number, "displayName": "contoso.com", "applicationTemplateId": template, "homepage": homepage}


def schema(*, directory: str | None = "Active Directory", enabled: bool = True, ad: bool = True) -> Reply:
    mapping = {
        "sourceObjectName": "Group",
        "targetObjectName": "group",
        "enabled": enabled,
        "attributeMappings": [AD_MAPPING] if ad else [{"targetAttributeName": "displayName", "source": {}}],
    }
    return Reply(body={"synchronizationRules": [{"targetDirectoryName": directory, "objectMappings": [mapping]}]})


class Case:
    """A tenant with these service principals; each is given its jobs, and each job its schema."""

    def __init__(self, *principals: dict[str, object]) -> None:
        self.tenant = FakeTenant(collections={"/servicePrincipals": list(principals)})
        for row in principals:
            self.tenant.collections[f"/servicePrincipals/{row['id']}/appRoleAssignedTo"] = []
            self.tenant.collections[jobs(row["id"])] = []

    def job(self, owner: str, name: str, answer: Reply | None = None, **more: object) -> Case:
        row = {"id": f"{name}.{TENANT}.1", "templateId": name, "status": {"code": "Active"}, **more}
        self.tenant.collections[jobs(owner)].append(row)
        self.tenant.answers[f"{jobs(owner)}/{row['id']}/schema"] = answer or schema()
        return self

    def read(self) -> CloudSync | Unreadable:
        return or_unreadable("cloud_sync", lambda: read_cloud_sync(client_with(self.tenant)[0]))

    def found(self) -> CloudSync:
        read = self.read()
        assert not isinstance(read, Unreadable), read.text
        return read


def jobs(owner: object) -> str:
    return f"/servicePrincipals/{owner}/synchronization/jobs"


@pytest.mark.parametrize(
    "made_of",
    [
        principal(ONE, TO_AD),
        principal(ONE, TO_AD.upper()),
        principal(ONE, FROM_AD),
        principal(ONE, None, "https://example/applications/default.aspx?metadata=AAD2ADGroup|1|primary"),
        principal(ONE, identifier(90)),
    ],
    ids=["documented by a script", "in capitals", "the template from AD", "by its home page", "a template of tomorrow"],
)
def test_a_configuration_for_groups_is_found_whatever_it_was_made_of(made_of: dict[str, object]) -> None:
    (job,) = Case(made_of, principal(TWO)).job(ONE, "AAD2ADGroupProvisioning").found().writing_groups
    assert job.service_principal == ONE
    assert job.kind is JobKind.GROUPS_TO_AD


@pytest.mark.parametrize(
    ("answer", "writes"),
    [
        (schema(), True),
        (schema(directory=None), True),
        (schema(directory="Azure Active Directory"), False),
        (schema(directory="Contoso SCIM"), False),
        (schema(directory=None, ad=False), False),
        (schema(enabled=False), False),
    ],
)
def test_a_job_of_a_template_that_nobody_knows_is_judged_by_what_it_maps(answer: Reply, writes: bool) -> None:
    found = Case(principal(ONE, identifier(90))).job(ONE, "AAD2ADTomorrow", answer).found()
    assert bool(found.writing_groups) is writes
    assert bool(found.jobs) is writes, "another product's job is nobody's business here"
    assert (found.searched, found.unread) == (1, 0)


def test_a_configuration_for_users_alone_writes_no_groups() -> None:
    found = Case(principal(ONE, TO_AD)).job(ONE, "AAD2ADGroupProvisioning", schema(enabled=False)).found()
    assert len(found.jobs) == 1
    assert found.writing_groups == ()
    unread = Case(principal(ONE, TO_AD)).job(ONE, "AAD2ADGroupProvisioning", DENIED).found()
    assert len(unread.writing_groups) == 1, "without its schema the name decides"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("AAD2ADExchangeHybridWriteback", JobKind.EXCHANGE_WRITEBACK),
        ("AD2AADProvisioning", JobKind.FROM_AD),
        ("AD2AADPasswordHash", JobKind.HASHES_FROM_AD),
    ],
)
def test_other_jobs_are_recognized_and_never_taken_for_one_of_groups(name: str, kind: JobKind) -> None:
    for template in (TO_AD, FROM_AD, identifier(90)):
        found = Case(principal(ONE, template)).job(ONE, name).found()
        assert [job.kind for job in found.jobs] == [kind]
        assert found.writing_groups == ()
    by_id = Case(principal(ONE, TO_AD)).job(ONE, name, templateId=None).found()
    assert by_id.jobs[0].kind is kind


def test_several_configurations_of_every_kind_are_found_together() -> None:
    case = Case(principal(ONE, TO_AD), principal(TWO, FROM_AD), principal(THREE, identifier(90)))
    case.job(ONE, "AAD2ADGroupProvisioning").job(TWO, "AAD2ADGroupProvisioning").job(THREE, "AAD2ADTomorrow")
    assert {job.service_principal for job in case.found().writing_groups} == {ONE, TWO, THREE}


REFUSALS: Mapping[str, Reply] = {"forbidden": DENIED, "rejected": graph_error(400, "Request_BadRequest")}


@pytest.mark.parametrize("code", REFUSALS)
def test_one_service_principal_that_refuses_takes_no_neighbour_along(code: str) -> None:
    case = Case(principal(ONE, TO_AD), principal(TWO, identifier(90)), principal(THREE, identifier(91)))
    case.job(ONE, "AAD2ADGroupProvisioning").job(THREE, "AAD2ADTomorrow")
    case.tenant.answers[jobs(TWO)] = REFUSALS[code]
    found = case.found()
    assert len(found.writing_groups) == 2
    assert (found.searched, found.unread) == (2, 1)
    case.tenant.answers[jobs(TWO)] = graph_error(404, "Request_ResourceNotFound")
    assert case.found().unread == 0, "what is not there hides nothing"
    case.tenant.answers[jobs(ONE)] = REFUSALS[code]
    unread = case.read()
    assert isinstance(unread, Unreadable), "a configuration that may not be read is no absence"
    assert unread.code == code


@pytest.mark.parametrize(
    "made_of",
    [
        principal(ONE, TO_AD),
        principal(ONE, FROM_AD),
        principal(ONE, None, "https://example/applications/default.aspx?metadata=AD2AAD|1|primary"),
    ],
)
def test_a_configuration_that_may_not_be_read_is_no_absence(made_of: dict[str, object]) -> None:
    case = Case(made_of, principal(TWO, identifier(90))).job(TWO, "AAD2ADTomorrow")
    case.tenant.answers[jobs(ONE)] = DENIED
    assert isinstance(case.read(), Unreadable)


def test_a_schema_that_cannot_be_read_may_hide_a_configuration() -> None:
    found = Case(principal(ONE, identifier(90))).job(ONE, "AAD2ADTomorrow", DENIED).found()
    assert (found.jobs, found.unread) == ((), 1)


def test_jobs_are_asked_for_twenty_principals_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(*(principal(identifier(number), identifier(90)) for number in range(1, 51)))
    case.job(identifier(50), "AAD2ADTomorrow")
    assert len(case.found().writing_groups) == 1
    assert case.tenant.batch_sizes == [20, 20, 10]
    monkeypatch.setattr("runbook_lib.graph.tenant.cloud_sync.MOST_SEARCHED", 30)
    found = case.found()
    assert (found.searched, found.unread, found.writing_groups) == (30, 20, ()), "the rest is named, not passed over"


def test_settings_and_counts_of_a_job() -> None:
    def settings(*pairs: tuple[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in pairs]

    counted = {"code": "Active", "synchronizedEntryCountByType": [{"key": "Group to group", "value": 7}]}
    case = Case(principal(ONE, TO_AD))
    case.job(
        ONE,
        "AAD2ADGroupProvisioning",
        status=counted,
        synchronizationJobSettings=settings(("ForestFQDN", "forest.x"), ("Domain", "Contoso.COM")),
    )
    (job,) = case.found().jobs
    assert (job.domain, job.counts) == ("contoso.com", {"Group to group": 7})
    assert Case(principal(ONE, TO_AD)).job(ONE, "AAD2ADGroupProvisioning").found().jobs[0].domain == ""
