"""DNs and filters as ldap3 reads them: the tree that was meant, the values that were given, and nothing else."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from hypothesis import given
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.dn import parse_dn as ldap3_parse

from runbook_lib.directory import search
from runbook_lib.model.dn import parse_dn, rdn, same_dn
from tests.support import hostile

_BASE = "OU=Cloud Groups,DC=contoso,DC=com"
_VALUES = hostile.anything(min_size=1, max_size=16, surrogates=False)


_NAMES = {"CN": x509.ObjectIdentifier("2.5.4.13")}
"""cryptography would hold a common name to 64 characters; as a description it may be as long as a group's name."""


@hostile.each(whole_unicode=True, empty=False)
def test_others_read_the_same_dn(text: str) -> None:
    dn = f"{rdn('CN', text)},{_BASE}"
    read = [(part.rfc4514_attribute_name, part.value) for part in x509.Name.from_rfc4514_string(dn, _NAMES)]
    assert read == [("DC", "com"), ("DC", "contoso"), ("OU", "Cloud Groups"), ("2.5.4.13", text)]
    assert parse_dn(dn)[0] == (("cn", text),)
    assert not {"\x00", "\n", "\r"} & set(dn)
    # ldap3 refuses a bare # in the middle, which RFC 4514 allows and Active Directory writes.
    if "#" not in text[1:]:
        assert [name for name, _, _ in ldap3_parse(dn)] == ["CN", "OU", "DC", "DC"]


@given(_VALUES)
def test_others_read_any_name(text: str) -> None:
    (_, _, _, part) = x509.Name.from_rfc4514_string(f"{rdn('CN', text)},{_BASE}", _NAMES)
    assert part.value == text


@given(_VALUES, _VALUES)
def test_two_names_are_one_object_only_where_they_are_one_text(first: str, second: str) -> None:
    one, other = (f"{rdn('CN', text)},{_BASE}" for text in (first, second))
    if same_dn(one, other):
        assert first.lower() == second.lower() or [c.lower() for c in first] == [c.lower() for c in second]
    assert same_dn(one, one.replace("CN=", "cn = ", 1))


def test_twins_stay_two_groups() -> None:
    twins = hostile.unicode_only(hostile.of("twin", "invisible"))
    dns = [f"{rdn('CN', text)},{_BASE}" for text in twins]
    assert all(same_dn(a, b) == (a is b) for a in dns for b in dns)


def _tree(node: Any) -> Any:
    """ldap3's compiled filter as nested tuples."""
    kind = node.getName()
    if kind in ("and", "or"):
        return (kind, *sorted((_tree(part) for part in node[kind]), key=repr))
    if kind == "notFilter":
        return ("not", _tree(node[kind]["innerNotFilter"]))
    if kind == "equalityMatch":
        return ("=", str(node[kind]["attributeDesc"]), bytes(node[kind]["assertionValue"]))
    if kind == "substringFilter":
        (part,) = node[kind]["substrings"]
        return ("starts", str(node[kind]["type"]), part.getName(), bytes(part.getComponent()))
    assert kind == "present"
    return ("present", str(node[kind]))


def _parsed(text: str) -> Any:
    (root,) = parse_filter(text, None, False, False, None, False).elements
    return _tree(compile_filter(root))


@given(_VALUES, _VALUES)
def test_ldap3_reads_the_filter_that_was_meant(first: str, second: str) -> None:
    whole = search.all_of(
        search.equals("cn", first),
        search.any_of(search.starts_with("mail", second), search.present("member"), search.equals("cn", second)),
        search.not_(search.equals("displayName", first)),
    )
    assert whole.isascii()
    one, other = first.encode(), second.encode()
    either = sorted(
        (("starts", "mail", "initial", other), ("present", "member"), ("=", "cn", other)),
        key=repr,
    )
    meant = sorted((("=", "cn", one), ("or", *either), ("not", ("=", "displayName", one))), key=repr)
    assert _parsed(whole) == ("and", *meant)
