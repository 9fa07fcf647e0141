"""What was read of the tenant, kept for the next reading, which asks Graph what changed since."""
