"""What can be said about the parameters without asking anybody: one module per subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook_lib.parameters.checks import cloud, directory, groups, preflight, record, texts
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters

_CHECKS: tuple[Callable[[Parameters], Iterator[Complaint]], ...] = (
    texts.single_backslash,
    record.change_id,
    cloud.guids,
    cloud.urls,
    cloud.cloud,
    cloud.sign_in,
    directory.controllers,
    directory.bind,
    groups.selected_names,
    record.records_dir,
    record.approvers,
    directory.ous,
    preflight.last_days,
    groups.sam_pattern,
    preflight.attestation,
    groups.groups_domain,
    preflight.dns_servers,
    preflight.check_routes,
)


def complaints(parameters: Parameters) -> list[Complaint]:
    """Everything that is wrong with the values, in no order that matters.

    A text that is not what it looks like is told as that alone: what else is wrong with it comes from there.
    """
    found = list(texts.unseen_characters(parameters))
    told = {complaint.location for complaint in found}
    return found + [one for check in _CHECKS for one in check(parameters) if one.location not in told]
