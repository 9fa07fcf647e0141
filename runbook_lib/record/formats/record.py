"""record.json and MANIFEST.json: the facts of one run, and what its sealed record consists of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from runbook_lib.model.finding import Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.formats.common import (
    ApprovalFormat,
    Count,
    CountsFormat,
    Digest,
    Format,
    Something,
    Time,
)


class _Reading(Format):
    """How one side was read."""

    model_config = ConfigDict(title="reading")

    source: str = Field(description="Where it was read from, for people")
    at: Time = Field(description="When reading began, UTC")
    complete: bool = Field(
        description="Whether everything that was asked for arrived; nothing is planned from an incomplete reading"
    )
    proof: list[str] = Field(description="Why it is believed to be complete, one sentence each")
    gaps: list[str] = Field(description="What could not be read, one sentence each")
    seconds: Annotated[float, Field(ge=0)] = Field(description="How long it took, in seconds")
    requests: Count = Field(description="Round trips")


class _Finding(Format):
    """What one check saw."""

    model_config = ConfigDict(title="finding")

    id: Something = Field(description="Stable name of the finding; an acknowledgement names it")
    severity: Annotated[Severity, Field(strict=False)] = Field(
        description="How much it matters; nothing is written while a blocking finding is not acknowledged"
    )
    seen: Something = Field(description="What was seen")
    expected: str = Field(description="What would have been fine; may be empty")
    why: str = Field(description="Why it matters; may be empty")
    to_do: str = Field(description="What to do now; may be empty")
    source: str = Field(description="Public document that the expectation comes from; may be empty")
    values: dict[str, Any] = Field(description="The facts behind the words; their names depend on the finding")


class _Notebook(Format):
    """The notebook that was run."""

    name: str = Field(description="Its name without ending; `unknown` where the run left no readable facts")
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] | None = Field(
        description="SHA-256 of the notebook before it was run; empty or null where the file was not at hand"
    )


class _SignedIn(Format):
    """Who was signed in to Microsoft Entra ID, by the claims of the access token."""

    kind: Literal["app", "user"] = Field(description="`app`: the app registration itself; `user`: a person")
    client_id: str | None = Field(description="Application (client) id of the app registration")
    object_id: str | None = Field(description="Object id of the service principal or of the person")
    user_principal_name: str | None = Field(description="User principal name of the person; null for an app")


class _Bound(Format):
    """Who was bound to AD; null: nobody yet."""

    method: Literal["password", "kerberos"] = Field(description="Kind of bind")
    identity: str | None = Field(
        description='What the domain controller says about who is bound (LDAP "Who am I?", RFC 4532); null: it does '
        "not say"
    )


class _RanBy(Format):
    """Who ran it."""

    account: str | None = Field(description="Account of the operating system that the run had; null: not known")
    host: str | None = Field(description="Name of the machine; null: not known")
    cloud: _SignedIn | None = Field(
        description="Who was signed in to Microsoft Entra ID, by the claims of the access token; null: nobody yet, or "
        "the token does not say"
    )
    directory: _Bound | None = Field(description="Who was bound to AD; null: nobody yet")


class _Place(Format):
    """Where the run read and wrote; the values are null until the domain controller has answered."""

    tenant: str | None = Field(description="Id of the Entra tenant")
    domain: str | None = Field(description="DNS name of the AD domain")
    dc: str | None = Field(description="Name of the domain controller")
    ou: str | None = Field(description="OU that written-back groups stand in")
    ds_service_name: str | None = Field(
        default=None, description="Name of the controller's NTDS Settings object; absent until it has answered"
    )
    invocation_id: str | None = Field(
        default=None,
        description="Id of the controller's database, so that another controller is noticed; absent until it has "
        "answered",
    )


class _Table(Format):
    """One table of both sides."""

    rows: Count = Field(description="Rows of the whole table")
    kept: Count = Field(description="Rows that the record holds: all in 20-inventory-groups, else those of its groups")
    sha256: Digest = Field(description="SHA-256 of the whole table as a file of comma-separated values")


class _Tables(Format):
    """The whole tables, of which a record holds what the run is about."""

    groups: _Table = Field(description="Groups of both sides; in the record `groups.csv`")
    members: _Table = Field(description="Memberships; in the record `members.csv`")
    ad_groups: _Table = Field(description="AD groups; in the record `ad-groups.csv`")


class _Readings(Format):
    """How each side was read; empty where nothing was read."""

    cloud: _Reading | None = Field(default=None, description="Microsoft Graph")
    directory: _Reading | None = Field(default=None, description="Active Directory")
    tables: _Tables | None = Field(
        default=None,
        description="What was read, as tables; absent where the run ended before, and in records of older versions",
    )


class _MembersOfGroup(Format):
    """One group."""

    group_id: str = Field(description="Id of the cloud group")
    group: str = Field(description="Its display name")
    in_cloud: Count = Field(description="Members of the cloud group")
    already: Count = Field(description="Members that are in the AD group already")
    added: Count = Field(description="Members that are added")
    removed: Count = Field(description="AD members that are removed")
    left_out: Count = Field(description="Members of the cloud group that are not written")
    who: list[str] = Field(description="The first five of them with the reason, and how many more left-out.csv has")


class PlanInShortFormat(Format):
    """The plan in short; null: the run made none."""

    digest: Digest = Field(description="Digest of the plan")
    counts: CountsFormat = Field(
        description="How many changes of each kind, and how many member values they add and remove"
    )
    phrase: str = Field(description="What an approver has to type")
    operation: Literal["enable", "disable", "undo"] = Field(description="What the plan is for")
    route: Literal["direct"] | None = Field(
        default=None, description="Who writes it to AD; missing in records of versions that knew one route"
    )
    groups: Count = Field(description="How many groups it touches")
    members: list[Annotated[_MembersOfGroup, Field(description="One group")]] | None = Field(
        default=None,
        description="What becomes of the members of each planned group; missing in records of older versions",
    )


class _Changes(Format):
    """How many changes."""

    planned: Count = Field(description="Changes of the plan")
    done: Count = Field(description="Approved changes that were all carried out; 0 where the run stopped midway")


class _StepReached(Format):
    """One step."""

    title: str = Field(description="Its name")
    at: Time = Field(description="When it was reached, UTC")


class _WhyItEnded(Format):
    """Why the run did not end as asked; null: it did, or nothing more is known."""

    code: Something = Field(description="What went wrong, as a stable code")
    message: str = Field(description="What went wrong, in words")
    hint: str = Field(description="What to do; may be empty")


class _Told(Format):
    """One entry of ``notify``."""

    name: Something = Field(description="Its name in the parameters")
    by: Literal["webhook", "teams", "slack", "email"] = Field(description="How")
    at: Time = Field(description="When that was decided or tried, UTC")
    result: Literal["sent", "not-asked", "unchanged", "quiet", "failed"] = Field(
        description="`sent`, `not-asked` (neither its outcomes nor its severities name this end), `unchanged` since it "
        "was told last, `quiet` (its quiet hours) or `failed`, with a finding"
    )
    state: Something = Field(description="Digest of the end and the findings: the same while nothing changed")


class RecordFormat(Format):
    """The facts of one run of one notebook."""

    schema_: Literal["gwb-record/1"] = Field(alias="schema", description="Name and version of this format")
    change_id: Something = Field(description="Change that the run belongs to; name of the folder above the run's")
    run_id: Something = Field(description="This run; name of its folder")
    notebook: _Notebook = Field(description="The notebook that was run")
    mode: Literal["record", "interactive"] | None = Field(
        description="`record`: scheduled, without a person; `interactive`: in JupyterLab; null: not known"
    )
    ran_by: _RanBy = Field(description="Who ran it")
    outcome: Annotated[Outcome, Field(strict=False)] | None = Field(
        description="How it ended; null while the run has given no verdict"
    )
    exit_code: Literal[0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 70, 130] | None = Field(description="Exit code of that outcome")
    started: Time | None = Field(description="When it began, UTC; null: not known")
    ended: Time | None = Field(description="When it ended, UTC; null while it has not")
    target: _Place = Field(
        description="Where the run read and wrote; the values are null until the domain controller has answered"
    )
    parameters: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], Any] = Field(
        description="What the run was told, by the names of the parameters; secrets are never parameters"
    )
    snapshots: _Readings = Field(description="How each side was read; empty where nothing was read")
    plan: PlanInShortFormat | None = Field(description="The plan in short; null: the run made none")
    approval: Annotated[ApprovalFormat, Field(description="The approval")] | None = Field(
        description="The approval that the run wrote under; null: it came to none"
    )
    changes: _Changes = Field(description="How many changes")
    findings: list[Annotated[_Finding, Field(description="One finding")]] = Field(description="What the checks saw")
    steps: list[Annotated[_StepReached, Field(description="One step")]] = Field(
        description="What the run did, in order"
    )
    versions: dict[str, str] = Field(
        description="Name to version: this product, Python, the system, the packages that took part"
    )
    gaps: Annotated[list[str], Field(min_length=1)] = Field(
        description="What this record does not prove, one sentence each"
    )
    error: _WhyItEnded | None = Field(
        description="Why the run did not end as asked; null: it did, or nothing more is known"
    )
    told: list[Annotated[_Told, Field(description="One entry of `notify`")]] = Field(
        default=[], description="Who was told by `gwb run` how the run ended; empty where nobody was to be"
    )


class _SealedBefore(Format):
    """The run of the same change that was sealed before; null: none."""

    run_id: str = Field(description="That run")
    digest: Digest = Field(description="The digest in its manifest")


class _SealedFile(Format):
    """One file."""

    path: Something = Field(description="Path below the run's folder, with slashes")
    bytes: Count = Field(description="Size in bytes")
    sha256: Digest = Field(description="SHA-256 of the file")


class ManifestFormat(Format):
    """What a sealed record consists of."""

    schema_: Literal["gwb-manifest/1"] = Field(alias="schema", description="Name and version of this format")
    change_id: Something = Field(description="Change that the run belongs to")
    run_id: Something = Field(description="The run")
    sealed_at: Time = Field(description="When the record was sealed, UTC")
    previous: _SealedBefore | None = Field(description="The run of the same change that was sealed before; null: none")
    files: Annotated[list[Annotated[_SealedFile, Field(description="One file")]], Field(min_length=1)] = Field(
        description="Every file of the run but the manifest, sorted by path"
    )
    digest: Digest = Field(description="Digest of everything above; it stands for the whole sealed record")
