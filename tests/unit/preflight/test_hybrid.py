"""The Exchange hybrid procedure: every state of every step from plain readings, and its words as people get them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.dns import DnsAnswer, State
from runbook_lib.exchange.mail import DomainType
from runbook_lib.graph.tenant.parts import Domain
from runbook_lib.model.cloud import Switch
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import SendTestMail, UpdateRecipients
from runbook_lib.preflight.hybrid import HybridProcedure, hybrid_procedure, step_hand_offs
from runbook_lib.preflight.hybrid_state import StepState
from runbook_lib.shown.hybrid import PROCEDURE_COLUMNS, hybrid_rows, hybrid_view
from tests.support import connect_evidence
from tests.unit.preflight.builders import (
    GROUPS,
    ROUTING,
    accepted,
    connector,
    dns,
    domains,
    evidence,
    features,
    flow,
    group,
    groups,
    tenant,
    with_parts,
    written,
)

GOLDEN = Path(__file__).with_name("hybrid.json")
D, M, U = StepState.DONE, StepState.MISSING, StepState.UNKNOWN
ON = {"features": features(v1=Switch.ON)}


def whole(**changed: Any) -> Evidence:
    """Everything is in place, and two groups have arrived."""
    parts: dict[str, Any] = {
        "tenant": tenant(**ON),
        "mail_flow": flow(),
        "mail_domains": domains(),
        "dns": dns(),
        "groups": groups(group("Sales"), group("Team")),
        "written_groups": (written("Sales", book=True), written("Team", book=True)),
        "connect_server": None,
    }
    return evidence(Parameters.model_validate({}), **{**parts, **changed})


def procedure(given: Evidence) -> HybridProcedure:
    return hybrid_procedure(assess(given, CHECKS))


def states(given: Evidence) -> list[StepState]:
    return [step.state for step in procedure(given).steps]


def server(folder: Path, **changed: Any) -> ConnectEvidence:
    return read_connect_evidence(connect_evidence.written(folder, connect_evidence.evidence(**changed)))


def unread(part: str) -> Unreadable:
    return Unreadable(part, "forbidden", t("Not allowed."))


def test_it_ends_done_when_mail_flows_both_ways_as_far_as_directory_and_dns_can_show() -> None:
    found = procedure(whole())
    assert [step.state for step in found.steps] == [D, D, D, D, D, U, D, D]
    assert found.steps[5].optional, "no reading shows a policy of Exchange Online"
    assert (found.state, found.next) == (D, None)
    assert found.text.startswith("Done: mail to Microsoft 365 groups flows both ways as far as directory and DNS")
    assert found.steps[7].hand_offs == (SendTestMail(f"sales@{GROUPS}"),)


FRESH = {
    "tenant": tenant(),
    "mail_flow": flow(
        accepted_domains=(accepted("contoso.com", DomainType.AUTHORITATIVE),),
        send_connectors=(connector("Outbound to Office 365", f"smtp:{ROUTING};1"),),
    ),
    "dns": dns(
        mx=DnsAnswer(GROUPS, "MX", State.NO_NAME),
        autodiscover=DnsAnswer(f"autodiscover.{GROUPS}", "CNAME", State.NO_NAME),
    ),
    "written_groups": (),
}


def test_a_forest_where_nothing_is_done_yet() -> None:
    found = procedure(whole(**FRESH))
    assert [step.state for step in found.steps] == [M, D, M, M, M, U, M, M]
    assert found.next is not None
    assert found.next.number == 1
    assert found.text == (
        "1 of 8 steps done. Next: step 1, Group writeback in Connect Sync, and the rights of its account (missing)."
    )
    assert found.steps[7].to_do == "Finish step 1 first."
    assert [len(step_hand_offs(step)) for step in found.steps] == [1, 0, 2, 1, 1, 1, 0, 0]


CASES: dict[str, tuple[dict[str, Any], dict[int, StepState]]] = {
    "v1 is not readable": ({"tenant": tenant(features=unread("features"))}, {1: U, 8: U}),
    "v1 is on, nothing arrived": ({"written_groups": ()}, {1: U, 7: M, 8: M}),
    "groups without addresses arrived": ({"written_groups": (written("Sales", mail=None),)}, {1: D, 7: M, 8: M}),
    "groups wait for Update-Recipient": ({"written_groups": (written("Sales"),)}, {7: M, 8: M}),
    "hidden groups alone": ({"written_groups": (replace(written("Sales"), hidden=True),)}, {7: U, 8: U}),
    "only this runbook wrote": ({"written_groups": (replace(written("Sales"), by_connect=False),)}, {1: U, 7: M, 8: M}),
    "groups in AD are not readable": ({"written_groups": unread("written_groups")}, {1: U, 7: U, 8: U}),
    "no groups domain": ({"mail_domains": replace(domains(), groups=())}, {2: M, 3: M, 4: M, 8: M}),
    "the domain is not verified": (
        {"tenant": tenant(**ON, domains=(Domain(GROUPS, False, False, False, "Managed", ()),))},
        {2: M},
    ),
    "the domain is the default one": (
        {"tenant": tenant(**ON, domains=(Domain(GROUPS, True, True, False, "Managed", ()),))},
        {2: D},
    ),
    "domains are not readable": ({"tenant": tenant(**ON, domains=unread("domains"))}, {2: U}),
    "MX leads elsewhere": (
        {"dns": dns(mx=DnsAnswer(GROUPS, "MX", State.ANSWERED, ("mail.contoso.com",)))},
        {3: M, 8: M},
    ),
    "DNS does not answer": (
        {"dns": dns(mx=DnsAnswer(GROUPS, "MX", State.FAILED, why=t("It timed out.")))},
        {3: U, 8: U},
    ),
    "DNS was not read": ({"dns": unread("dns")}, {3: U, 8: U}),
    "no organization": ({"mail_flow": flow(organization="")}, {4: M, 5: M, 8: M}),
    "an authoritative domain": (
        {"mail_flow": flow(accepted_domains=(accepted(GROUPS, DomainType.AUTHORITATIVE),))},
        {4: M, 8: M},
    ),
    "the type is not known": (
        {"mail_flow": flow(accepted_domains=(accepted(GROUPS, DomainType.UNKNOWN),))},
        {4: U, 8: U},
    ),
    "the routing domain is not known": ({"mail_domains": domains(routing="")}, {5: U, 8: U}),
    "no hybrid configuration": ({"mail_flow": flow(hybrid=False)}, {8: M}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_state_is_told_and_no_other_step_changes(name: str) -> None:
    changed, expected = CASES[name]
    usual = dict(enumerate([D, D, D, D, D, U, D, D], start=1))
    assert states(whole(**changed)) == list({**usual, **expected}.values())


def test_what_nobody_read_is_never_done() -> None:
    found = procedure(evidence(Parameters.model_validate({})))
    assert {step.state for step in found.steps} == {U}
    assert found.state is U


def test_a_step_that_somebody_accepted_is_done_and_says_by_whom() -> None:
    accepted_by = {"finding": f"dns-mx-elsewhere:{GROUPS}", "by": "Kim", "reason": "gateway", "until": "2027-01-31"}
    elsewhere = dns(mx=DnsAnswer(GROUPS, "MX", State.ANSWERED, ("gateway.contoso.com",)))
    given = replace(whole(dns=elsewhere), parameters=Parameters.model_validate({"acknowledge": [accepted_by]}))
    step = procedure(given).steps[2]
    assert step.state is D
    assert "Acknowledged by Kim until 2027-01-31: gateway" in step.proof


def test_the_server_speaks_for_step_one(tmp_path: Path) -> None:
    failing = connect_evidence.evidence()["scheduler"] | {"staging": True}
    good, staging = server(tmp_path), server(tmp_path, scheduler=failing)
    assert states(whole(connect_server=good))[0] is D
    step = procedure(whole(connect_server=staging)).steps[0]
    assert step.state is M
    assert "is in staging mode" in step.proof
    waiting = procedure(whole(connect_server=good, written_groups=())).steps[0]
    assert waiting.state is U
    (rights,) = [one for one in step_hand_offs(waiting) if "Set-ADSyncUnifiedGroupWritebackPermissions" in one.text]
    assert connect_evidence.CONTAINER in rights.text


def test_update_recipient_is_handed_over_for_the_groups_of_connect_alone() -> None:
    mixed = (written("Sales"), replace(written("Own"), by_connect=False), written("Team", book=True))
    step = procedure(whole(written_groups=mixed)).steps[6]
    assert step.hand_offs == (UpdateRecipients(("CN=Sales,OU=G",)),)


@given(st.lists(st.sampled_from(sorted(CASES)), max_size=3))
def test_mail_is_never_called_done_before_the_steps_that_carry_it(names: list[str]) -> None:
    broken = whole()
    for name in names:
        broken = with_parts(broken, **CASES[name][0])
    found = procedure(broken)
    carried = {step.state for step in found.steps if step.number in (1, 3, 4, 5, 7)}
    assert [step.number for step in found.steps] == list(range(1, 9))
    assert (found.steps[7].state is D) <= (carried == {D})
    assert (found.state is D) is all(step.state is D or step.optional for step in found.steps)
    assert all(step.proof for step in found.steps)
    assert all(step.to_do or step.state is D for step in found.steps)


SCENES: dict[str, dict[str, Any]] = {
    "fresh": FRESH,
    "waiting": {"written_groups": (written("Sales"), written("Team"))},
    "done": {},
}


@pytest.mark.parametrize("scene", SCENES)
def test_its_words_are_those_that_people_get(scene: str) -> None:
    found = procedure(whole(**SCENES[scene])).as_json()
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))[scene]


def test_the_table_and_the_file_hold_every_step() -> None:
    found = procedure(whole(**FRESH))
    view, rows = hybrid_view(found), hybrid_rows(found)
    assert view.text == found.text
    assert [row[0] for row in rows] == list(range(1, 9))
    assert all(len(row) == len(PROCEDURE_COLUMNS) for row in rows)
    for step in found.steps:
        for offer in step_hand_offs(step):
            assert offer.text in str(rows[step.number - 1][-1])
    assert "New-AcceptedDomain" in view.html
    assert "Step 4 · Accepted domain groups.contoso.com" in view.html
