"""Is everything in place? Evidence from every side, small checks on it, and a verdict for each route."""
