"""No value can become syntax: ldap3 parses every filter back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter

from runbook_lib.directory import search
from runbook_lib.errors import UsageError
from tests.support import hostile

_TEXT = hostile.anything(surrogates=False)


def _sent(text: str) -> tuple[str, bytes]:
    """Attribute and value that ldap3 puts on the wire for an equality filter."""
    tree = parse_filter(text, None, False, False, None, False)
    match = compile_filter(tree.elements[0])["equalityMatch"]
    return str(match["attributeDesc"]), bytes(match["assertionValue"])


@given(_TEXT)
def test_a_text_value_arrives_byte_by_byte(value: str) -> None:
    assert _sent(search.equals("cn", value)) == ("cn", value.encode("utf-8"))


@given(st.binary())
def test_a_binary_value_arrives_byte_by_byte(value: bytes) -> None:
    assert _sent(search.bytes_equal("objectGUID", value)) == ("objectGUID", value)


@hostile.each(whole_unicode=True)
def test_hostile_values_stay_values(text: str) -> None:
    assert _sent(search.equals("cn", text)) == ("cn", text.encode("utf-8"))


@given(_TEXT, _TEXT.filter(bool))
def test_combinations_keep_their_shape(first: str, second: str) -> None:
    whole = search.all_of(
        search.not_(search.equals("cn", first)),
        search.any_of(search.starts_with("mail", second), search.present("member")),
    )
    # Without values, the syntax is the one that was asked for.
    assert re.sub(r"=(?:[A-Za-z0-9._@-]|\\[0-9a-f]{2})*", "=", whole) == "(&(!(cn=))(|(mail=*)(member=*)))"
    assert len(parse_filter(whole, None, False, False, None, False).elements) == 1


def test_bits_are_asked_by_the_matching_rule() -> None:
    assert search.has_bits("groupType", 0x80000000) == "(groupType:1.2.840.113556.1.4.803:=2147483648)"


@pytest.mark.parametrize("name", ["", "cn)(x", "cn;binary", "1", "cn=", "c n"])
def test_only_attribute_names_are_taken_as_names(name: str) -> None:
    with pytest.raises(ValueError, match="attribute name"):
        search.present(name)


def test_half_a_character_is_refused_in_words() -> None:
    with pytest.raises(UsageError) as caught:
        search.equals("cn", "a\ud800")
    assert caught.value.code == "text-not-unicode"


def test_empty_combinations_and_prefixes_are_refused() -> None:
    with pytest.raises(ValueError, match="no filters"):
        search.any_of()
    with pytest.raises(ValueError, match="empty prefix"):
        search.starts_with("cn", "")
    with pytest.raises(ValueError, match="positive"):
        search.has_bits("groupType", -2147483648)
