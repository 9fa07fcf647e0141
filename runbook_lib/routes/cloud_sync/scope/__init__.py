"""Which groups are in the scope of a configuration, how they are mapped, and what of them differs in AD."""
