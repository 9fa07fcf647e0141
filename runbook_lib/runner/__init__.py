"""Headless runs and the ``gwb`` commands."""

# First of all: it lets papermill be imported without a second's work that nothing needs.
import runbook_lib.record  # noqa: F401
