"""Whether the application of a configuration may be deleted, as far as that can be told before anything is."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.graph.tenant.applications import Application, require_may_delete
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.fake_cloud import FixedTokens, Reply, client_with, graph_error

APPLICATION = Application("sp-1", "client-1", "app-1", "template", "contoso.com")
OWN, ALL = "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"
ME = "me"


@dataclass
class Carrying(FixedTokens):
    """A token with these claims; None: it is none that can be read."""

    told: dict[str, object] | None = None

    def token(self, *, refused: Secret | None = None, claims: str | None = None) -> Secret:
        plain = super().token(refused=refused, claims=claims)
        if self.told is None:
            return plain
        body = base64.urlsafe_b64encode(json.dumps(self.told).encode()).decode().rstrip("=")
        return Secret(f"x.{body}.x")


def asked(
    told: dict[str, object] | None, owners: list[str] | None, application: Application = APPLICATION
) -> list[str]:
    """Paths that were asked for."""

    def answer(_: object) -> Reply:
        if owners is None:
            return graph_error(403, "Authorization_RequestDenied")
        return Reply(body={"value": [{"id": one} for one in owners]})

    client, adapter, _ = client_with(answer, tokens=Carrying(told=told))
    require_may_delete(client, application)
    return [str(request.path_url).partition("?")[0] for request in adapter.sent]


@pytest.mark.parametrize(
    ("told", "owners"),
    [
        (None, []),
        ({"roles": [ALL], "oid": ME}, []),
        ({"scp": f"User.Read {ALL}", "oid": ME}, []),
        ({"roles": [OWN], "oid": ME}, ["other", ME]),
        ({"roles": [OWN], "oid": ME}, None),
    ],
    ids=["opaque", "all", "a person with all", "its own", "owners unread"],
)
def test_what_may_be_deleted_or_is_not_known_is_let_through(
    told: dict[str, object] | None, owners: list[str] | None
) -> None:
    asked(told, owners)


@pytest.mark.parametrize(
    ("told", "owners", "permission", "said"),
    [
        ({"roles": [OWN], "oid": ME}, ["other"], ALL, "may delete only what it owns"),
        ({"roles": ["Group.Read.All"], "oid": ME}, ["other"], ALL, "does not carry the permission"),
        ({"roles": ["Group.Read.All"], "oid": ME}, None, ALL, "does not carry the permission"),
        ({"roles": ["Group.Read.All"], "oid": ME}, [ME], OWN, "does not carry the permission"),
        ({"scp": f"User.Read {OWN}", "oid": ME}, [ME], ALL, "does not carry the permission"),
    ],
    ids=["of somebody else", "nothing", "nothing, owners unread", "its own", "a person"],
)
def test_what_may_not_be_deleted_is_refused_with_the_permission_that_would_do(
    told: dict[str, object], owners: list[str] | None, permission: str, said: str
) -> None:
    with pytest.raises(NoAccess, match=said) as caught:
        asked(told, owners)
    assert caught.value.code == "graph-forbidden"
    assert f"{permission}," in caught.value.hint
    assert "Nothing was changed." in caught.value.message


def test_an_application_that_is_gone_in_part_is_asked_for_by_its_service_principal() -> None:
    left = Application("sp-1", "client-1", "", "template", "contoso.com")
    assert asked({"roles": [OWN], "oid": ME}, [ME], left) == ["/v1.0/servicePrincipals/sp-1/owners"]
