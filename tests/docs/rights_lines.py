"""The dsacls lines in docs/permissions.md: written by ``make generate``, compared with the code by a test."""

from __future__ import annotations

import re
from pathlib import Path

from runbook_lib.directory.rights.needs import Purpose
from runbook_lib.preflight.hand_off.templates import least_rights

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
_BASE = "DC=contoso,DC=com"
_TARGET, _RETIRED = f"OU=Cloud Groups,{_BASE}", f"OU=Retired Cloud Groups,{_BASE}"


def rewritten(page: str) -> str:
    """The page with the lines of each purpose in the block below its marker."""
    for purpose, lines in least_rights(_TARGET, _RETIRED, _BASE, "CONTOSO\\svc-gwb").items():
        block = "\n".join(lines)
        pattern = re.compile(rf"(<!-- dsacls: {purpose.value} -->\n\n```powershell\n).*?(\n?```)", re.DOTALL)
        page, count = pattern.subn(lambda found, block=block: f"{found[1]}{block}\n```", page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"docs/permissions.md has {count} blocks for {purpose.value}")
    return page


PURPOSES = tuple(Purpose)
