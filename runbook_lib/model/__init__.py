"""Frozen types that everything passes through, canonical JSON, digests."""
