"""What can be said about values without a network."""

from __future__ import annotations

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.model.dn import MalformedDnError, Rdn, parse_dn, same_dn
from runbook_lib.parameters.connections import require_dn, split_server
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.parameters.validate import require, require_group_type

GUID = "11111111-2222-3333-4444-555555555555"


def code_of(**values: object) -> str | None:
    try:
        parameters_from_values(values, source="test")
    except UsageError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"tenant_id": GUID[:-1]}, "malformed-guid"),
        ({"client_id": f"{{{GUID}}}"}, "malformed-guid"),
        ({"select_ids": [GUID, "x"]}, "malformed-guid"),
        ({"disable_ids": [GUID, "x"]}, "malformed-guid"),
        ({"graph_url": "http://graph.microsoft.com"}, "malformed-url"),
        ({"graph_url": "https://"}, "malformed-url"),
        ({"graph_url": "https://graph.microsoft.com/v1.0"}, "malformed-url"),
        ({"graph_url": "https://graph.microsoft.com?x"}, "malformed-url"),
        ({"graph_url": "https://[::1"}, "malformed-url"),
        ({"authority_url": "https://localhost:99999"}, "malformed-url"),
        ({"authority_url": "https://a b"}, "malformed-url"),
        ({"dc_host": "ldaps://dc01.contoso.com"}, "malformed-host"),
        ({"dc_host": "dc01.contoso.com:636"}, "malformed-host"),
        ({"dc_host": "dc 01"}, "malformed-host"),
        ({"change_id": "../x"}, "bad-change-id"),
        ({"change_id": "a/b"}, "bad-change-id"),
        ({"change_id": ".."}, "bad-change-id"),
        ({"change_id": "CHG1."}, "bad-change-id"),
        ({"change_id": "con"}, "bad-change-id"),
        ({"change_id": "LPT1.x"}, "bad-change-id"),
        ({"change_id": "Index.html"}, "bad-change-id"),
        ({"change_id": "x" * 65}, "bad-change-id"),
        ({"change_id": "approvals"}, "bad-change-id"),
        ({"change_id": "Closings"}, "bad-change-id"),
        ({"change_id": "CHG1\n"}, "control-character"),
        ({"change_id": "CHÄNGE"}, "bad-change-id"),
        ({"target_ou": "Cloud Groups"}, "malformed-dn"),
        ({"retired_ou": "OU=a,,DC=b"}, "malformed-dn"),
        ({"protected_ous": ["OU=a,DC=b", "OU=a"]}, "malformed-dn"),
        ({"target_ou": "OU=a,DC=b", "retired_ou": "ou=A, dc=B"}, "same-ou"),
        ({"target_ou": "OU=a\\2cb,DC=b", "retired_ou": "OU=a\\,b,DC=b"}, "same-ou"),
        ({"attest_connect_v1_off_by": "A", "attest_connect_v1_off_until": "31.12.2026"}, "malformed-date"),
        ({"attest_connect_v1_off_by": "A", "attest_connect_v1_off_until": "20261231"}, "malformed-date"),
        ({"attest_connect_v1_off_by": "A", "attest_connect_v1_off_until": "2026-W53-4"}, "malformed-date"),
        ({"attest_connect_v1_off_by": "A"}, "incomplete-attestation"),
        ({"attest_connect_v1_off_until": "2026-12-31"}, "incomplete-attestation"),
        ({"sam_account_name_pattern": "Group"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Group_{name}{id}"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Group_{id12!r}"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Group_{id12:>20}"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Group_{id.__class__}"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Group_{id12"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "Gr/oup_{id12}"}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "{id12}."}, "bad-sam-pattern"),
        ({"sam_account_name_pattern": "x" * 245 + "{id12}"}, "bad-sam-pattern"),
        ({"select_names": [" "]}, "empty-name"),
        ({"disable_names": [" "]}, "empty-name"),
        ({"groups_domain": "contoso"}, "malformed-domain"),
        ({"groups_domain": "groups@contoso.com"}, "malformed-domain"),
        ({"dns_servers": ["dns.contoso.com"]}, "malformed-dns-server"),
        ({"dns_servers": ["192.0.2.1", "192.0.2.1:0"]}, "malformed-dns-server"),
        ({"dns_servers": ["[2001:db8::1"]}, "malformed-dns-server"),
        ({"dns_servers": ["[2001:db8::1]53"]}, "malformed-dns-server"),
        ({"check_routes": []}, "empty-check-routes"),
        ({"records_dir": ""}, "empty-records-dir"),
        ({"approvers": ["Kim", "group:"]}, "empty-approver"),
        ({"approvers": ["Kim", "signer:"]}, "empty-approver"),
        ({"approvers": ["signer:kim"]}, "signer-without-trust"),
        ({"time_stamp_url": "http://tsa.contoso.com", "time_stamp_ca_file": "ca.pem"}, "incomplete-time-stamp"),
        ({"time_stamp_url": "http://tsa.contoso.com", "signing_key": "key.pem"}, "incomplete-time-stamp"),
        (
            {"time_stamp_url": "ftp://tsa.contoso.com", "signing_key": "k.pem", "time_stamp_ca_file": "ca.pem"},
            "malformed-url",
        ),
        ({"time_stamp_url": "http://[::1", "signing_key": "k.pem", "time_stamp_ca_file": "ca.pem"}, "malformed-url"),
        ({"undo_record": "a\0b"}, "control-character"),
        ({"reason": "a\x1b[2J"}, "control-character"),
    ],
)
def test_values_that_cannot_be_right(values: dict[str, object], code: str) -> None:
    assert code_of(**values) == code


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"tenant_id": GUID.upper(), "select_ids": [GUID]},
        {"graph_url": "https://localhost:8443", "authority_url": "https://127.0.0.1:8443/"},
        {"graph_url": "https://[::1]:8443"},
        {"dc_host": "localhost"},
        {"dc_host": "dc01.contoso.com"},
        {"dc_host": "::1"},
        {"change_id": "CHG0012345"},
        {"change_id": "CHG-1_a.b"},
        {"target_ou": "OU=a,DC=b", "retired_ou": "OU=r,DC=b", "protected_ous": ["CN=Users,DC=b"]},
        {"attest_connect_v1_off_by": "A", "attest_connect_v1_off_until": "2026-12-31"},
        {"sam_account_name_pattern": "gwb {id}"},
        {"reason": "first line\nsecond line"},
    ],
)
def test_values_that_can_be_right(values: dict[str, object]) -> None:
    assert code_of(**values) is None


def test_normal_forms() -> None:
    parameters = parameters_from_values(
        {"client_id": "AAAAAAAA-0000-0000-0000-00000000000F", "graph_url": "https://g/"}, source="test"
    )
    assert parameters.client_id == "aaaaaaaa-0000-0000-0000-00000000000f"
    assert parameters.graph_url == "https://g"


def test_ids_are_written_in_lower_case() -> None:
    parameters = parameters_from_values({"select_ids": [GUID.upper()], "disable_ids": [GUID.upper()]}, source="test")
    assert (parameters.select_ids, parameters.disable_ids) == ([GUID], [GUID])


def test_an_unknown_group_type_is_told_the_two_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values({"group_type": "mail"}, source="test")
    assert "must be 'distribution' or 'security'" in caught.value.message


def test_a_missing_group_type_is_asked_for_with_what_each_is_for() -> None:
    with pytest.raises(UsageError) as caught:
        require_group_type(parameters_from_values({}, source="test"))
    assert caught.value.code == "group-type-missing"
    assert [line.split("  ")[0] for line in caught.value.choices] == [
        'group_type: "security"',
        'group_type: "distribution"',
    ]
    assert "rights" in caught.value.choices[0]
    assert "no rights" in caught.value.choices[1]
    for choice in ("security", "distribution"):
        require_group_type(parameters_from_values({"group_type": choice}, source="test"))


def test_require_names_everything_that_is_missing() -> None:
    parameters = parameters_from_values({"change_id": "CHG1"}, source="test")
    require(parameters, "change_id")
    with pytest.raises(UsageError) as caught:
        require(parameters, "change_id", "tenant_id", "select_ids")
    assert caught.value.code == "parameter-missing"
    assert caught.value.values["missing"] == ["tenant_id", "select_ids"]
    assert "tenant_id, select_ids" in caught.value.message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("DC=com", ((("dc", "com"),),)),
        ("OU=Cloud Groups,DC=contoso,DC=com", ((("ou", "Cloud Groups"),), (("dc", "contoso"),), (("dc", "com"),))),
        (" ou = a , dc=b", ((("ou", "a"),), (("dc", "b"),))),
        ("OU=a\\,b,DC=c", ((("ou", "a,b"),), (("dc", "c"),))),
        ("OU=\\ a\\ ,DC=c", ((("ou", " a "),), (("dc", "c"),))),
        ("OU=\\C3\\A9t\\C3\\A9,DC=c", ((("ou", "été"),), (("dc", "c"),))),
        ("OU=été 🎉,DC=c", ((("ou", "été 🎉"),), (("dc", "c"),))),
        ("OU=a\\\\,DC=c", ((("ou", "a\\"),), (("dc", "c"),))),
        ("2.5.4.11=a,DC=c", ((("ou", "a"),), (("dc", "c"),))),
    ],
)
def test_distinguished_names(text: str, parts: tuple[Rdn, ...]) -> None:
    require_dn(text)
    assert parse_dn(text, strict=True) == parts


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "OU=a", "OU,DC=c", "OU=,DC=c", "=a,DC=c", "O U=a,DC=c", "OU=a,DC=c,", "OU=a+CN=b,DC=c", 'OU="a",DC=c',
        "OU=a<b,DC=c", "OU=a;DC=c", "OU=#41,DC=c", "OU=a\\x,DC=c", "OU=a\\", "OU=\\FF,DC=c", "OU=a=b,DC=c",
        "contoso.com/Groups",
    ],
)  # fmt: skip
def test_text_that_is_no_distinguished_name(text: str) -> None:
    with pytest.raises(MalformedDnError) as caught:
        require_dn(text)
    assert str(caught.value) == caught.value.reason != ""


@pytest.mark.parametrize("text", ["OU=a=b,DC=c", "OU=\\FF,DC=c", "OU=#0c0161,DC=c", "OU=a+CN=b,DC=c"])
def test_a_parameter_takes_less_than_a_directory_may_answer_with(text: str) -> None:
    assert parse_dn(text)
    with pytest.raises(MalformedDnError):
        parse_dn(text, strict=True)
    assert code_of(target_ou=text) == "malformed-dn"


def test_equal_distinguished_names() -> None:
    assert same_dn("OU=Groups,DC=c", "ou=groups , dc=C")
    assert not same_dn("OU=Groups,DC=c", "OU=Group,DC=c")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:8053", ("127.0.0.1", 8053)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("192.0.2.53:65536", None),
        ("192.0.2.53:١", None),
        ("", None),
    ],
)
def test_dns_servers(text: str, server: tuple[str, int] | None) -> None:
    assert split_server(text) == server
