"""What page 1 of a record says: what for, how it ended, what changes for whom, who, when, risk and way back. Pure.

It is told from record.json and what lies beside it, for record.html as for Markdown and JSON for a ticket. Whatever
stands in those files is shown as text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib.change.approvals.given import approvals_told
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.moment import moment_in, to_the_second, with_its_zone
from runbook_lib.model.outcome import Ending, Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.record.beside import ApprovedRun, Beside, DriftRow
from runbook_lib.record.mappings import mapping_in, outcome_in
from runbook_lib.record.planned_groups import GroupSaid, LeftAlone, groups_left_alone, groups_said, totals_of
from runbook_lib.record.risk import Risk, back_sentences, risk_of, undo_line
from runbook_lib.shown.start import NOTEBOOKS

Local = Callable[[datetime], datetime]
"""A time in the zone of the people who read the record."""


@dataclass(frozen=True, slots=True)
class PersonOrPlace:
    """One line with its caption.

    Attributes:
        key: Its name for machines.
        text: What is said.
        link: Where more of it is, below the record's own folder or beside it; empty: nowhere.
    """

    key: str
    caption: Text
    text: Text
    link: str = ""


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Page 1.

    Attributes:
        title: What the run was for.
        ending: How it ended, in words.
        outcome: How it ended; None: it has not.
        headline: How far it came, in a sentence.
        problem: What stopped it and what to do, where it did not end as asked; both may be empty.
        reason: Why, in the words of whoever asked.
        people: Who asked, ran and approved, when and where.
        heading: Of what changes.
        groups: What changes, by group.
        number: How many groups these are.
        totals: Their members in the cloud, in AD already, added, removed and left out.
        left_alone: Selected groups that are not changed, and why.
        in_step: Selected groups that need nothing.
        differences: What a comparison found.
        risk: What it can do.
        back: How to get back.
        back_line: The command for it; empty where nothing was written.
        gaps: What the record does not prove.
    """

    change_id: str
    run_id: str
    title: Text
    ending: Ending
    outcome: Outcome | None
    headline: Text
    problem: tuple[str, str]
    reason: str
    people: tuple[PersonOrPlace, ...]
    heading: Text
    groups: tuple[GroupSaid, ...]
    number: int
    totals: tuple[int, ...]
    left_alone: tuple[LeftAlone, ...]
    in_step: int
    differences: tuple[DriftRow, ...]
    risk: Risk
    back: tuple[Text, ...]
    back_line: Text
    gaps: tuple[str, ...]


OPEN_ENDING = Ending(t("Open"), t("The run has given no verdict yet."))


def first_page(facts: Mapping[str, Any], beside: Beside, *, place: str, local: Local) -> FirstPage:
    """Tell it.

    Args:
        facts: What record.json holds, every key present.
        beside: What lies beside it.
        place: The record's folder as people write it.
        local: A time in the readers' zone.
    """
    outcome = outcome_in(facts)
    error = mapping_in(facts.get("error"))
    return FirstPage(
        change_id=str(facts.get("change_id")),
        run_id=str(facts.get("run_id")),
        title=_title(facts),
        ending=ending_of_facts(outcome, facts.get("error")) if outcome else OPEN_ENDING,
        outcome=outcome,
        headline=_headline(facts, beside, outcome),
        problem=(str(error.get("message") or ""), str(error.get("hint") or "")),
        reason=str(mapping_in(facts.get("parameters")).get("reason") or ""),
        people=tuple(_people(facts, beside, outcome, local)),
        heading=_heading(facts, outcome),
        groups=(groups := groups_said(facts, beside.plan)),
        number=sum(bool(group.name) for group in groups),
        totals=totals_of(groups),
        left_alone=groups_left_alone(beside.plan),
        in_step=beside.plan.in_step if beside.plan else 0,
        differences=beside.differences,
        risk=risk_of(facts, beside),
        back=tuple(back_sentences(facts, beside, outcome)),
        back_line=undo_line(beside, place, outcome),
        gaps=tuple(map(str, facts.get("gaps") or ())),
    )


def _title(facts: Mapping[str, Any]) -> Text:
    plan = mapping_in(facts.get("plan"))
    number = plan.get("groups")
    where = str(mapping_in(facts.get("target")).get("domain") or t("the domain"))
    if isinstance(number, int) and number:
        groups = counted(number, "group")
        titles = {
            Operation.ENABLE.value: t("Enable writeback of {groups} to {where}", groups=groups, where=where),
            Operation.DISABLE.value: t("Disable writeback of {groups} to {where}", groups=groups, where=where),
            Operation.UNDO.value: t("Undo a change of {groups} in {where}", groups=groups, where=where),
        }
        if title := titles.get(str(plan.get("operation"))):
            return title
    name = str(mapping_in(facts.get("notebook")).get("name"))
    return next((what for notebook, what, _ in NOTEBOOKS if notebook == name), verbatim(name))


def _headline(facts: Mapping[str, Any], beside: Beside, outcome: Outcome | None) -> Text:
    """How far it came, beyond what the ending says; may be empty."""
    if beside.differences:
        return t("{differences} between AD and the cloud.", differences=counted(len(beside.differences), "difference"))
    if beside.inventory:
        states, kinds = (Counter(one[place] for one in beside.inventory) for place in (0, 1))
        return t(
            "{groups} on both sides. By state: {states}. By kind: {kinds}.",
            groups=counted(len(beside.inventory), "group"),
            states=_amounts(states),
            kinds=_amounts(kinds),
        )
    changes = mapping_in(facts.get("changes"))
    planned, done = changes.get("planned"), changes.get("done")
    if not isinstance(planned, int) or not isinstance(done, int) or not planned:
        return NOTHING
    if outcome is Outcome.AWAITING_APPROVAL and not done:
        waiting = counted(planned, "change")
        return t("{waiting} planned; nothing has been written.", waiting=waiting)
    if outcome is Outcome.PARTIAL and beside.written is not None:
        return t(
            "{changes} approved, {writes} written so far.",
            changes=counted(len(beside.written.approved), "change"),
            writes=counted(beside.written.changed, "write"),
        )
    return t("{done} of {planned} carried out.", done=done, planned=counted(planned, "change"))


def _amounts(counts: Mapping[str, int]) -> Text:
    """``6 written, 60 not-written``: the most first."""
    sorted_counts = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return joined((t("{count:,} {state}", count=count, state=name) for name, count in sorted_counts), ", ")


def _heading(facts: Mapping[str, Any], outcome: Outcome | None) -> Text:
    if not mapping_in(facts.get("changes")).get("planned"):
        return t("The groups, as they are")
    if outcome in (Outcome.DONE, Outcome.VERIFICATION_FAILED):
        return t("What was changed")
    if outcome is Outcome.AWAITING_APPROVAL or outcome is None:
        return t("What will change, once approved")
    return t("What was planned")


def _people(facts: Mapping[str, Any], beside: Beside, outcome: Outcome | None, local: Local) -> Iterator[PersonOrPlace]:
    asked = str(mapping_in(facts.get("parameters")).get("requested_by") or "")
    yield PersonOrPlace(
        "requested_by", t("Asked for by"), verbatim(asked) if asked else t("not said (parameter requested_by)")
    )
    yield PersonOrPlace("run_by", t("Run by"), _ran_by(mapping_in(facts.get("ran_by"))))
    if isinstance(facts.get("plan"), Mapping):
        yield _approved(facts, beside.approved_before, outcome, local)
    yield PersonOrPlace("when", t("When"), _when(facts, local))
    target = mapping_in(facts.get("target"))
    yield PersonOrPlace("tenant", t("Tenant"), _known(target.get("tenant")))
    yield PersonOrPlace("domain", t("Domain"), _domain(target))
    if target.get("ou"):
        yield PersonOrPlace("ou", t("OU of written groups"), _known(target.get("ou")))


def _ran_by(who: Mapping[str, Any]) -> Text:
    cloud, directory = mapping_in(who.get("cloud")), mapping_in(who.get("directory"))
    parts = [t("{account} on {host}", account=_known(who.get("account")), host=_known(who.get("host")))]
    if name := cloud.get("user_principal_name"):
        parts.append(t("in Entra ID as {name}", name=name))
    elif name := cloud.get("client_id"):
        parts.append(t("in Entra ID as the app {name}", name=name))
    if name := directory.get("identity"):
        parts.append(t("in AD as {name}", name=str(name).removeprefix("u:")))
    return joined(parts, "; ")


def _approved(
    facts: Mapping[str, Any], before: ApprovedRun | None, outcome: Outcome | None, local: Local
) -> PersonOrPlace:
    key, caption = "approved_by", t("Approved by")
    approval = facts.get("approval")
    if isinstance(approval, Mapping):
        said = joined((_approval(one, local) for one in approvals_told(approval)), "; ")
        return PersonOrPlace(key, caption, said, _approval_file(approval))
    plan = mapping_in(facts.get("plan"))
    planned = mapping_in(facts.get("changes")).get("planned")
    if outcome is Outcome.AWAITING_APPROVAL or (outcome is None and planned):
        return PersonOrPlace(key, caption, t("nobody yet; the phrase to type is {phrase}", phrase=plan.get("phrase")))
    if before is not None:
        said = t(
            "{approval}, for the run {run} of this change",
            approval=_approval(before.approval, local),
            run=before.run_id,
        )
        return PersonOrPlace(key, caption, said, f"../{before.run_id}/record.html" if before.page else "")
    return PersonOrPlace(key, caption, t("nobody: nothing was left to approve") if not planned else t("nobody"))


def _approval(approval: Mapping[str, Any], local: Local) -> Text:
    """``Alex Approver, 2026-11-30 16:50 UTC, valid until …``."""
    name, until = _known(approval.get("approver")), time_text(approval.get("until"), local)
    if approval.get("kind") == "standing":
        return t("{name}, in advance, until {until}", name=name, until=until)
    if approval.get("approved") is None:
        return name
    at = time_text(approval.get("approved"), local)
    return t("{name}, {at}; valid until {until}", name=name, at=at, until=until)


def _approval_file(approval: Mapping[str, Any]) -> str:
    name = approval.get("file")
    return f"../approvals/{name}" if isinstance(name, str) and name and "/" not in name else ""


def _when(facts: Mapping[str, Any], local: Local) -> Text:
    started, ended = facts.get("started"), facts.get("ended")
    seconds = duration(facts)
    if ended is None:
        return t("began {started}", started=time_text(started, local))
    if seconds is None:
        return t("{started} to {ended}", started=time_text(started, local), ended=time_text(ended, local))
    return t("{started}, {seconds:.1f} s", started=time_text(started, local), seconds=seconds)


def duration(facts: Mapping[str, Any]) -> float | None:
    """Seconds from begin to end; None where they are not known or the clock was set back in between."""
    begin, end = moment_in(facts.get("started")), moment_in(facts.get("ended"))
    if begin is None or end is None or end < begin:
        return None
    return (end - begin).total_seconds()


def time_text(value: object, local: Local) -> Text:
    """A time of record.json in the readers' zone and UTC; what is none as it is."""
    at = moment_in(value)
    if at is None:
        return t("not known") if value is None else verbatim(str(value))
    here, utc = local(at), verbatim(to_the_second(str(value)))
    if not here.utcoffset():
        return utc
    return t("{here} ({utc})", here=with_its_zone(here), utc=utc)


def _domain(target: Mapping[str, Any]) -> Text:
    if target.get("dc"):
        return t("{domain}, domain controller {dc}", domain=_known(target.get("domain")), dc=target.get("dc"))
    return _known(target.get("domain"))


def _known(value: object) -> Text:
    return t("not known") if value is None else verbatim(str(value))
