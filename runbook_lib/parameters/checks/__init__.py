"""What can be said about the parameters without asking anybody: one module per subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook_lib.parameters.checks import cloud, directory, groups, preflight, record, texts
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters

_CHECKS: tuple[Callable[[Parameters], Iterator[Complaint]], ...] = (
    texts.control_characters,
    record.change_id,
    cloud.guids,
    cloud.urls,
    cloud.cloud,
    cloud.sign_in,
    directory.controllers,
    directory.bind,
    groups.selected_names,
    record.records_dir,
    directory.ous,
    preflight.last_days,
    groups.sam_pattern,
    preflight.attestation,
    groups.groups_domain,
    preflight.dns_servers,
    preflight.check_routes,
)


def complaints(parameters: Parameters) -> list[Complaint]:
    """Everything that is wrong with the values, in no order that matters."""
    return [complaint for check in _CHECKS for complaint in check(parameters)]
