"""Function blocks, one file a kind; the file is its manual page."""
