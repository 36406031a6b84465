"""Situations of the plant that several browser tests look at, and how they look."""

CELL_2_TRIPPED = {
    "40-FI-4023": 0.21, "40-FI-4023.low": 1, "C15-02": 1, "C15-02.first_out": 1, "E1-02": 1, "E1-02.active": 1,
    "E1-02.first": 1, "E4-02": 1, "E4-02.active": 1, "E4-02.first": 1, "40-II-4020": 0.0, "40-EI-4020": 1.92,
    "40-HS-4020": 0, "40-IC-4020": 0, "40-HS-4020.source": 4, "40-HS-4020.permit": 0, "40-HS-4020.permit.1": 0,
    "40-II-4200": 234.0,
}  # fmt: skip
FOUR_PRIORITIES = {"40-FI-4274.low": 1, "40-EI-4030.high": 1, "40-TI-4214.high": 1, "40-CI-4217.low": 1}
OF_THE_PLC = ["40-LI-4211", "40-TI-4214", "40-FI-4215", "40-FI-4013", "40-FI-4023", "40-FI-4274"]
# The browser's own clock, which is the machine's: how long the test takes to look does not count.
NOTE_WHEN_NONE_IS_ENABLED = """() => {
  const inputs = "input:enabled:not([type=search]), .command:enabled, .mode-button:enabled";
  globalThis.disabled = new Promise((done) => {
    const look = () => (document.querySelector(inputs) ? setTimeout(look, 10) : done(Date.now()));
    look();
  });
}"""


def tab_to(page, name):
    """Tab until the control of that name has the focus, as a person does."""
    for _ in range(40):
        page.keyboard.press("Tab")
        here = page.evaluate("(e => e.labels?.[0]?.textContent ?? e.textContent)(document.activeElement)")
        if here == name:
            return
    raise AssertionError(f"{name} cannot be reached by Tab")
