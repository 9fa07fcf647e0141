"""Batches: what they take, how their parts wait for each other, and that each part is answered by itself."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.people import Origin, of_origin
from tests.unit.rehearsal_cloud.asking import ROOT, Asking

SALES = names.group_id("sales-team")
OTHER = names.user_id(of_origin(Origin.SYNCHRONIZED)[600].key)
JSON = {"Content-Type": "application/json"}


def part(identifier: str, url: str = f"/groups/{SALES}?$select=id", **more: Any) -> dict[str, Any]:
    return {"id": identifier, "method": "GET", "url": url, **more}


def batch(asking: Asking, *parts: Any, version: str = "v1.0") -> dict[str, Any]:
    answer = asking.json("POST", "$batch", {"requests": list(parts)}, version=version)
    return {one["id"]: one for one in answer["responses"]}


def test_each_part_has_its_own_status_headers_and_body(asking: Asking) -> None:
    answers = batch(
        asking,
        part("1"),
        part("2", f"/groups/{names.ORPHAN_GROUP_ID}"),
        part("3", "/groups/$count", headers={"ConsistencyLevel": "eventual"}),
        part("4", "groups?$top=5&$top=6"),
        part("5", "/spaceships"),
    )
    assert {key: answer["status"] for key, answer in answers.items()} == {
        "1": 200,
        "2": 404,
        "3": 200,
        "4": 400,
        "5": 400,
    }
    assert answers["1"]["body"]["id"] == SALES
    assert answers["1"]["headers"]["Content-Type"].startswith("application/json")
    assert answers["2"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert answers["3"]["body"] == str(len(asking.store.groups))
    ids = {answers[key]["body"]["error"]["innerError"]["request-id"] for key in ("2", "5")}
    assert len(ids) == 2


def test_answers_do_not_come_in_the_order_of_the_requests(asking: Asking) -> None:
    answer = asking.json("POST", "$batch", {"requests": [part("1"), part("2"), part("3")]})
    assert [one["id"] for one in answer["responses"]] == ["3", "2", "1"]


def test_parts_write_and_need_a_content_type(asking: Asking) -> None:
    body = {"@odata.id": f"{ROOT}/v1.0/directoryObjects/{OTHER}"}
    url = f"/groups/{SALES}/members/$ref"
    answers = batch(
        asking,
        {"id": "no", "method": "POST", "url": url, "body": body},
        {"id": "yes", "method": "POST", "url": url, "body": body, "headers": JSON},
    )
    assert {key: answer["status"] for key, answer in answers.items()} == {"no": 400, "yes": 204}
    assert "body" not in answers["yes"]
    assert OTHER in asking.store.members(SALES)


def test_a_part_that_depends_on_a_failed_one_is_not_tried(asking: Asking) -> None:
    answers = batch(
        asking,
        part("1", f"/groups/{names.ORPHAN_GROUP_ID}"),
        {"id": "2", "method": "DELETE", "url": f"/groups/{SALES}", "dependsOn": ["1"]},
        part("3", dependsOn=["2"]),
    )
    assert [answers[key]["status"] for key in "123"] == [404, 424, 424]
    assert answers["2"]["body"]["error"]["code"] == "FailedDependency"
    assert SALES in asking.store.groups
    answers = batch(asking, part("1"), part("2", dependsOn=["1"]), part("3", dependsOn=["1"]))
    assert [answers[key]["status"] for key in "123"] == [200, 200, 200]


def test_parts_are_of_the_version_of_the_batch(asking: Asking) -> None:
    url = f"/groups/{SALES}?$select=writebackConfiguration"
    assert batch(asking, part("1", url))["1"]["status"] == 400
    assert batch(asking, part("1", url), version="beta")["1"]["status"] == 200
    assert batch(asking, part("1", f"/beta{url}"))["1"]["status"] == 400


def test_parts_are_permitted_one_by_one(asking: Asking) -> None:
    asking.caller = Caller("client", frozenset({"Group.Read.All"}))
    answers = batch(asking, part("1"), part("2", "/users"))
    assert (answers["1"]["status"], answers["2"]["status"]) == (200, 403)


def test_next_links_inside_a_batch_lead_on(asking: Asking) -> None:
    first = batch(asking, part("1", "/groups?$top=5&$select=id"))["1"]["body"]
    assert len(asking.get(first["@odata.nextLink"])["value"]) == 5


@pytest.mark.parametrize(
    "requests",
    [
        None,
        [],
        {},
        [7],
        [part(str(number)) for number in range(21)],
        [part("1"), part("1")],
        [part("")],
        [{**part("1"), "id": 1}],
        [part("1", "")],
        [part("1", f"{ROOT}/v1.0/groups")],
        [part("1", "//other/v1.0/groups")],
        [part("1", "http://[")],
        [part("1", 7)],  # type: ignore[arg-type] # what a careless client may send
        [part("1", method="TRACE")],
        [part("1", headers=["x"])],
        [part("1", headers={"x": 1})],
        [part("1", dependsOn=["2"]), part("2")],
        [part("1", dependsOn="1")],
        [part("1"), part("2"), part("3", dependsOn=["1"]), part("4", dependsOn=["2"])],
        [part("1", "/$batch", method="POST")],
    ],
)
def test_batches_that_cannot_be_taken_apart(asking: Asking, requests: Any) -> None:
    assert asking.refused("POST", "$batch", {"requests": requests}) == (400, "BadRequest")


def test_a_batch_is_a_post(asking: Asking) -> None:
    assert asking.refused("GET", "$batch") == (405, "BadRequest")
    assert asking.refused("POST", "$batch") == (400, "BadRequest")
