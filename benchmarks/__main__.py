"""Times reading, planning and a headless run beside what others take: ``python -m benchmarks [quick] [RUNS]``.

Writes RESULTS.md, then prints one line per part of the trip with the best and the middle of all runs, in milliseconds,
plans of 10,000 groups and large rehearsals. With ``quick`` it measures a smaller tenant twice, and ends with the table.
Everything against rehearsals of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks import beside, cloud_sync, connect_sync, results, size
from rehearsal.process import start_rehearsal
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.inventory.build import build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder, new_run_id
from runbook_lib.record.run_record import RunRecord
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.rules.obstacles import connect_v1_of
from runbook_lib.rules.policy import naming_of, policy_of

RUNS = 5
T = TypeVar("T")
Timings = dict[str, list[float]]


def now() -> datetime:
    """The present time, UTC."""
    return datetime.now(UTC)


def timed(timings: Timings, part: str, work: Callable[[], T]) -> T:
    """The result of ``work``; its seconds are added to ``timings``."""
    begun = time.perf_counter()
    result = work()
    timings.setdefault(part, []).append(time.perf_counter() - begun)
    return result


def trip(told: Parameters, timings: Timings) -> None:
    """One trip from sign-in to plan."""
    with (
        timed(timings, "connect to AD", lambda: open_directory(told, environment={}, clock=now)) as directory,
        timed(timings, "open Graph", lambda: open_graph(told, environment={}, clock=now, sleep=time.sleep)) as client,
    ):
        ad = timed(timings, "read AD", lambda: read_directory(directory, told.target_ou, told.retired_ou, clock=now))
        cloud = timed(timings, "read Entra ID", lambda: read_cloud(client, told.tenant_id, clock=now))
        index = timed(timings, "index", lambda: index_directory(ad))
        presence = timed(timings, "probe groups", lambda: probe_groups(client, group_ids_to_probe(cloud, index)))
    naming, v1 = naming_of(told), connect_v1_of(told, cloud.writers, now().date())
    inventory = timed(
        timings, "inventory", lambda: build_inventory(cloud, ad, presence, index=index, naming=naming, connect_v1=v1)
    )
    policy = policy_of(told, cloud.writers, now().date())
    timed(timings, "plan", lambda: plan_enable(inventory, policy).plan.digest)


def note_findings(folder: Path, timings: Timings) -> None:
    """A thousand findings into a record, as a plan notes its refusals: one write, on the disk when it returns."""
    record = RunRecord.begin(
        RecordFolder.create(folder, "BENCH", new_run_id(folder, now())),
        notebook_name="30-enable-writeback",
        notebook_sha256="",
        mode="record",
        started=now(),
        parameters={},
        versions={},
    )
    texts = [t("Group {number} is refused.", number=number) for number in range(1_000)]
    found = [Finding(f"refused:{number}", Severity.WARNING, text) for number, text in enumerate(texts)]
    timed(timings, "1000 findings", lambda: record.note_findings(*found))


def main(arguments: list[str]) -> int:
    """Measure, print, and write the table."""
    quick = arguments[:1] == ["quick"]
    told_runs = arguments[quick:]
    runs = int(told_runs[0]) if told_runs else 2 if quick else RUNS
    what = " ".join(["python -m benchmarks", *arguments])
    with tempfile.TemporaryDirectory() as folder:
        rows = beside.rows(Path(folder), beside.QUICK if quick else size.WANTED, runs)
    document = results.table(rows, at=now(), what=what, commit=results.commit_of_this_tree())
    print(document)
    results.FILE.write_text(document, encoding="utf-8")
    if quick:
        return 0
    timings: Timings = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        start_rehearsal(Path(folder) / "bench") as rehearsal,
    ):
        told = load_parameters([rehearsal.parameters_file], {}, project_root=Path(folder)).parameters
        for _ in range(runs):
            trip(told, timings)
            note_findings(Path(folder) / "records", timings)
    print(f"{'part':<16}{'best ms':>10}{'median ms':>12}   ({runs} runs)")
    for part, seconds in timings.items():
        print(f"{part:<16}{min(seconds) * 1000:>10.1f}{median(seconds) * 1000:>12.1f}")
    print()
    print(size.report([*cloud_sync.measure(runs), *connect_sync.measure(runs)], "plans of 10,000 groups"))
    print()
    with tempfile.TemporaryDirectory() as folder:
        print(size.report(size.measure(Path(folder), size.WANTED, runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
