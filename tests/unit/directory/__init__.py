"""Tests of the directory client."""
