"""A table whose rows are ticked in JupyterLab."""
