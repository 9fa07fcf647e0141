"""Changing the source of authority of groups: converted to the cloud, rolled back to AD."""
