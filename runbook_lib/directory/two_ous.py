"""The target OU and the retired OU: what they are, what is in them, which names are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.bulk import in_parts
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import may_list_deleted, read_lifetime, read_recycle_bin
from runbook_lib.directory.rights.account import read_enforcement
from runbook_lib.directory.schema import allowed_attributes
from runbook_lib.directory.search import ANY_OBJECT, Entry, all_of, any_of, equals
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import Container, DirectoryGroup
from runbook_lib.model.dn import normalize_dn, parent_of, validate_dn
from runbook_lib.model.enforcement import NO_ENFORCEMENT, SOA_ATTRIBUTE, Enforcement
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE, group_id_of_anchor


def read_container(directory: Directory, dn: str, *, parameter: str, critical: frozenset[str]) -> Container:
    """The container of this DN; an empty DN is a container that does not exist.

    Args:
        dn: As the parameters have it. The result has the directory's spelling.
        parameter: Which parameter it comes from, for the error.
        critical: What ``critical_names`` returned.

    Raises:
        UsageError: ``malformed-dn``.
    """
    if not dn.strip():
        return Container(dn="", exists=False)
    wanted = validate_dn(dn, parameter=parameter)
    entry = directory.read_dn(wanted, ("objectGUID", "objectClass", "isCriticalSystemObject"))
    if entry is None:
        return Container(dn=wanted, exists=False)
    return Container(
        dn=entry.dn,
        exists=True,
        guid=entry.guid,
        object_classes=entry.texts("objectClass"),
        is_critical=entry.truth("isCriticalSystemObject") or normalize_dn(entry.dn) in critical,
    )


def critical_names(directory: Directory) -> frozenset[str]:
    """Comparable keys of the naming context roots and of the domain's well-known containers (CN=Users and others)."""
    dc = directory.controller
    roots = (
        dc.default_naming_context,
        dc.configuration_naming_context,
        dc.schema_naming_context,
        dc.root_domain_naming_context,
        *dc.other_domains,
    )
    head = directory.read_dn(dc.default_naming_context, ("wellKnownObjects", "otherWellKnownObjects"))
    values = (*head.texts("wellKnownObjects"), *head.texts("otherWellKnownObjects")) if head else ()
    return frozenset(normalize_dn(dn) for dn in (*roots, *map(_dn_of_binary, values)) if dn)


def _dn_of_binary(value: str) -> str:
    """The DN inside a DN-Binary value, ``B:32:<32 hexadecimal digits>:CN=Users,DC=…`` (MS-ADTS 3.1.1.3.1.1.4)."""
    parts = value.split(":", 3)
    return parts[3] if len(parts) == 4 and parts[0] == "B" else ""


_IDENTITY = (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE)
_AT_ONCE = 40
"""Names asked for in one search."""


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """The two OUs.

    Attributes:
        domain_root: DN of the domain.
        groups: Groups below the two OUs, with what tells whose they are.
        others: DNs of everything else below the target OU.
        enforced: DNs of objects below the two OUs that carry msDS-ObjectSoa.
        enforcement_known: Whether the schema has msDS-ObjectSoa for groups, so that its absence says something.
        enforcement: The domain's policies about such objects.
    """

    target: Container
    retired: Container
    domain_root: str
    groups: tuple[DirectoryGroup, ...] = ()
    others: tuple[str, ...] = ()
    enforced: tuple[str, ...] = ()
    enforcement_known: bool = True
    enforcement: Enforcement = NO_ENFORCEMENT


@dataclass(frozen=True, slots=True)
class ForestReading:
    """What the forest can do. Levels are numbers of [MS-ADTS] 6.1.4: 4 is Windows Server 2008 R2; None: not shown."""

    domain_level: int | None
    forest_level: int | None
    recycle_bin: Switch
    lifetime_days: int
    lifetime_source: str
    listable: Switch


@dataclass(frozen=True, slots=True)
class TakenName:
    """An object that has a name which was asked for.

    Attributes:
        account_name: Its sAMAccountName, empty where it has none.
        common_name: Its cn where it stands in one of the two OUs, otherwise empty.
        group_ids: Cloud groups that its anchors name.
    """

    dn: str
    account_name: str
    common_name: str
    group_ids: frozenset[str]


def read_place(directory: Directory, target_ou: str, retired_ou: str) -> PlaceReading:
    """The OUs as the parameters name them, and what stands below them.

    Raises:
        UsageError: ``malformed-dn``.
        RunbookError: A search failed.
    """
    critical = critical_names(directory)
    target = read_container(directory, target_ou, parameter="target_ou", critical=critical)
    retired = read_container(directory, retired_ou, parameter="retired_ou", critical=critical)
    known = allowed_attributes(directory, "group", (*_IDENTITY, SOA_ATTRIBUTE))
    asked = ("objectGUID", "objectClass", *sorted(known))
    groups: dict[str, DirectoryGroup] = {}
    others: set[str] = set()
    enforced: set[str] = set()
    for container in (target, retired):
        if not container.exists:
            continue
        for entry in directory.collect(container.dn, ANY_OBJECT, asked, lambda entry: entry):
            if normalize_dn(entry.dn) == normalize_dn(container.dn):
                continue
            if "group" in {name.casefold() for name in entry.texts("objectClass")}:
                groups[entry.guid] = _group(entry)
            elif container is target:
                others.add(entry.dn)
            if entry.raw(SOA_ATTRIBUTE):
                enforced.add(entry.dn)
    return PlaceReading(
        target=target,
        retired=retired,
        domain_root=directory.controller.default_naming_context,
        groups=tuple(sorted(groups.values(), key=lambda group: group.dn)),
        others=tuple(sorted(others)),
        enforced=tuple(sorted(enforced)),
        enforcement_known=SOA_ATTRIBUTE in known,
        enforcement=read_enforcement(directory),
    )


def _group(entry: Entry) -> DirectoryGroup:
    attributes = {name: entry.texts(name) for name in _IDENTITY if entry.raw(name)}
    return DirectoryGroup(entry.guid, entry.dn, None, attributes)


def read_forest(directory: Directory) -> ForestReading:
    """Functional levels from the root DSE, the Recycle Bin and how long deleted objects stay."""
    root = directory.read_dn("", ("domainFunctionality", "forestFunctionality"))
    state = read_recycle_bin(directory)
    days, source = read_lifetime(directory, state)
    return ForestReading(
        domain_level=root.integer("domainFunctionality") if root else None,
        forest_level=root.integer("forestFunctionality") if root else None,
        recycle_bin=state,
        lifetime_days=days,
        lifetime_source=source,
        listable=may_list_deleted(directory),
    )


def read_taken_names(
    directory: Directory, account_names: Sequence[str], common_names: Sequence[str], ous: Sequence[str]
) -> tuple[TakenName, ...]:
    """Who has these names already: account names in the whole domain, common names directly in the OUs.

    Raises:
        RunbookError: A search failed.
    """
    found: dict[str, TakenName] = {}
    inside = {normalize_dn(ou) for ou in ous}
    base = directory.controller.default_naming_context
    searches = [(base, "sAMAccountName", account_names), *((ou, "cn", common_names) for ou in ous)]
    for where, attribute, names in searches:
        for part in in_parts(names, _AT_ONCE):
            wanted = any_of(*(equals(attribute, name) for name in part))
            asked = ("objectGUID", "sAMAccountName", "cn", ANCHOR_ATTRIBUTE)
            scope = "subtree" if where == base else "one"
            for entry in directory.search(where, all_of(ANY_OBJECT, wanted), asked, scope=scope):  # type: ignore[arg-type]
                found[entry.guid] = _taken(entry, inside)
    return tuple(sorted(found.values(), key=lambda taken: taken.dn))


def _taken(entry: Entry, inside: set[str]) -> TakenName:
    here = normalize_dn(parent_of(entry.dn)) in inside
    claimed = group_id_of_anchor(entry.text(ANCHOR_ATTRIBUTE) or "")
    return TakenName(
        entry.dn,
        entry.text("sAMAccountName") or "",
        (entry.text("cn") or "") if here else "",
        frozenset({claimed} if claimed else ()),
    )
