"""Names of the files of a change; a module without imports, because every command loads it."""

JOURNAL = "journal.jsonl"
PLAN = "plan.json"
MANIFEST = "MANIFEST.json"
