"""Edits of the tenant behind the product's back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rehearsal.cloud.control import ControlRefusedError, edit_cloud
from rehearsal.cloud.store import CloudStore

TEAM, NESTING, SECURITY = "team-id", "nesting-id", "security-id"


@pytest.fixture
def store() -> CloudStore:
    store = CloudStore(clock=lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    for name in ("ann", "bob"):
        store.add_user({"id": name, "displayName": name.title(), "userPrincipalName": f"{name}@contoso.com"})
    store.add_group({"id": TEAM, "displayName": "Team", "groupTypes": ["Unified"]}, members=("ann",), owners=("ann",))
    store.add_group({"id": SECURITY, "displayName": "Security", "groupTypes": []})
    store.add_group({"id": NESTING, "displayName": "Nesting"}, members=(TEAM, "bob"))
    store.keep_as_seed()
    return store


def test_members_come_and_go_and_reset_brings_them_back(store: CloudStore) -> None:
    edit_cloud(store, {"action": "add-member", "group": "Team", "member": "bob@contoso.com"})
    edit_cloud(store, {"action": "add-member", "group": TEAM, "member": "bob"})
    assert store.members(TEAM) == ("ann", "bob")
    edit_cloud(store, {"action": "remove-member", "group": "Team", "member": "Ann"})
    assert store.members(TEAM) == ("bob",)
    store.reset()
    assert store.members(TEAM) == ("ann",)


def test_renaming_and_updating(store: CloudStore) -> None:
    assert edit_cloud(store, {"action": "rename-group", "group": "Team", "name": "Crew"}) == {"id": TEAM}
    edit_cloud(store, {"action": "update-group", "group": "Crew", "properties": {"description": "ü"}})
    assert (store.groups[TEAM]["displayName"], store.groups[TEAM]["description"]) == ("Crew", "ü")
    store.reset()
    assert store.groups[TEAM]["displayName"] == "Team"


def test_a_microsoft_365_group_is_deleted_softly_and_comes_back(store: CloudStore) -> None:
    edit_cloud(store, {"action": "delete-group", "group": "Team"})
    assert TEAM not in store.groups
    assert store.deleted_groups[TEAM]["deletedDateTime"] == "2026-11-22T09:00:00Z"
    assert store.members(NESTING) == ("bob",)
    edit_cloud(store, {"action": "restore-group", "group": TEAM})
    assert store.members(TEAM) == ("ann",)
    assert store.groups[TEAM]["deletedDateTime"] is None


@pytest.mark.parametrize(
    "request_", [{"group": "Security"}, {"group": "Team", "for_good": True}], ids=["security group", "for good"]
)
def test_other_deletions_leave_nothing(store: CloudStore, request_: dict[str, object]) -> None:
    group_id = str(edit_cloud(store, {"action": "delete-group", **request_})["id"])
    assert group_id not in store.groups
    assert group_id not in store.deleted_groups


def test_purging_a_deleted_item(store: CloudStore) -> None:
    edit_cloud(store, {"action": "delete-group", "group": "Team"})
    edit_cloud(store, {"action": "purge-group", "group": TEAM})
    assert TEAM not in store.deleted_groups


def test_a_deleted_user_leaves_every_group(store: CloudStore) -> None:
    edit_cloud(store, {"action": "delete-user", "user": "ann"})
    assert store.members(TEAM) == ()
    assert store.owners(TEAM) == ()


def test_a_new_group(store: CloudStore) -> None:
    made = str(edit_cloud(store, {"action": "add-group", "name": "Fresh", "members": ["ann", "Bob"]})["id"])
    assert store.groups[made]["displayName"] == "Fresh"
    assert store.members(made) == ("ann", "bob")


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"action": "explode"},
        {"action": "add-member", "group": "Team"},
        {"action": "add-member", "group": "Nobody", "member": "ann"},
        {"action": "add-member", "group": "Team", "member": "nobody"},
        {"action": "update-group", "group": "Team", "properties": {"id": "other"}},
        {"action": "update-group", "group": "Team", "properties": {"spaceship": 1}},
        {"action": "purge-group", "group": TEAM},
        {"action": "delete-user", "user": "Team"},
    ],
)
def test_nonsense_is_refused(store: CloudStore, request_: dict[str, object]) -> None:
    with pytest.raises(ControlRefusedError):
        edit_cloud(store, request_)


def test_a_name_that_two_groups_have_is_no_name(store: CloudStore) -> None:
    store.update_group(SECURITY, {"displayName": "Team"})
    with pytest.raises(ControlRefusedError, match="2 objects"):
        edit_cloud(store, {"action": "rename-group", "group": "Team", "name": "x"})


def test_a_job_gets_another_state(store: CloudStore) -> None:
    store.add("jobs", {"id": "job", "templateId": "x", "status": None})
    schedule = {"expiration": None, "interval": "PT20M", "state": "Disabled"}
    edit_cloud(store, {"action": "update-job", "job": "job", "properties": {"schedule": schedule}})
    assert store.table("jobs")["job"]["schedule"] == schedule
    for wrong in ({"schedule": {**schedule, "state": "Sometimes"}}, {"status": "Active"}, {"id": "x"}, {"x": 1}):
        with pytest.raises(ControlRefusedError):
            edit_cloud(store, {"action": "update-job", "job": "job", "properties": wrong})
    with pytest.raises(ControlRefusedError):
        edit_cloud(store, {"action": "update-job", "job": "nobody", "properties": {}})


def test_delta_tokens_end_in_two_ways(store: CloudStore) -> None:
    before = store.log.epoch, store.log.generation
    edit_cloud(store, {"action": "expire-delta-tokens"})
    assert (store.log.epoch, store.log.generation) == (before[0], before[1] + 1)
    edit_cloud(store, {"action": "reset-delta"})
    assert store.log.epoch != before[0]
