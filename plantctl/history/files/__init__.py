"""What the record's files look like: numbers as few bytes, chunks, sealed files, quarters; one turned bit put back.

Knows one file, and the columns of the log that it is made of; what lies beside and behind it is for `reading`.
"""
