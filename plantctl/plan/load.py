"""The loader: turns a half of a block kind into something the scan can call, interpreted or compiled.

The one module that knows numba. A half compiled is one C function `half_c(Run*, dt) -> 1` over the image, the rows and
the event ring; interpreted, it is the same text over the same memory. Both give the same bits. A routine is a plain
function over arrays and whole numbers (the stack machine, the latch), compiled the same way. What they work on is
bound in `bind.py`.

Compiled code is kept in `$PLANTCTL_CACHE` (default: the user's cache folder) in a folder named by a digest of every
source file that a half reaches, since numba's own cache does not see a changed helper or constant. Every file there is
checked against its sha256 before it is loaded; a damaged one is deleted and compiled again.
"""

import argparse
import atexit
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

import numpy as np

from plantctl.core import block as block_vocabulary
from plantctl.core import bytecode
from plantctl.core import quality as quality_vocabulary
from plantctl.core.block import Block
from plantctl.plan import record, runner_text
from plantctl.plan.kind import Kind, find_kind, kind_names, kind_of
from plantctl.plan.record import record_dtype

# What the folder of a process without a cache is called, before the process's number.
OWN: Final = "plantctl-cache-"
# Off in production (the compiler makes the indices); the tests switch it on before the first load.
BOUNDSCHECK = False

RUN: Final = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("v", "q", "used", "status", "rows", "ins", "outs", "ring"),
            *("points", "size", "events", "kind", "first", "count", "stride"),
        )
    ]
)
# One array argument of a routine: its name, numba's name of its type, its columns (0: it has one dimension).
Argument = tuple[str, str, int]
CALL: Final = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_double)


@dataclass(frozen=True, slots=True)
class Half:
    """One loaded half: a C function, or the interpreted runner; `fresh` tells that it had to be compiled."""

    kind: Kind
    name: str
    function: Any
    compiled: bool
    fresh: bool


def cache_folder() -> Path:
    """Where compiled code is kept; a folder of the process's own under the temporary one where that is not writable,
    which goes with the process.
    """
    chosen = os.environ.get("PLANTCTL_CACHE")
    if chosen is None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        chosen = os.path.join(home, "plantctl")
    try:
        Path(chosen).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=chosen):
            return Path(chosen)
    except OSError:
        return own_folder()


@cache
def own_folder() -> Path:
    """A temporary folder of this process, removed at its end; those of processes that were killed are removed now."""
    for left in Path(tempfile.gettempdir()).glob(f"{OWN}*"):
        number = left.name.removeprefix(OWN).partition("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{OWN}{os.getpid()}-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def reach(function: Callable[..., Any]) -> tuple[FunctionType, ...]:
    """`function` and every plain function it can call outside the standard library and packages, in order."""
    found: list[FunctionType] = []
    queue: list[Any] = [function]
    while queue:
        current = queue.pop(0)
        if not isinstance(current, FunctionType) or current in found:
            continue
        found.append(current)
        queue += [current.__globals__[name] for name in current.__code__.co_names if name in current.__globals__]
    return tuple(found)


def register(function: Callable[..., Any]) -> None:
    """Make every helper that `function` reaches callable from compiled code; the Python functions stay as they are."""
    from numba.extending import register_jitable

    for called in reach(function)[1:]:
        if called not in _REGISTERED:
            register_jitable(called)
            _REGISTERED.add(called)


_REGISTERED: set[FunctionType] = set()


def digest(functions: Iterable[Callable[..., Any]], extra: str = "") -> str:
    """The name of the cache folder of `functions`: 16 hexadecimal digits over all that their code depends on."""
    files = {called.__code__.co_filename for f in functions for called in reach(f)}
    files |= {str(m.__file__) for m in (block_vocabulary, bytecode, quality_vocabulary, record, runner_text)} | {
        __file__
    }
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(os.path.basename(file).encode() + b"\0" + Path(file).read_bytes())
    versions = [version(package) for package in ("numba", "llvmlite", "numpy")]
    total.update(repr([versions, sys.version_info[:3], os.uname().machine, BOUNDSCHECK, extra]).encode())
    return total.hexdigest()[:16]


def load_half(kind: Kind, half: str, *, compiled: bool, folder: Path | None = None) -> Half:
    """Load one half of `kind`. Raises what numba raises where a block file is not compilable."""
    text = runner_text.runner_text(kind.block, kind.module, half)
    if not compiled:
        return Half(kind, half, _interpreted(kind, half, text), False, False)
    text += runner_text.compiled_tail(kind.block, kind.module)
    module, fresh = _compiled(f"run_{kind.name}_{half}", text, [kind.function(half)], folder)
    return Half(
        kind,
        half,
        CALL(module.half_c.address),
        True,
        fresh,
    )


def load_routine(
    function: Any, arrays: Sequence[Argument], numbers: Sequence[str], folder: Path | None = None
) -> tuple[Any, bool]:
    """A routine compiled: the C function `(address of the array table, *numbers) -> i8`, and whether it is fresh.

    The table is i8: address and length of each of `arrays`, in order. Its indices are checked; an exception in it ends
    the call with 0, so a routine returns something else when it ran to its end.
    """
    text = runner_text.routine_text(function.__module__, function.__name__, arrays, numbers)
    module, fresh = _compiled(
        f"run_{function.__module__}_{function.__name__}".replace(".", "_"), text, [function], folder
    )
    signature = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64 for _ in numbers])
    return signature(module.half_c.address), fresh


def load_program(folder: Path | None = None) -> Any:
    """The C function `(address of the calls, count, address of the time steps) -> 1` that steps a whole plan."""
    module, _ = _compiled("run_program", runner_text.program_text(), [], folder)
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(module.half_c.address)


def block_class(module: str) -> type[Block]:
    """The block class of a module that is already imported; for generated text only."""
    return kind_of(sys.modules[module], module).block


def _interpreted(kind: Kind, half: str, text: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(text, f"<{half} of {kind.module}>", "exec"), namespace)
    # Resolved at the call, so that a half replaced in its module (a debugger, a mutation) is what runs.
    return namespace["run"]


def _compiled(
    name: str, text: str, functions: list[Callable[..., Any]], folder: Path | None
) -> tuple[ModuleType, bool]:
    """Import the generated module `name`, from the cache where it is sound; (module, whether it was compiled now)."""
    key = digest(functions, text)
    place = (folder or cache_folder()) / key
    unique = f"plantctl_{name}_{key}"
    if unique in sys.modules:
        return sys.modules[unique], False
    for attempt in (1, 2):
        place.mkdir(parents=True, exist_ok=True)
        if not _sound(place, unique):
            _remove(place, unique)
        source = place / f"{unique}.py"
        if not source.exists() or source.read_text() != text:
            _replace(source, text)
        try:
            module = _import(unique, source)
        except Exception:
            # Whatever a damaged cache raises (pickle errors of any kind): once more from nothing, then for real.
            sys.modules.pop(unique, None)
            if attempt == 2 or not list(place.glob(f"__pycache__/{unique}*.nb?")):
                raise
            _remove(place, unique)
            continue
        fresh = module.half_c.cache_hits == 0
        if fresh:
            _note_sums(place, unique)
        return module, fresh
    raise AssertionError("unreachable: the second attempt returns or raises")


def _import(unique: str, source: Path) -> ModuleType:
    from numba.core.errors import NumbaWarning

    spec = importlib.util.spec_from_file_location(unique, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # numba's pickles import the module by name, so it must be known before it runs.
    sys.modules[unique] = module
    with warnings.catch_warnings():
        warnings.simplefilter("error", NumbaWarning)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(unique, None)
            raise
    return module


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def _machine_code(place: Path, unique: str) -> list[Path]:
    return sorted(place.glob(f"__pycache__/{unique}.*.nb[ic]"))


def _note_sums(place: Path, unique: str) -> None:
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in _machine_code(place, unique)]
    _replace(place / f"{unique}.sha256", "\n".join(sums) + "\n")


def _sound(place: Path, unique: str) -> bool:
    noted = place / f"{unique}.sha256"
    found = _machine_code(place, unique)
    if not noted.exists():
        return not found
    lines = [line.split("  ", 1) for line in noted.read_text().splitlines()]
    return {p.name for p in found} >= {line[-1] for line in lines} and all(
        hashlib.sha256((place / "__pycache__" / line[-1]).read_bytes()).hexdigest() == line[0] for line in lines
    )


def _remove(place: Path, unique: str) -> None:
    for path in [*_machine_code(place, unique), place / f"{unique}.sha256"]:
        path.unlink(missing_ok=True)


# -- what generated text asks for ------------------------------------------------------------------------------------


def run_type() -> Any:
    """The numba type of the `Run` record."""
    from numba.np.numpy_support import from_dtype

    return from_dtype(RUN)


def record_type(kind: type[Block]) -> Any:
    """The numba type of one row of `kind`."""
    from numba.np.numpy_support import from_dtype

    return from_dtype(record_dtype(kind))


def pointer_to(numba_type: Any) -> Any:
    """A compiled function that turns an address (int64) into a pointer to `numba_type`."""
    from numba import int64, types
    from numba.extending import intrinsic

    pointer: Any = types.CPointer(numba_type)  # type: ignore[no-untyped-call]

    def as_pointer(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer))

        return pointer(int64), generate

    return intrinsic(as_pointer)


def call_at(*argument_types: Any) -> Any:
    """A compiled function that calls the C function at an address: `(address, record, step)` for a half, given f8,
    `(address, record, first, count)` for a run of expressions, given two i8.
    """
    from llvmlite import ir
    from numba import int64
    from numba.extending import intrinsic

    called = int64(int64, int64, *argument_types)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in called.args[1:]]
        function = ir.FunctionType(ir.IntType(64), kinds).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], function), arguments[1:])

    def half(typing_context: Any, address: Any, record: Any, step: Any) -> Any:
        return called, generate

    def expressions(typing_context: Any, address: Any, record: Any, first: Any, count: Any) -> Any:
        return called, generate

    return intrinsic(half if len(argument_types) == 1 else expressions)


def warm(kinds: Iterable[str], folder: Path | None = None) -> list[str]:
    """Compile every half of `kinds` that the cache lacks, under a lock; the names of what was compiled now."""
    place = folder or cache_folder()
    done = []
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in kinds:
            kind = find_kind(name)
            done += [f"{name}.{h}" for h in kind.halves if load_half(kind, h, compiled=True, folder=place).fresh]
    return done


def cold(kinds: Iterable[str], folder: Path) -> list[str]:
    """The halves of `kinds` that the cache in `folder` lacks; nothing is compiled, and nothing is made there."""
    missing = []
    for name in kinds:
        kind = find_kind(name)
        for half in kind.halves:
            text = runner_text.runner_text(kind.block, kind.module, half)
            text += runner_text.compiled_tail(kind.block, kind.module)
            key = digest([kind.function(half)], text)
            place, unique = folder / key, f"plantctl_run_{kind.name}_{half}_{key}"
            if not (_machine_code(place, unique) and _sound(place, unique)):
                missing.append(f"{name}.{half}")
    return missing


def sweep(folder: Path | None = None) -> None:
    """Delete folders of the cache that no present source file asks for any more, and left-over temporary files."""
    place = folder or cache_folder()
    for entry in place.iterdir():
        if entry.is_dir() and not list(entry.glob("*.sha256")):
            shutil.rmtree(entry, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """`python -m plantctl.plan.load --warm [KIND ...]`: compile ahead, for the set-up and before a start."""
    parser = argparse.ArgumentParser(prog="python -m plantctl.plan.load", description=main.__doc__)
    parser.add_argument("--warm", nargs="*", metavar="KIND", required=True, help="kinds to compile (default: all)")
    chosen = parser.parse_args(arguments)
    done = warm(chosen.warm or kind_names())
    print(f"compiled {len(done)} halves" if done else "compile cache is warm")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
