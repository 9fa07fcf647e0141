"""The parameters cell of each notebook: what that notebook uses, each name with one whole sentence."""

from __future__ import annotations

import json

from runbook_lib.parameters.document import ParameterField, parameter_fields

PARAMETERS_FILE = "parameters_file"
"""The one name in the cell that is no parameter: it names the file that holds them."""

COMMENTS = {
    PARAMETERS_FILE: "The file that gives the values, if GWB_PARAMETERS does not name it.",
    "change_id": "The change has this identifier, and its record folder this name, for example CHG0012345.",
    "reason": "The record says with these words why the change is made.",
    "requested_by": "This person, team or ticket asks for the change.",
    "records_dir": "The change records are kept in this folder.",
    "records_access": "The owner, the group or everyone may read the records.",
    "csv_delimiter": "A comma, a semicolon or a tab parts the values in CSV files of records.",
    "approvers": "Only these may approve: names, account:, group: or signer:NAME; empty lets anybody.",
    "require_other_approver": "Whoever asks for the change may not approve it.",
    "signing_key": "This PEM file holds the key that signs the records; empty signs nothing.",
    "time_stamp_url": "This authority stamps signed records with the time; empty stamps none.",
    "time_stamp_ca_file": "Its time stamps come from a certificate in this PEM file.",
    "trusted_signers": "Approvals need a signature by a key in this folder; empty asks for none.",
    "change_windows": "Changes are written at these times alone, such as Sat 22:00-04:00 Europe/Madrid.",
    "blackout_calendar": "Nothing is written during the events of this iCalendar file; empty means none.",
    "notify": "These are told how a run of gwb run ended, each with name, by and address.",
    "records_url": "Messages link to records below this address; empty names their path.",
    "route": "The groups get to AD on this route: direct, cloud-sync or connect-sync.",
    "tenant_id": "The tenant has this id, a GUID.",
    "client_id": "The app registration has this application (client) id, a GUID.",
    "sign_in": "The run signs in with a certificate, a secret, a device-code or an identity.",
    "keep_cloud_reading": "What was read of the tenant is kept: none, run, or for later runs encrypted or plain.",
    "sign_in_cache": "Tokens of a device-code are kept nowhere (none) or encrypted.",
    "client_secret_from": "The client secret is here, as env:NAME or file:PATH; empty takes GWB_CLIENT_SECRET.",
    "certificate_file": "This file holds the certificate and its private key, as PEM or PFX.",
    "certificate_password_from": "The password of that key is here; empty takes GWB_CERTIFICATE_PASSWORD, or none.",
    "cloud": "The tenant is in this Microsoft cloud; parameters/example.yaml lists all four.",
    "graph_url": "Microsoft Graph has this address; empty takes that of the cloud.",
    "authority_url": "Sign-in has this address; empty takes that of the cloud.",
    "cloud_ca_file": "Graph and sign-in are trusted by this CA file; empty takes the public CAs.",
    "cloud_timeout": "One answer of Graph or sign-in may take this many seconds.",
    "dc_host": "All is read from and written to this domain controller, named as in its certificate.",
    "dc_host_fallback": "This one takes its place while nothing is written.",
    "dc_security": "TLS begins at once (ldaps) or with StartTLS (starttls).",
    "dc_port": "LDAP listens on this port; 0 takes 636 for ldaps and 389 for starttls.",
    "dc_ca_file": "The domain controller is trusted by this CA file; empty takes the system's CAs.",
    "dc_timeout": "One LDAP answer may take this many seconds.",
    "bind_method": "The account signs in to AD with a password or with kerberos.",
    "bind_user": "This account reads and writes AD: a user principal name or a DN.",
    "bind_password_file": "This file holds its password; empty takes GWB_BIND_PASSWORD.",
    "bind_password_from": "Its password is here, as env:NAME or keyring:SERVICE/ACCOUNT.",
    "kerberos_keytab": "This file holds its Kerberos keys; empty takes the ticket cache.",
    "keep_directory_reading": "What was read of the domain is kept: none, or for this run.",
    "target_ou": "Written groups stand in the OU with this DN.",
    "retired_ou": "Retired groups stand in the OU with this DN.",
    "protected_ous": "Nothing may be written to the OUs with these DNs.",
    "select_ids": "The groups with these ids are written.",
    "select_names": "The groups with these display names are written; * and ? are wildcards.",
    "select_kinds": "A name picks groups of these kinds alone: microsoft-365, security.",
    "select_file": "A column of this CSV file or workbook names more groups that are written.",
    "select_column": "That column has this heading; empty takes that of the ids, or the only one.",
    "read_owners": "The inventory names the owners of groups, for one more request each.",
    "disable_ids": "The groups with these ids are disabled by 40-disable-writeback alone.",
    "disable_names": "The groups with these display names are disabled by 40-disable-writeback alone.",
    "disable_file": "A column of this CSV file or workbook names more groups for 40-disable-writeback.",
    "disable_column": "The column of that file has this heading; empty takes that of the ids.",
    "group_type": "Written groups are for rights (security) or a list of members (distribution).",
    "rdn_style": "An object is called after its display-name or its id.",
    "sam_account_name_pattern": "It has this sAMAccountName; {id12} ends the id, {id} is all.",
    "allow_dynamic_security": "A group with dynamic membership may become a security group.",
    "allow_role_assignable": "Role-assignable groups may be written.",
    "allow_hidden_membership": "Groups that hide their members may be written.",
    "disable_by": "A group is disabled with retire, or with delete of its AD object.",
    "empty_on_retire": "A group that is retired loses its members.",
    "attest_connect_v1_off_by": "This person attests that Connect writeback v1 is off.",
    "attest_connect_v1_off_until": "That attestation counts until this day (YYYY-MM-DD).",
    "acknowledge": "These findings are accepted, each with finding, by, reason and until.",
    "cloud_sync_ou_expression": "Cloud Sync puts each group where this expression says; empty takes target_ou.",
    "cloud_sync_cn_expression": "Cloud Sync names each group as this expression says; empty changes nothing.",
    "cloud_sync_account_name_expression": "Account names are what this expression says; empty changes nothing.",
    "cloud_sync_notify": "Cloud Sync writes to this address when its job stops; empty changes nothing.",
    "cloud_sync_delete_threshold": "This many deletions in one run stop the job; 0 changes nothing.",
    "cloud_sync_pilot": "The group with this id is tried first; empty tries none.",
    "cloud_sync_on_premises_users": "Membership of on-premises users is on, off or unknown.",
    "cloud_sync_wait": "AD is watched for this many minutes afterwards, at most.",
    "cloud_sync_enable": "Enabling brings groups into scope, or does move, convert, differing.",
    "connect_evidence": "The collector on the Connect server wrote this file; empty means that there is none.",
    "connect_evidence_hours": "Evidence of the Connect server counts for this many hours.",
    "connect_wait": "After the hand-over to people AD is watched for this many minutes, at most.",
    "connect_new_groups": "New groups count as written or not-written to AD (V2 alone), or stay unchanged.",
    "access_ous": "Access lists below the OUs with these DNs are searched for groups that go with v1.",
    "share_permissions": "This CSV file of share permissions is searched for groups that go with v1.",
    "cloud_sync_create": "Where no configuration writes groups to the domain, one is made.",
    "cloud_sync_disable": "Disabling takes groups out of scope, or does pause, remove, move, roll-back.",
    "cloud_sync_with_nested": "A conversion or roll-back takes nested groups along.",
    "cloud_sync_make_universal": "A conversion may make AD groups universal.",
    "cloud_sync_keep_place": "Converted groups keep OU and name in AD.",
    "cloud_sync_group_dn_property": "This extension holds distinguished names; empty makes one.",
    "check_routes": "The verdicts on these routes decide how the run ends.",
    "groups_domain": "The groups have this mail domain; empty takes it from their addresses.",
    "dns_servers": "These DNS servers are asked; empty takes those of this machine.",
    "dns_timeout": "One DNS answer may take this many seconds.",
    "max_creates": "One plan may create this many groups.",
    "max_retirements": "One plan may retire this many groups.",
    "max_deletions": "One plan may delete this many groups.",
    "max_conversions": "One plan may convert this many groups, or roll them back.",
    "max_member_removals": "One plan may remove this many members in all.",
    "max_member_removals_per_group": "One plan may remove this many members of a group.",
    "max_member_removals_percent": "One plan may remove this share of a group's members.",
    "reading_max_age": "A write may follow its reading by this many minutes.",
    "lease_seconds": "Other hosts that share records_dir wait this many seconds for a lost writer; 0 is one host.",
    "undo_record": "The run with this record folder is undone.",
}
"""One whole sentence for each name; the model's description says all there is to say."""

_ALL = (
    *("change_id", "reason", "requested_by", "records_dir", "records_access", "csv_delimiter"),
    *("signing_key", "time_stamp_url", "time_stamp_ca_file", "notify", "records_url"),
    *("tenant_id", "client_id", "sign_in", "sign_in_cache", "client_secret_from"),
    *("certificate_file", "certificate_password_from"),
    *("cloud", "graph_url", "authority_url", "cloud_ca_file", "cloud_timeout"),
    *("dc_host", "dc_host_fallback", "dc_security", "dc_port", "dc_ca_file", "dc_timeout"),
    *("bind_method", "bind_user", "bind_password_file", "bind_password_from", "kerberos_keytab"),
    *("target_ou", "retired_ou"),
)
_SELECTION = ("select_ids", "select_names", "select_kinds", "select_file", "select_column")
_DISABLED = ("disable_ids", "disable_names", "disable_file", "disable_column")
_NAMES = ("rdn_style", "sam_account_name_pattern")
_ALLOWED = ("allow_dynamic_security", "allow_role_assignable", "allow_hidden_membership")
_ATTESTED = ("attest_connect_v1_off_by", "attest_connect_v1_off_until")
_SERVER = ("connect_evidence", "connect_evidence_hours")
_READING = (*_NAMES, *_ATTESTED, *_SERVER)
_SIDES = (*_READING, "keep_cloud_reading", "keep_directory_reading")
_WRITING = (
    *("approvers", "require_other_approver", "trusted_signers"),
    *("change_windows", "blackout_calendar"),
    *("route", "protected_ous", "acknowledge", "reading_max_age", "lease_seconds"),
    *("max_creates", "max_retirements", "max_deletions", "max_conversions"),
    *("max_member_removals", "max_member_removals_per_group", "max_member_removals_percent"),
)
_OUT = ("disable_by", "empty_on_retire")
_ENABLED_BY_CLOUD_SYNC = ("cloud_sync_notify", "cloud_sync_delete_threshold", "cloud_sync_pilot", "cloud_sync_create")
_PREDICTED = ("cloud_sync_on_premises_users", "cloud_sync_wait", "connect_wait")
_HANGING = ("access_ous", "share_permissions")
_CONVERTED = ("cloud_sync_make_universal", "cloud_sync_keep_place", "cloud_sync_enable")
_AUTHORITY = ("cloud_sync_with_nested", "cloud_sync_group_dn_property")
_EXPRESSIONS = ("cloud_sync_ou_expression", "cloud_sync_cn_expression", "cloud_sync_account_name_expression")
_PREFLIGHT = ("check_routes", "groups_domain", "dns_servers", "dns_timeout")

USED: dict[str, frozenset[str]] = {
    "00-start-here": frozenset(_ALL),
    "10-detect-exchange": frozenset(
        (
            *(*_ALL, *_READING, *_SELECTION, *_PREFLIGHT, "route", "protected_ous", "disable_by", "acknowledge"),
            *("cloud_sync_create", "cloud_sync_enable", "cloud_sync_disable"),
        )
    ),
    "20-inventory-groups": frozenset((*_ALL, *_SIDES, *_SELECTION, "route", "read_owners")),
    "30-enable-writeback": frozenset(
        (
            *(*_ALL, *_SIDES, *_WRITING, *_SELECTION, *_DISABLED, *_ALLOWED, *_EXPRESSIONS),
            *(*_PREDICTED, *_ENABLED_BY_CLOUD_SYNC, *_CONVERTED, *_AUTHORITY, "group_type", "connect_new_groups"),
        ),
    ),
    "40-disable-writeback": frozenset(
        (
            *(*_ALL, *_SIDES, *_WRITING, *_DISABLED, *_OUT, *_PREDICTED, *_AUTHORITY, *_HANGING),
            *("cloud_sync_disable", "connect_new_groups"),
        ),
    ),
    "50-check-drift": frozenset(
        (*_ALL, *_SIDES, *_ALLOWED, "protected_ous", "group_type", "route", "cloud_sync_on_premises_users")
    ),
    "60-undo-change": frozenset((*_ALL, *_SIDES, *_WRITING, *_OUT, *_PREDICTED, *_AUTHORITY, *_HANGING, "undo_record")),
}
"""Notebook to the names of the parameters that its steps look at."""


def uses(notebook: str, name: str) -> bool:
    """Whether the steps of a notebook look at a parameter; one of another name than ours may look at all of them."""
    return name in USED.get(notebook, frozenset(COMMENTS))


_CELL_HEADER = (
    "# What this notebook uses, with harmless defaults. The values come from a parameters file;",
    "# parameters/example.yaml explains every parameter. Do not edit this cell.",
)


def parameters_cell(notebook: str = "") -> str:
    """Source of a notebook's parameters cell, without a final line break; of a notebook of another name all of them.

    Each line is at most 120 characters, as ruff formats it.
    """
    used = USED.get(notebook)
    lines = [*_CELL_HEADER, "", f'{PARAMETERS_FILE}: str = ""  # {COMMENTS[PARAMETERS_FILE]}']
    section = ""
    for field in parameter_fields():
        section = field.section or section
        if used is not None and field.name not in used:
            continue
        if section:
            lines += ["", f"# {section}"]
            section = ""
        lines.append(_line(field))
    return "\n".join(lines)


def _line(field: ParameterField) -> str:
    return f"{field.name}: {field.kind} = {_literal(field.default)}  # {COMMENTS[field.name]}"


def _literal(default: object) -> str:
    """A literal as ruff formats it: JSON's double quotes, Python's True and False."""
    return str(default) if isinstance(default, bool) else json.dumps(default, ensure_ascii=False)
