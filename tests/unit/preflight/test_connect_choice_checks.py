"""Selected groups on a route that writes all of them: said, with the way that is unconfirmed, and what it proved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runbook_lib.model.cloud import Tenant
from runbook_lib.model.finding import Severity
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import NothingToCheck, assess
from runbook_lib.preflight.checks import CHECKS, connect_choice
from runbook_lib.preflight.derived import MailGroups
from runbook_lib.preflight.evidence import Evidence
from tests.unit.connect.test_choosing import pending, staged
from tests.unit.preflight.builders import TENANT_ID, evidence, findings, group

SALES, NEWS = group("Sales"), group("News")
ALL = MailGroups(Tenant(TENANT_ID), (SALES, NEWS))


def given(names: list[str], **more: Any) -> Evidence:
    chosen = Parameters.model_validate({"select_names": names, "select_kinds": ["microsoft-365"]})
    return evidence(chosen, groups=ALL, **{"connect_server": None, **more})


def test_nothing_chosen_or_everything() -> None:
    (check,) = [one for one in CHECKS if one.id == "connect-choice"]
    for names in ([], ["*"]):
        (answer,) = check.run(given(names))
        assert isinstance(answer, NothingToCheck)


def test_a_choice_without_rules_gets_the_hand_off() -> None:
    (found,) = findings("connect-choice", given(["Sales"]))
    assert (found.id, found.severity) == ("connect-writes-all", Severity.WARNING)
    assert "1 group selected, and v1 writes 1 group besides" in found.seen
    (offer,) = assess(given(["Sales"]), connect_choice.CHECKS).hand_offs
    assert offer.text.startswith("# UNCONFIRMED")
    assert f"cloudAnchor EQUAL Group_{NEWS.id}" in offer.text
    assert SALES.id not in offer.text


def test_a_choice_that_a_staging_server_proves(tmp_path: Path) -> None:
    read = staged(tmp_path, pending("add", SALES.id))
    (found,) = findings("connect-choice", given(["Sales"], connect_server=read))
    assert (found.id, found.severity) == ("connect-choice-proved", Severity.INFO)


def test_a_choice_that_comes_out_otherwise(tmp_path: Path) -> None:
    read = staged(tmp_path, pending("add", NEWS.id))
    (found,) = findings("connect-choice", given(["Sales"], connect_server=read))
    assert (found.id, found.severity) == ("connect-choice-otherwise", Severity.WARNING)
    assert "1 not chosen, and written: News." in found.seen
    assert "1 chosen, and not written: Sales." in found.seen
    deletes = staged(tmp_path, pending("add", SALES.id), pending("delete", NEWS.id))
    (found,) = findings("connect-choice", given(["Sales"], connect_server=deletes))
    assert (found.id, found.severity) == ("connect-choice-proved", Severity.WARNING)
    assert "1 deleted in AD: News." in found.seen


def test_rules_that_prove_nothing_yet(tmp_path: Path) -> None:
    read = staged(tmp_path, pending_exports=None)
    (found,) = findings("connect-choice", given(["Sales"], connect_server=read))
    assert found.id == "connect-choice-unproved"
    assert "-PendingExports" in found.seen
