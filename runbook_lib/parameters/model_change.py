"""What a run is told about the change itself: why, by whom, where its records go, who approves, when it may write."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.parameters.model_notify import NotifyParameter


class ChangeParameters(BaseModel):
    """The parameters that every route has in common; ``Parameters`` adds the others."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    # The change
    change_id: str = Field("", description="Identifier of the change, for example CHG0012345; names the record folder")
    reason: str = Field("", description="Why this change is made, for the record")
    requested_by: str = Field("", description="Who asks for this change, for the record: a person, a team or a ticket")
    records_dir: str = Field("records", description="Folder that holds the change records")
    records_access: Literal["owner", "group", "everyone"] = Field(
        "owner",
        description="Who may read the records and approvals of this change: owner (the account that runs it), group "
        "(the group of records_dir, which may also seal, resume and approve) or everyone on the host; Windows: the "
        "access list that records_dir inherits",
    )
    csv_delimiter: Literal["comma", "semicolon", "tab"] = Field(
        "comma",
        description="What stands between the values in the CSV files of records: comma, semicolon (which Excel expects "
        "where the decimal sign is a comma, as in French and Spanish) or tab",
    )
    approvers: list[str] = Field(
        [],
        description="Who may approve: names as typed, account:NAME or group:NAME for the account that owns the "
        "approval's file, signer:NAME for a key of trusted_signers; empty: anybody who can write to the records folder",
    )
    require_other_approver: bool = Field(
        False,
        description="Whoever asked for a change (requested_by), planned or runs it may not approve it, by name, "
        "account and key",
    )
    signing_key: str = Field(
        "",
        description="PEM file with the private key (Ed25519, ECDSA or RSA) that signs records, and approvals given in "
        "JupyterLab, readable only by its owner; certificates of the key may follow it; empty: nothing is signed",
    )
    trusted_signers: str = Field(
        "",
        description="Folder of NAME.pem files (a public key, a certificate or an authority's certificate) whose "
        "signatures count, writable only by its owner; approvals then need one; empty: approvals need none",
    )
    time_stamp_url: str = Field(
        "",
        description="Address of a time stamp authority (RFC 3161) that stamps each signed record, http or https; "
        "empty: none",
    )
    time_stamp_ca_file: str = Field(
        "",
        description="PEM file with the CA certificate that its stamps come from, and with that of its address where "
        "this is private",
    )

    change_windows: list[str] = Field(
        [],
        description='Times at which changes may be written, for example "Sat 22:00-04:00 Europe/Madrid" or '
        '"Mon-Fri 18:30-23:00 UTC"; outside of all of them nothing is written; empty: at any time',
    )
    blackout_calendar: str = Field(
        "",
        description="Calendar file (iCalendar, .ics) whose events are times at which nothing is written, whatever "
        "change_windows says; events that are cancelled or shown as free do not count; empty: none",
    )
    notify: list[NotifyParameter] = Field(
        [],
        description="Who is told how a headless run ended: entries of name, by (webhook, teams, slack, email) and "
        "what goes with it; only counts and the record's link are told",
    )
    records_url: str = Field(
        "", description="https address of records_dir for messages that link to a record; empty: they name its path"
    )

    route: Literal["direct", "cloud-sync", "connect-sync"] = Field(
        "direct",
        description="Who writes the groups to AD: direct (this runbook, over LDAP), cloud-sync (Microsoft Entra Cloud "
        "Sync) or connect-sync (Microsoft Entra Connect Sync)",
    )
