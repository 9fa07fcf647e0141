"""One notebook of one tenant as a task: states of Airflow for outcomes of the runbook.

=====================================  =========================================================================
outcome                                task
=====================================  =========================================================================
done, nothing-to-do                    success
awaiting-approval, awaiting-handoff    deferred, without a worker or a slot of the pool; skipped when waiting is over
what time heals (docs/fleet.md)        up for retry, then failed
everything else                        failed at once: a person has to look
=====================================  =========================================================================
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink, ObjectStoragePath
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from gwb_airflow.command import GwbFailed, answer_of, ask_to_end, run_name
from gwb_airflow.trigger import ChangeTrigger, approvals_of, sealed_runs_of

_GOOD = ("done", "nothing-to-do")
_WAITING = ("awaiting-approval", "awaiting-handoff")


class RecordLink(BaseOperatorLink):  # type: ignore[misc]
    """From a task to the page of its record, or of the whole fleet."""

    name = "Record"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """The address, as far as the task has come."""
        return str(getattr(operator, "link", ""))


def address(records_dir: str, records_url: str, path: str) -> str:
    """Address of a page below the folder of records; without a server of records that of the file."""
    base = records_url.rstrip("/") or Path(records_dir).as_uri()
    return f"{base}/{quote(path)}"


class GwbRunOperator(BaseOperator):  # type: ignore[misc]
    """Runs one notebook of one tenant of a fleet.

    Args:
        told: What ``gwb fleet jobs`` says.
        gwb: The product's command.
        tenant: Name of the tenant's entry.
        notebook: Name of the notebook.
        records_url: Address under which people reach the folder of records; empty: the files themselves.
        look_seconds: Seconds between two looks at what is waited for.
    """

    template_fields = ("tenant",)
    operator_extra_links = (RecordLink(),)

    def __init__(
        self,
        *,
        told: Mapping[str, Any],
        gwb: str,
        tenant: str,
        notebook: str,
        records_url: str,
        look_seconds: float,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.told = dict(told)
        self.gwb = gwb
        self.tenant = tenant
        self.notebook = notebook
        self.records_url = records_url
        self.look_seconds = look_seconds
        self.link = ""
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the notebook; wait where its outcome says so."""
        until = datetime.now(UTC) + timedelta(minutes=self.told["wait_minutes"])
        return self._once(context, until)

    def again(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Go on after a trigger."""
        if event["why"] == "over":
            raise AirflowSkipException(
                f"{self.tenant}: waited long enough; the next run of the fleet goes on from there."
            )
        return self._once(context, datetime.fromisoformat(event["until"]))

    def on_kill(self) -> None:
        """A task that is stopped ends its run in order."""
        ask_to_end(self._process)

    def _once(self, context: Any, until: datetime) -> dict[str, Any]:
        folder = str(Path(self.told["records_dir"], self.told["change_ids"][self.tenant]))
        approvals = approvals_of(folder)
        name = run_name(context["run_id"])
        words = [self.gwb, "fleet", "run", self.told["file"], "--json", "--run", name]
        words += ["--tenant", self.tenant, "--notebook", self.notebook]
        try:
            answer = answer_of(words, begun=self._begun)
        except GwbFailed as failed:
            raise AirflowFailException(f"{self.tenant} {self.notebook}: {failed}") from None
        (result,) = answer["runs"]
        if result["record"]:
            self.link = address(self.told["records_dir"], self.records_url, f"{result['record']}/record.html")
        context["ti"].xcom_push(key="result", value=result)
        ended = f"{self.tenant} {self.notebook}: {result['title']}. {result['message']} {result['hint']} {self.link}"
        self.log.info(ended)
        if result["outcome"] in _GOOD:
            return dict(result)
        if result["outcome"] in _WAITING:
            self._wait(result, folder, approvals, until)
        if result["heals"]:
            raise AirflowException(ended)
        raise AirflowFailException(ended)

    def _begun(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _wait(self, result: Mapping[str, Any], folder: str, approvals: list[str], until: datetime) -> None:
        """Give the worker back until there is a reason to go on."""
        again = datetime.now(UTC) + timedelta(minutes=self.told["check_minutes"])
        self.defer(
            trigger=ChangeTrigger(
                change_folder=folder,
                # From before the run: an approval that came while it was under way counts.
                approvals=approvals,
                runs=sealed_runs_of(folder),
                look_at=again.isoformat() if result["outcome"] == "awaiting-handoff" else "",
                until=until.isoformat(),
                every=self.look_seconds,
            ),
            method_name="again",
        )


class GwbPageOperator(BaseOperator):  # type: ignore[misc]
    """Writes the page of all tenants, and copies what is sealed to the object store.

    Args:
        told: What ``gwb fleet jobs`` says.
        gwb: The product's command.
        records_url: As for ``GwbRunOperator``.
    """

    operator_extra_links = (RecordLink(),)

    def __init__(self, *, told: Mapping[str, Any], gwb: str, records_url: str, **more: Any) -> None:
        super().__init__(**more)
        self.told = dict(told)
        self.gwb = gwb
        self.records_url = records_url
        self.link = ""

    def execute(self, context: Any) -> dict[str, Any]:
        """Write the page; returns what its JSON says of outcomes."""
        name = run_name(context["run_id"])
        try:
            answer = answer_of([self.gwb, "fleet", "page", self.told["file"], "--run", name, "--json"])
        except GwbFailed as failed:
            raise AirflowException(str(failed)) from None  # nothing is lost by another try
        self.link = address(self.told["records_dir"], self.records_url, f"fleet/{name}.html")
        copied = copy_sealed(self.told, name) if self.told["copy_to"] else 0
        return {"exit_code": answer["exit_code"], "counts": answer["counts"], "link": self.link, "copied": copied}


def copy_sealed(told: Mapping[str, Any], name: str) -> int:
    """Copy every sealed run of the fleet's changes that the store lacks, and the page. Returns how many runs.

    A manifest is copied last: a run that has one in the store is there as a whole.
    """
    records, store = Path(told["records_dir"]), ObjectStoragePath(told["copy_to"])
    copied = 0
    for change_id in sorted(set(told["change_ids"].values())):
        for run in sealed_runs_of(str(records / change_id)):
            source, target = records / change_id / run, store / change_id / run
            if (target / "MANIFEST.json").exists():
                continue
            files = sorted(
                (path for path in source.rglob("*") if path.is_file()), key=lambda path: path.name == "MANIFEST.json"
            )
            for path in files:
                _copy(path, target / path.relative_to(source).as_posix())
            copied += 1
    for ending in ("html", "json"):
        _copy(records / "fleet" / f"{name}.{ending}", store / "fleet" / f"{name}.{ending}")
    return copied


def _copy(path: Path, target: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())


class GwbVerdictOperator(BaseOperator):  # type: ignore[misc]
    """Fails the run of the DAG where a tenant needs a person: the page itself succeeds, so that it is always there."""

    def __init__(self, *, page_task: str, **more: Any) -> None:
        super().__init__(**more)
        self.page_task = page_task

    def execute(self, context: Any) -> None:
        """Look at the page's exit code; those that wait are no failure."""
        told = context["ti"].xcom_pull(task_ids=self.page_task)
        if told is None:
            raise AirflowFailException("There is no page of this run.")
        counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(told["counts"].items()))
        self.log.info("%s; %s", counts, told["link"])
        if told["exit_code"] not in (0, 4, 10):
            raise AirflowFailException(f"{counts}; {told['link']}")
