"""Acceptance checks of the cell's parts, and that a wrong constant does not pass them."""

import pytest

from tests.model.acceptance_checks import CHECKS
from tests.model.wrong_constants import constants_of_the_cell, uncaught


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check(check):
    check()


WRONG = constants_of_the_cell()


def test_there_are_constants_to_try():
    assert len(WRONG) > 200


@pytest.mark.parametrize("constant", WRONG[::23], ids=str)
def test_ten_percent_on_a_constant_is_seen(constant):
    """A sample; `make campaign NAME=constants-by-ten-percent` tries them all."""
    assert uncaught(constant) == []
