"""How long the trip takes, part by part: `make bench`."""
