"""A file of evidence as the collector writes it, for a server of Contoso."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rehearsal.connect_sync.evidence import file_text
from runbook_lib.connect.evidence import collector_sha256

CONTAINER = "OU=Writeback,DC=contoso,DC=com"


def evidence(**changed: Any) -> dict[str, Any]:
    """The evidence; ``changed`` replaces whole parts."""
    counters = dict.fromkeys(("ExportAdd", "ExportUpdate", "ExportRename", "ExportDelete", "ExportFailure"), 0)
    told: dict[str, Any] = {
        "collected": "2026-11-30T08:00:00Z",
        "server": "CONNECT01",
        "collected_by": "CONTOSO\\ops",
        "script_sha256": collector_sha256(),
        "build": "2.6.92.0",
        "scheduler": {
            "cycle_enabled": True,
            "staging": False,
            "suspended": False,
            "maintenance": True,
            "in_progress": False,
            "interval": "00:30:00",
            "next": "2026-11-30T08:20:00Z",
            "next_policy": "Delta",
        },
        "features": {"v1": True, "v2": False},
        "settings": [
            {"name": "Microsoft.GroupWriteBack.Container", "value": CONTAINER},
            {"name": "Microsoft.OptionalFeature.ExportDeletionThreshold", "value": "True"},
            {"name": "Microsoft.OptionalFeature.ExportDeletionThresholdValue", "value": "500"},
            {"name": "Microsoft.OptionalFeature.GroupWriteBack", "value": "True"},
        ],
        "connectors": [
            {
                "name": "contoso.onmicrosoft.com - AAD",
                "id": "b891884f-051e-4a83-95af-2544101c9083",
                "kind": "Extensible2",
                "account": None,
                "forest": None,
                "writeback_container": None,
                "partitions": [{"name": "default", "included": [], "excluded": []}],
            },
            {
                "name": "contoso.com",
                "id": "fffb4a69-4ed6-444d-8b89-73bc16f373dd",
                "kind": "AD",
                "account": "CONTOSO.COM\\MSOL_0123456789ab",
                "forest": "contoso.com",
                "writeback_container": CONTAINER,
                "partitions": [
                    {
                        "name": "DC=contoso,DC=com",
                        "included": ["OU=Staff,DC=contoso,DC=com", CONTAINER],
                        "excluded": ["OU=Leavers,OU=Staff,DC=contoso,DC=com"],
                    }
                ],
            },
        ],
        "rules": [
            {
                "name": "Out to AD - Group SOAInAAD",
                "id": "11111111-1111-4111-8111-111111111111",
                "direction": "Outbound",
                "precedence": 151,
                "disabled": False,
                "standard": True,
                "link_type": "Provision",
                "connector": "fffb4a69-4ed6-444d-8b89-73bc16f373dd",
                "source_type": "group",
                "target_type": "group",
                "flows": [
                    {"destination": "displayName", "kind": "Direct", "source": "displayName", "expression": None}
                ],
                "scope": [{"conditions": ["cloudMastered EQUAL True"]}],
            }
        ],
        "runs": [
            {
                "connector": "contoso.com",
                "profile": "Export",
                "number": 26285,
                "complete": True,
                "result": "success",
                "started": "2026-11-30T07:50:00Z",
                "ended": "2026-11-30T07:51:00Z",
                "steps": [{"number": 1, "result": "success", "counters": {**counters, "ExportAdd": 6}}],
            }
        ],
        "pending": [{"connector": "contoso.com", "counters": {"ExportAdds": 0}}],
        "export_errors": [],
        "audit": [{"id": 2503, "at": "2026-11-30T07:40:00Z", "message": "Directory settings changed by CONTOSO\\ops"}],
        "exported_settings": [],
        "unread": [],
        "pending_exports": None,
    }
    assert not changed.keys() - told.keys()
    return {**told, **changed}


def file_of(told: Any) -> bytes:
    """The file that the collector makes of it, but for the line ends of Windows."""
    return file_text(json.dumps(told, indent=4, ensure_ascii=False)).encode()


def written(folder: Path, told: Any = None, name: str = "connect-evidence.json") -> Path:
    """The same as a file in a folder."""
    path = folder / name
    path.write_bytes(file_of(evidence() if told is None else told))
    return path
