"""The group-writeback runbook: detect, inventory, plan, gate, apply, verify, undo, record."""

__version__ = "0.1.0"
__all__ = ["__version__"]
