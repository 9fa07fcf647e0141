"""Expressions that leave a converted group where it is: worked out for every name that AD can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.cloud_sync.functions import Value
from runbook_lib.cloud_sync.group_dn import (
    Placement,
    cn_expression,
    extensions_in,
    keeps_place,
    moved,
    ou_expression,
    place_by,
    placement_lines,
    still_keeping,
)
from runbook_lib.graph.tenant.authority import extension_name, identifier_uri
from runbook_lib.model.dn import rdn

EXTENSION = extension_name("1BBE7B5A-0e6f-4f3a-9d5a-0123456789ab")
OU = '"OU=Default,DC=contoso,DC=com"'
CN = 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))'
MAPPING = {"parentdistinguishedname": ou_expression(EXTENSION, OU), "cn": cn_expression(EXTENSION, CN)}
NAMES = st.text(
    st.one_of(st.sampled_from('aCN2=5\\,+"<>;# é'), st.characters(exclude_categories=("Cs", "Cc"))), min_size=1
)


@given(NAMES, NAMES)
def test_any_name_and_any_ou_stay_to_the_letter(cn: str, ou: str) -> None:
    dn = f"{rdn('CN', cn)},{rdn('OU', ou)},DC=contoso,DC=com"
    place = place_by(MAPPING, dn, {EXTENSION: dn})
    assert place.same, place


def test_a_group_without_the_value_goes_where_the_mapping_put_it_before() -> None:
    group: dict[str, Value] = {
        EXTENSION: None,
        "displayName": "VPN",
        "objectId": "1bbe7b5a-0e6f-4f3a-9d5a-0123456789ab",
    }
    place = place_by(MAPPING, "CN=VPN,OU=Old,DC=contoso,DC=com", group)
    assert (place.container, place.cn) == ("OU=Default,DC=contoso,DC=com", "VPN_0123456789ab")
    assert not place.same
    assert moved({"a": place, "b": Placement("CN=x,OU=y,DC=z", "OU=y,DC=z", "x")}) == {"a": place}
    assert placement_lines([place]) == (
        "CN=VPN,OU=Old,DC=contoso,DC=com -> CN=VPN_0123456789ab,OU=Default,DC=contoso,DC=com",
    )


def test_a_value_that_is_not_read_or_no_ou_is_no_place() -> None:
    assert "not read" in place_by(MAPPING, "CN=a,OU=b,DC=c", {}).why
    assert "CN=Users" in place_by({"cn": '"a"'}, "CN=a,OU=b,DC=c", {}).why
    assert not place_by(MAPPING, "CN=a,OU=b,DC=c", {}).same


def test_another_spelling_of_the_name_is_another_name() -> None:
    held = "CN=Sales,OU=b,DC=c"
    assert not place_by(MAPPING, "CN=SALES,OU=b,DC=c", {EXTENSION: held}).same
    assert place_by(MAPPING, "CN=Sales,ou=B,DC=c", {EXTENSION: held}).same


def test_names_of_property_and_application_are_the_documented_ones() -> None:
    assert EXTENSION == "extension_1bbe7b5a0e6f4f3a9d5a0123456789ab_GroupDN"
    assert identifier_uri("t") == "api://t/CloudSyncCustomExtensionsApp"
    assert read_expression(MAPPING["cn"]).attributes == (EXTENSION, "displayName", "objectId")


@pytest.mark.parametrize("missing", ["cn", "parentdistinguishedname"])
def test_a_mapping_keeps_places_only_with_both_expressions(missing: str) -> None:
    assert keeps_place(MAPPING, EXTENSION)
    assert not keeps_place({name: text for name, text in MAPPING.items() if name != missing}, EXTENSION)
    assert not keeps_place(MAPPING, extension_name("2bbe7b5a-0e6f-4f3a-9d5a-0123456789ab"))


@given(NAMES, st.booleans())
def test_a_new_ou_is_for_groups_without_the_value_alone(cn: str, with_value: bool) -> None:
    asked = {"parentDistinguishedName": '"OU=New,DC=c"', "sAMAccountName": "[displayName]"}
    kept = still_keeping(MAPPING, asked)
    dn = f"{rdn('CN', cn)},OU=Old,DC=c"
    values: dict[str, Value] = {EXTENSION: dn if with_value else None, "displayName": "x", "objectId": "y" * 40}
    mapping = {**MAPPING, "parentdistinguishedname": kept["parentDistinguishedName"]}
    assert place_by(mapping, dn, values).container == ("OU=Old,DC=c" if with_value else "OU=New,DC=c")
    assert kept["sAMAccountName"] == "[displayName]"
    assert still_keeping(mapping, kept) == kept, "not wrapped twice"
    assert still_keeping({}, asked) == asked
    assert extensions_in(MAPPING) == [EXTENSION]
