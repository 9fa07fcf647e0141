"""Files that are complete or absent, also after a crash, readable by whom their folder is for, with safe names.

On Windows the access list that a folder inherits decides who reads, and modes change nothing. Names are safe as folders
on every system.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from pathlib import Path

from runbook_lib.model.text import t

JOURNAL = "journal.jsonl"
PLAN = "plan.json"
MANIFEST = "MANIFEST.json"
SUMS = "SHA256SUMS"
PREVIOUS = "PREVIOUS.sha256"
PRUNED = "PRUNED.json"
"""In the folder of a run whose files were removed when it was old enough."""
SEALED_RUNS = "SEALED-RUNS.dsse"
"""Beside the runs of a change: which of them were sealed."""


LEFT_OUT = "left-out.csv"
RECORD = "record.json"
PAGE = "record.html"
GROUPS_TABLE = "groups.csv"
DRIFT = "drift.csv"
BACKUP = "backup.ldif"
HAND_OFFS = "hand-offs.txt"
HYBRID = "hybrid-procedure.csv"
WORKBOOK = "inventory.xlsx"
APPROVALS = "approvals"
INDEX = "index.html"
RECORD_SCHEMA = "gwb-record/1"
RECORD_VARIABLE = "GWB_RECORD"
"""Environment variable of a kernel: the record that the runner has begun and the notebook continues."""
RUN_MIME = "application/vnd.group-writeback.run+json"
"""Type under which a display says which run it belongs to; no front end shows it."""
MANIFEST_SCHEMA = "gwb-manifest/1"

CLOSINGS = "closings"
LONGEST_FOLDER_NAME = 80
"""Characters of a folder's name."""
LONGEST_CHANGE_ID = 64
"""People type it; a run's own name is longer."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Device names that Windows refuses as a file name, with any extension ("Naming Files, Paths, and Namespaces").
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})
LEASES = "leases"
"""Folder below the records with the leases of writers on several hosts."""
FLEET = "fleet"
"""Folder below the records with one page for each run of a fleet."""
_TAKEN = frozenset({APPROVALS, CLOSINGS, INDEX, FLEET, LEASES})
"""What stands beside the folders of changes, or of runs."""


def safe_folder_name(name: str, longest: int = LONGEST_FOLDER_NAME) -> bool:
    """Whether ``name`` is a folder name on Windows, macOS and Linux alike: ASCII letters, digits, ``.``, ``_``, ``-``.

    It starts with a letter or digit, has at most ``longest`` characters, no dot at the end, is no device name of
    Windows and nothing that stands beside the folders of changes and runs. The one rule for both.
    """
    if not _SAFE.fullmatch(name) or len(name) > longest or name.endswith("."):
        return False
    return name.split(".")[0].casefold() not in _DEVICES and name.casefold() not in _TAKEN


def safe_change_id(name: str) -> bool:
    """Whether a change may be called so: its folder is."""
    return safe_folder_name(name, LONGEST_CHANGE_ID)


def described(path: str) -> str:
    """What a file of a record holds, for people; empty when it is not one of the known files."""
    return _DESCRIPTIONS.get(path, t("Executed notebook") if path.endswith(".ipynb") else "")


_DESCRIPTIONS = {
    RECORD: t("The facts of this page, for machines"),
    PAGE: t("This page"),
    JOURNAL: t("Every write, before and after it happened"),
    PLAN: t("The plan, change by change"),
    LEFT_OUT: t("Members of planned groups that are not written, and why"),
    BACKUP: t("Objects as they were before the first write"),
    HAND_OFFS: t("What others have to do beside this plan, to be copied"),
    HYBRID: t("Microsoft 365 groups with Exchange hybrid, step by step"),
    "gwb-connect-collector.ps1": t("The collector for the Connect server, as it was written out"),
    "connect-evidence.json": t("What the collector wrote on the Connect server, byte for byte"),
    "prediction.csv": t("AD as group writeback v1 will make it, group by group"),
    "prediction.json": t("The same for machines, with every member that is left out"),
    "arrivals.csv": t("AD beside that prediction, group by group, when the run ended"),
    "hand-off-grant-rights.txt": t("For a person: rights of Connect's account on the OU"),
    "hand-off-switch-on.txt": t("For a person: the wizard that switches group writeback on, step by step"),
    "hand-off-choose-groups.txt": t("For a person: rules on a server in staging mode that choose groups, step by step"),
    "hand-off-leave-staging.txt": t("For a person: the server with these rules becomes the active one, step by step"),
    "choice.csv": t("What a server in staging mode would do with each group, beside the choice"),
    "hand-off-switch-off.txt": t("For a person: the wizard that switches group writeback off, step by step"),
    "hand-off-run-cycle.txt": t("For a person: one cycle of Connect Sync"),
    "hand-off-address-book.txt": t("For a person: Update-Recipient for each group that arrived"),
    "groups-going.csv": t("Every AD group that the next cycle deletes, when v1 is off"),
    "uses.csv": t("What hangs on each of these groups"),
    "groups-before.json": t("The groups of the domain before v1 was switched off"),
    GROUPS_TABLE: t("Every cloud group with its state and route"),
    "members.csv": t("Every membership and what it becomes in AD"),
    "ad-groups.csv": t("Every AD group that matters here"),
    "provisioning-log.csv": t("What Cloud Sync says that it did with the groups of this run"),
    DRIFT: t("What differs between cloud and AD"),
    WORKBOOK: t("The tables as one workbook"),
    MANIFEST: t("SHA-256 of every file"),
    SUMS: t("The same for sha256sum -c"),
    PREVIOUS: t("SHA-256 of the manifest of the run that was sealed before, for sha256sum -c"),
}


CSV_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
"""What stands between the values of a CSV file, by the value of the parameter ``csv_delimiter``."""
FOLDER_MODES = {"owner": 0o700, "group": 0o2770, "everyone": 0o755}
"""Who may read a folder of records, by the value of the parameter ``records_access``. The group is that of the folder
above (set-group-ID), and may write too: another account of it seals, resumes and approves."""


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with exactly this mode, whatever the umask; one that is there and ours gets it too.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    try:
        path.mkdir(mode=mode & 0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        if os.name != "posix" or path.stat().st_uid != os.geteuid():
            return
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def make_folder_like_its_parent(path: Path) -> None:
    """Make a folder for those whom the folder above is for.

    Raises:
        OSError: It cannot be made.
    """
    parent = stat.S_IMODE(path.parent.stat().st_mode)
    make_folder(path, 0o700 if parent & stat.S_ISVTX else parent | 0o700)


def file_mode(*folders: Path) -> int:
    """Mode of a file for those whom all these folders are for: its owner at least, and never writable by everyone."""
    mode = 0o664
    for folder in folders:
        found = folder.stat().st_mode
        mode &= 0 if found & stat.S_ISVTX else found
    return mode | 0o600


def new_file(path: str, flags: int) -> int:
    """Opener (for ``open``) of a new file that is for those whom its folder is for, whatever the umask; no link."""
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if os.name == "posix":
        os.fchmod(descriptor, file_mode(Path(path).parent))
    return descriptor


def write_durably(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write ``content`` to ``path`` in one step: a reader sees the old file or the whole new one.

    Args:
        path: The file; its folder exists.
        content: All of it.
        mode: Its mode; by default it is for those whom its folder is for.

    Raises:
        OSError: The folder cannot be written or the disk is full; the old file is untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if os.name == "posix":
            part.chmod(file_mode(path.parent) if mode is None else mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def require_regular(path: Path) -> None:
    """Insist on a regular file: opening a pipe waits for whoever writes to it, and a device may never end.

    Raises:
        OSError: It does not, or it cannot be looked at; ``strerror`` says why.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, t("it is not a regular file"), str(path))


def sync_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive a power failure, where the system can (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
