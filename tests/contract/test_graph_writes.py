"""The Graph client's writes against the rehearsal, over https: what was written, and what faults leave of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID, RULE_ID
from rehearsal.contoso.cloud_tenant import GROUP_UNIFIED
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID, READER_CLIENT_ID
from rehearsal.control import Control
from rehearsal.process import RunningRehearsal
from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.errors import GraphContradicts, GraphRejected
from runbook_lib.graph.groups import WRITEBACK_VERSION, read_writeback_state, writeback_state_write
from runbook_lib.graph.tenant.group_settings import NEW_GROUP_DEFAULT, removal_of, write_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.write_batch import NotTried, write_all
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.ids import as_group_id
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.connect_sync.deleted_groups import SettingsOfTenant
from runbook_lib.routes.connect_sync.new_group_default import default_wanted

SALES = names.group_id("sales-team")
JOB = f"/servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}"
NEW_GROUP = {"displayName": "Written", "mailEnabled": False, "mailNickname": "written", "securityEnabled": True}


class Opened:
    """A client that may write, and what it would have waited."""

    def __init__(self, running: RunningRehearsal, client_id: str = ADMINISTRATOR_CLIENT_ID) -> None:
        values = yaml.safe_load(running.parameters_file.read_text(encoding="utf-8"))
        parameters = Parameters.model_validate(values).model_copy(update={"client_id": client_id})
        self.slept: list[float] = []
        self.client: GraphClient = open_graph(
            parameters, environment={}, clock=lambda: datetime.now(UTC), sleep=self.slept.append
        )

    def write(self, method: Any, path: str, body: dict[str, object] | None = None, **options: Any) -> Written:
        return self.client.writer.write(GraphWrite(method, path, body, **options))


@pytest.fixture
def opened(fresh_rehearsal: RunningRehearsal) -> Iterator[Opened]:
    made = Opened(fresh_rehearsal)
    with made.client:
        yield made


@pytest.fixture
def control(fresh_rehearsal: RunningRehearsal) -> Control:
    return fresh_rehearsal.control


def members_of(client: GraphClient, group: str) -> list[str]:
    return sorted(str(row["id"]) for row in client.rows(f"/groups/{group}/members", {"$select": "id"}))


def posts(control: Control) -> list[list[object]]:
    return [request for request in control.requests() if request[0] != "GET"]


def reference(opened: Opened, identifier: str) -> dict[str, object]:
    return {"@odata.id": f"https://{opened.client.host}/v1.0/directoryObjects/{identifier}"}


def somebody_else(opened: Opened) -> str:
    held = set(members_of(opened.client, SALES))
    return next(str(row["id"]) for row in opened.client.rows("/users", {"$select": "id"}) if row["id"] not in held)


# What Graph does with writes


def test_a_group_is_created_changed_and_deleted(opened: Opened) -> None:
    made = opened.write("POST", "/groups", dict(NEW_GROUP))
    assert made.status == 201
    assert made.body is not None
    path = f"/groups/{made.body['id']}"
    assert made.location.endswith(path)
    assert made.request_id
    assert made.client_request_id
    assert opened.client.get(path)["displayName"] == "Written"
    changed = opened.write("PATCH", path, {"description": "by a write"})
    assert (changed.status, changed.body) == (204, None)
    assert opened.client.get(path)["description"] == "by a write"
    assert opened.write("DELETE", path).status == 204
    with pytest.raises(GraphContradicts) as caught:
        opened.write("DELETE", path)
    assert caught.value.values["graph_code"] == "Request_ResourceNotFound"


def test_a_member_comes_and_goes(opened: Opened) -> None:
    person = somebody_else(opened)
    opened.write("POST", f"/groups/{SALES}/members/$ref", reference(opened, person))
    assert person in members_of(opened.client, SALES)
    with pytest.raises(GraphRejected, match="already exist"):
        opened.write("POST", f"/groups/{SALES}/members/$ref", reference(opened, person))
    opened.write("DELETE", f"/groups/{SALES}/members/{person}/$ref")
    assert person not in members_of(opened.client, SALES)


def test_a_setting_of_groups_is_created_and_changed(opened: Opened) -> None:
    settings = {str(row["templateId"]): row for row in opened.client.rows("/groupSettings")}
    template = opened.client.get(f"/groupSettingTemplates/{GROUP_UNIFIED}")
    values = template["values"]
    assert isinstance(values, list)
    wanted = [{"name": one["name"], "value": one["defaultValue"]} for one in values]
    if GROUP_UNIFIED in settings:
        opened.write("DELETE", f"/groupSettings/{settings[GROUP_UNIFIED]['id']}")
    made = opened.write("POST", "/groupSettings", {"templateId": GROUP_UNIFIED, "values": wanted})
    assert made.body is not None
    path = f"/groupSettings/{made.body['id']}"
    wanted = [{**one, "value": "false"} if one["name"] == "NewUnifiedGroupWritebackDefault" else one for one in wanted]
    opened.write("PATCH", path, {"values": wanted})
    assert opened.client.get(path)["values"] == wanted


@pytest.mark.parametrize("enabled", [True, False])
def test_the_writeback_of_one_group_is_set_and_nothing_else_of_it(opened: Opened, enabled: bool) -> None:
    group_id = as_group_id(SALES)
    before = opened.client.get(f"/groups/{SALES}", {"$select": "id,displayName,description"})
    opened.client.writer.write(writeback_state_write(group_id, enabled), WRITEBACK_VERSION)
    assert read_writeback_state(opened.client, group_id) is enabled
    opened.client.writer.write(writeback_state_write(group_id, None), WRITEBACK_VERSION)
    assert read_writeback_state(opened.client, group_id) is None
    assert opened.client.get(f"/groups/{SALES}", {"$select": "id,displayName,description"}) == before


def test_settings_of_groups_are_read_changed_removed_and_made_again(opened: Opened) -> None:
    tenant = SettingsOfTenant(opened.client)
    for written in (False, True, False):
        now = tenant.read()
        action = default_wanted(now, written=written)
        if action is not None:
            tenant.write(write_of(action.settings_id, action.after))
        after = tenant.read()
        assert after.value(NEW_GROUP_DEFAULT) == ("true" if written else "false") or action is None
        assert {name for name, _ in after.values} == {name for name, _ in now.values}
        if after.exists:
            tenant.write(removal_of(after.id))
        assert not tenant.read().exists


def test_a_job_is_paused_started_restarted_and_asked_for_one_group(opened: Opened) -> None:
    def state() -> object:
        status = opened.client.get(JOB)["status"]
        return status["code"] if isinstance(status, dict) else None

    assert opened.write("POST", f"{JOB}/pause").status == 204
    assert state() == "Paused"
    opened.write("POST", f"{JOB}/start")
    assert state() == "Active"
    opened.write("POST", f"{JOB}/restart", {"criteria": {"resetScope": "Watermark, Escrows"}})
    subject = {"objectId": SALES, "objectTypeName": "Group"}
    answer = opened.write(
        "POST", f"{JOB}/provisionOnDemand", {"parameters": [{"ruleId": RULE_ID, "subjects": [subject]}]}
    )
    assert answer.status == 200
    assert answer.body is not None
    assert {"key", "value"} <= set(answer.body)


def test_who_may_not_write_is_told_so(fresh_rehearsal: RunningRehearsal) -> None:
    reader = Opened(fresh_rehearsal, READER_CLIENT_ID)
    with reader.client, pytest.raises(NoAccess, match="write to") as caught:
        reader.write("PATCH", f"/groups/{SALES}", {"description": "x"})
    assert caught.value.code == "graph-forbidden"


def test_an_entity_tag_that_does_not_fit_stops_the_write(opened: Opened) -> None:
    with pytest.raises(GraphContradicts) as caught:
        opened.write("PATCH", f"/groups/{SALES}", {"description": "x"}, if_match='W/"old"')
    assert caught.value.values["status"] == 412
    assert opened.client.get(f"/groups/{SALES}")["description"] != "x"


# Faults before, after and in the middle


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["close", "500", "503", "504", "502-html"])
def test_no_answer_is_looked_up_and_not_sent_again(opened: Opened, control: Control, kind: str, when: str) -> None:
    person = somebody_else(opened)
    control.fault(kind, path="$ref", when=when, count=9)
    with pytest.raises(WriteUnanswered):
        opened.write("POST", f"/groups/{SALES}/members/$ref", reference(opened, person))
    assert (person in members_of(opened.client, SALES)) == (when == "after")
    assert control.status()["faults_answered"] == 1, "sent once"
    assert opened.slept == []


def test_half_an_answer_is_none(opened: Opened, control: Control) -> None:
    control.fault("half", path="/groups", count=2)
    with pytest.raises(WriteUnanswered):
        opened.write("POST", "/groups", dict(NEW_GROUP))
    with pytest.raises(WriteUnanswered):
        opened.write("PATCH", f"/groups/{SALES}", {"description": "x"})
    assert control.status()["faults_answered"] == 2
    found = [row for row in opened.client.rows("/groups") if row["displayName"] == "Written"]
    assert len(found) == 1
    assert opened.client.get(f"/groups/{SALES}")["description"] == "x"


def test_throttling_then_success(opened: Opened, control: Control) -> None:
    control.fault("429", path="/groups", count=2, retry_after=7)
    opened.write("POST", "/groups", dict(NEW_GROUP))
    assert opened.slept == [7.0, 7.0]
    assert [request[2] for request in posts(control)] == [429, 429, 201]


@pytest.mark.parametrize("kind", ["401", "claims-challenge"])
def test_a_refused_token_then_success(opened: Opened, control: Control, kind: str) -> None:
    control.fault(kind, path="/groups")
    opened.write("POST", "/groups", dict(NEW_GROUP))
    assert [request[2] for request in posts(control)] == [401, 201]


def test_throttled_for_too_long_ends_without_anything_written(opened: Opened, control: Control) -> None:
    control.fault("429", path="/groups", count=99, retry_after=200)
    with pytest.raises(ServiceFailed, match="Nothing was written"):
        opened.write("POST", "/groups", dict(NEW_GROUP))


# Batches


def test_a_batch_with_outcomes_that_differ(opened: Opened, control: Control) -> None:
    person, group = somebody_else(opened), f"/groups/{SALES}"
    control.fault("429", path="start", retry_after=3)
    control.fault("503", path="pause", when="after")
    outcomes = write_all(
        opened.client.writer,
        [
            GraphWrite("POST", f"{group}/members/$ref", reference(opened, person)),
            GraphWrite("DELETE", f"{group}/members/{names.group_id('nobody')}/$ref"),
            GraphWrite("PATCH", group, {"nonsense": 1}),
            GraphWrite("POST", f"{JOB}/start"),
            GraphWrite("POST", f"{JOB}/pause"),
        ],
    )
    assert [type(outcome) for outcome in outcomes] == [
        Written,
        GraphContradicts,
        GraphRejected,
        Written,
        WriteUnanswered,
    ]
    assert person in members_of(opened.client, SALES)
    assert opened.slept == [3.0]
    sent = [(path.rpartition("/")[2], status) for _, path, status, _ in posts(control) if "$batch" not in str(path)]  # type: ignore[attr-defined]
    assert sent.count(("start", 429)) == sent.count(("start", 204)) == 1
    assert sent.count(("pause", 503)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_part_without_an_answer_leaves_its_neighbour_alone(opened: Opened, control: Control, when: str) -> None:
    other = names.group_id("vpn-users")
    control.fault("500", path=SALES, when=when)
    todo = [GraphWrite("PATCH", f"/groups/{group}", {"description": "in a batch"}) for group in (SALES, other)]
    outcomes = write_all(opened.client.writer, todo)
    assert [type(outcome) for outcome in outcomes] == [WriteUnanswered, Written]
    described = [opened.client.get(f"/groups/{group}")["description"] == "in a batch" for group in (SALES, other)]
    assert described == [when == "after", True]
    assert control.status()["faults_answered"] == 1


def test_a_chain_stops_where_one_was_not_done(opened: Opened) -> None:
    outcomes = write_all(
        opened.client.writer,
        [
            GraphWrite("POST", f"{JOB}/pause"),
            GraphWrite("PATCH", f"/groups/{SALES}", {"nonsense": 1}, after=(0,)),
            GraphWrite("POST", f"{JOB}/start", after=(1,)),
        ],
    )
    assert [type(outcome) for outcome in outcomes] == [Written, GraphRejected, NotTried]
    status = opened.client.get(JOB)["status"]
    assert isinstance(status, dict)
    assert status["code"] == "Paused"


@pytest.mark.parametrize(
    "fault", [{"kind": "half"}, {"kind": "close", "when": "after"}, {"kind": "504", "when": "after"}]
)
def test_a_batch_without_an_answer_leaves_every_part_open(
    opened: Opened, control: Control, fault: dict[str, Any]
) -> None:
    person = somebody_else(opened)
    control.fault(path="$batch", **fault)
    outcomes = write_all(
        opened.client.writer,
        [
            GraphWrite("POST", f"/groups/{SALES}/members/$ref", reference(opened, person)),
            GraphWrite("PATCH", f"/groups/{SALES}", {"description": "in a batch"}),
        ],
    )
    assert [type(outcome) for outcome in outcomes] == [WriteUnanswered] * 2
    assert person in members_of(opened.client, SALES)
    assert opened.client.get(f"/groups/{SALES}")["description"] == "in a batch"
    assert all(isinstance(outcome, RunbookError) and outcome.values["client-request-id"] for outcome in outcomes)
