"""The durable log: frames, commit, cursors."""
