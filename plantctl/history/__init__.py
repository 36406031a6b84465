"""The embedded historian: what the log recorded, sealed into small files, and the questions that can be asked of it."""
