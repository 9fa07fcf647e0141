"""Errors of Cloud Sync in words."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cloud_sync.service_errors import ServiceError, known_errors
from runbook_lib.model.untrusted import printable

DOCUMENTED = (
    "TimeOut",
    "HybridSynchronizationActiveDirectoryInternalServerError",
    "HybridIdentityServiceNoAgentsAssigned",
    "HybridIdentityServiceNoActiveAgents",
    "HybridIdentityServiceInvalidResource",
    "HybridIdentityServiceAgentSignalingError",
    "AzureDirectoryServiceServerBusy",
    "AzureActiveDirectoryInvalidCredential",
    "AzureActiveDirectoryExpiredCredentials",
    "AzureActiveDirectoryAuthenticationFailed",
    "EncounteredQuarantineException",
    "EncounteredEscrowProportionThreshold",
    "EncounteredBaseEscrowThreshold",
    "EncounteredTotalEscrowThreshold",
    "QuarantinedOnDemand",
    "TooManyDeletes",
)
"""Codes of "Cloud Sync error codes" and reasons of "synchronizationQuarantine resource type" that have a meaning."""


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_has_a_cause_and_something_to_do(code: str) -> None:
    known = ServiceError(code, "told").known
    assert known is not None
    assert known.code == code


def test_every_line_of_the_table_is_whole() -> None:
    text = files("runbook_lib.cloud_sync").joinpath("service_errors.csv").read_text(encoding="utf-8")
    assert len(known_errors()) == len(text.splitlines()) - 1, "two lines have the same code"
    for known in known_errors().values():
        assert known.source, known.code
        for sentence in (known.cause, known.to_do):
            assert sentence[:1].isupper(), known.code
            assert sentence.endswith("."), known.code


def test_the_number_that_ad_gave_says_more_than_the_code_beside_it() -> None:
    error = ServiceError(
        "HybridSynchronizationActiveDirectoryInternalServerError",
        "00000523: SysErr: DSID-031A1202, problem 22 (Invalid argument), data 0",
    )
    assert "sAMAccountName is not one that AD takes" in error.text
    assert error.text.startswith("HybridSynchronizationActiveDirectoryInternalServerError: 00000523: SysErr")
    assert "cloud_sync_account_name_expression" in error.to_do


@pytest.mark.parametrize("code", ["0000208d", "0000208D"])
def test_codes_are_known_in_any_case(code: str) -> None:
    known = ServiceError("", f"{code}: NameErr").known
    assert known is not None
    assert known.code == "0000208D"


def test_an_unknown_code_is_shown_as_it_came() -> None:
    error = ServiceError("Brand\x1bNew", "Something  happened")
    assert error.known is None
    assert error.to_do == ""
    assert error.text == "Brand\\u001bNew: Something  happened."


def test_nothing_told_says_nothing() -> None:
    assert not ServiceError()
    assert ServiceError().text == ""


@given(st.text(), st.text())
def test_any_text_becomes_one_printable_line(code: str, message: str) -> None:
    text = ServiceError(code, message).text
    assert text == printable(text)
    assert text == "" or text.endswith((".", "!", "?"))
