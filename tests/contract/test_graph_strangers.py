"""A client that nobody here wrote, python-odata: it learns Graph's types from $metadata and asks by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from odata import ODataService
from odata.exceptions import ODataError

from rehearsal.contoso import names
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import pem_credential, plain_session, sign_in


@pytest.fixture(scope="module")
def service(shared_rehearsal: RunningRehearsal) -> Iterator[Any]:
    shared_rehearsal.control.reset()
    credential = pem_credential(shared_rehearsal.folder.client.read_text(encoding="ascii"))
    token = sign_in(shared_rehearsal, credential, client_id=ADMINISTRATOR_CLIENT_ID)["access_token"]
    with plain_session(shared_rehearsal) as session:
        session.headers["Authorization"] = f"Bearer {token}"
        address = f"{shared_rehearsal.state['graph_url']}/v1.0/"
        yield ODataService(address, session=session, reflect_entities=True, quiet_progress=True)


def test_it_finds_the_entity_sets_in_the_metadata(service: Any) -> None:
    assert {"groups", "users", "organization", "domains", "subscribedSkus", "groupSettings"} <= set(service.entities)


def test_it_reads_groups_with_their_types(service: Any) -> None:
    group = service.entities["groups"]
    (found,) = service.query(group).filter(group.displayName == "Sales Team")
    assert found.id == names.group_id("sales-team")
    assert found.groupTypes == ["Unified"]
    assert found.mailEnabled is True
    assert found.createdDateTime == datetime(2024, 3, 4, 9, 15, tzinfo=UTC)


def test_it_follows_pages_to_the_end(service: Any) -> None:
    user = service.entities["users"]
    found = [one.id for one in service.query(user)]
    assert len(found) == len(set(found)) > 600


def test_it_sorts_and_limits(service: Any) -> None:
    group = service.entities["groups"]
    shown = [one.displayName for one in service.query(group).order_by(group.displayName.asc()).limit(5)]
    assert len(shown) >= 5
    assert shown == sorted(shown, key=str.casefold)


def test_it_understands_a_refusal(service: Any) -> None:
    group = service.entities["groups"]
    with pytest.raises(ODataError, match="Operator is not supported"):
        list(service.query(group).filter(group.displayName != "x"))
