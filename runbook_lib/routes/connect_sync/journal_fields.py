"""What a journal says before and after an act of the route connect-sync, for strict reading."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from runbook_lib.change.route import Fields


class IntentFields(Fields):
    """What a journal says before an act: which, with what was there until then where something is replaced whole."""

    action: str = Field(description="Which action")
    before: dict[str, Any] | None = Field(
        default=None, description="What was there until then, where it is replaced as a whole; absent: nothing is"
    )


class EffectFields(Fields):
    """What a journal says after an act: what was handed to a person, or what the run changed itself."""

    handed_over: str = Field(default="", description="ConnectAction that was handed to a person")
    file: str = Field(default="", description="File of the record that holds what was handed over")
    sha256: str = Field(default="", description="SHA-256 of that file")
    undeleted: str = Field(default="", description="DN under which a group came back from the deleted objects")
    settings_id: str = Field(default="", description="Id of the settings of groups that were replaced")
    settings_made: bool = Field(default=False, description="Whether those settings were made")
    writeback_set: bool | None = Field(
        default=None, description="What the group's setting of writeback under V2 was set to; null: not set"
    )
    request_id: str = Field(default="", description="Graph's id of the request, for its support")
