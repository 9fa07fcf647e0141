"""Driving a notebook's kernel: its client, papermill's engine, signals."""
