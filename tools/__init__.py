"""What builds and tests the project: the virtual environment, the locks, the test lanes."""
