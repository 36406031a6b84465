"""The shell: the only place that makes processes, loops, sockets and signals."""
