"""The steps that provision a group on demand: what AD holds tells whether a call is done, its answer why it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from runbook_lib.change.step import LiveState, Look
from runbook_lib.cloud_sync.service_errors import ServiceError
from runbook_lib.errors import Refused
from runbook_lib.graph.rows import objects_of, text_of
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Provision, Realign
from runbook_lib.routes.cloud_sync.steps import RequestStep


class ProvisionStep(RequestStep[Provision]):
    """A group, and up to five of its members, written to AD at once.

    Sent again it changes nothing more, so only what AD holds tells whether it is done.
    """

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether AD has the group with these members."""
        del begun
        there = self.context.present.has(self.change.group_id, self.request.members)
        return Look(LiveState.AFTER if there else LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """The call."""
        subject: dict[str, object] = {"objectId": self.change.group_id, "objectTypeName": "Group"}
        if self.request.members:
            members = [{"objectId": member, "objectTypeName": "User"} for member in self.request.members]
            subject["links"] = {"members": members}
        body = {"parameters": [{"ruleId": self.action.rule_id or self._rule(), "subjects": [subject]}]}
        return GraphWrite("POST", f"{self.context.address.job}/provisionOnDemand", body)

    def send(self) -> None:
        """Send it, not sooner after the last one than the service allows."""
        self.context.pace()
        super().send()

    def take(self, answer: Written) -> None:
        """What its answer says: HTTP 200 also means that nothing was provisioned.

        Raises:
            Refused: Cloud Sync did not provision the group (``not-provisioned``).
        """
        super().take(answer)
        error = provision_error(answer.body or {})
        if error is None:
            return
        raise Refused(
            t(
                "Cloud Sync did not provision {name!r} on demand: {what}",
                name=printable(self.change.display_name, limit=80),
                what=error.text or t("it gives no reason."),
            ),
            code="not-provisioned",
            hint=error.to_do or t("Look at the group in the Entra admin center (Provision on demand)."),
            values={"group_id": self.change.group_id, "error": error.code},
        )

    def changed(self) -> Mapping[str, object]:
        """The members that it named."""
        return {"provisioned": list(self.request.members)}

    def _rule(self) -> str:
        """Of a job that the plan made: not known when it was planned."""
        rules = objects_of(self.context.client.get(self.context.address.schema), "synchronizationRules")
        return (text_of(rules[0], "id") or "") if rules else ""


class RealignStep(ProvisionStep):
    """A group that differs is provisioned on demand."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether AD has it where and as it shall be, with the members of this call."""
        del begun
        action = cast("Realign", self.action)
        there = self.context.present.has(self.change.group_id, self.request.members, action.dn, action.account_name)
        return Look(LiveState.AFTER if there else LiveState.BEFORE)


_NOTHING_TO_DO = "redundantexport"
"""Reason to skip a group whose AD object is as it should be."""


def provision_error(answer: Mapping[str, object]) -> ServiceError | None:
    """What kept a group from being provisioned on demand; None where it was, or needed not be.

    Args:
        answer: ``key`` and ``value``, JSON texts ("synchronizationJob: provisionOnDemand"); one that is otherwise says
            nothing: what AD holds decides.
    """
    try:
        told = json.loads(str(answer.get("key") or "null"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or str(told.get("result", "")).casefold() not in ("failure", "skipped"):
        return None
    details = told.get("details")
    details = details if isinstance(details, dict) else {}
    error = ServiceError(str(details.get("errorCode") or ""), str(details.get("errorMessage") or ""))
    return None if error.code.casefold() == _NOTHING_TO_DO else error
