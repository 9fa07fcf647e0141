"""Tests of the pre-flight: evidence, checks, verdicts."""
