"""One spelling for values that can be spelled in several ways."""

from __future__ import annotations

from runbook_lib.parameters.checks.cloud import GUID_FIELDS
from runbook_lib.parameters.clouds import addresses_of
from runbook_lib.parameters.model import Parameters


def normalized(parameters: Parameters) -> Parameters:
    """The same parameters with GUIDs in lower case and the cloud's addresses, without a final slash."""
    addresses = addresses_of(parameters)
    return parameters.model_copy(
        update={
            **{name: getattr(parameters, name).lower() for name in GUID_FIELDS},
            "graph_url": addresses.graph_url,
            "authority_url": addresses.authority_url,
            "select_ids": [group_id.lower() for group_id in parameters.select_ids],
            "disable_ids": [group_id.lower() for group_id in parameters.disable_ids],
        }
    )
