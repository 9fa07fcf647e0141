"""JSON Schemas (draft 2020-12) of the files that a change leaves behind, as this version writes them."""

from __future__ import annotations

SCHEMAS = (
    *("record", "plan", "journal", "approval", "closing", "manifest"),
    *("record-cloud-sync", "plan-cloud-sync", "journal-cloud-sync", "approval-cloud-sync"),
    *("record-connect-sync", "plan-connect-sync", "journal-connect-sync", "approval-connect-sync"),
)
"""record.json, plan.json, one line of journal.jsonl, an approval, a closing, MANIFEST.json; those that differ on the
routes cloud-sync and connect-sync once more for each."""


def schema_text(name: str) -> str:
    """One of the schemas as JSON text that ends with a line break.

    Raises:
        ValueError: ``name`` is not one of ``SCHEMAS``.
    """
    if name not in SCHEMAS:
        raise ValueError(f"not a schema of a record: {name!r}")
    # Every command imports this module for the names of the schemas; this import is for those who read one.
    from importlib.resources import files

    return files("runbook_lib.record").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
