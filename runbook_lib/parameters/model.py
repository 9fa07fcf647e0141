"""What a run is told: one flat model, every default the harmless one, no secret ever.

The parameters cells, ``parameters/example.yaml``, the reference table in docs/ and the JSON Schema are made of it.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.parameters.model_change import ChangeParameters


class AcknowledgementParameter(BaseModel):
    """One acknowledged finding."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    finding: str = Field(min_length=1, description="Identifier of the finding, as the plan shows it")
    by: str = Field(min_length=1, description="Who accepts it")
    reason: str = Field(min_length=1, description="Why it is acceptable")
    until: str = Field(description="Last day on which it counts, YYYY-MM-DD")


class Parameters(ChangeParameters):
    """Every parameter of every notebook. Dates are ``YYYY-MM-DD`` in quotes; paths resolve against the project root."""

    # Microsoft Entra ID
    tenant_id: str = Field("", description="Tenant id, a GUID")
    client_id: str = Field(
        "",
        description="Application (client) id of the app registration, a GUID; with sign_in managed-identity that of "
        "the user-assigned identity, or empty for the system-assigned one",
    )
    sign_in: Literal["certificate", "secret", "device-code", "managed-identity", "workload-identity"] = Field(
        "certificate",
        description="certificate, secret (environment variable GWB_CLIENT_SECRET), device-code (a person signs in), "
        "managed-identity (of this machine or app in Azure or Azure Arc), or workload-identity (the token in the file "
        "that AZURE_FEDERATED_TOKEN_FILE names)",
    )
    sign_in_cache: Literal["none", "encrypted"] = Field(
        "none",
        description="Tokens of sign_in device-code: none (in memory only), or encrypted (kept for this account by "
        "Windows, macOS or libsecret)",
    )
    keep_cloud_reading: Literal["none", "run", "encrypted", "plain"] = Field(
        "run",
        description="What was read of the tenant is kept, so that the next reading asks what changed: none, run (in "
        "memory for this run), or for later runs of this account, in its own folder: encrypted (as sign_in_cache) or "
        "plain (readable only by its owner)",
    )
    client_secret_from: str = Field(
        "",
        description="Where the client secret is (sign_in: secret): env:NAME, file:PATH, keyring:SERVICE/ACCOUNT or "
        "keyvault:HOST/NAME; empty: GWB_CLIENT_SECRET",
    )
    certificate_file: str = Field(
        "",
        description="PEM or PKCS#12 file with certificate and private key, readable only by its owner (sign_in: "
        "certificate)",
    )
    certificate_password_from: str = Field(
        "",
        description="Where the password of its private key is, as for client_secret_from; empty: "
        "GWB_CERTIFICATE_PASSWORD, or none",
    )
    cloud: Literal["global", "us-government-l4", "us-government-l5", "china"] = Field(
        "global",
        description="Microsoft cloud of the tenant: global (also GCC), us-government-l4 (GCC High), us-government-l5 "
        "(DoD), china (21Vianet)",
    )
    graph_url: str = Field("", description="Microsoft Graph address; empty: the one of the cloud")
    authority_url: str = Field("", description="Sign-in address; empty: the one of the cloud")
    cloud_ca_file: str = Field("", description="CA file for Graph and sign-in; empty: the public CAs")
    cloud_timeout: int = Field(
        30,
        ge=1,
        le=600,
        description="Seconds to wait for one answer of Graph or sign-in; a whole one may take four times that",
    )

    # Active Directory
    dc_host: str = Field("", description="The one writable domain controller of the run, as its certificate names it")
    dc_host_fallback: str = Field(
        "", description="Another one, for when dc_host cannot be reached and nothing is written yet; empty: none"
    )
    dc_security: Literal["ldaps", "starttls"] = Field(
        "ldaps", description="How TLS begins: at once (ldaps) or with StartTLS; never without"
    )
    dc_port: int = Field(0, ge=0, le=65535, description="LDAP port; 0: the usual one, 636 for ldaps, 389 for starttls")
    dc_ca_file: str = Field("", description="CA file for the domain controller's certificate; empty: the system's CAs")
    dc_timeout: int = Field(30, ge=1, le=600, description="Seconds to wait for one LDAP answer")
    bind_method: Literal["password", "kerberos"] = Field(
        "password", description="How the account signs in; kerberos needs the extra [kerberos]"
    )
    bind_user: str = Field(
        "",
        description="Account that reads and writes, as user principal name or DN; for kerberos name@REALM, or empty: "
        "whose ticket it is",
    )
    bind_password_file: str = Field(
        "", description="File with that account's password, readable only by its owner; empty: GWB_BIND_PASSWORD"
    )
    bind_password_from: str = Field(
        "", description="Where that password is, as for client_secret_from, in the place of bind_password_file"
    )
    kerberos_keytab: str = Field(
        "", description="File with the account's Kerberos keys, readable only by its owner; empty: the ticket cache"
    )
    target_ou: str = Field("", description="DN of the OU that receives written-back groups")
    retired_ou: str = Field("", description="DN of the OU that receives retired groups")
    protected_ous: list[str] = Field([], description="DNs of further OUs that nothing may be written to")

    keep_directory_reading: Literal["none", "run"] = Field(
        "none",
        description="What was read of the domain is kept for this run, so that the gate asks what changed (run), or "
        "not at all (none)",
    )

    # Which groups
    select_ids: list[str] = Field([], description="Ids of the groups that 30-enable-writeback writes")
    select_names: list[str] = Field(
        [],
        description="Display names of the groups that 30-enable-writeback writes; * and ? are wildcards, "
        "[*] and [?] those characters; a whole name means that name alone",
    )
    select_kinds: list[Literal["microsoft-365", "security"]] = Field(
        ["microsoft-365"], description="Kinds that select_names may pick"
    )
    select_file: str = Field(
        "",
        description="CSV file or workbook (.xlsx) with one column of groups that 30-enable-writeback writes, by id or "
        "whole display name; they join select_ids and select_names",
    )
    select_column: str = Field(
        "", description="Heading of that column; empty: group_id, id or object id, or the only column"
    )
    read_owners: bool = Field(
        False,
        description="Read the owners of every cloud group in 20-inventory-groups: one more request for each group, "
        "twenty in a batch",
    )
    disable_ids: list[str] = Field(
        [], description="Ids of the groups that 40-disable-writeback retires or deletes; 30 leaves them alone"
    )
    disable_names: list[str] = Field(
        [],
        description="Display names of the groups that 40-disable-writeback retires or deletes, with the wildcards of "
        "select_names; 30 leaves them alone",
    )
    disable_file: str = Field(
        "", description="The same as select_file for 40-disable-writeback: they join disable_ids and disable_names"
    )
    disable_column: str = Field("", description="Heading of the column of disable_file, as for select_column")

    # How a group looks in AD
    group_type: Literal["", "distribution", "security"] = Field(
        "",
        description="What written groups are for: security (rights on files and applications) or distribution (a list "
        "of members that grants nothing); always universal; 30-enable-writeback asks for it",
    )
    rdn_style: Literal["display-name", "id"] = Field(
        "display-name", description="display-name: <name, 51 characters>_<last 12 of the id>; id: Group_<id>"
    )
    sam_account_name_pattern: str = Field(
        "Group_{id12}", description="sAMAccountName; {id12} is the last 12 hexadecimal digits of the id, {id} all of it"
    )
    allow_dynamic_security: bool = Field(
        False, description="Let a group with dynamic membership become a security group"
    )
    allow_role_assignable: bool = Field(False, description="Let role-assignable groups be written")
    allow_hidden_membership: bool = Field(False, description="Let groups that hide their members be written")
    disable_by: Literal["retire", "delete"] = Field(
        "retire",
        description="What 40-disable-writeback does with a group, and 60-undo-change with one that was created: "
        "retire, or delete the AD object",
    )
    empty_on_retire: bool = Field(False, description="Remove the members of a group that is retired")

    # Other writers, findings
    attest_connect_v1_off_by: str = Field(
        "", description="Name of the person who attests that Connect writeback v1 is off"
    )
    attest_connect_v1_off_until: str = Field("", description="Last day on which that attestation counts, YYYY-MM-DD")
    acknowledge: list[AcknowledgementParameter] = Field(
        [], description="Findings that are known and accepted: finding, by, reason, until"
    )

    # Cloud Sync
    cloud_sync_ou_expression: str = Field(
        "", description="Mapping expression of the OU of each group (parentDistinguishedName); empty: target_ou"
    )
    cloud_sync_cn_expression: str = Field(
        "", description="Mapping expression of the name of each group (cn); empty: as the configuration has it"
    )
    cloud_sync_account_name_expression: str = Field(
        "",
        description='Mapping expression of sAMAccountName, for example Append([displayName], "_cloud"); empty: as the '
        "configuration has it",
    )
    cloud_sync_notify: str = Field(
        "", description="Address that Cloud Sync writes to when its job stops; empty: as the configuration has it"
    )
    cloud_sync_delete_threshold: int = Field(
        0,
        ge=0,
        le=2_147_483_647,
        description="Deletions in one run that stop the job; 0: as the configuration has it",
    )
    cloud_sync_pilot: str = Field(
        "", description="Id of one selected group that is provisioned on demand before the job runs; empty: none"
    )
    cloud_sync_on_premises_users: Literal["unknown", "on", "off"] = Field(
        "unknown",
        description="Whether 'Provision membership to on-premises users' is on in the configuration: no call shows it",
    )
    cloud_sync_wait: int = Field(
        60,
        ge=0,
        le=1440,
        description="Minutes to watch Active Directory, at most, until it is as predicted, or until the job ran after "
        "groups left its scope; 0: one look",
    )
    cloud_sync_create: bool = Field(
        False, description="Where no configuration writes groups to the domain, 30-enable-writeback makes one"
    )
    cloud_sync_enable: Literal["scope", "move", "convert", "differing"] = Field(
        "scope",
        description="What 30-enable-writeback does on the route cloud-sync: scope (the selected groups enter it), move "
        "(groups that the route direct wrote go over to Cloud Sync with their AD objects), convert (the cloud "
        "becomes the source of authority of selected synchronized groups) or differing (groups in scope that differ in "
        "Active Directory are provisioned on demand)",
    )
    cloud_sync_disable: Literal["scope", "pause", "remove", "move", "roll-back"] = Field(
        "scope",
        description="What 40-disable-writeback does on the route cloud-sync: scope (the named groups leave it), "
        "pause (the whole job stops), remove (the configuration is deleted), move (the named groups come back to the "
        "route direct with their AD objects) or roll-back (AD becomes their source of authority again)",
    )
    cloud_sync_with_nested: bool = Field(
        True, description="A conversion or roll-back takes nested groups along, at any depth"
    )
    cloud_sync_make_universal: bool = Field(
        False, description="A conversion may change the scope of AD groups to universal, which Cloud Sync needs"
    )
    cloud_sync_keep_place: bool = Field(
        True, description="Converted groups keep OU and name in AD; otherwise the mapping moves and renames them"
    )
    cloud_sync_group_dn_property: str = Field(
        "",
        description="Directory extension of groups that holds their distinguished name (extension_..._...), where this "
        "runbook shall not make and fill one",
    )

    # Connect Sync
    connect_evidence: str = Field(
        "", description="File that the collector wrote on the Connect server (gwb connect collector); empty: none"
    )
    connect_evidence_hours: int = Field(
        24, ge=1, le=720, description="Hours after which that file no longer counts: collect anew"
    )
    connect_wait: int = Field(
        60,
        ge=0,
        le=1440,
        description="Minutes to watch Active Directory, at most, after the wizard of Connect Sync was handed over; 0: "
        "one look",
    )
    connect_new_groups: Literal["unchanged", "written", "not-written"] = Field(
        "unchanged",
        description="Whether new Microsoft 365 groups are to count as written back (NewUnifiedGroupWritebackDefault); "
        "it has an effect under V2 alone",
    )
    access_ous: list[str] = Field(
        [],
        description="DNs of OUs whose access lists are searched for the groups that go with v1; empty: none",
    )
    share_permissions: str = Field(
        "",
        description="CSV file of share permissions (Path, IdentityReference and more columns of Get-Acl) that is "
        "searched for the groups that go with v1; empty: none",
    )

    # Pre-flight
    check_routes: list[Literal["direct", "cloud-sync", "connect-sync"]] = Field(
        ["direct"], description="Routes whose verdict decides how 10-detect-exchange and gwb check end"
    )
    groups_domain: str = Field(
        "", description="Mail domain of the groups, for example groups.contoso.com; empty: from the groups' addresses"
    )
    dns_servers: list[str] = Field(
        [], description="Addresses of DNS servers to ask, with or without :port; empty: those of this machine"
    )
    dns_timeout: int = Field(5, ge=1, le=60, description="Seconds to wait for one DNS answer")

    # Limits of one plan
    max_creates: int = Field(50, ge=0, description="Groups that one plan may create")
    max_retirements: int = Field(25, ge=0, description="Groups that one plan may retire")
    max_deletions: int = Field(5, ge=0, description="Groups that one plan may delete (disable_by: delete)")
    max_conversions: int = Field(25, ge=0, description="Groups whose source of authority one plan may change")
    max_member_removals: int = Field(200, ge=0, description="Member values that one plan may remove in all")
    max_member_removals_per_group: int = Field(
        50, ge=0, description="Member values that one plan may remove from a group"
    )
    max_member_removals_percent: int = Field(
        25, ge=0, le=100, description="Share of a group's members that one plan may remove, in percent"
    )

    reading_max_age: int = Field(
        120, ge=1, le=1440, description="Minutes that may pass between reading both sides and a write planned from it"
    )

    lease_seconds: int = Field(
        0,
        ge=0,
        le=3600,
        description="Seconds that a writer's lease in records_dir lasts without being renewed, where several hosts "
        "write and share that folder; at least three times dc_timeout; 0: one host writes",
    )

    # Undo
    undo_record: str = Field("", description="Record folder whose changes 60-undo-change undoes")


def parse_day(text: str) -> date:
    """A day written as ``YYYY-MM-DD``.

    Raises:
        ValueError: For anything else.
    """
    return date.fromisoformat(text)
