"""Distinguished names: parsing, comparing, escaping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UsageError
from runbook_lib.model.dn import (
    is_below,
    normalize_dn,
    normalize_foreign_dn,
    parent_of,
    parse_dn,
    rdn,
    rdn_of,
    rdn_value,
    same_dn,
    validate_dn,
)
from tests.support import hostile

_VALUE = hostile.anything(min_size=1, surrogates=False)
_BASE = "OU=Cloud Groups,DC=contoso,DC=com"


@given(_VALUE)
def test_every_value_survives_being_written_and_parsed(value: str) -> None:
    assert parse_dn(f"{rdn('CN', value)},{_BASE}") == (
        (("cn", value),),
        (("ou", "Cloud Groups"),),
        (("dc", "contoso"),),
        (("dc", "com"),),
    )


@given(st.lists(_VALUE, min_size=1, max_size=4))
def test_parent_and_rdn_cut_where_the_parser_does(values: list[str]) -> None:
    dn = ",".join(rdn("OU", value) for value in values)
    assert rdn_value(dn) == values[0]
    assert rdn_of(dn) == rdn("OU", values[0])
    assert parse_dn(parent_of(dn)) == parse_dn(dn)[1:]
    if parent_of(dn):
        assert is_below(dn, parent_of(dn))
        assert not is_below(parent_of(dn), dn)


@given(_VALUE)
def test_hexadecimal_pairs_and_backslashes_name_the_same_object(value: str) -> None:
    pairs = "".join(f"\\{byte:02x}" for byte in value.encode("utf-8"))
    assert same_dn(f"cn={pairs} , ou=cloud groups,dc=CONTOSO, DC=com", f"{rdn('CN', value)},{_BASE}")


def test_an_escaped_space_at_the_end_belongs_to_the_name() -> None:
    assert rdn_of("OU=\\ ,DC=x") == "OU=\\ "
    assert rdn_value(" OU = a\\  ,DC=x") == "a "
    assert validate_dn("OU=a\\ ", parameter="target_ou") == "OU=a\\ "
    assert rdn_value("OU=a\\\\ ,DC=x") == "a\\"


@given(st.text(st.sampled_from("aB-.'(@ ")), st.sampled_from(["CN", "dc", "Ou"]))
def test_the_short_way_to_a_key_gives_the_same_key(value: str, name: str) -> None:
    if value.strip():
        assert normalize_dn(f"{name}={value},DC=x") == normalize_dn(
            f" {name} =\\{value.strip(' ').encode()[0]:02x}{value.strip(' ')[1:]},dc=X"
        )


@given(st.text(st.sampled_from('aΣσςİ#+,;<=>\\"\x01 é'), min_size=1))
def test_letters_of_a_key_are_lowered_one_by_one(value: str) -> None:
    one_by_one = "".join(map(str.lower, value))
    assert normalize_dn(f"{rdn('CN', value)},DC=x") == normalize_dn(f"{rdn('CN', one_by_one)},DC=x")


@given(_VALUE, _VALUE)
def test_keys_are_equal_only_for_equal_values(first: str, second: str) -> None:
    same = normalize_dn(rdn("CN", first)) == normalize_dn(rdn("CN", second))
    assert same == ([c.lower() for c in first] == [c.lower() for c in second])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CN=Sales\\, North,DC=x", "cn=sales\\2c north,dc=X"),
        ("CN=Sales\\2C North,DC=x", "2.5.4.3=Sales\\, North , OID.0.9.2342.19200300.100.1.25=x"),
        ("CN=#0c0353616c,DC=x", "CN=Sal,DC=x"),
        ("CN=a\\ ,DC=x", "CN=a\\20,DC=x"),
        ("CN=ΣΑΣ,DC=x", "CN=σας".replace("ς", "σ") + ",DC=x"),
        ("CN=x\\0ADEL:1,DC=x", "CN=x\\\nDEL:1,DC=x".replace("\\\n", "\n")),
    ],
)
def test_spellings_of_one_name(first: str, second: str) -> None:
    assert same_dn(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CN=a\\,OU=b,DC=x", "CN=a,OU=b,DC=x"),
        ("CN=a b,DC=x", "CN=a  b,DC=x"),
        ("CN=José,DC=x", "CN=Jose,DC=x"),
        ("CN=Straße,DC=x", "CN=Strasse,DC=x"),
        ("CN=a,DC=x", "OU=a,DC=x"),
        ("CN=a\\+OU=b,DC=x", "CN=a+OU=b,DC=x"),
    ],
)
def test_different_names_stay_different(first: str, second: str) -> None:
    assert not same_dn(first, second)


def test_below_means_truly_below() -> None:
    assert is_below(f"CN=g,OU=Deep,{_BASE}", _BASE.upper())
    assert not is_below(_BASE, _BASE)
    assert not is_below("CN=g\\,OU=Cloud Groups,DC=contoso,DC=com", _BASE)
    assert not is_below(f"CN=g,OU=Not {_BASE[3:]}", _BASE)
    assert not is_below(_BASE, "")


def test_bytes_that_are_not_utf8_survive() -> None:
    parsed = parse_dn("CN=\\FF\\fe,DC=x")
    assert parsed[0] == (("cn", "\udcff\udcfe"),)
    assert rdn("CN", parsed[0][0][1]) == "CN=\\FF\\FE"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "Cloud Groups",
        "OU=",
        "OU=a,",
        ",OU=a",
        "OU=a,,DC=x",
        "OU=a;DC=x",
        'OU="a,b",DC=x',
        "OU=a<b,DC=x",
        "OU=a\\",
        "OU=a\\q,DC=x",
        "O U=a",
        "=a",
        "OU=#zz",
        "OU=#0403",
        "OU=a+CN=b,DC=x",
        "OU=a\ud800,DC=x",
    ],
)
def test_malformed_names_are_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate_dn(text, parameter="target_ou")
    assert caught.value.code == "malformed-dn"
    assert caught.value.values["parameter"] == "target_ou"
    assert "target_ou" in caught.value.message


def test_a_good_name_is_returned_without_white_space_around() -> None:
    assert validate_dn(f" {_BASE}\n", parameter="target_ou") == _BASE


@pytest.mark.parametrize("value", ["", "a\ud800"])
def test_no_object_is_named_with_nothing(value: str) -> None:
    with pytest.raises(UsageError):
        rdn("CN", value)


@pytest.mark.parametrize("name", ["", "c n", "cn="])
def test_attribute_types_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="attribute type"):
        rdn(name, "x")


@pytest.mark.parametrize("text", ["", "Ada Lovelace", "CN=a,", "CN=\\", "CN=\ud800"])
def test_foreign_text_that_is_no_dn_has_no_key(text: str) -> None:
    assert normalize_foreign_dn(text) is None
    assert normalize_foreign_dn("CN=A,DC=x") == normalize_dn("cn=a,dc=X")
