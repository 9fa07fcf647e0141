"""All steps of setting up, in the order in which they are asked."""

from __future__ import annotations

from runbook_lib.setup.change_steps import CHANGE_STEPS
from runbook_lib.setup.cloud_steps import CLOUD_STEPS
from runbook_lib.setup.directory_steps import DIRECTORY_STEPS

SETUP_STEPS = (*CLOUD_STEPS, *DIRECTORY_STEPS, *CHANGE_STEPS)
