"""Who is told how a run ended: one entry for each address."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ToldOutcome = Literal[
    "done",
    "nothing-to-do",
    "awaiting-approval",
    "awaiting-handoff",
    "awaiting-window",
    "refused",
    "partial",
    "verification-failed",
    "no-access",
    "failed",
    "interrupted",
    "bug",
]


class NotifyParameter(BaseModel):
    """One address that is told, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1, description="What the record calls this entry")
    by: Literal["webhook", "teams", "slack", "email"] = Field(description="How")
    address: str = Field(
        "", description="webhook: https address; email: smtp://HOST:587 (STARTTLS) or smtps://HOST:465 (TLS at once)"
    )
    address_from: str = Field(
        "", description="Reference of the secret that holds the https address (teams, slack: it is one)"
    )
    hosts: list[str] = Field([], description="The only hosts that the address of address_from may name")
    sign_with: str = Field("", description="webhook: reference of the key that signs each message (HMAC-SHA256)")
    ca_file: str = Field("", description="CA file for the host; empty: the public CAs")
    sender: str = Field("", description="email: address that it comes from")
    recipients: list[str] = Field([], description="email: addresses that it goes to")
    user: str = Field("", description="email: account at the mail server; empty: none")
    password_from: str = Field("", description="email: reference of that account's password")
    outcomes: list[ToldOutcome] = Field(
        [
            "awaiting-approval",
            "awaiting-handoff",
            "refused",
            "partial",
            "verification-failed",
            "no-access",
            "failed",
            "interrupted",
            "bug",
        ],
        description="Ends that are told",
    )
    severities: list[Literal["blocking", "unknown", "warning", "info"]] = Field(
        [], description="Any end is told, too, where a finding is of one of these severities"
    )
    only_when_changed: bool = Field(
        False, description="Not told again while end and findings are those that were told last in this change"
    )
    quiet: str = Field("", description='Hours in which nothing is sent, for example "daily 22:00-07:00 Europe/Madrid"')
