"""The text of a file that people write for this product: parameters, fleets."""

from __future__ import annotations

import stat
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.parameters.paths import found_file

LARGEST_FILE = 1_000_000
"""Bytes. A parameters file holds some hundred lines; something larger is another file."""


def read_text(path: Path, project_root: Path) -> str:
    """The text of a file of parameters, with the line ends of Unix.

    Raises:
        UsageError: It is not there, no regular file, too large, not UTF-8, or cannot be read.
    """
    path = found_file(path, project_root)
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            # Opening a pipe would wait for whoever writes to it, and a device may never end.
            raise UsageError(
                t("The parameters file {path} is not a regular file.", path=path),
                code="parameters-file-unreadable",
                hint=t("Name a file; a pipe or a device is not read."),
                values={"path": str(path)},
            )
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise UsageError(
                t(
                    "{path} is too large for a parameters file: more than {largest_file:,} bytes.",
                    path=path,
                    largest_file=LARGEST_FILE,
                ),
                code="parameters-file-invalid",
                hint=t("Name the parameters file; parameters/example.yaml explains every parameter."),
                values={"path": str(path)},
            )
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise UsageError(
            t("{path} is not UTF-8 text.", path=path),
            code="parameters-file-invalid",
            hint=t("Save the file as UTF-8."),
            values={"path": str(path)},
        ) from None
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        said = getattr(error, "strerror", None) or t("bad name")
        reason = t("is not there") if missing else t("cannot be read: {reason}", reason=said)
        raise UsageError(
            t("The parameters file {path} {reason}.", path=path, reason=reason),
            code="parameters-file-missing" if missing else "parameters-file-unreadable",
            hint=t("gwb init makes one for your tenant; parameters/example.yaml explains every parameter.")
            if missing
            else t("Check its name and its permissions."),
            values={"path": str(path)},
        ) from None
