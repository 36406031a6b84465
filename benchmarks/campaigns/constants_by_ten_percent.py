"""Every constant of chemistry, electrodes, membranes, felt and cell, 10 % up and 10 % down: which do no check sees?

`python -m benchmarks.campaigns.constants_by_ten_percent` prints those that no acceptance check catches, and fails if
there are any. Some minutes; the tests try a sample. The result is in `results/constants-by-ten-percent.json`.
"""

import sys

from benchmarks._record import record
from tests.model.wrong_constants import constants_of_the_cell, uncaught


def main():
    wrong = constants_of_the_cell()
    unseen = {str(constant): factors for constant in wrong if (factors := uncaught(constant))}
    print(f"{len(wrong)} constants, 2 changes each; not seen: {unseen or 'none'}")
    record("constants-by-ten-percent", {"constants": len(wrong), "changes": 2 * len(wrong), "unseen": unseen})
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
