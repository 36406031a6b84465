"""One bit flipped in a file of each kind: found, told truly, mended where it can be (10,000: `flipped-bits`)."""

from random import Random

import pytest

from tests.properties.flipped_bits import SHARES, flipped, kinds


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("flips")


@pytest.mark.parametrize("part", range(2))
def test_flips_in_files_of_every_kind(place, part):
    for number, kind in enumerate([*SHARES, *kinds(15, Random(part))], 100 * part):
        flipped(place, number, kind)
