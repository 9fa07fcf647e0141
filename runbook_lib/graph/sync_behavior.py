"""Whether the cloud is the source of authority of groups that came from AD: ``onPremisesSyncBehavior``.

Source: Microsoft Graph documentation, "Get onPremisesSyncBehavior" (one object a call, no query options; the
documented answer wraps the object in ``value``). The permission that it names can write as well
(Group-OnPremisesSyncBehavior.ReadWrite.All), so it is asked for in special cases only: without it the answer is
unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.rows import flag_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup


def with_sync_behavior(client: GraphClient, groups: Sequence[CloudGroup]) -> tuple[tuple[CloudGroup, ...], str]:
    """The groups in their order, with ``cloud_managed`` where it matters and can be read, and what could not be read.

    It matters for groups that carry a SID of AD and are not synchronized: only this tells a converted group from one
    that is being given back. What is not readable stays None. Where the first of them are all refused, no more are
    asked for.

    Raises:
        NoAccess: Sign-in or the connection fails.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    asked = [group for group in groups if group.may_be_converted]
    managed: dict[str, bool | None] = {}
    refused = False
    for begin in range(0, len(asked), MOST_IN_BATCH):
        some = asked[begin : begin + MOST_IN_BATCH]
        answers = client.objects([f"/groups/{group.id}/onPremisesSyncBehavior" for group in some])
        managed |= {group.id: _managed(answer) for group, answer in zip(some, answers, strict=True)}
        refused = all(isinstance(answer, NoAccess) for answer in answers)
        if refused:
            break
    unread = sum(managed.get(group.id) is None for group in asked)
    why = " (HTTP 403)" if refused else ""
    gap = (
        f"Whether the cloud is the source of authority of {unread} groups that came from AD could not be read{why}: "
        "onPremisesSyncBehavior."
        if unread
        else ""
    )
    return tuple(replace(group, cloud_managed=managed.get(group.id)) for group in groups), gap


def _managed(answer: Mapping[str, object] | RunbookError) -> bool | None:
    if isinstance(answer, RunbookError):
        return None
    inner = answer.get("value")
    return flag_of(inner if isinstance(inner, dict) else answer, "isCloudManaged")
