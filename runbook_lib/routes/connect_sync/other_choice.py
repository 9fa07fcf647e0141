"""Whether the wizard was gone through with another OU or other names than it was handed over with. Pure.

Both are chosen once, while v1 is switched on ("Enable Microsoft Entra Connect group writeback"). So there is one cause
for all groups, which no waiting mends, and it is said at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from runbook_lib.connect.arrived import ConnectArrival, made_since
from runbook_lib.connect.predicted import ConnectPrediction, NamingMode
from runbook_lib.errors import VerificationFailed
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import writer_of
from runbook_lib.inventory.states import Writer
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import MalformedDnError, is_below, parent_of, rdn_value
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.steps import same_place

_ONLY_WHILE = t("While v1 is on it cannot be changed. Switched off, v1 deletes every group that it wrote.")


def other_names(
    seen: Sequence[ConnectArrival], told: NamingMode | None, wanted: NamingMode, since: datetime
) -> VerificationFailed | None:
    """Where names are those of the other box: by the server's rules, or by every group made since that tells it.

    Args:
        seen: The groups as AD has them.
        told: The mode that the rules of the server show; None where they show none, or were not read.
        wanted: The mode that the wizard was handed over with, whatever the parameters ask for since.
        since: When the wizard was handed over; what was in AD before tells nothing.
    """
    other = NamingMode.ID if wanted is NamingMode.DISPLAY_NAME else NamingMode.DISPLAY_NAME
    so: list[ConnectArrival] = []
    otherwise: list[ConnectArrival] = []
    for one in seen:
        if one.group is None or one.present is None or not made_since(one.present, since):
            continue
        names = {mode: one.group.names[mode].value for mode in NamingMode if one.group.names[mode].known}
        cn = rdn_value(one.present.dn)
        if names.get(wanted) == names.get(other) or cn not in names.values():
            continue
        (so if cn == names.get(wanted) else otherwise).append(one)
    by_rules = told is other
    if not by_rules and (so or not otherwise):
        return None
    return VerificationFailed(
        t(
            "The wizard was finished with the other box for names: v1 names its groups {other}, and {wanted} was "
            "approved. {proof}",
            other=other.title,
            wanted=wanted.title,
            proof=t("The rules of the Connect server say so.") if by_rules else _names_proof(otherwise),
        ),
        code="connect-other-names",
        hint=t(
            "{only_while} If the names may stay, set rdn_style to {style!r} and run this notebook with a new change "
            "id and a new file of the collector: this change is approved with other names. Otherwise leave v1 with "
            "40-disable-writeback and begin anew.",
            only_while=_ONLY_WHILE,
            style=other.value,
        ),
        values={"wanted": wanted.value, "found": other.value, "groups": [one.group_id for one in otherwise]},
    )


def _names_proof(otherwise: Sequence[ConnectArrival]) -> Text:
    present = otherwise[0].present
    return t(
        "{groups} in AD are named so, and none as asked; the first is {cn}.",
        groups=counted(len(otherwise), "group"),
        cn=printable(rdn_value(present.dn), limit=80) if present else "",
    )


def other_ou(
    inventory: Inventory, prediction: ConnectPrediction, wanted: str, since: datetime
) -> VerificationFailed | None:
    """Where v1 writes to another OU: by evidence or tenant, or by every group that it made since the hand-over.

    Args:
        inventory: Both sides, as they are now.
        prediction: With v1's OU, where evidence or tenant tell it.
        wanted: DN of the OU that the wizard was handed over with.
        since: When the wizard was handed over.
    """
    container = prediction.container
    if container.known and not same_place(container.value, wanted):
        return _other_ou(container.value, wanted, t("The Connect server or the tenant says so."))
    made = [group.dn for group in _made_since(inventory, since)]
    if not made or any(_below(dn, wanted) for dn in made):
        return None
    ((place, number),) = Counter(parent_of(dn) for dn in made).most_common(1)
    return _other_ou(place, wanted, t("{groups} of Connect were made there since.", groups=counted(number, "group")))


def _other_ou(there: str, wanted: str, proof: Text) -> VerificationFailed:
    return VerificationFailed(
        t(
            "The wizard was finished with another OU: v1 writes to {there}, and {wanted} was approved. {proof}",
            there=printable(there, limit=200),
            wanted=printable(wanted, limit=200),
            proof=proof,
        ),
        code="connect-other-ou",
        hint=t(
            "{only_while} If the groups may stay there, name that OU in target_ou and run this notebook with a new "
            "change id and a new file of the collector. Otherwise leave v1 with 40-disable-writeback, which takes that "
            "OU as target_ou, and begin anew.",
            only_while=_ONLY_WHILE,
        ),
        values={"container": there, "target_ou": wanted},
    )


def _made_since(inventory: Inventory, since: datetime) -> Iterable[DirectoryGroup]:
    """Groups with Connect's anchor, and nobody else's mark, that were made since then, wherever they are."""
    tenant = inventory.cloud.tenant.id
    for group in inventory.directory.groups:
        owner = group_id_of_anchor(group.text(ANCHOR_ATTRIBUTE) or "")
        if owner is not None and writer_of(group, owner, tenant) is Writer.CONNECT and made_since(group, since):
            yield group


def _below(dn: str, ou: str) -> bool:
    try:
        return is_below(dn, ou)
    except MalformedDnError:
        return False
