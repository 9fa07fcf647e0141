"""``record.json``: the facts of one run, on the disk after every change to them."""

from __future__ import annotations

import copy
import os
import platform
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.files import RECORD, RECORD_SCHEMA
from runbook_lib.model.finding import Finding
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, t
from runbook_lib.record.carried_out import changes_done
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.mappings import outcome_in

_PACKAGES = (
    "group-writeback-runbook",
    "ipykernel",
    "jupyter-client",
    "ldap3",
    "msal",
    "nbclient",
    "nbconvert",
    "pandas",
    "papermill",
    "pydantic",
    "requests",
)


def versions() -> dict[str, str]:
    """Name to version: this product, Python, the operating system, the libraries that do the work."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """Looked up once: what a process has loaded stays as it is, whatever is installed meanwhile."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def account() -> str:
    """Name of the account that this process runs as; its number where it has no name."""
    if sys.platform == "win32":
        try:
            return os.getlogin()
        except OSError:
            return ""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def run_by() -> dict[str, object]:
    """What a record says about who runs it when the run begins; both sides have not been signed in to yet."""
    return {"account": account(), "host": platform.node(), "cloud": None, "directory": None}


_GAPS_OF_ROUTE: Mapping[str, Text] = {
    "direct": t("Microsoft does not support writing Exchange attributes by hand."),
    "cloud-sync": t(
        "Cloud Sync writes to AD by itself: this record proves the requests to Microsoft Graph, and what AD showed "
        "while it was watched."
    ),
    "connect-sync": t(
        "People act on the Connect server: this record proves what was handed to them, the evidence that came back "
        "and what AD showed while it was watched."
    ),
}


def standing_gaps(route: object = "direct") -> tuple[Text, ...]:
    """What no record of a route proves; every record begins its gaps with these.

    Args:
        route: As the parameter ``route`` has it; what is no route that is carried out has no gap of its own.
    """
    own = _GAPS_OF_ROUTE.get(route) if isinstance(route, str) else None
    return (
        *((own,) if own else ()),
        t(
            "Tested on Samba and on the rehearsal, not on Windows domain controllers, Exchange transport or a live "
            "tenant."
        ),
        # v1 writes all groups or none.
        *(() if route == "connect-sync" else (t("Pilot with one group first."),)),
    )


SETTABLE = frozenset({"target", "parameters", "snapshots", "plan", "approval", "changes", "versions", "ran_by", "told"})


class RunRecord:
    """The facts of one run. Every method that changes them writes ``record.json`` before it returns."""

    def __init__(self, folder: RecordFolder, facts: dict[str, object]) -> None:
        self.folder = folder
        self._facts = facts
        self._findings = _by_id(facts.get("findings"))

    @classmethod
    def begin(
        cls,
        folder: RecordFolder,
        *,
        notebook_name: str,
        notebook_sha256: str,
        mode: str,
        started: datetime,
        parameters: Mapping[str, object],
        versions: Mapping[str, str],
    ) -> RunRecord:
        """Open the record of a run that starts now.

        Args:
            folder: The run's folder.
            notebook_name: For example ``30-enable-writeback``, with or without ``.ipynb``.
            notebook_sha256: Digest of the notebook before execution.
            mode: ``record`` (headless) or ``interactive``.
            started: When, with a time zone.
            parameters: What the run was told, JSON-compatible.
            versions: Product, Python and libraries.
        """
        record = cls(
            folder,
            {
                **_nothing_yet(folder),
                "notebook": {"name": notebook_name.removesuffix(".ipynb"), "sha256": notebook_sha256},
                "mode": mode,
                "ran_by": run_by(),
                "started": iso_milliseconds(started),
                "parameters": dict(parameters),
                "versions": dict(versions),
                "gaps": list(standing_gaps(parameters.get("route", "direct"))),
            },
        )
        record._save()
        return record

    @classmethod
    def load(cls, folder: RecordFolder) -> RunRecord:
        """The record of an existing run.

        Raises:
            UsageError: ``record-unreadable``, or ``record-schema`` for a file of another kind or version.
        """
        facts = folder.read_json(RECORD)
        if facts.get("schema") != RECORD_SCHEMA:
            raise UsageError(
                t(
                    "{file} is not a record of this version ({record_schema}).",
                    file=folder.file(RECORD),
                    record_schema=RECORD_SCHEMA,
                ),
                code="record-schema",
                hint=t("Use the version of the runbook that wrote it."),
                values={"schema": str(facts.get("schema"))[:80]},
            )
        return cls(folder, facts)

    @property
    def facts(self) -> dict[str, object]:
        """A copy of everything that record.json holds."""
        return copy.deepcopy(self._written())

    @property
    def outcome(self) -> Outcome | None:
        """The verdict, or None while the run is open (or record.json holds no known verdict)."""
        return outcome_in(self._facts)

    def set(self, **values: object) -> None:
        """Replace facts: ``target``, ``parameters``, ``snapshots``, ``plan``, ``approval``, ``changes``, ``versions``,
        ``ran_by``, ``told``.

        Raises:
            KeyError: For any other name.
        """
        unknown = sorted(values.keys() - SETTABLE)
        if unknown:
            raise KeyError(f"not a settable fact of the record: {', '.join(unknown)}")
        self._facts.update(copy.deepcopy(values))
        self._save()

    def note_findings(self, *findings: Finding) -> None:
        """Add findings, however many, with one write; one with the same id is replaced, and stands last then."""
        changed = False
        for finding in findings:
            noted = finding.as_json()
            if self._findings.get(finding.id) != noted:
                self._findings.pop(finding.id, None)
                self._findings[finding.id] = noted
                changed = True
        if changed:
            self._save()

    def note_step(self, title: Text, at: datetime) -> None:
        """Add a step that the run has reached."""
        self._list("steps").append({"title": title, "at": iso_milliseconds(at)})
        self._save()

    def note_gaps(self, *texts: Text) -> None:
        """Add sentences about what could not be checked, with one write; each is said once."""
        gaps = self._list("gaps")
        known = {gap for gap in gaps if isinstance(gap, str)}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            gaps.extend(new)
            self._save()

    def finish(self, outcome: Outcome, *, ended: datetime, error: RunbookError | None = None) -> None:
        """Write the verdict. Until the record is sealed a later verdict replaces an earlier one.

        In JupyterLab a gate that was closed (awaiting approval) may open in the same run. Of a run that stopped midway
        the journal says how many changes are done.
        """
        if outcome in (Outcome.PARTIAL, Outcome.BUG):
            changes = self._facts.get("changes")
            known = changes if isinstance(changes, dict) else {}
            self._facts["changes"] = {"planned": 0, **known, "done": changes_done(self.folder.path)}
        self._facts["outcome"] = outcome.value
        self._facts["exit_code"] = outcome.exit_code
        self._facts["ended"] = iso_milliseconds(ended)
        self._facts["error"] = (
            {"code": error.code, "message": error.message, "hint": error.hint} if error is not None else None
        )
        self._save()

    def reopen(self) -> None:
        """Take the verdict back: the run goes on, and until it ends again nobody knows how."""
        if self._facts.get("outcome") is not None:
            self._facts.update(outcome=None, exit_code=None, ended=None, error=None)
            self._save()

    def _list(self, key: str) -> list[object]:
        value = self._facts.get(key)
        if not isinstance(value, list):
            value = []
            self._facts[key] = value
        return value

    def _save(self) -> None:
        self.folder.write_json(RECORD, self._written())

    def _written(self) -> dict[str, object]:
        """What record.json holds."""
        return {**self._facts, "findings": list(self._findings.values())}


def _by_id(findings: object) -> dict[object, object]:
    """The findings of a record.json by their identifiers, in their order; what has none keeps its place."""
    found: dict[object, object] = {}
    for number, item in enumerate(findings if isinstance(findings, list) else []):
        name = item.get("id") if isinstance(item, dict) else None
        found[name if isinstance(name, str) else number] = item
    return found


DAMAGED = "record.damaged.json"
"""Where a record.json that cannot be read is kept."""


def _nothing_yet(folder: RecordFolder) -> dict[str, Any]:
    """Every key of a record, as far as the folder alone tells, in the order in which they are written."""
    return {
        "schema": RECORD_SCHEMA,
        "change_id": folder.change_id,
        "run_id": folder.run_id,
        "notebook": {"name": "unknown", "sha256": None},
        "mode": None,
        "ran_by": {"account": None, "host": None, "cloud": None, "directory": None},
        "outcome": None,
        "exit_code": None,
        "started": None,
        "ended": None,
        "target": {"tenant": None, "domain": None, "dc": None, "ou": None},
        "parameters": {},
        "snapshots": {},
        "plan": None,
        "approval": None,
        "changes": {"planned": 0, "done": 0},
        "findings": [],
        "steps": [],
        "versions": {},
        "gaps": list(standing_gaps()),
        "error": None,
        "told": [],
    }


def run_facts_of(folder: RecordFolder) -> dict[str, Any]:
    """Facts of a run with every key present and of the right kind.

    A record.json that is missing or unreadable is replaced by what the folder itself says; the damaged file is kept
    beside it and a gap tells.
    """
    empty = _nothing_yet(folder)
    try:
        read = RunRecord.load(folder).facts
    except UsageError as error:
        empty["gaps"].append(_damaged(folder, error))
        return empty
    merged = {key: _merged(default, read.get(key, default)) for key, default in empty.items()}
    merged["findings"] = [item for item in merged["findings"] if isinstance(item, Mapping) and item.get("seen")]
    merged["steps"] = [item for item in merged["steps"] if isinstance(item, Mapping) and {"title", "at"} <= item.keys()]
    merged["plan"] = merged["plan"] if isinstance(merged["plan"], Mapping) else None
    merged["error"] = merged["error"] if isinstance(merged["error"], Mapping) else None
    return merged | {key: value for key, value in read.items() if key not in empty}


def _damaged(folder: RecordFolder, error: UsageError) -> Text:
    path = folder.file(RECORD)
    if not path.exists():
        return t("record.json was missing when the run was sealed: the run stopped before it could say what it does.")
    folder.write_bytes(DAMAGED, path.read_bytes())
    return t(
        "record.json was not readable when the run was sealed ({code}); it is kept as {damaged}.",
        code=error.code,
        damaged=DAMAGED,
    )


def _merged(default: Any, value: Any) -> Any:
    """``value`` if it is of the kind of ``default``; dictionaries get the keys that they lack."""
    if isinstance(default, Mapping):
        return {**default, **value} if isinstance(value, Mapping) else copy.deepcopy(default)
    if isinstance(default, list):
        return value if isinstance(value, list) else default
    return value
