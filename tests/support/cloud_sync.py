"""Cloud Sync from the first request to groups in AD, the way a client of Graph goes; the same on both directories."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rehearsal.cloud.configurations import GROUPS_TO_AD
from rehearsal.cloud.documents import APP_ROLES, secret
from rehearsal.contoso import names
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID
from rehearsal.process import RunningRehearsal
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.parameters.load import load_parameters
from tests.support.cloud_client import pem_credential, plain_session, sign_in

PARENT, CHILD, CONVERTED = (names.group_id(key) for key in ("vpn-users", "vpn-admins", "legal-archive"))
PEOPLE = 6
"""Synchronized users in ``PARENT``."""


class Administrator:
    """Requests of Graph with every permission that the way takes."""

    def __init__(self, running: RunningRehearsal) -> None:
        credential = pem_credential(running.folder.client.read_text(encoding="ascii"))
        token = sign_in(running, credential, client_id=ADMINISTRATOR_CLIENT_ID)["access_token"]
        self._session = plain_session(running)
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._base = f"{running.state['graph_url']}/v1.0"

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, wait: bool = False) -> Any:
        """The answer's JSON; with ``wait`` asked again while what was just made is not found."""
        end = time.monotonic() + 30
        while True:
            answer = self._session.request(method, f"{self._base}/{path}", json=body, timeout=30)
            if not (wait and answer.status_code == 404 and time.monotonic() < end):
                break
            time.sleep(0.2)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def close(self) -> None:
        self._session.close()


def groups_of_ad(running: RunningRehearsal) -> Sequence[DirectoryGroup]:
    """Every group of AD, as the runbook reads them."""
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    with open_directory(told, environment={}, clock=_now) as directory:
        return read_directory(directory, told.target_ou, told.retired_ou, clock=_now).groups


def in_ad(running: RunningRehearsal) -> dict[str, DirectoryGroup]:
    """Groups of AD by the cloud group that Cloud Sync's anchor names."""
    anchored = {group.text("msDS-ExternalDirectoryObjectId"): group for group in groups_of_ad(running)}
    return {anchor.removeprefix("Group_"): group for anchor, group in anchored.items() if anchor}


def _now() -> datetime:
    return datetime.now(UTC)


def go_the_way(running: RunningRehearsal) -> None:
    """Make a configuration, let it write, change things in the cloud, and look at AD after each step."""
    graph, control = Administrator(running), running.control
    made = graph.send("POST", f"applicationTemplates/{GROUPS_TO_AD}/instantiate", {"displayName": names.DOMAIN})
    principal = made["servicePrincipal"]["id"]
    base = f"servicePrincipals/{principal}/synchronization"
    notification = {"Enabled": False, "DeleteThresholdEnabled": True, "DeleteThresholdValue": 2}
    pairs = [secret("Domain", {"domain": names.DOMAIN}), secret("SyncNotificationSettings", notification)]
    graph.send("PUT", f"{base}/secrets", {"value": pairs}, wait=True)
    job = f"{base}/jobs/{graph.send('POST', f'{base}/jobs', {'templateId': 'AAD2ADGroupProvisioning'})['id']}"
    place(graph, job, names.CLOUD_SYNC_OU)
    for group in (PARENT, CHILD, CONVERTED):
        body = {"principalId": group, "resourceId": principal, "appRoleId": APP_ROLES["global"]}
        graph.send("POST", f"servicePrincipals/{principal}/appRoleAssignedTo", body)

    # One group on demand, before the job runs at all.
    rule = graph.send("GET", f"{job}/schema")["synchronizationRules"][0]["id"]
    subject = {"objectId": CHILD, "objectTypeName": "Group"}
    key = graph.send("POST", f"{job}/provisionOnDemand", {"parameters": [{"ruleId": rule, "subjects": [subject]}]})
    assert '"result": "Success"' in key["key"]
    child = in_ad(running)[CHILD]
    assert child.dn == f"CN=VPN Admins_{CHILD[-12:]},{names.CLOUD_SYNC_OU}"
    assert child.group_type == -2147483640
    assert (child.text("sAMAccountName") or "").startswith("$")

    # Every group; the one that the cloud took over from AD stays the same object.
    sid = graph.send("GET", f"groups/{CONVERTED}")["onPremisesSecurityIdentifier"]
    graph.send("POST", f"{job}/start")
    control.cloud_sync("run")
    found = in_ad(running)
    assert found[CONVERTED].sid == sid
    assert found[CONVERTED].dn == f"CN=Legal Archive_{CONVERTED[-12:]},{names.CLOUD_SYNC_OU}"
    assert found[PARENT].members == (child.dn,)

    # People, another name, another place.
    control.cloud_sync("members", on=True)
    control.edit_cloud("rename-group", group=PARENT, name="VPN, everybody")
    place(graph, job, names.TARGET_OU)
    control.cloud_sync("run")
    parent = in_ad(running)[PARENT]
    assert parent.dn == f"CN=VPN\\, everybody_{PARENT[-12:]},{names.TARGET_OU}"
    assert len(parent.members or ()) == PEOPLE + 1

    # Emptied, then deleted.
    for member in graph.send("GET", f"groups/{PARENT}/members")["value"]:
        control.edit_cloud("remove-member", group=PARENT, member=member["id"])
    control.cloud_sync("run")
    assert in_ad(running)[PARENT].members == ()
    control.edit_cloud("delete-group", group=PARENT)
    control.cloud_sync("run")
    assert PARENT not in in_ad(running)
    assert graph.send("GET", job)["status"]["code"] == "Active"
    graph.close()


def place(graph: Administrator, job: str, container: str) -> None:
    """Another container for the groups of a job."""
    schema = graph.send("GET", f"{job}/schema")
    rows = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    (row,) = [one for one in rows if one["targetAttributeName"] == "parentDistinguishedName"]
    expression = {"expression": f'"{container}"'}
    row["source"] = graph.send("POST", f"{job}/schema/parseExpression", expression)["parsedExpression"]
    graph.send("PUT", f"{job}/schema", schema)
