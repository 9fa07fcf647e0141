"""Tells Airflow of the link from a task to its record: it shows no link that no plugin names."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from gwb_airflow.operators import RecordLink


class GwbRecordLinkPlugin(AirflowPlugin):  # type: ignore[misc]
    """The link."""

    name = "gwb_record_link"
    operator_extra_links = [RecordLink()]  # noqa: RUF012 - Airflow's own form
