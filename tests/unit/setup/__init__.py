"""Setting up for one's own tenant."""
