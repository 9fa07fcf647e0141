"""Steps of the first change: its identifier, why it is made, which groups; and the pre-flight."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.errors import UsageError
from runbook_lib.files import LONGEST_CHANGE_ID, safe_change_id
from runbook_lib.model.ids import is_guid, lower_guid
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.groups_file import UnusableGroupsFile, read_groups
from runbook_lib.parameters.paths import resolve
from runbook_lib.setup.cloud_steps import LATER, NOW
from runbook_lib.setup.files import written_path
from runbook_lib.setup.questions import OfferedAnswer, SetupQuestion, SetupState, SetupStep, Surroundings, Taken

_OF_GROUPS = frozenset({"select_ids", "select_names", "select_file"})
_TABLES = (".csv", ".xlsx", ".tsv", ".txt")


def _ask_change(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "change_id" in state.given:
        return None
    return SetupQuestion(
        "change_id",
        t("Identifier of the first change"),
        t("For example the number of its ticket. Its records stand in a folder of that name."),
        default="PILOT-1",
    )


def _take_change(text: str, state: SetupState, _: Surroundings) -> Taken:
    if not safe_change_id(text):
        raise UsageError(
            t("That cannot name a folder on every system."),
            code="bad-change-id",
            hint=t("Use at most {longest} letters, digits, hyphens, underscores and dots.", longest=LONGEST_CHANGE_ID),
        )
    return Taken(state.with_parameters(change_id=text))


def _ask_reason(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "reason" in state.given:
        return None
    return SetupQuestion("reason", t("Why is it made? A sentence for the record"), optional=True)


def _take_reason(text: str, state: SetupState, _: Surroundings) -> Taken:
    return Taken(state.with_parameters(reason=text) if text else state)


def _ask_groups(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if not _OF_GROUPS.isdisjoint(state.given) or state.text("route") == Route.CONNECT_SYNC.value:
        return None  # Connect Sync writes all Microsoft 365 groups
    return SetupQuestion(
        "groups",
        t("Groups of this change"),
        t(
            "Display names or ids with semicolons between them (* and ? are wildcards), or a CSV file or Excel "
            "workbook with a column of groups. Nothing: choose later, from the table of 20-inventory-groups. Begin "
            "with one that nobody depends on."
        ),
        optional=True,
    )


def _take_groups(text: str, state: SetupState, around: Surroundings) -> Taken:
    if not text:
        return Taken(state)
    if text.lower().endswith(_TABLES):
        file = resolve(text, around.root)
        try:
            found = read_groups(file, state.text("select_column"))
        except UnusableGroupsFile as unusable:
            raise UsageError(
                t("{file} names no groups: it is a file {why}.", file=file, why=unusable.why),
                code="groups-file",
                hint=unusable.hint,
            ) from None
        return Taken(
            state.with_parameters(select_file=written_path(file, around.root)),
            (t("{count} groups are named there.", count=len(found)),),
        )
    parts = [part.strip() for part in text.split(";") if part.strip()]
    ids = [lower_guid(part) for part in parts if is_guid(part)]
    names = [part for part in parts if not is_guid(part)]
    return Taken(
        state.with_parameters(**{"select_ids": ids} if ids else {}, **{"select_names": names} if names else {})
    )


def _ask_preflight(_state: SetupState, _: Surroundings) -> SetupQuestion | None:
    return SetupQuestion(
        "preflight",
        t("Run the pre-flight when the files are written?"),
        t("It reads both sides and writes nothing."),
        (OfferedAnswer(NOW, t("Now")), OfferedAnswer(LATER, t("Later"))),
        only_offered=True,
        default=NOW,
    )


def _take_preflight(text: str, state: SetupState, _: Surroundings) -> Taken:
    return Taken(replace(state, pre_flight=text == NOW))


CHANGE_STEPS = (
    SetupStep("change_id", _ask_change, _take_change),
    SetupStep("reason", _ask_reason, _take_reason),
    SetupStep("groups", _ask_groups, _take_groups),
    SetupStep("preflight", _ask_preflight, _take_preflight),
)
