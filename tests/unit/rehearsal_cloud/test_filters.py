"""The part of OData's filter language that directory objects know."""

from __future__ import annotations

import pytest

from rehearsal.cloud.errors import GraphError
from rehearsal.cloud.filters import parse_filter

PROPERTIES = ("id", "displayName", "mail", "groupTypes", "securityEnabled", "onPremisesSyncEnabled", "proxyAddresses")
RECORDS: dict[str, dict[str, object]] = {
    "unified": {
        "id": "6f2aea0d-d4f1-429b-a5c8-2ec21516e228",
        "displayName": "Sales Team",
        "mail": "sales@contoso.com",
        "groupTypes": ["Unified"],
        "securityEnabled": False,
        "proxyAddresses": ["SMTP:sales@contoso.com", "smtp:s@contoso.com"],
    },
    "security": {"id": "b", "displayName": "O'Brien's", "groupTypes": [], "securityEnabled": True},
    "synced": {"id": "c", "displayName": "Synced", "groupTypes": [], "onPremisesSyncEnabled": True},
}


def matches(text: str) -> set[str]:
    parsed = parse_filter(text, PROPERTIES, "microsoft.graph.group")
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
        ("securityEnabled eq 1", set()),
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
        "(" * 5000,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_filter(text, PROPERTIES, "microsoft.graph.group")
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
        ("proxyAddresses/any(p:endsWith(p,'x'))", True),
    ],
)
def test_which_queries_are_advanced(text: str, advanced: bool) -> None:
    assert parse_filter(text, PROPERTIES, "microsoft.graph.group").advanced is advanced
