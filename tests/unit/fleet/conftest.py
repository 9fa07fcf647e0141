"""A project with parameters files of several tenants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.fleet.jobs import ReadFleet
from runbook_lib.fleet.load import read_fleet

GUID = "11111111-2222-3333-4444-{:012d}"


@dataclass(frozen=True)
class FleetProject:
    """A folder with notebooks, parameters files and a fleet's file."""

    root: Path

    def tenant(self, name: str, number: int, *, domain: str = "", host: str = "", more: str = "") -> str:
        """A parameters file; returns the lines of the fleet's entry."""
        domain = domain or name
        (self.root / f"{name}.yaml").write_text(
            f'tenant_id: "{GUID.format(number)}"\nchange_id: "CHG-{name}"\ndc_host: "{host or f"dc.{domain}.test"}"\n'
            f'target_ou: "OU=Groups,DC={domain},DC=test"\nretired_ou: "OU=Retired,DC={domain},DC=test"\n'
            f'group_type: "security"\nselect_names: ["*"]\n{more}',
            encoding="utf-8",
        )
        return f'  - name: "{name}"\n    files: ["{name}.yaml"]\n'

    def file(self, tenants: str, head: str = 'notebooks: ["20-inventory-groups"]\n') -> Path:
        """The fleet's file."""
        path = self.root / "fleet.yaml"
        path.write_text(f'name: "night"\n{head}tenants:\n{tenants}', encoding="utf-8")
        return path

    def read(self, tenants: str, head: str = 'notebooks: ["20-inventory-groups"]\n') -> ReadFleet:
        """The fleet that the file says."""
        return read_fleet(self.file(tenants, head), project_root=self.root)


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """A project without any tenant yet."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").touch()
    for name in ("20-inventory-groups", "30-enable-writeback"):
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    return FleetProject(tmp_path)
