"""Fleets: many tenants from one file."""
