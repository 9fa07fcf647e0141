"""Many tenants from one file: what fleet.yaml says, which runs may be under way together, how all of them ended."""
