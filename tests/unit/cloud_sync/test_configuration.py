"""Schema and secrets as whole documents: what is changed, what stays, what cannot be put back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cloud_sync.configuration import (
    NotEditable,
    Notification,
    domain_of,
    expressions_of,
    notification_of,
    secrets_of,
    with_domain,
    with_mappings,
    with_notification,
)

CN = {"expression": "[displayName]", "name": "displayName", "parameters": [], "type": "Attribute"}
OTHER = {"expression": '"x"', "name": "x", "parameters": [], "type": "Constant"}


def mapped(target: str, **more: object) -> dict[str, Any]:
    return {
        "targetAttributeName": target,
        "source": CN,
        "flowType": "ObjectAddOnly",
        "unknown": [1, {"a": None}],
        **more,
    }


def schema(*rows: dict[str, Any], groups: int = 1) -> dict[str, Any]:
    users = {"sourceObjectName": "User", "targetObjectName": "user", "attributeMappings": [mapped("cn")]}
    mapping = {
        "sourceObjectName": "Group",
        "targetObjectName": "group",
        "attributeMappings": list(rows),
        "scope": {"x": 1},
    }
    rule = {"id": "r", "objectMappings": [users, *([copy.deepcopy(mapping)] * groups)], "priority": 1}
    return {"id": "s", "version": "v1", "directories": [{"name": "Active Directory"}], "synchronizationRules": [rule]}


def test_one_mapping_changes_and_everything_else_stays() -> None:
    before = schema(mapped("displayName"), mapped("CN"), mapped("description"))
    kept = copy.deepcopy(before)
    after = with_mappings(before, {"cn": OTHER})
    assert before == kept, "the document that was read is the one that undoes"
    rows = after["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"]
    assert rows == [mapped("displayName"), mapped("CN", source=OTHER), mapped("description")]
    rows[1]["source"] = CN
    assert after == before


def test_an_attribute_that_was_not_mapped_comes_last_with_documented_fields() -> None:
    after = with_mappings(schema(mapped("cn")), {"sAMAccountName": OTHER})
    rows = after["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"]
    assert rows[0] == mapped("cn")
    assert rows[1]["targetAttributeName"] == "sAMAccountName"
    assert rows[1]["source"] == OTHER
    assert (rows[1]["flowType"], rows[1]["flowBehavior"], rows[1]["matchingPriority"]) == (
        "Always",
        "FlowWhenChanged",
        0,
    )
    assert expressions_of(after) == {"cn": "[displayName]", "samaccountname": '"x"'}


def test_two_mappings_to_one_attribute_become_one() -> None:
    after = with_mappings(schema(mapped("cn"), mapped("CN"), mapped("mail"), mapped("mail")), {"cn": OTHER})
    rows = after["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"]
    assert rows == [mapped("cn", source=OTHER), mapped("mail"), mapped("mail")]


@given(
    st.lists(st.sampled_from(["cn", "CN", "mail", "member"]), max_size=6), st.sets(st.sampled_from(["cn", "mail", "x"]))
)
def test_a_second_change_of_the_same_kind_changes_nothing(targets: list[str], names: set[str]) -> None:
    once = with_mappings(schema(*(mapped(name) for name in targets)), dict.fromkeys(names, OTHER))
    assert with_mappings(once, dict.fromkeys(names, OTHER)) == once
    found = expressions_of(once)
    assert all(found[name] == '"x"' for name in names)
    assert found.keys() == {name.casefold() for name in targets} | names


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({}, "no-mapping-of-groups"),
        ({"synchronizationRules": "x"}, "no-mapping-of-groups"),
        ({"synchronizationRules": [None, {"objectMappings": [3]}]}, "no-mapping-of-groups"),
        (schema(groups=0), "no-mapping-of-groups"),
        (schema(groups=2), "several-mappings-of-groups"),
    ],
)
def test_a_schema_that_cannot_be_changed(broken: dict[str, Any], code: str) -> None:
    with pytest.raises(NotEditable) as caught:
        with_mappings(broken, {"cn": OTHER})
    assert caught.value.code == code


def secret(key: str, value: object) -> dict[str, Any]:
    return {"key": key, "value": value}


DOMAIN = secret("Domain", '{"domain":"Contoso.com"}')
TOLD = {"Enabled": True, "Recipients": "ops@x", "DeleteThresholdEnabled": True, "DeleteThresholdValue": 50, "New": [1]}
NOTIFIED = secret("SyncNotificationSettings", json.dumps(TOLD))


def test_secrets_are_read_and_set_within_the_list() -> None:
    held = secrets_of({"value": [DOMAIN, NOTIFIED]})
    assert domain_of(held) == "contoso.com"
    assert notification_of(held) == Notification(True, "ops@x", 50)
    assert with_domain(held, "other.com") == [secret("Domain", '{"domain":"other.com"}'), NOTIFIED]
    changed = with_notification(held, Notification(False, "a@x", None))
    assert changed[0] == DOMAIN
    assert json.loads(changed[1]["value"]) == {
        **TOLD,
        "Enabled": False,
        "Recipients": "a@x",
        "DeleteThresholdEnabled": False,
    }
    assert notification_of(changed) == Notification(False, "a@x", None)


def test_secrets_of_a_new_configuration() -> None:
    held = with_domain(secrets_of({"value": []}), "contoso.com")
    assert held == [secret("Domain", '{"domain":"contoso.com"}')]
    assert notification_of(held) is None
    assert notification_of(with_notification(held, Notification(True, "x", 1))) == Notification(True, "x", 1)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (secret("AppKey", "abc"), "unknown-secret"),
        (secret("domain", "{}"), "unknown-secret"),
        (secret("Domain", None), "secret-without-value"),
        (secret("Domain", ""), "secret-without-value"),
        (secret("Domain", "*****"), "secret-without-value"),
    ],
)
def test_secrets_that_would_be_destroyed(row: dict[str, Any], code: str) -> None:
    with pytest.raises(NotEditable) as caught:
        secrets_of({"value": [NOTIFIED, row]})
    assert caught.value.code == code
    assert "abc" not in f"{caught.value} {caught.value.hint} {caught.value.values}"


@pytest.mark.parametrize("text", ["no json", "[1]", "3", "[" * 100_000])
def test_a_secret_that_is_no_object(text: str) -> None:
    with pytest.raises(NotEditable) as caught:
        notification_of([secret("SyncNotificationSettings", text)])
    assert caught.value.code == "secret-damaged"


@pytest.mark.parametrize("threshold", [0, -1, 2**31])
def test_a_threshold_that_means_nothing(threshold: int) -> None:
    with pytest.raises(ValueError, match="threshold"):
        with_notification([], Notification(True, "x", threshold))


def test_a_threshold_without_a_number_is_none() -> None:
    told = json.dumps({**TOLD, "DeleteThresholdValue": True})
    assert notification_of([secret("SyncNotificationSettings", told)]) == Notification(True, "ops@x", None)
