"""A fleet on Apache Airflow, in an environment of its own."""
