"""Findings about single groups and their members that a plan carries. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import from_another_domain
from runbook_lib.inventory.members import Principal
from runbook_lib.inventory.naming import spelled_out, visible
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.dn import normalize_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.direct.payload import DirectChange


def findings_before_create(group: CloudGroup, create: DirectChange, inventory: Inventory) -> list[Finding]:
    """What else may be the AD object of a group that a plan creates."""
    return [*_deleted_before(create, inventory), *_original_elsewhere(group, inventory)]


def odd_texts(rows: Sequence[GroupRow]) -> list[Finding]:
    """A finding for each selected group whose name or description was not whole, or hides something from a reader."""
    found = []
    for row in rows:
        if row.cloud is not None and row.cloud.replaced:
            found.append(
                Finding(
                    id=f"text-replaced:{row.group_id}",
                    severity=Severity.WARNING,
                    seen=t(
                        "'{display_name}' holds what is no character (half an emoji, NUL) in {replaced}; "
                        "U+FFFD stands in its place, in AD too.",
                        display_name=printable(row.display_name),
                        replaced=joined(row.cloud.replaced, t(" and ")),
                    ),
                    expected=t("Texts of whole characters."),
                    why=t("No directory can hold it; a program cut or damaged the text in the cloud."),
                    to_do=t("Correct it in the cloud; the next run brings the correction to AD."),
                    values={"group_id": row.group_id, "properties": list(row.cloud.replaced)},
                )
            )
        if row.cloud is not None and printable(row.display_name) != row.display_name:
            found.append(
                Finding(
                    id=f"name-hides:{row.group_id}",
                    severity=Severity.WARNING,
                    seen=t(
                        "The display name '{display_name}' holds characters that nobody sees or that reorder "
                        "what is read.",
                        display_name=printable(row.display_name),
                    ),
                    expected=t("A name that reads as it is."),
                    why=t("A reader takes it for another name; AD stores it as it is."),
                    to_do=t("Rename it in the cloud if that is not meant."),
                    values={"group_id": row.group_id},
                )
            )
    return found


def look_alikes(inventory: Inventory, rows: Sequence[GroupRow]) -> list[Finding]:
    """A finding for each selected group whose name another group has too, but for what nobody sees."""
    by_form: defaultdict[str, list[GroupRow]] = defaultdict(list)
    for row in inventory.rows:
        if row.cloud is not None:
            by_form[visible(row.display_name)].append(row)
    found = []
    for row in rows:
        same = [other for other in by_form[visible(row.display_name)] if other.display_name != row.display_name]
        if row.cloud is not None and same:
            named = [f"'{spelled_out(item.display_name)}' ({item.group_id})" for item in (row, *same)]
            found.append(
                Finding(
                    id=f"names-look-alike:{row.group_id}",
                    severity=Severity.WARNING,
                    seen=t(
                        "{named} cloud groups have names that look the same: {some}.",
                        named=len(named),
                        some=_some(named),
                    ),
                    expected=t("Names that a reader can tell apart."),
                    why=t("The names differ by characters that nobody sees, so nobody can know which one is meant."),
                    to_do=t("Compare the ids, or rename one of them in the cloud."),
                    values={"group_ids": [item.group_id for item in (row, *same)]},
                )
            )
    return found


def shared_accounts(inventory: Inventory, rows: Sequence[GroupRow]) -> list[Finding]:
    """A finding for each AD object that several cloud objects lead to, where members of these groups are among them."""
    planned = (member for row in rows for member in inventory.members.get(row.group_id, ()))
    claimants: dict[str, list[Principal]] = {
        member.leads_to: [] for member in planned if member.code == "shared-account"
    }
    for principal in inventory.principals.values():
        for guid in {principal.leads_to, principal.guid} & claimants.keys():
            claimants[guid].append(principal)
    found = []
    for guid, claims in sorted(claimants.items()):
        named = sorted(f"{printable(one.name, limit=80)} ({one.member_id})" for one in claims)
        dn = inventory.index.by_guid[guid].dn
        found.append(
            Finding(
                id=f"members-share-account:{guid}",
                severity=Severity.WARNING,
                seen=t(
                    "{named} cloud objects lead to one AD object, {dn}: {some}.",
                    named=len(named),
                    dn=dn,
                    some=_some(named),
                ),
                expected=t("One cloud object for each AD object."),
                why=t(
                    "One of them would get what is meant for the other, so only one that SID and "
                    "immutable id both prove is written, and none where nobody or more than one is "
                    "proved."
                ),
                to_do=t("Clear onPremisesImmutableId of the one that does not belong to that account."),
                values={"object_guid": guid, "dn": dn, "cloud_ids": sorted(one.member_id for one in claims)},
            )
        )
    return found


def _original_elsewhere(group: CloudGroup, inventory: Inventory) -> list[Finding]:
    """A finding where the group came from AD and its original belongs to a domain that was not read."""
    if not from_another_domain(group, inventory.index, inventory.directory.controller.domain_sid):
        return []
    return [
        Finding(
            id=f"original-elsewhere:{group.id}",
            severity=Severity.BLOCKING,
            seen=t(
                "{display_name!r} came from AD, and its SID {on_premises_sid} belongs to a domain "
                "that this run does not read.",
                display_name=group.display_name,
                on_premises_sid=group.on_premises_sid,
            ),
            expected=t("No AD object of a group that is created."),
            why=t(
                "Where its original still stands, a second object is a second group with another "
                "SID, and rights that name the old one do not come with it."
            ),
            to_do=t("Look in that domain; if the original is gone for good, acknowledge this finding."),
            values={"group_id": group.id, "sid": group.on_premises_sid},
            acknowledgeable=True,
        )
    ]


def _deleted_before(create: DirectChange, inventory: Inventory) -> list[Finding]:
    """A finding where a deleted object of this group could still be brought back, with the SID that a create lacks."""
    wanted = normalize_dn(create.payload.dn)
    found = [
        item
        for item in inventory.directory.deleted.objects
        if item.group_id == create.group_id or normalize_dn(item.last_dn) == wanted
    ]
    return [
        Finding(
            id=f"deleted-object:{create.group_id}",
            severity=Severity.WARNING,
            seen=t(
                "{display_name!r} would be created, and a deleted AD object of it can still be "
                "brought back: {last_dn}, SID {sid}.",
                display_name=create.display_name,
                last_dn=item.last_dn,
                sid=item.sid,
            ),
            expected=t("No deleted object of a group that is created."),
            why=t("A new object has another SID: rights that name the old one do not come with it."),
            to_do=t("If the old object is wanted, run 60-undo-change with the record that deleted it instead."),
            values={"group_id": create.group_id, "object_guid": item.guid, "sid": item.sid},
        )
        for item in found[:1]
    ]


def unaccounted_finding(row: GroupRow, dns: tuple[str, ...]) -> Finding:
    """AD members of a group of ours that map to nothing in the cloud."""
    return Finding(
        id=f"members-unaccounted:{row.group_id}",
        severity=Severity.WARNING,
        seen=t(
            "{ad_members} of {display_name!r} without a cloud object: {some}",
            ad_members=counted(len(dns), "AD member"),
            display_name=row.display_name,
            some=_some(dns),
        ),
        expected=t("Every member of a written group comes from its cloud group."),
        why=t(
            "Somebody added them in AD, or their cloud account is gone; the runbook never removes what it cannot map."
        ),
        to_do=t("Remove them in AD by hand if they should not be there."),
        values={"group_id": row.group_id, "dns": list(dns)},
    )


def _some(texts: Sequence[str]) -> Text:
    return first_of(texts, 5, "; ")
