"""Fleets of the group-writeback runbook on Apache Airflow 3: a DAG from fleet.yaml, an operator over ``gwb fleet run``.

This package lives in Airflow's environment and needs nothing of the product's: it starts ``gwb``, which lives in its
own.
"""
