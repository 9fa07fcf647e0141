"""Owners of groups: read in batches, where a list that cannot be read is unknown and stops nothing."""

from __future__ import annotations

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.graph.owners import batches_for, read_owners
from runbook_lib.model.cloud import Owner
from runbook_lib.model.ids import as_group_id
from tests.unit.graph.fake_cloud import client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, identifier, link

DENIED = graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
GONE = graph_error(404, "Request_ResourceNotFound")
IDS = [as_group_id(identifier(number)) for number in range(1, 46)]


def owners(number: int) -> str:
    return f"/groups/{identifier(number)}/owners"


def test_owners_come_by_name_and_what_cannot_be_read_is_unknown_not_none() -> None:
    people = [link(91, displayName="Zoe", userPrincipalName="zoe@contoso.com"), link(92, displayName="ana"), link(93)]
    collections: dict[str, list[dict[str, object]]] = {owners(number): [] for number in range(1, 46)}
    tenant = FakeTenant({**collections, owners(1): people}, answers={owners(2): DENIED, owners(3): GONE})
    told: list[tuple[int, int | None]] = []
    found = read_owners(client_with(tenant)[0], IDS, progress=lambda _, done, total: told.append((done, total)))
    assert found[IDS[0]] == (Owner(identifier(93)), Owner("ana"), Owner("Zoe", "zoe@contoso.com"))
    assert str(found[IDS[0]][2]) == "Zoe <zoe@contoso.com>"
    assert found[IDS[3]] == (), "read, and there is none"
    assert [one for one in IDS if one not in found] == IDS[1:3]
    assert sorted(tenant.batch_sizes) == [5, 20, 20]
    assert len(tenant.batch_sizes) == batches_for(45)
    assert told[-1] == (45, 45)


def test_a_refusal_of_all_is_said() -> None:
    with pytest.raises(NoAccess):
        read_owners(client_with(FakeTenant())[0], IDS)
    assert read_owners(client_with(FakeTenant())[0], []) == {}


def test_more_owners_than_one_page_are_all_read() -> None:
    rows = [link(900 + number, displayName=f"User {number}") for number in range(5)]
    tenant = FakeTenant({owners(1): rows, owners(2): []}, pages={owners(1): (2, 2)})
    found = read_owners(client_with(tenant)[0], IDS[:2])
    assert [owner.name for owner in found[IDS[0]]] == [f"User {number}" for number in range(5)]
