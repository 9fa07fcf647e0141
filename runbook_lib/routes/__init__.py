"""The routes on which groups are written, each a package."""
