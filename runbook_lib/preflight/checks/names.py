"""Names that the selected groups would get: free, different from each other, and such as AD takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runbook_lib.inventory.naming import cut_units
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, joined, t
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.derived import NewName
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import NAMES

_CN_UNITS, _ACCOUNT_UNITS = 64, 256
"""UTF-16 units: rangeUpper of cn and sAMAccountName ([MS-ADA1], [MS-ADA3])."""
_ACCOUNT_FORBIDDEN = '"/\\[]:;|=,+*?<>'
"""[MS-SAMR] 3.1.1.8.4."""


def _not_seen(evidence: Evidence) -> Answers:
    """What was selected and not looked up, or that nothing was selected."""
    yield from looked_up(evidence)
    if not evidence[NAMES].wanted:
        yield NothingToCheck(t("No Microsoft 365 group is selected."))


def collisions(evidence: Evidence) -> Answers:
    """No object has a name that a selected group would get."""
    yield from _not_seen(evidence)
    ahead = evidence[NAMES]
    for name in ahead.wanted:
        for taken in ahead.taken:
            if name.group_id in taken.group_ids:
                continue  # It is this group, written already.
            same = [
                what
                for what, mine, theirs in (
                    ("RDN", name.common_name, taken.common_name),
                    ("sAMAccountName", name.account_name, taken.account_name),
                )
                if mine.casefold() == theirs.casefold()
            ]
            if same:
                yield Finding(
                    id=f"name-taken:{name.group_id}",
                    severity=Severity.WARNING,
                    seen=t(
                        "{display_name!r} would get the {same} of {taken_dn}.",
                        display_name=name.display_name,
                        same=joined(same, t(" and ")),
                        taken_dn=taken.dn,
                    ),
                    expected=t("Names that nobody has."),
                    why=t("The plan refuses this group (collision) and writes the others."),
                    to_do=t("Rename or remove that object, or choose another rdn_style or sam_account_name_pattern."),
                    values={"group_id": name.group_id, "dn": taken.dn, "names": same},
                    acknowledgeable=True,
                )


def twins(evidence: Evidence) -> Answers:
    """No two selected groups would get the same name."""
    yield from _not_seen(evidence)
    wanted = evidence[NAMES].wanted
    for what, of in (("RDN", _common), ("sAMAccountName", _account)):
        for text, count in Counter(map(of, wanted)).items():
            if count > 1:
                ids = [name.group_id for name in wanted if of(name) == text]
                yield Finding(
                    id=f"names-equal:{what}:{text}",
                    severity=Severity.WARNING,
                    seen=t(
                        "{count} selected groups would get the {what} {text!r}: {ids}.",
                        count=count,
                        what=what,
                        text=text,
                        ids=", ".join(ids),
                    ),
                    expected=t("A name for each."),
                    why=t("The plan refuses all of them."),
                    to_do=t("Choose rdn_style: id, or a sam_account_name_pattern with {{id12}} or {{id}}."),
                    values={"name": text, "group_ids": ids},
                    acknowledgeable=True,
                )


def _common(name: NewName) -> str:
    return name.common_name.casefold()


def _account(name: NewName) -> str:
    return name.account_name.casefold()


def limits(evidence: Evidence) -> Answers:
    """Every name is one that AD takes."""
    yield from _not_seen(evidence)
    for name in evidence[NAMES].wanted:
        wrong = []
        if cut_units(name.common_name, _CN_UNITS) != name.common_name:
            wrong.append(t("its RDN is longer than {cn_units} UTF-16 units", cn_units=_CN_UNITS))
        if cut_units(name.account_name, _ACCOUNT_UNITS) != name.account_name:
            wrong.append(
                t("its sAMAccountName is longer than {account_units} UTF-16 units", account_units=_ACCOUNT_UNITS)
            )
        if bad := sorted(set(_ACCOUNT_FORBIDDEN) & set(name.account_name)):
            wrong.append(t("its sAMAccountName holds {bad}", bad=" ".join(bad)))
        elif name.account_name.endswith("."):
            wrong.append(t("its sAMAccountName holds a full stop at its end"))
        if wrong:
            yield Finding(
                id=f"name-not-possible:{name.group_id}",
                severity=Severity.BLOCKING,
                seen=t(
                    "{display_name!r} cannot be created: {wrong}.",
                    display_name=name.display_name,
                    wrong="; ".join(wrong),
                ),
                expected=t("Names within AD's limits."),
                why=t("AD refuses the create."),
                to_do=t("Choose another rdn_style or sam_account_name_pattern."),
                source="[MS-ADA1] cn, [MS-ADA3] sAMAccountName, [MS-SAMR] 3.1.1.8.4",
                values={"group_id": name.group_id, "common_name": name.common_name, "account_name": name.account_name},
            )


def looked_up(evidence: Evidence) -> Iterator[Finding]:
    """The names of every selected group were looked up."""
    unseen = evidence[NAMES].unseen
    if unseen:
        seen = t(
            "{unseen_count} selected ids are no Microsoft 365 groups of this tenant: {unseen}.",
            unseen_count=len(unseen),
            unseen=", ".join(unseen[:5]),
        )
        yield _not_looked_up("names-not-looked-up", seen, list(unseen))
    parameters = evidence.parameters
    if "security" in parameters.select_kinds and parameters.select_names:
        seen = t("Security groups are selected by name, and the pre-flight does not read them.")
        yield _not_looked_up("names-not-looked-up:security", seen, [])


def _not_looked_up(identifier: str, seen: Text, ids: list[str]) -> Finding:
    return Finding(
        id=identifier,
        severity=Severity.INFO,
        seen=seen,
        expected=t("Microsoft 365 groups; the pre-flight reads no others."),
        why=t("Whether their names are free shows in 20-inventory-groups."),
        to_do=t("Look at them in 20-inventory-groups, or correct the selection."),
        values={"group_ids": ids},
    )


_NAMES = (NAMES,)
_WARNS = on(direct=Severity.WARNING)
CHECKS: tuple[Check, ...] = (
    Check("names-free", t("The selected groups' names are free"), _NAMES, _WARNS, collisions),
    Check("names-differ", t("The selected groups' names differ"), _NAMES, _WARNS, twins),
    Check("names-possible", t("The selected groups' names are possible"), _NAMES, on(direct=Severity.BLOCKING), limits),
    Check("names-looked-up", t("Every selected group was looked up"), _NAMES, on(direct=Severity.INFO), _not_seen),
)
