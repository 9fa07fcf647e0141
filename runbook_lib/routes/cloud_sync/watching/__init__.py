"""What comes of a change in AD: waited for, and reported."""
