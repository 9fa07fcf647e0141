"""Any body at any route, and any query: Graph answers or refuses, and never breaks."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rehearsal.cloud.routes import Graph
from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from rehearsal.contoso.administrators import GLOBAL
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID
from tests.unit.rehearsal_cloud.asking import NOW, Asking

FUZZ = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ROUTES = [(method, route.template) for method, route in Graph(CloudStore(clock=lambda: NOW)).table()]
WRITES = [one for one in ROUTES if one[0] != "GET"] + [("POST", "$batch")]
READS = [template for method, template in ROUTES if method == "GET" and template != "$metadata"]
KEYS = """
    id ids types displayName description mailNickname mailEnabled securityEnabled groupTypes visibility
    members@odata.bind owners@odata.bind @odata.id @odata.type writebackConfiguration isEnabled
    onPremisesGroupType isCloudManaged values name value templateId features configuration
    accidentalDeletionPrevention alertThreshold synchronizationPreventionType parameters ruleId subjects
    objectId objectTypeName links members criteria resetScope requests method url headers body dependsOn
    isAssignableToRole membershipRule proxyAddresses principalId resourceId appRoleId key expression testInputObject
    properties credentials useSavedCredentials synchronizationRules directories version objectMappings
"""
NAMES = st.sampled_from(sorted(set(re.split(r"\s+", KEYS.strip()))))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            names.group_id("sales-team"),
            f"https://localhost:8443/v1.0/directoryObjects/{names.user_id('sam')}",
            "Unified",
            "GET",
            "/groups?$top=1",
            "62375ab9-6b52-47ed-826b-58e47e0e304b",
            "universalSecurityGroup",
        ]
    )
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)
OPTIONS = ("$select", "$filter", "$expand", "$orderby", "$search", "$top", "$skip", "$count", "$skiptoken")
QUERIES = st.dictionaries(
    st.sampled_from(OPTIONS),
    st.text(max_size=20)
    | st.sampled_from(
        [
            "id",
            "id,displayName,members",
            "displayName eq 'x'",
            "groupTypes/any(c:c eq 'Unified')",
            "not(startswith(displayName,'a')) and mail ne null or id in ('a','b')",
            "members($select=id;$top=2)",
            "displayName desc",
            '"displayName:a" AND "description:b"',
            "latest",
            "5",
            "true",
        ]
    ),
    max_size=4,
)


def address(template: str) -> str:
    path = template.replace("{cast}", "microsoft.graph.user").replace("{member}", names.user_id("sam"))
    owner = template.split("/")[0]
    found = {"groups": names.group_id("sales-team"), "servicePrincipals": PRINCIPAL_ID, "users": GLOBAL.id}
    return (
        path.replace("{job}", JOB_ID)
        .replace("{assignment}", names.TENANT_ID)
        .replace("{id}", found.get(owner, names.TENANT_ID))
    )


@FUZZ
@given(st.sampled_from(WRITES), JSON, st.sampled_from(["v1.0", "beta"]))
@example(("POST", "$batch"), {"requests": [{"id": "1", "method": "POST", "url": "/$batch", "body": {}}]}, "v1.0")
@example(("POST", "groups"), {"groupTypes": [[]], "members@odata.bind": [None]}, "beta")
def test_bodies(asking: Asking, write: tuple[str, str], body: object, version: str) -> None:
    asking.store.reset()
    answer = asking.send(write[0], address(write[1]), json.dumps(body).encode(), version=version)
    assert answer.status < 500 or answer.status == 501, answer.body
    assert answer.status != 403


@FUZZ
@given(st.sampled_from(READS), QUERIES, st.booleans())
def test_queries(asking: Asking, template: str, options: dict[str, str], eventual: bool) -> None:
    query = "&".join(f"{name}={value.translate(ESCAPED)}" for name, value in options.items())
    headers = {"consistencylevel": "eventual"} if eventual else {}
    answer = asking.send("GET", f"{address(template)}?{query}", headers=headers)
    assert answer.status < 500 or answer.status == 501, answer.body
    assert answer.status != 403


ESCAPED = {ord(char): f"%{ord(char):02X}" for char in "%&#+=?; \r\n\t"}
