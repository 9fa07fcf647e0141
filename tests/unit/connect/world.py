"""Contoso's two sides as the prediction of v1 sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.connect.predicted import ConnectGroup, ConnectPrediction, NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WizardChoice, WritebackSettings, writeback_settings
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, Switch
from runbook_lib.model.directory import GROUP_ATTRIBUTES, DirectoryGroup, DirectoryObject
from runbook_lib.model.ids import anchor_of
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER, evidence, written

STAFF = f"OU=Staff,{b.BASE}"
PLAIN = tuple(name for name in GROUP_ATTRIBUTES if not name.startswith("msExch") and name != "mailNickname")
"""What a group may carry where Exchange never was."""
AHEAD = writeback_settings(None, v1=Switch.OFF, v2=Switch.OFF, choice=WizardChoice(CONTAINER, NamingMode.DISPLAY_NAME))
"""v1 is off, and container and names are decided."""


def collected(folder: Path, **changed: Any) -> ConnectEvidence:
    """Evidence of the server, read back from its file."""
    return read_connect_evidence(written(folder, evidence(**changed)))


def rule(name: str, *, standard: bool = True, disabled: bool = False, destination: str = "displayName") -> Any:
    """A rule as the collector tells it."""
    return {
        "name": name,
        "id": b.guid(f"rule {name}"),
        "direction": "Outbound",
        "precedence": 150,
        "disabled": disabled,
        "standard": standard,
        "link_type": "Join",
        "connector": "fffb4a69-4ed6-444d-8b89-73bc16f373dd",
        "source_type": "group",
        "target_type": "group",
        "flows": [{"destination": destination, "kind": "Direct", "source": "displayName", "expression": None}],
        "scope": [{"conditions": ["cloudMastered EQUAL True"]}],
    }


def by_connect(
    group: CloudGroup,
    members: Sequence[str] = (),
    attributes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    mode: NamingMode = NamingMode.DISPLAY_NAME,
    parent: str = CONTAINER,
) -> DirectoryGroup:
    """The object that v1 wrote for a group; ``members`` are DNs."""
    names = {
        NamingMode.ID: f"Group_{group.id}",
        NamingMode.DISPLAY_NAME: f"{group.display_name}_{group.id[-12:]}",
    }
    held = {
        "adminDescription": (anchor_of(group.id),),
        "displayName": (group.display_name,),
        "groupType": ("8",),
        **(attributes or {}),
    }
    return b.ad_group(names[mode], held, members, parent=parent)


def both_sides(
    groups: Sequence[CloudGroup],
    members: Mapping[str, Sequence[CloudPrincipal | CloudGroup]] | None = None,
    *,
    ad: Sequence[DirectoryGroup] = (),
    users: Sequence[DirectoryObject] = (),
    allowed: Sequence[str] = GROUP_ATTRIBUTES,
    **more: Any,
) -> Inventory:
    """Both sides joined."""
    domains = more.pop("other_domains", ())
    directory = b.directory_side(users, ad, attributes=allowed, other_domains=domains)
    return b.inventory_of(b.cloud_side(groups, members, **more), directory)


def predicted(
    groups: Sequence[CloudGroup],
    members: Mapping[str, Sequence[CloudPrincipal | CloudGroup]] | None = None,
    *,
    settings: WritebackSettings = AHEAD,
    **more: Any,
) -> ConnectPrediction:
    """The prediction of both sides."""
    return predict_writeback(both_sides(groups, members, **more), settings)


def only(prediction: ConnectPrediction) -> ConnectGroup:
    """The one group of a prediction."""
    (found,) = prediction.groups
    return found


def codes(group: ConnectGroup) -> list[str]:
    """What is wrong with a group."""
    return [trouble.code for trouble in group.troubles]
