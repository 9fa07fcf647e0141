"""The part of OData's filter language that directory objects know."""

from __future__ import annotations

import pytest

from rehearsal.cloud.errors import GraphError
from rehearsal.cloud.filters import parse_filter
from rehearsal.cloud.metadata import types

GROUP = types("v1.0")["group"]
RECORDS: dict[str, dict[str, object]] = {
    "unified": {
        "id": "6f2aea0d-d4f1-429b-a5c8-2ec21516e228",
        "displayName": "Sales Team",
        "mail": "sales@contoso.com",
        "groupTypes": ["Unified"],
        "createdDateTime": "2024-03-04T09:15:00Z",
        "securityEnabled": False,
        "proxyAddresses": ["SMTP:sales@contoso.com", "smtp:s@contoso.com"],
    },
    "security": {
        "id": "b",
        "displayName": "O'Brien's",
        "groupTypes": [],
        "securityEnabled": True,
        "assignedLicenses": [{"skuId": "6f2aea0d-d4f1-429b-a5c8-2ec21516e228", "disabledPlans": []}],
    },
    "synced": {
        "id": "c",
        "displayName": "Synced",
        "groupTypes": [],
        "onPremisesSyncEnabled": True,
        "onPremisesExtensionAttributes": {"extensionAttribute1": "x"},
    },
}


def matches(text: str) -> set[str]:
    parsed = parse_filter(text, GROUP, "v1.0")
    return {name for name, record in RECORDS.items() if parsed.matches(record)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("displayName eq 'sales team'", {"unified"}),
        ("displayName eq 'O''Brien''s'", {"security"}),
        ("groupTypes/any(c:c eq 'Unified')", {"unified"}),
        ("NOT groupTypes/any(c:c eq 'Unified')", {"security", "synced"}),
        ("securityEnabled eq true and displayName ne 'x'", {"security"}),
        ("securityEnabled eq true or onPremisesSyncEnabled eq true", {"security", "synced"}),
        ("not (securityEnabled eq true or onPremisesSyncEnabled eq true)", {"unified"}),
        ("startsWith(displayName,'S')", {"unified", "synced"}),
        ("endsWith(mail,'@CONTOSO.com')", {"unified"}),
        ("proxyAddresses/any(p:startsWith(p,'smtp:s@'))", {"unified"}),
        ("id in ('b', 'c')", {"security", "synced"}),
        ("id eq 6f2aea0d-d4f1-429b-a5c8-2ec21516e228", {"unified"}),
        ("onPremisesSyncEnabled eq null", {"unified", "security"}),
        ("onPremisesExtensionAttributes/extensionAttribute1 eq 'x'", {"synced"}),
        ("assignedLicenses/any(l:l/skuId eq 6f2aea0d-d4f1-429b-a5c8-2ec21516e228)", {"security"}),
        ("assignedLicenses/$count ne 0", {"security"}),
        ("createdDateTime ge 2024-01-01T00:00:00Z", {"unified"}),
        ("createdDateTime le 2024-03-05", {"unified"}),
        ("groupTypes/Any(c:c eq 'unified')", {"unified"}),
        ("displayName eq 'Synced' or displayName eq 'Sales Team' and securityEnabled eq true", {"synced"}),
    ],
)
def test_what_matches(text: str, expected: set[str]) -> None:
    assert matches(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "displayName",
        "displayName eq",
        "displayName eq 'open",
        "displayName like 'x'",
        "colour eq 'red'",
        "(displayName eq 'x'",
        "displayName eq 'x' 'y'",
        "groupTypes/any(c:d eq 'Unified')",
        "id in ()",
        "displayName eq \x00",
        "securityEnabled eq 1",
        "displayName eq true",
        "createdDateTime ge '2024-01-01'",
        "createdDateTime ge 2024-99-01",
        "createdDateTime gt 2024-01-01",
        "groupTypes eq 'Unified'",
        "displayName/any(c:c eq 'x')",
        "assignedLicenses/any(l:l/colour eq 'x')",
        "contains(displayName,'x')",
        " or ".join(f"id eq '{number}'" for number in range(16)),
        "(" * 5000,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_filter(text, GROUP, "v1.0")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "advanced"),
    [
        ("displayName eq 'x'", False),
        ("groupTypes/any(c:c eq 'Unified')", False),
        ("displayName ne 'x'", True),
        ("not startsWith(displayName,'x')", True),
        ("endsWith(mail,'x')", True),
        ("mail eq null", True),
        ("assignedLicenses/$count eq 0", True),
        ("createdDateTime ge 2024-01-01T00:00:00Z", False),
        ("proxyAddresses/any(p:endsWith(p,'x'))", True),
    ],
)
def test_which_queries_are_advanced(text: str, advanced: bool) -> None:
    assert parse_filter(text, GROUP, "v1.0").advanced is advanced
