"""Makes and runs the notebooks of docs/: from a text with markdown and code to an .ipynb whose outputs are made.

A source has cells divided by lines `# %%` (code) and `# %% [markdown]`. `run` executes the code cells one after the
other in one namespace, in a folder of their own, and takes what a kernel would show: what is printed, and the value of
a last expression, as a picture where it has `_repr_svg_`, else as text. That is all these notebooks need; a kernel
with its client would be forty packages more to install for one test (nbclient, ipykernel, jupyter-client and theirs).
"""

import ast
import contextlib
import io
import json
import os

NEW = "# %%"
ABOUT = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells(source):
    """(kind, text) of each cell."""
    found = []
    for part in f"\n{source}".split(f"\n{NEW}")[1:]:
        head, _, text = part.partition("\n")
        markdown = head.strip() == "[markdown]"
        lines = [line.removeprefix("# ").removeprefix("#") if markdown else line for line in text.strip().split("\n")]
        found.append(("markdown" if markdown else "code", "\n".join(lines)))
    return found


def run(source, folder):
    """The notebook, executed in `folder`."""
    names = {"__name__": "__main__"}
    made, before = [], os.getcwd()
    os.chdir(folder)
    try:
        for kind, text in cells(source):
            cell = {"cell_type": kind, "metadata": {}, "source": _lines(text)}
            if kind == "code":
                number = 1 + sum(each["cell_type"] == "code" for each in made)
                cell |= {"execution_count": number, "outputs": _outputs(text, names, number)}
            made.append(cell)
    finally:
        os.chdir(before)
    return {"cells": made, "metadata": ABOUT, "nbformat": 4, "nbformat_minor": 4}


def written(notebook):
    """The notebook as a file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _outputs(text, names, number):
    tree = ast.parse(text)
    if isinstance(tree.body[-1], ast.Expr):
        shown = ast.Name("_shown", ast.Store())
        tree.body[-1] = ast.Assign([shown], tree.body[-1].value)
    names["_shown"], printed = None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.fix_missing_locations(tree), f"cell {number}", "exec"), names)
    value = names["_shown"]
    outputs = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        picture = getattr(value, "_repr_svg_", None)
        data = {"image/svg+xml": _lines(picture())} if picture else {"text/plain": _lines(repr(value))}
        shown = {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        outputs.append(shown)
    return outputs


def _lines(text):
    return text.splitlines(keepends=True)
