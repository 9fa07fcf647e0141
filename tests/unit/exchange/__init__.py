"""Tests of Exchange detection."""
