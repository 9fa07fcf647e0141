"""The folder of one run and the only ways to write into it: durable, all or nothing."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.files import (
    APPROVALS,
    CSV_DELIMITERS,
    FOLDER_MODES,
    LONGEST_CHANGE_ID,
    LONGEST_FOLDER_NAME,
    MANIFEST,
    make_folder,
    new_file,
    safe_folder_name,
    write_durably,
)
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import json_text
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

if TYPE_CHECKING:
    import pandas as pd

    from runbook_lib.record.tables import TitleSheet


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write ``data`` to ``path``; a reader sees the old file or the whole new one. ``mode`` as in ``write_durably``.

    Raises:
        ServiceFailed: Code ``record-write``: disk full, share gone, no right. ``path`` is as it was before.
    """
    try:
        write_durably(path, data, mode=mode)
    except OSError as error:
        hint = t("Check free space and rights of the records folder, then run again with the same change id.")
        raise not_written(path, error, hint) from None


def not_written(path: Path, error: OSError, hint: Text) -> ServiceFailed:
    """The error for a file of records that the system does not take: code ``record-write``."""
    return ServiceFailed(
        t(
            "The record file {path} cannot be written: {error_strerror}.",
            path=path,
            error_strerror=error.strerror or type(error).__name__,
        ),
        code="record-write",
        hint=hint,
        values={"path": str(path)},
    )


def json_bytes(value: Mapping[str, object] | list[object]) -> bytes:
    """Indented JSON with sorted keys and a final line break; what nobody sees is a JSON escape (``json_text``).

    Raises:
        ValueError: For NaN and infinities.
        TypeError: For anything that JSON does not know.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return json_text(text).encode("utf-8") + b"\n"


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Half-written files that a killed process left in ``folder`` (``write_durably`` names them)."""
    return tuple(sorted(folder.rglob(".*.part")))


class RecordFolder:
    """``records/<change id>/<run id>/``; every write is atomic and on the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.csv_delimiter = CSV_DELIMITERS["comma"]
        """Of the tables that are written from now on; a run takes it from its parameters."""

    @property
    def run_id(self) -> str:
        """Name of this run's folder."""
        return self.path.name

    @property
    def change_id(self) -> str:
        """Name of the change's folder, which holds every run of the change."""
        return self.path.parent.name

    @property
    def change_folder(self) -> Path:
        """Folder of the change."""
        return self.path.parent

    @property
    def place(self) -> str:
        """The folder as people write it, ``records/<change id>/<run id>``."""
        return f"{self.change_folder.parent.name}/{self.change_id}/{self.run_id}"

    @property
    def approvals_folder(self) -> Path:
        """Where approvals for this change are: beside the runs, because a sealed run never changes."""
        return self.path.parent / APPROVALS

    @property
    def sealed(self) -> bool:
        """Whether there is a manifest (``verify`` says whether it is true)."""
        return (self.path / MANIFEST).exists()

    @classmethod
    def create(cls, records_root: Path, change_id: str, run_id: str, *, access: str = "owner") -> RecordFolder:
        """Make the folder of a new run.

        Args:
            records_root: Folder with the records of every change; it is made where it is missing.
            change_id: Name of the change's folder.
            run_id: Name of the run's folder.
            access: Who may read the change's folder and all below it, a name of ``FOLDER_MODES``.

        Raises:
            UsageError: ``change-id`` (no safe folder name), ``records-folder`` (not writable), ``run-exists``.
        """
        for what, name, longest in (
            ("change_id", change_id, LONGEST_CHANGE_ID),
            (t("run id"), run_id, LONGEST_FOLDER_NAME),
        ):
            if not safe_folder_name(name, longest):
                raise UsageError(
                    (
                        t("The {what} {name!r} cannot name a folder.", what=what, name=name[:100])
                        if name
                        else t("The {what} is empty: a record needs one.", what=what)
                    ),
                    code="change-id",
                    hint=t(
                        "Use 1 to {longest} ASCII letters, digits, dots, hyphens and underscores, for example "
                        "CHG0012345.",
                        longest=longest,
                    ),
                    values={"name": name[:100]},
                )
        path = records_root / change_id / run_id
        mode = FOLDER_MODES[access]
        try:
            records_root.parent.mkdir(parents=True, exist_ok=True)
            if not records_root.is_dir():
                make_folder(records_root, mode)
            make_folder(path.parent, mode)
            _prove_writable(path.parent)
        except OSError as error:
            raise UsageError(
                t(
                    "The records folder {records_root} cannot be written: {error_strerror}.",
                    records_root=records_root,
                    error_strerror=error.strerror or type(error).__name__,
                ),
                code="records-folder",
                hint=t(
                    "Check the parameter records_dir and the rights of this account on that folder. "
                    "Where several accounts run changes: records_access."
                ),
                values={"path": str(records_root)},
            ) from None
        try:
            path.mkdir(mode=0o700)
            make_folder(path, mode)
        except FileExistsError:
            raise UsageError(
                t("The run {run_id} of change {change_id} exists already.", run_id=run_id, change_id=change_id),
                code="run-exists",
                hint=t("Every run has a record of its own: start it again, it then gets another run id."),
                values={"path": str(path)},
            ) from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RecordFolder:
        """The folder of an existing run.

        Raises:
            UsageError: Code ``record-missing``: there is no such folder.
        """
        resolved = path.resolve()
        if not resolved.is_dir():
            raise UsageError(
                t("There is no record at {path}.", path=path),
                code="record-missing",
                hint=t("Name the folder of one run: records/<change id>/<run id>."),
                values={"path": str(path)},
            )
        return cls(resolved)

    def file(self, name: str) -> Path:
        """Path of a file of this record.

        Raises:
            ValueError: ``name`` is not a plain file name.
        """
        if not name or Path(name).name != name or name in (".", "..") or "\\" in name:
            raise ValueError(f"not a plain file name: {name!r}")
        return self.path / name

    def write_bytes(self, name: str, data: bytes) -> Path:
        """Write a file of this record.

        Raises:
            UsageError: Code ``record-sealed``.
            ServiceFailed: Code ``record-write``.
        """
        path = self.file(name)
        if self.sealed:
            raise UsageError(
                t("The record {path} is sealed.", path=self.path),
                code="record-sealed",
                hint=t("A sealed record never changes; start another run."),
                values={"path": str(self.path)},
            )
        write_atomically(path, data)
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write UTF-8 text; line breaks stay as they are, unpaired surrogates become ``\\ud800``."""
        return self.write_bytes(name, text.encode("utf-8", "backslashreplace"))

    def write_json(self, name: str, value: Mapping[str, object] | list[object]) -> Path:
        """Write indented JSON with sorted keys."""
        return self.write_bytes(name, json_bytes(value))

    def read_json(self, name: str) -> dict[str, object]:
        """Read a JSON object of this record.

        Raises:
            UsageError: Code ``record-unreadable``: missing, not JSON, not an object.
        """
        path = self.file(name)
        try:
            value = json.loads(read_plain(path, largest=LARGEST_PLAN).data)
        except FileNotFoundError:
            raise _unreadable(path, t("there is no such file")) from None
        except Unfit as unfit:
            raise _unreadable(path, str(unfit)) from None
        except (ValueError, RecursionError):
            raise _unreadable(path, t("it is not JSON")) from None
        if not isinstance(value, dict):
            raise _unreadable(path, t("it is not a JSON object"))
        return cast("dict[str, object]", value)

    def write_csv(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a table as CSV that no spreadsheet takes for formulas (see ``tables``)."""
        # pandas takes a second to load, and most commands on records never write a table.
        from runbook_lib.record import tables

        return self.write_bytes(name, tables.csv_bytes(frame, self.csv_delimiter))

    def write_workbook(
        self,
        name: str,
        sheets: Mapping[str, pd.DataFrame],
        *,
        title: TitleSheet | None = None,
        headings: Mapping[str, Text] | None = None,
    ) -> Path:
        """Write tables as sheets of one Excel workbook (see ``tables``)."""
        from runbook_lib.record import tables

        return self.write_bytes(name, tables.workbook_bytes(sheets, title=title, headings=headings))


def _prove_writable(folder: Path) -> None:
    """Modes and access lists are many; a file that was written proves more than any of them."""
    probe = folder / f".gwb-probe-{os.getpid()}"
    with open(probe, "xb", opener=new_file):
        pass
    probe.unlink()


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        t("{path} cannot be read: {why}.", path=path, why=why),
        code="record-unreadable",
        hint=t("Name the folder of one run: records/<change id>/<run id>."),
        values={"path": str(path)},
    )


_RUN_BEGAN = "%Y%m%dT%H%M%SZ"
"""How an id of a run begins: when the run began, UTC."""


def new_run_id(notebook: Path, now: datetime) -> str:
    """``<UTC yyyymmddThhmmssZ>-<notebook's name>-<4 hex>``: sorts by time, and two at once differ.

    Args:
        notebook: Only its name counts; characters that a folder name should not have become hyphens.
        now: With a time zone.
    """
    stem = re.sub(r"[^A-Za-z0-9]+", "-", notebook.stem).strip("-")[:40] or "notebook"
    return f"{now.astimezone(UTC):{_RUN_BEGAN}}-{stem}-{secrets.token_hex(2)}"


def began_by_id(run_id: str) -> datetime | None:
    """When the run with this id began, to the second, UTC; None where the id does not say so."""
    try:
        return datetime.strptime(run_id.partition("-")[0], _RUN_BEGAN).replace(tzinfo=UTC)
    except ValueError:
        return None


def work_file_of(folder: RecordFolder) -> Path:
    """Where ``gwb run`` saves the executed notebook of a run until its record is sealed."""
    return folder.change_folder / f".executing-{folder.run_id}.ipynb"
