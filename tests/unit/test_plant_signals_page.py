"""The page of the simulated plant's signals is the table in the code."""

from pathlib import Path

from simulators.circuit_names import names, of_cell, page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "plant-signals.md"


def test_the_page_shows_the_names_as_they_are():
    said = "write page() of simulators/circuit_names.py to docs/reference/plant-signals.md"
    assert PAGE.read_text(encoding="utf-8") == page(), said


def test_names_of_another_cell_carry_its_number():
    assert of_cell("cell.current_a", 1) == "cell.current_a"
    assert of_cell("cell.current_a", 3) == "cell_3.current_a"
    assert of_cell("true.cell_outlet_ph", 2) == "true.cell_outlet_ph_2"
    assert of_cell("rectifier", 4) == "rectifier_4"


def test_no_name_stands_twice():
    every = [name.name for name in names(4, loops=True)]
    assert len(every) == len(set(every)) > 200
