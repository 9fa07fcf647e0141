"""One Cloud Sync configuration as it can be changed: whole schema, whole settings, assignments with their ids.

Sources: Microsoft Graph documentation, "Get synchronizationSchema", "synchronization: secrets" (GET), "List
appRoleAssignments granted for a service principal", "synchronizationSchema: parseExpression", "Get synchronizationJob";
Microsoft Entra documentation, "Microsoft Entra provisioning options" (the app role of selected groups, by cloud).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from runbook_lib.errors import Refused, ServiceFailed
from runbook_lib.graph.rows import object_of, objects_of, text_of
from runbook_lib.graph.tenant.cloud_sync import job_status
from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writing import GraphWrite
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

_US_GOVERNMENT = "d8fa317e-0713-4930-91d8-1dbeb150978f"
ROLE_OF_CLOUD: Mapping[str, str] = {
    "global": "1a0abf4d-b9fa-4512-a3a2-51ee82c6fd9f",
    "us-government-l4": _US_GOVERNMENT,
    "us-government-l5": _US_GOVERNMENT,
    "china": "15af7fd5-1a3f-4034-8ea1-1afa3d5ecf63",
}
"""Name of a cloud (``parameters/clouds.csv``) to the app role with which a group is selected there."""
SELECTED_ROLES = frozenset(
    {
        *ROLE_OF_CLOUD.values(),
        "50a55e47-aae2-425c-8dcb-ed711147a39f",  # USNat
        "52e862b9-0b95-43fe-9340-54f51248314f",  # USSec
    }
)
"""The app role with which a group is selected, one in each cloud."""


@dataclass(frozen=True, slots=True)
class ConfigurationAddress:
    """Where a configuration is in Graph."""

    service_principal: str
    job_id: str

    @property
    def job(self) -> str:
        """Path of its job."""
        return f"/servicePrincipals/{self.service_principal}/synchronization/jobs/{quote(self.job_id, safe='')}"

    @property
    def schema(self) -> str:
        """Path of its schema."""
        return f"{self.job}/schema"

    @property
    def secrets(self) -> str:
        """Path of its settings, which Graph calls secrets."""
        return f"/servicePrincipals/{self.service_principal}/synchronization/secrets"

    @property
    def assignments(self) -> str:
        """Path of what is assigned to it."""
        return f"/servicePrincipals/{self.service_principal}/appRoleAssignedTo"


@dataclass(frozen=True, slots=True)
class ConfigurationDocuments:
    """A configuration as it was read.

    Attributes:
        address: Where it is.
        schema: Whole, as Graph gives it.
        secrets: The answer to the settings, whole.
        assignments: Group id, lower case, to the id of its assignment in the role of selected groups.
        role_id: The role with which groups are selected.
        state: Of its job.
    """

    address: ConfigurationAddress
    schema: Mapping[str, Any]
    secrets: Mapping[str, Any]
    assignments: Mapping[str, str]
    role_id: str
    state: JobState


def read_configuration(client: GraphClient, address: ConfigurationAddress) -> ConfigurationDocuments:
    """Read everything of a configuration that can be changed.

    Raises:
        NoAccess: A part may not be read.
        Refused: Its service principal has no role that selects groups (``no-role-of-groups``), or more than one.
        ServiceFailed: Graph does not answer.
    """
    principal = client.get(f"/servicePrincipals/{address.service_principal}", {"$select": "id,displayName,appRoles"})
    roles = [(text_of(row, "id") or "").lower() for row in objects_of(principal, "appRoles")]
    known = [role for role in roles if role in SELECTED_ROLES]
    if len(known) != 1:
        raise Refused(
            t(
                "The configuration has {count} of the documented app roles that select groups, not one.",
                count=len(known),
            ),
            code="no-role-of-groups",
            hint=t("Open it in the Entra admin center, select one group there, then run the notebook again."),
            values={"roles": roles},
        )
    return ConfigurationDocuments(
        address=address,
        schema=client.get(address.schema),
        secrets=client.get(address.secrets),
        assignments=read_assignments(client, address, known[0]),
        role_id=known[0],
        state=read_state(client, address),
    )


def read_assignments(client: GraphClient, address: ConfigurationAddress, role_id: str) -> dict[str, str]:
    """Principal id, lower case, to the id of its assignment in a role.

    Raises:
        NoAccess, ServiceFailed: They cannot be read.
    """
    rows = client.listing(address.assignments, {"$top": "999"}).rows
    return {
        (text_of(row, "principalId") or "").lower(): text_of(row, "id") or ""
        for row in rows
        if (text_of(row, "appRoleId") or "").lower() == role_id
    }


def read_state(client: GraphClient, address: ConfigurationAddress) -> JobState:
    """State of the job as it is now.

    Raises:
        NoAccess, ServiceFailed: It cannot be read.
    """
    return read_status(client, address).state


def read_status(client: GraphClient, address: ConfigurationAddress) -> JobStatus:
    """The job as it is now, with what its last execution ended with: one request.

    Raises:
        NoAccess, ServiceFailed: It cannot be read.
    """
    return job_status(client.get(address.job))


def parse_expression(client: GraphClient, address: ConfigurationAddress, expression: str) -> Mapping[str, Any]:
    """Let the service itself read a mapping expression, before it is anywhere in a schema. Nothing is changed.

    Returns:
        Its ``attributeMappingSource``.

    Raises:
        Refused: The service does not take it (``expression-refused``).
        NoAccess, ServiceFailed: It cannot be asked.
    """
    body = {"expression": expression, "targetAttributeDefinition": None, "testInputObject": None}
    answer = client.writer.write(GraphWrite("POST", f"{address.schema}/parseExpression", body)).body or {}
    source = answer.get("parsedExpression")
    if answer.get("parsingSucceeded") is not True:
        message = text_of(object_of(answer, "error"), "message") or ""
        raise Refused(
            t(
                "Microsoft Entra does not take the mapping expression {expression!r}: {message}",
                expression=printable(expression, limit=120),
                message=printable(message, limit=300),
            ),
            code="expression-refused",
            hint=t("Correct it in the parameters file."),
            values={"expression": printable(expression, limit=400)},
        )
    if not isinstance(source, Mapping):
        raise ServiceFailed(
            t("Microsoft Graph read a mapping expression and does not say what it understood."),
            code="unexpected-answer",
        )
    return source
