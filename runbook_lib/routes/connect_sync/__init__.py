"""The route connect-sync: people switch group writeback v1 on the Connect server, and AD is watched."""
