"""Some Microsoft 365 groups are selected, v1 writes all: a way to choose, and what a staging server proves of it."""

from __future__ import annotations

from runbook_lib.connect.choosing import ChoiceProof, prove_choice
from runbook_lib.connect.settings import writeback_settings
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.model.text import NOTHING, counted, joined, t
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.connect_sources import server_of
from runbook_lib.preflight.derived import wanted_names
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import ChooseGroups
from runbook_lib.preflight.parts import GROUPS, WRITTEN_GROUPS

_W, _I = Severity.WARNING, Severity.INFO
_SOURCE = (
    'Microsoft Entra documentation, "Group source of authority guidance" (all or none), "Migrate Microsoft Entra '
    'Connect Sync group writeback V2 to Microsoft Entra Cloud Sync" (cloudNoFlow), "Microsoft Entra Connect: Staging '
    'server and disaster recovery"'
)


def chosen_groups(evidence: Evidence) -> Answers:
    """v1 writes the groups that are selected, and no other one."""
    groups = evidence[GROUPS].groups
    names, _ = wanted_names(groups, evidence.parameters)
    chosen = {as_group_id(name.group_id) for name in names}
    others = sorted((group for group in groups if group.id not in chosen), key=lambda group: group.id)
    if not chosen or not others:
        yield NothingToCheck(t("No Microsoft 365 groups are chosen, or all of them are: v1 writes all or none."))
        return
    server = server_of(evidence)
    proof = None
    if server is not None and writeback_settings(server).choosing:
        there = {as_group_id(one.group_id) for one in evidence.get(WRITTEN_GROUPS) or ()}
        proof = prove_choice(server, chosen, there)
    if proof is not None and not proof.unproved:
        yield _seen(proof, {group.id: group.display_name for group in groups})
        return
    yield Finding(
        id="connect-choice-unproved" if proof else "connect-writes-all",
        severity=_W,
        seen=joined(
            (
                t(
                    "{chosen} selected, and v1 writes {others} besides.",
                    chosen=counted(len(chosen), "group"),
                    others=counted(len(others), "group"),
                ),
                t("Rules of somebody's own choose, and this proves nothing yet: {why}", why=proof.unproved)
                if proof
                else NOTHING,
            )
        ),
        expected=t("All Microsoft 365 groups are meant; or a server in staging mode has shown that others stay out."),
        why=t(
            "Microsoft says that v1 writes all Microsoft 365 groups or none. Rules that keep groups out are documented "
            "for another purpose; that they choose here is unconfirmed, and one that errs deletes groups or writes all."
        ),
        to_do=t(
            "Mean all of them; or let 30-enable-writeback hand the choice over, step by step: rules on a server in "
            "staging mode, and nobody takes it out of staging mode before its evidence proves them."
        ),
        source=_SOURCE,
        values={"chosen": len(chosen), "others": len(others)},
        hand_offs=(ChooseGroups(tuple((group.id, group.display_name) for group in others), len(chosen)),),
        acknowledgeable=True,
    )


def _seen(proof: ChoiceProof, names: dict[GroupId, str]) -> Finding:
    good = proof.as_chosen
    return Finding(
        id="connect-choice-proved" if good else "connect-choice-otherwise",
        severity=_W if proof.deleted or not good else _I,
        seen=proof.in_words(names),
        expected=t("It writes the selected groups and no other one, and deletes what is meant to go."),
        why=t(
            "Its pending exports are what it does to AD when it becomes the active server; the choice stays a rule "
            "that Microsoft does not document for this."
        ),
        to_do=NOTHING
        if good and not proof.deleted
        else t("Mend the rules there, and look again, before anybody leaves staging."),
        source=_SOURCE,
        values={
            "exported": list(proof.exported),
            "deleted": list(proof.deleted),
            "unwanted": list(proof.unwanted),
            "missing": list(proof.missing),
        },
        acknowledgeable=True,
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "connect-choice",
        t("v1 writes the groups that are selected"),
        (GROUPS,),
        on(connect_sync=_W),
        chosen_groups,
    ),
)
