"""Whether a cloud group is in the scope of a Cloud Sync configuration: yes, no, or not to be known.

Sources: Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory" (the fixed filter),
"Scoping filters and attribute mapping - Microsoft Entra ID to Active Directory" (clauses of one group all hold, one
group is enough; operators), "Microsoft Entra provisioning options" (selected groups are assigned).
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.cloud_sync.functions import Value
from runbook_lib.graph.tenant.jobs import CloudSyncJob, ObjectScope, ScopeClause
from runbook_lib.model.cloud import Authority, CloudGroup, CloudKind
from runbook_lib.model.predicted import Known, ScopeAnswer
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

_IN_SCOPE = ScopeAnswer(Known.YES)
_FIXED = frozenset({"securityenabled", "dirsyncenabled", "mailenabled"})
"""What the fixed filter of every configuration asks for."""


def passes_fixed_filter(group: CloudGroup) -> ScopeAnswer:
    """Whether a group can be provisioned to AD at all: security-enabled, not synchronized, not mail-enabled."""
    if group.kind is CloudKind.MICROSOFT_365:
        return _out("microsoft-365", t("Microsoft 365 groups are mail-enabled: Cloud Sync never writes them."))
    if group.kind is not CloudKind.SECURITY:
        return _out("mail-enabled", t("It is mail-enabled: Cloud Sync never writes it."))
    match group.authority:
        case Authority.AD:
            return _out("synchronized", t("It is synchronized from AD: Cloud Sync does not write it back."))
        case Authority.PENDING:
            return _out("rolled-back", t("Its source of authority was given back to AD: it leaves the scope."))
        case Authority.UNKNOWN:
            return _unknown(
                "authority-unknown", t("It came from AD, and whether the cloud has taken it over was not read.")
            )
    return _IN_SCOPE


class JobScope:
    """The scope of one job, asked for any number of groups.

    A configuration with assigned groups is one of selected groups; one without any takes all that its filter takes.
    That nothing is assigned can also mean that nothing was selected yet, which Graph does not show: then a group that
    no filter of the configuration's own takes is UNKNOWN.
    """

    def __init__(self, job: CloudSyncJob, mapping: ObjectScope) -> None:
        self._mapping = mapping
        clauses = (clause for group in mapping.alternatives for clause in group)
        # The fixed filter stands in the schema like one that somebody made.
        self._filters = any(clause.attribute.casefold() not in _FIXED for clause in clauses)
        self._assigned = None if isinstance(job.assigned, Unreadable) else frozenset(job.assigned)

    def answer(self, group: CloudGroup) -> ScopeAnswer:
        """Whether ``group`` is in scope."""
        first = passes_fixed_filter(group)
        if first.known is Known.NO:
            return first
        if self._assigned is None:
            return _unknown("assigned-unread", t("What is assigned to the configuration was not read."))
        if self._assigned and group.id not in self._assigned:
            return _out("not-assigned", t("It is not among the selected groups of the configuration."))
        filtered = _filtered(group, self._mapping)
        if filtered.known is not Known.YES:
            return filtered
        if not self._assigned and not self._filters:
            return _unknown("nothing-selected", t("No group is selected and no filter set: all groups, or none."))
        return first


def values_of(group: CloudGroup) -> dict[str, Value]:
    """What was read of a group, by the names that the schema of group provisioning has for it."""
    return {
        "objectId": group.id,
        "displayName": group.display_name,
        "description": group.description,
        "mail": group.mail,
        "mailNickname": group.mail_nickname,
        "securityEnabled": group.security_enabled,
        "mailEnabled": group.kind is not CloudKind.SECURITY,
        "dirSyncEnabled": bool(group.on_premises_sync_enabled),
        **dict(group.extensions),
    }


def _filtered(group: CloudGroup, mapping: ObjectScope) -> ScopeAnswer:
    if not mapping.alternatives:
        return _IN_SCOPE
    values = {name.casefold(): value for name, value in values_of(group).items()}
    unknown: ScopeClause | None = None
    for clauses in mapping.alternatives:
        answers = [(clause, clause_holds(clause, values)) for clause in clauses]
        if all(known is Known.YES for _, known in answers):
            return _IN_SCOPE
        if not any(known is Known.NO for _, known in answers):
            unknown = unknown or next(clause for clause, known in answers if known is Known.UNKNOWN)
    if unknown is None:
        return _out("filtered", t("The scoping filter of the configuration does not take it."))
    what = printable(f"{unknown.attribute} {unknown.operator}", limit=80)
    return _unknown("filter-unknown", t("The scoping filter asks for what was not read: {what}.", what=what))


def clause_holds(clause: ScopeClause, values: Mapping[str, Value]) -> Known:
    """One comparison of a filter. ``values``: by lower-case attribute; EQUALS and NOT EQUALS look at case.

    Regular expressions are .NET's and not worked out here.
    """
    name = clause.attribute.casefold()
    if name not in values:
        return Known.UNKNOWN
    value = values[name]
    empty = value is None or value == ""
    operator = clause.operator.upper().replace("_", " ").strip()
    if operator in ("IS NULL", "IS NOT NULL"):
        return _known(empty is (operator == "IS NULL"))
    if operator in ("IS TRUE", "IS FALSE") and isinstance(value, bool):
        return _known(value is (operator == "IS TRUE"))
    if operator in ("EQUALS", "NOT EQUALS") and len(clause.values) == 1 and not empty:
        return _known((str(value) == clause.values[0]) is (operator == "EQUALS"))
    return Known.UNKNOWN


def _known(answer: bool) -> Known:
    return Known.YES if answer else Known.NO


def _out(code: str, why: Text) -> ScopeAnswer:
    return ScopeAnswer(Known.NO, code, why)


def _unknown(code: str, why: Text) -> ScopeAnswer:
    return ScopeAnswer(Known.UNKNOWN, code, why)
