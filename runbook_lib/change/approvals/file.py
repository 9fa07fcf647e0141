"""The one reader and the one writer of approval files, of either kind.

Whatever is not exactly what ``gwb approve`` writes stops the run: an approval that is understood differently by the
person who gave it and by the program is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, create_model, model_validator

from runbook_lib.change.approvals.given import FileFacts
from runbook_lib.change.route import Fields, RouteRules, Routes, TargetFields, rules_in
from runbook_lib.errors import Refused
from runbook_lib.model.ids import GUID_PATTERN, digest
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.signing.envelope import APPROVAL_TYPE
from runbook_lib.signing.signature import (
    SUFFIXES,
    Signing,
    read_signature,
    signature_parts,
    signature_path,
)
from runbook_lib.strict_file import (
    LARGEST_APPROVAL,
    Unfit,
    read_plain,
    strict_json,
    whole_text,
    write_whole,
)

APPROVAL_SCHEMA = "group-writeback-approval/1"
LONGEST = timedelta(days=7)
"""A plan approval is for the run that follows, not for next month."""
LONGEST_DAYS = 90
"""Days that a standing approval may hold, the first and the last not counted."""
PREFIX = "standing-"
"""How the file's name of a standing approval begins; every other file in the folder is an approval of one plan."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def moment(text: str) -> datetime:
    """A time as approvals write it: UTC, with ``Z``.

    Raises:
        ValueError: It is none.
    """
    if not _TIME.fullmatch(text):
        raise ValueError("it has to be a time in UTC, as 2026-12-31T12:00:00Z")
    return datetime.fromisoformat(text)


def written_time(text: str) -> str:
    """The text of a time, as ``moment`` reads it."""
    moment(text)
    return text


def said(text: str) -> str:
    """What a person typed: something, without white space around it.

    Raises:
        ValueError: It is nothing, or has characters that nobody sees.
    """
    if not text.strip() or text != text.strip():
        raise ValueError("it is empty, or has white space around it")
    if printable(text) != text:
        raise ValueError("it has characters that nobody sees")
    return text


_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Said = Annotated[str, AfterValidator(said)]
_Time = Annotated[str, AfterValidator(written_time)]


class _Caps(Fields):
    changes: int = Field(ge=0)
    members_added: int = Field(ge=0)
    members_removed: int = Field(ge=0)


class _Common(Fields):
    schema_: Literal["group-writeback-approval/1"] = Field(alias="schema")
    change_id: _Said
    route: str = Route.DIRECT.value
    target: TargetFields
    approver: _Said
    approved: _Time
    until: _Time
    phrase: _Said
    planning_record: _Said
    planning_manifest: _Digest | None
    digest: _Digest

    @property
    def since(self) -> datetime:
        """From when it holds."""
        return moment(self.approved)

    @property
    def end(self) -> datetime:
        """Until when it holds."""
        return moment(self.until)


class PlanApprovalFile(_Common):
    """What a file of kind ``plan`` holds."""

    kind: Literal["plan"]
    plan_digest: _Digest
    changes: Annotated[list[_Digest], Field(min_length=1)]
    names: list[_Digest]
    members: list[_Digest]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.changes)) != len(self.changes):
            raise ValueError("a change is named twice")
        if not len(self.names) == len(self.members) == len(self.changes):
            raise ValueError("it does not say of every change what was read")
        if not timedelta(0) < self.end - self.since <= LONGEST:
            raise ValueError(f"it holds longer than {LONGEST.days} days, or ends before it begins")
        title = re.escape(self.target.target().title)
        groups = r"[0-9]+ GROUPS?"
        what = rf"(CONFIGURATION|WRITEBACK|{groups}( AND DELETE {groups})?)"
        verb, gone = "(ENABLE|DISABLE|UNDO|CONVERT|ROLL-BACK|CHOOSE)", rf"([0-9]+ TO )?{groups}"
        phrase = rf"({verb} {what}|DELETE ({gone}|CONFIGURATION)) IN {title}"
        if not re.fullmatch(phrase, self.phrase):
            raise ValueError("its phrase is not that of a plan of its target")
        return self


class StandingApprovalFile(_Common):
    """What a file of kind ``standing`` holds."""

    kind: Literal["standing"]
    groups: Annotated[list[_Guid], Field(min_length=1)]
    names: list[str]
    kinds: Annotated[list[str], Field(min_length=1)]
    caps: _Caps

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({group.casefold() for group in self.groups}) != len(self.groups):
            raise ValueError("a group is named twice")
        if len(self.names) != len(self.groups):
            raise ValueError("it does not say of every group how it is called")
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("a kind is named twice")
        if self.end != end_of(self.end.date()):
            raise ValueError("it does not end with a day")
        if not 0 <= (self.end.date() - self.since.date()).days <= LONGEST_DAYS:
            raise ValueError(f"it holds longer than {LONGEST_DAYS} days, or ends before it begins")
        if self.phrase != standing_phrase(len(self.groups), self.target.target().title, self.end.date()):
            raise ValueError("its phrase is not that of its groups, target and end")
        return self


def _no_kind(value: str) -> str:
    raise ValueError(f"nothing of this route can be approved in advance, {value} neither")


@lru_cache
def approval_files_of(rules: RouteRules) -> tuple[type[PlanApprovalFile], type[StandingApprovalFile]]:
    """What both kinds hold where they are about this route: its targets, and the kinds of change it lets stand."""
    target: Any = (rules.approved_target_fields, ...)
    kinds = tuple(kind.value for kind in rules.standing_kinds)
    kind: Any = Literal[kinds] if kinds else Annotated[str, AfterValidator(_no_kind)]
    return (
        create_model("PlanApprovalFile", __base__=PlanApprovalFile, target=target),
        create_model(
            "StandingApprovalFile",
            __base__=StandingApprovalFile,
            target=target,
            kinds=(Annotated[list[kind], Field(min_length=1)], ...),
        ),
    )


def end_of(day: date) -> datetime:
    """The last second of a day, UTC."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def standing_phrase(groups: int, title: str, until: date) -> str:
    """What the approver types: it proves that number, title of the target and end were read."""
    return f"STAND {groups} {'GROUP' if groups == 1 else 'GROUPS'} IN {title} UNTIL {until.isoformat()}"


def approval_paths(folder: Path) -> list[Path]:
    """Every file of a change's folder of approvals, sorted by name; none where there is no such folder.

    Raises:
        Refused: The folder is a link or cannot be listed (``approval-damaged``).
    """
    try:
        if folder.is_symlink():
            raise damaged(folder, t("it is a link"), what=t("a folder of approvals"))
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        why = t("it cannot be read ({strerror})", strerror=error.strerror or type(error).__name__)
        raise damaged(folder, why, what=t("a folder of approvals")) from None


def read_approval_file(path: Path, routes: Routes) -> tuple[PlanApprovalFile | StandingApprovalFile, FileFacts]:
    """One approval of the change whose folder it lies in (``<change id>/approvals/<file>``).

    Args:
        path: The file.
        routes: The routes that it may be about.

    Raises:
        Refused: ``approval-damaged``: it is not exactly what ``gwb approve`` writes; ``approval-of-another-change``: it
            was given under another change id.
    """
    standing = path.name.startswith(PREFIX)
    what = t("a standing approval") if standing else t("an approval")
    try:
        plain = read_plain(path, largest=LARGEST_APPROVAL)
        data = strict_json(plain.data)
        of_plan, of_groups = approval_files_of(rules_in(data, routes))
        found = (of_groups if standing else of_plan).model_validate(data)
    except FileNotFoundError:
        raise damaged(path, t("it is not there any more"), what=what) from None
    except ValidationError as error:
        raise damaged(path, _first(error), what=what) from None
    except Unfit as error:
        raise damaged(path, error.why, what=what) from None
    content = {key: value for key, value in data.items() if key != "digest"}
    if found.digest != digest(content) or plain.data != whole_text(data):
        raise damaged(path, t("it was changed after it was written"), what=what)
    if isinstance(found, PlanApprovalFile) and path.name != f"{found.plan_digest}.json":
        raise damaged(path, t("its name is not the digest of its plan"), what=what)
    # Not resolved: a change whose folder is a link to another one's is that change none the less.
    change_id = path.absolute().parent.parent.name
    if found.change_id != change_id:
        raise Refused(
            t(
                "{path} is an approval of the change {change_id}, not of {asked}.",
                path=path,
                change_id=printable(found.change_id, limit=80),
                asked=change_id,
            ),
            code="approval-of-another-change",
            hint=t("Remove that file and approve the plan of this change with gwb approve."),
            values={"path": str(path), "change_id": found.change_id},
        )
    try:
        signature = read_signature(path, plain.data, APPROVAL_TYPE)
    except Unfit as error:
        raise damaged(path, error.why, what=what) from None
    return found, FileFacts(path, plain.sha256, plain.owner, plain.groups, plain.shared, signature)


def _first(error: ValidationError) -> Text:
    """The first thing that is wrong, as the end of a sentence."""
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ", ".join(str(part) for part in detail["loc"] if part != "schema_")
    said = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        reason = t("it is not well formed")
    else:
        reason = verbatim(printable(said[:1].lower() + said[1:], limit=200))
    return t("{place}: {reason}", place=printable(place, limit=200), reason=reason) if place else reason


def damaged(path: Path, why: Text, *, what: Text) -> Refused:
    """The error of a file that is no approval: better to stop than to guess."""
    return Refused(
        t("{path} is not {what}: {why}.", path=path, what=what, why=why),
        code="approval-damaged",
        hint=t(
            "Remove that file and approve again with gwb approve{option}.",
            option=t(" --standing") if "standing" in what else NOTHING,
        ),
        values={"path": str(path), "why": why},
    )


def write_approval(path: Path, content: Mapping[str, object], signing: Signing | None = None) -> None:
    """Write the file of an approval, whole or not at all, with a digest of what it holds, after its signature.

    The digest shows that a file was edited, not by whom: whoever may write here can write another approval. A signature
    shows that whoever has its key wrote it.

    Raises:
        ServiceFailed: ``approval-write``: disk full, share gone, no right. Nothing is approved then.
    """
    data = whole_text({**content, "digest": digest(content)})
    hint = t("Nothing is approved. Check free space and rights of the records folder, then approve again.")
    parts = signature_parts(Signing(signing.key), APPROVAL_TYPE, data) if signing is not None else {}
    # The record that keeps an approval is stamped.
    # One with half a signature counts for nobody, and one without it for nobody who asks for one.
    for suffix in SUFFIXES:
        part = signature_path(path, suffix)
        if suffix in parts:
            write_whole(part, parts[suffix], what="approval", code="approval-write", hint=hint)
        elif part.is_file():
            part.unlink()
    write_whole(path, data, what="approval", code="approval-write", hint=hint)
