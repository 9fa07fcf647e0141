"""Connect Sync and its group writeback v1: what its server says about itself, and what it makes of cloud groups."""
