"""The DAGs of all fleets that ``GWB_FLEETS`` names: files, parted as the paths of PATH are.

``GWB`` names the product's command, ``GWB_RECORDS_URL`` the address under which people reach the records, and
``GWB_LOOK_SECONDS`` how often a waiting task looks for an approval.
"""

from __future__ import annotations

import os

from gwb_airflow.fleet_dag import fleet_dag

for _file in filter(None, os.environ.get("GWB_FLEETS", "").split(os.pathsep)):
    _dag = fleet_dag(
        _file,
        gwb=os.environ.get("GWB", "gwb"),
        records_url=os.environ.get("GWB_RECORDS_URL", ""),
        look_seconds=float(os.environ.get("GWB_LOOK_SECONDS", "30")),
    )
    globals()[_dag.dag_id] = _dag
