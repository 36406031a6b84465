"""`plantctl` and `python -m plantctl`."""

import sys

from plantctl.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
