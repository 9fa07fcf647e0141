"""What is said about a parameter that cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.parameters.yaml_text import Location


@dataclass(frozen=True, slots=True)
class Complaint:
    """One value that cannot be right: where it is, what is wrong (continuing "<parameter> …"), and what to do."""

    location: Location
    text: str
    code: str
    hint: str = ""
