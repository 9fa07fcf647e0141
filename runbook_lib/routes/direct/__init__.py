"""The direct route: plan, approval, lock, apply, journal, backup, verify, undo."""
