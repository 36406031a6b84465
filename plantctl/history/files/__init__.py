"""What the record's files look like: numbers as few bytes, chunks, sealed files, quarters; one turned bit put back.

Knows nothing of a plant that runs, nor of the log behind the sealed files: that is `reading`.
"""
