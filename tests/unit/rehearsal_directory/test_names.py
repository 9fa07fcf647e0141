"""Distinguished names and values: parsed, written, compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.directory.names import dn_key, format_rdn, parse_dn
from rehearsal.directory.values import (
    fold,
    format_time,
    parse_time,
    text_length,
    value_key,
)

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(lambda value: value.strip(" ") != "")


@given(st.lists(st.tuples(st.sampled_from(["CN", "OU", "DC"]), TEXT), min_size=1, max_size=5))
def test_what_is_written_is_read(rdns: list[tuple[str, str]]) -> None:
    """Any text survives as a component, whatever is in it."""
    assert list(parse_dn(",".join(format_rdn(*rdn) for rdn in rdns))) == rdns


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", []),
        ("CN=a\\2Cb, OU = c ", [("CN", "a,b"), ("OU", "c")]),
        ('CN="a,b",DC=x', [("CN", "a,b"), ("DC", "x")]),
        ("CN=\\C3\\A4;DC=x", [("CN", "ä"), ("DC", "x")]),
        ("2.5.4.3=x", [("2.5.4.3", "x")]),
        ("CN=a\\ ,DC=x", [("CN", "a "), ("DC", "x")]),
        ("CN=Foo\\0ADEL:1", [("CN", "Foo\nDEL:1")]),
    ],
)
def test_forms(text: str, parsed: list[tuple[str, str]]) -> None:
    """The forms of RFC 4514 and the older ones that AD still takes."""
    assert list(parse_dn(text)) == parsed


@pytest.mark.parametrize(
    "text", ["CN", "CN=", "=x", "CN=a,", "CN=a,,DC=x", "CN=a+OU=b", "CN=a\\", 'CN="a', "C N=x", "CN=a>b"]
)
def test_malformed_names(text: str) -> None:
    """Refused, those with several values in a component too."""
    with pytest.raises(ValueError):  # noqa: PT011 - the value is all there is to say
        parse_dn(text)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a,b", "CN=a\\,b"),
        ("#1", "CN=\\#1"),
        (" x ", "CN=\\ x\\ "),
        ('"\\<>;+=', 'CN=\\"\\\\\\<\\>\\;\\+\\='),
        ("\n", "CN=\\0A"),
    ],
)
def test_escapes(value: str, written: str) -> None:
    """As Active Directory writes them."""
    assert format_rdn("cn", value) == written


def test_names_compare_without_case_and_space() -> None:
    """Two spellings, one name."""
    assert dn_key("cn=Ärger, ou=X,DC=contoso") == dn_key("CN=ärger,OU=x,dc=CONTOSO")


def test_times() -> None:
    """Generalized time, in UTC, with ``.0Z``."""
    moment = parse_time("20260131120059.0Z")
    assert format_time(moment) == b"20260131120059.0Z"
    for text in ("2026", "20260131120059", "20260131120059.xZ", "20261331120059.0Z"):
        with pytest.raises(ValueError):  # noqa: PT011
            parse_time(text)


@pytest.mark.parametrize(
    ("syntax", "value", "key"),
    [
        ("2.5.5.12", "Straße CAFÉ", "strasse cafe"),
        ("2.5.5.5", "Case", "Case"),
        ("2.5.5.9", "2147483648", -2147483648),
        ("2.5.5.16", "-1", -1),
        ("2.5.5.8", "true", "TRUE"),
    ],
)
def test_keys(syntax: str, value: str, key: object) -> None:
    """Two values are equal if their keys are."""
    assert value_key(syntax, value.encode()) == key


def test_folding_and_length() -> None:
    """A lone accent stays itself; an emoji is two UTF-16 units."""
    assert fold("\u0301") == "\u0301"
    assert fold("Ａ") == "a"
    assert text_length("🎉a".encode()) == 3
