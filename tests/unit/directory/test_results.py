"""LDAP results and AD's numbers as errors in words."""

from __future__ import annotations

import pytest

from runbook_lib.directory.errors import (
    DirectoryUnavailable,
    EntryExists,
    LdapOperation,
    ObjectMissing,
    RightsMissing,
    ValueConflict,
    bind_error,
    ldap_error_of,
    windows_error,
)
from runbook_lib.errors import NoAccess, Refused, RunbookError, ServiceFailed

_CASES: list[tuple[int, str, LdapOperation, type[RunbookError], str]] = [
    (
        68,
        "00002071: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS), data 0\n\x00",
        "add",
        EntryExists,
        "entry-exists",
    ),
    (68, "00000524: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS)", "add", EntryExists, "account-name-exists"),
    (68, "00002071: samldb: samAccountName 'grp0' already in use!", "add", EntryExists, "account-name-exists"),
    (68, "00000562: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS)", "modify", ValueConflict, "value-conflict"),
    (68, "Attribute member already exists for target GUID 1", "modify", ValueConflict, "value-conflict"),
    (53, "00000561: SvcErr: DSID-031A1254, problem 5003 (WILL_NOT_PERFORM)", "modify", ValueConflict, "value-conflict"),
    (53, "Attribute member already deleted for target GUID 1", "modify", ValueConflict, "value-conflict"),
    (53, "0000052D: SvcErr: DSID-031A1254", "modify", Refused, "directory-unwilling"),
    (20, "00002083: AtrErr: DSID-03153438", "modify", ValueConflict, "value-conflict"),
    (16, "00002085: AtrErr: DSID-03153438", "modify", ValueConflict, "value-conflict"),
    (16, "00000057: LdapErr: DSID-0C090D8A", "modify", Refused, "attribute-unknown"),
    (16, "acl_modify: attribute 'x' on entry 'y' was not found in the schema!", "modify", Refused, "attribute-unknown"),
    (19, "00002081: AtrErr: DSID-03151904", "modify", ValueConflict, "value-conflict"),
    (19, "00002082: AtrErr: DSID-03151904", "modify", Refused, "value-out-of-range"),
    (19, "000020B5: AtrErr: DSID-03152804", "modify", ObjectMissing, "reference-missing"),
    (32, "00000525: NameErr: DSID-031A11B2, problem 2001 (NO_OBJECT)", "modify", ObjectMissing, "reference-missing"),
    (32, "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT)", "modify", ObjectMissing, "object-missing"),
    (32, "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT)", "add", ObjectMissing, "parent-missing"),
    (80, "00002095: objectclass: Cannot rename x, parent does not exist!", "move", ObjectMissing, "parent-missing"),
    (50, "00002098: SecErr: DSID-03150F94", "modify", RightsMissing, "insufficient-rights"),
    (4, "", "search", ServiceFailed, "incomplete-read"),
    (3, "", "search", ServiceFailed, "incomplete-read"),
    (11, "", "search", ServiceFailed, "incomplete-read"),
    (12, "00000057: LdapErr: Error processing control", "search", ServiceFailed, "control-unsupported"),
    (10, "0000202B: RefErr: DSID-0310084A", "read", Refused, "other-domain"),
    (8, "00002028: LdapErr: DSID-0C0903D9", "read", NoAccess, "stronger-sign-in-required"),
    (1, "000004DC: LdapErr: DSID-0C090A5C", "search", NoAccess, "not-bound"),
    (51, "", "search", DirectoryUnavailable, "directory-unavailable"),
    (52, "", "add", DirectoryUnavailable, "directory-unavailable"),
    (99, "", "add", ServiceFailed, "ldap-failed"),
]


@pytest.mark.parametrize(("code", "message", "operation", "kind", "name"), _CASES)
def test_results_become_errors(
    code: int, message: str, operation: LdapOperation, kind: type[RunbookError], name: str
) -> None:
    error = ldap_error_of({"result": code, "description": "x", "message": message}, operation=operation, dn="CN=a,DC=x")
    assert type(error) is kind
    assert error.code == name
    assert error.values["dn"] == "CN=a,DC=x"
    assert error.values["result"] == code
    assert "\x00" not in error.message
    assert f"LDAP result {code}" in error.message


_REASONS = [
    ("525", "account-unknown", "no such account"),
    ("52e", "wrong-password", "wrong user name or password"),
    ("530", "logon-hours", "at this hour"),
    ("531", "logon-workstation", "from this computer"),
    ("532", "password-expired", "password has expired"),
    ("533", "account-disabled", "disabled"),
    ("534", "logon-type", "over the network"),
    ("701", "account-expired", "account has expired"),
    ("773", "must-change-password", "must change its password"),
    ("775", "locked-out", "locked out"),
    ("7ff", "refused", "refused user name and password"),
]


@pytest.mark.parametrize(("data", "reason", "words"), _REASONS)
def test_a_refused_bind_says_why(data: str, reason: str, words: str) -> None:
    message = f"80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data {data}, v4563\x00"
    error = bind_error({"result": 49, "message": message}, user="svc@contoso.com")
    assert isinstance(error, NoAccess)
    assert (error.code, error.values["reason"]) == ("bind-refused", reason)
    assert words in error.message
    assert "svc@contoso.com" in error.message


def test_channel_binding_is_told_from_a_wrong_password() -> None:
    error = bind_error({"result": 49, "message": "80090346: LdapErr: DSID-0C0905DE, comment: AcceptSecurityContext"})
    assert error.values["reason"] == "channel-binding"


def test_a_referral_is_told_and_not_followed() -> None:
    url = "ldap://child.contoso.com/DC=child,DC=contoso,DC=com"
    error = ldap_error_of(
        {"result": 10, "message": "0000202B: RefErr", "referrals": [url]}, operation="read", dn="DC=c"
    )
    assert url in error.message
    assert "never followed" in error.message
    assert error.values["referrals"] == [url]
    assert "referrals" not in ldap_error_of({"result": 10, "message": ""}, operation="read").values


@pytest.mark.parametrize("code", [8, 13])
def test_signing_that_is_asked_for_is_said_with_what_to_set(code: int) -> None:
    message = "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking"
    for error in (
        bind_error({"result": code, "message": message}),
        ldap_error_of({"result": code}, operation="search"),
    ):
        assert (type(error), error.code) == (NoAccess, "stronger-sign-in-required")
        assert "dc_host" in error.hint
        assert "bind_method" in error.hint


def test_the_servers_words_cannot_steer_a_terminal() -> None:
    error = ldap_error_of({"result": 53, "message": "\x1b[31mred\n"}, operation="modify", dn="CN=\u202ex")
    assert "\x1b" not in error.message
    assert "\u202e" not in error.message


@pytest.mark.parametrize(("text", "number"), [("00002098: SecErr", 0x2098), ("no number", None), ("12: x", None)])
def test_windows_errors(text: str, number: int | None) -> None:
    assert windows_error(text) == number
