"""Addresses by their form: one answer for parameters, sign-in, pages and both directories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.addresses import is_domain, is_host, is_https, smtp_address, smtp_addresses


@pytest.mark.parametrize(
    ("text", "plain", "with_path"),
    [
        ("https://graph.microsoft.com", True, True),
        ("https://127.0.0.1:8443/", True, True),
        ("https://[::1]:8443", True, True),
        ("https://microsoft.com/devicelogin", False, True),
        ("https://microsoft.com/devicelogin?otc=A", False, True),
        ("https://microsoft.com?", False, True),
        ("https://microsoft.com#", False, True),
        ("http://microsoft.com", False, False),
        ("https://", False, False),
        ("https://user@microsoft.com/devicelogin", False, False),
        ("https://:@microsoft.com", False, False),
        ("https://evil.example\\@microsoft.com", False, False),
        ("https://microsoft.com:0", False, False),
        ("https://microsoft.com:99999", False, False),
        ("https://[::1", False, False),
        ("https://micro soft.com", False, False),
        ("https://microsоft.com", False, False),
        ("https://microsoft.com/\x1b[2J", False, False),
        ("javascript:alert(1)//https://microsoft.com", False, False),
    ],
)
def test_https(text: str, plain: bool, with_path: bool) -> None:
    assert (is_https(text), is_https(text, with_path=True)) == (plain, with_path)


def test_hosts() -> None:
    assert all(map(is_host, ["dc1.contoso.com", "dc1", "192.0.2.1", "2001:db8::1", "dc1.contoso.com."]))
    assert not any(map(is_host, ["", "-dc1", "dc_1", "dc1:636", "ldaps://dc1", "a" * 254]))
    assert is_domain("contoso.com")
    assert not is_domain("contoso")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("SMTP:Team@Contoso.com", "team@contoso.com"),
        ("smtp: team@contoso.com ", "team@contoso.com"),
        ("Smtp:a:b@contoso.com", "a:b@contoso.com"),
        ("X500:/o=First/cn=Team", ""),
        ("sip:team@contoso.com", ""),
        ("team@contoso.com", ""),
        ("smtp:", ""),
    ],
)
def test_one_value_of_proxy_addresses(value: str, address: str) -> None:
    assert smtp_address(value) == address


@given(
    st.lists(
        st.sampled_from(["SMTP:B@x.example", "smtp:a@x.example", "smtp:A@X.example", "X400:c", "smtp:m@x.example"])
    )
)
def test_every_address_stands_there_once_and_the_primary_one_first(proxies: list[str]) -> None:
    found = smtp_addresses(" M@x.example ", proxies)
    assert found[0] == "m@x.example"
    assert list(found[1:]) == sorted(set(found[1:]))
    assert set(found) == {"m@x.example", *filter(None, map(smtp_address, proxies))}
    assert smtp_addresses(None, proxies) == tuple(sorted(filter(None, set(map(smtp_address, proxies)))))
