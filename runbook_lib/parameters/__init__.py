"""What a run is told."""

from runbook_lib.parameters.cell import parameters_cell
from runbook_lib.parameters.document import known_names
from runbook_lib.parameters.load import LoadedParameters, load_parameters, parameters_from_values
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters, parse_day, project_root, resolve
from runbook_lib.parameters.validate import require

__all__ = [
    "AcknowledgementParameter",
    "LoadedParameters",
    "Parameters",
    "known_names",
    "load_parameters",
    "parameters_cell",
    "parameters_from_values",
    "parse_day",
    "project_root",
    "require",
    "resolve",
]
