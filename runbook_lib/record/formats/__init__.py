"""What the files of a record hold, as this version writes them: pydantic models, of which the JSON Schemas are made.

They are strict: readers of files that decide what is written (``change``) know older versions and other routes too.
"""
