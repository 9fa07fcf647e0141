"""The file that the collector writes on the Connect server of the rehearsal."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from rehearsal.connect_sync.state import THRESHOLD, ConnectRun, ServerState
from runbook_lib.connect.evidence import ENTRA, FORMAT_VERSION, collector_sha256
from runbook_lib.model.moment import iso_seconds

SERVER, BUILD = "CONNECT01", "2.6.92.0"
"""As the tenant of the rehearsal names them too."""
_ENTRA_ID = "b891884f-051e-4a83-95af-2544101c9083"
"""Id of the connector of every tenant."""
_FOREST_ID = "fffb4a69-4ed6-444d-8b89-73bc16f373dd"
_EVERY = timedelta(minutes=30)
_PENDING = {"add": "ExportAdds", "update": "ExportUpdates", "rename": "ExportUpdates", "delete": "ExportDeletes"}
_RULES = (
    ("In from AAD - Group SOAInAAD", "Inbound", 119, "Provision", _ENTRA_ID),
    ("Out to AD - Group SOAInAAD", "Outbound", 151, "Provision", _FOREST_ID),
    ("Out to AD - Group SOAInAAD - Exchange", "Outbound", 152, "Join", _FOREST_ID),
    ("Out to AD - Group Writeback Member Limit", "Outbound", 153, "Join", _FOREST_ID),
)
_BY_DISPLAY_NAME = (
    'EscapeDNComponent("CN=" & Left(Trim([displayName]),51) & "_" & Right([cloudAnchor],12)) & "," & '
    "%Connector.GroupWriteBackContainerDn%"
)


def evidence_file(
    state: ServerState, now: datetime, initial_domain: str, forest: str, base_dn: str, account: str
) -> str:
    """The file, but for the line ends of Windows.

    Args:
        state: The server.
        now: When the collector runs.
        initial_domain: ``contoso.onmicrosoft.com``, after which the tenant's connector is named.
        forest: DNS name of the forest.
        base_dn: Its domain.
        account: The connector account, ``CONTOSO.COM\\MSOL_…``.
    """
    body = json.dumps(_document(state, now, initial_domain, forest, base_dn, account), indent=4, ensure_ascii=False)
    return file_text(body)


def file_text(body: str) -> str:
    """The evidence with its head and its digest, as the collector writes them."""
    digest = hashlib.sha256(body.encode()).hexdigest()
    head = f'{{\n"format": "gwb-connect-evidence",\n"version": {FORMAT_VERSION},\n"sha256": "{digest}",\n"evidence": '
    return f"{head}{body}\n}}\n"


def _document(
    state: ServerState, now: datetime, initial_domain: str, forest: str, base_dn: str, account: str
) -> Mapping[str, object]:
    wizard = state.wizard
    return {
        "collected": iso_seconds(now),
        "server": SERVER,
        "collected_by": "CONTOSO\\administrator",
        "script_sha256": collector_sha256(),
        "build": BUILD,
        "scheduler": {
            "cycle_enabled": True,
            "staging": wizard.staging,
            "suspended": False,
            "maintenance": True,
            "in_progress": False,
            "interval": "00:30:00",
            "next": iso_seconds(now + _EVERY),
            "next_policy": "Delta",
        },
        "features": {"v1": wizard.on, "v2": wizard.v2},
        "settings": [
            {"name": "Microsoft.GroupWriteBack.Container", "value": wizard.container if wizard.on else None},
            {"name": "Microsoft.OptionalFeature.ExportDeletionThreshold", "value": str(state.threshold > 0)},
            {
                "name": "Microsoft.OptionalFeature.ExportDeletionThresholdValue",
                "value": str(state.threshold or THRESHOLD),
            },
            {"name": "Microsoft.OptionalFeature.GroupWriteBack", "value": str(wizard.on)},
            {"name": "Microsoft.Synchronize.StagingMode", "value": str(wizard.staging)},
        ],
        "connectors": [
            _connector(f"{initial_domain} - AAD", _ENTRA_ID, ENTRA, partitions=[_partition("default", [], [])]),
            _connector(
                forest,
                _FOREST_ID,
                "AD",
                account=account,
                forest=forest,
                container=wizard.container if wizard.on else None,
                partitions=[_partition(base_dn, [base_dn], list(wizard.left_out))],
            ),
        ],
        "rules": _rules(state),
        "runs": [
            *(_run(one, forest) for one in reversed(state.runs)),
            *_synchronized(state, f"{initial_domain} - AAD"),
        ],
        "pending": [{"connector": forest, "counters": _pending(state)}],
        "export_errors": [
            {"connector": forest, "dn": one.dn, "kind": one.kind, "code": one.code or None} for one in state.refused
        ],
        "audit": _audit(state),
        "exported_settings": [],
        "unread": [],
        "pending_exports": [
            {
                "connector": forest,
                "operation": "update" if one.kind == "rename" else one.kind,
                "dn": one.dn,
                "anchor": f"Group_{one.group_id}",
            }
            for one in state.pending
        ],
    }


def _audit(state: ServerState) -> list[Mapping[str, object]]:
    told: list[Mapping[str, object]] = [
        {"id": 2503, "at": iso_seconds(at), "message": what} for at, what in state.changes
    ]
    if state.rules_changed is not None:
        told.append({"id": 2510, "at": iso_seconds(state.rules_changed), "message": "Custom rule changed"})
    return told


def _synchronized(state: ServerState, connector: str) -> list[Mapping[str, object]]:
    """The last synchronization of the tenant's connector."""
    if state.synchronized is None:
        return []
    at = iso_seconds(state.synchronized)
    told = {"connector": connector, "profile": "Delta Synchronization", "number": len(state.runs) + 1, "complete": True}
    return [{**told, "result": "success", "started": at, "ended": at, "steps": []}]


def _connector(
    name: str,
    identifier: str,
    kind: str,
    *,
    partitions: list[Mapping[str, object]],
    account: str | None = None,
    forest: str | None = None,
    container: str | None = None,
) -> Mapping[str, object]:
    return {
        "name": name,
        "id": identifier,
        "kind": kind,
        "account": account,
        "forest": forest,
        "writeback_container": container,
        "partitions": partitions,
    }


def _partition(name: str, included: list[str], excluded: list[str]) -> Mapping[str, object]:
    return {"name": name, "included": included, "excluded": excluded}


def _rules(state: ServerState) -> list[Mapping[str, object]]:
    """The standard rules of writeback, one more where names follow the display name; and rules of somebody's own.

    Standard ones are there while writeback is on; the others stay when it is switched off.
    """
    own = [_own_rule()] if state.wizard.kept_out else []
    if not state.wizard.on:
        return own
    named = ("Out to AD - Group SOAInAAD - DN", "Outbound", 154, "Join", _FOREST_ID)
    rules = (*_RULES, named) if state.wizard.display_names else _RULES
    standard: list[Mapping[str, object]] = [
        {
            "name": name,
            "id": f"{number:08x}-1111-4111-8111-111111111111",
            "direction": direction,
            "precedence": precedence,
            "disabled": False,
            "standard": True,
            "link_type": link,
            "connector": connector,
            "source_type": "group",
            "target_type": "group",
            "flows": [_flow(name)],
            "scope": [{"conditions": ["cloudMastered EQUAL True"]}],
        }
        for number, (name, direction, precedence, link, connector) in enumerate(rules, 1)
    ]
    return own + standard


def _own_rule() -> Mapping[str, object]:
    """The rule that keeps groups from being written; the conditions that name them are not told one by one."""
    return {
        "name": "In from AAD - Group left out",
        "id": "22222222-2222-4222-8222-222222222222",
        "direction": "Inbound",
        "precedence": 90,
        "disabled": False,
        "standard": False,
        "link_type": "Join",
        "connector": _ENTRA_ID,
        "source_type": "group",
        "target_type": "group",
        "flows": [{"destination": "cloudNoFlow", "kind": "Constant", "source": "True", "expression": None}],
        "scope": [{"conditions": ["cloudMastered EQUAL True"]}],
    }


def _flow(rule: str) -> Mapping[str, object]:
    if rule.endswith("- DN"):
        return {"destination": "dn", "kind": "Expression", "source": "displayName", "expression": _BY_DISPLAY_NAME}
    return {"destination": "displayName", "kind": "Direct", "source": "displayName", "expression": None}


def _run(run: ConnectRun, forest: str) -> Mapping[str, object]:
    return {
        "connector": forest,
        "profile": "Export",
        "number": run.number,
        "complete": True,
        "result": run.result,
        "started": iso_seconds(run.began),
        "ended": iso_seconds(run.ended),
        "steps": [{"number": 1, "result": run.result, "counters": dict(run.counters)}],
    }


def _pending(state: ServerState) -> Mapping[str, int]:
    counted = Counter(_PENDING[one.kind] for one in state.pending)
    return {name: counted[name] for name in sorted(set(_PENDING.values()))}
