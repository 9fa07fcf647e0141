"""What ``fleet.yaml`` says: tenants with their parameters files, notebooks, a schedule, and how much at a time.

``parameters/fleet.yaml`` explains every key; a test keeps it in step with this model.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TenantEntry(BaseModel):
    """One tenant with the domain that its groups go to. A tenant with two domains has two entries."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(description="What this entry is called on pages and in schedulers: letters, digits, . _ -")
    files: list[str] = Field(description="Its parameters files; a later one wins over an earlier one")
    notebooks: list[str] = Field([], description="Its notebooks, in order; empty: those of the fleet")
    change_id: str = Field("", description="Its change id; empty: the one in its parameters files")
    secrets_prefix: str = Field(
        "",
        description="Where its secrets are: with CONTOSO_, its runs get CONTOSO_GWB_CLIENT_SECRET as GWB_CLIENT_SECRET "
        "and so on; empty: its parameters files name files",
    )


class Fleet(BaseModel):
    """Tenants that are run together. Paths resolve as those of parameters do."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(description="What the fleet is called: letters, digits, . _ -")
    records_dir: str = Field("records", description="Folder that holds all records; shared where several hosts run")
    notebooks: list[str] = Field([], description="Notebooks that every tenant runs, in order")
    schedule: str = Field("", description="When a scheduler starts it, as five fields of cron; empty: by hand alone")
    time_zone: str = Field("UTC", description="Time zone of the schedule, as the IANA database names it")
    concurrency: int = Field(4, ge=1, le=200, description="Runs that may be under way at the same time")
    time_limit_minutes: int = Field(240, ge=1, le=43_200, description="Minutes after which one run is stopped")
    wait_minutes: int = Field(
        480,
        ge=0,
        le=43_200,
        description="Minutes that a scheduler waits for an approval, or for another system, before it leaves a tenant "
        "to its next start",
    )
    check_minutes: int = Field(
        15, ge=1, le=1_440, description="Minutes between two looks whether another system has done its part"
    )
    retries: int = Field(3, ge=0, le=20, description="Times that a scheduler runs again what time may heal")
    retry_minutes: int = Field(5, ge=0, le=1_440, description="Minutes before it does, doubled each time")
    lease_seconds: int = Field(
        0,
        ge=0,
        le=3_600,
        description="Seconds that a writer's lease in records_dir lasts (parameter lease_seconds of every run), where "
        "several hosts run; 0: as the parameters files say",
    )
    copy_to: str = Field(
        "",
        description="Address of an object store or a folder that gets a copy of each sealed record (for example "
        "s3://bucket/records), written by the scheduler; empty: none",
    )
    tenants: list[TenantEntry] = Field(description="The tenants")

    def notebooks_of(self, entry: TenantEntry) -> list[str]:
        """What a tenant runs, in order: its own notebooks, else those of the fleet."""
        return entry.notebooks or self.notebooks
