"""Tests of questions to DNS."""
