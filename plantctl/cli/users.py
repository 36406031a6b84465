"""`plantctl users add|list|remove`: who may log in to a plant's page, and what each may do there."""

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plantctl.app.state_folder import folder_of, state_root
from plantctl.cli.exit_code import CONNECTION, DONE, FINDINGS, USAGE, fail

if TYPE_CHECKING:
    from plantctl.hmi.users import Users

DOINGS = ("add", "list", "remove")
ROLES = ("viewer", "operator")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("doing", choices=DOINGS, metavar="|".join(DOINGS), help="what to do")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the user; not with list")
    parser.add_argument("--role", choices=ROLES, default="operator", help="what the user may do (operator)")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--plant", metavar="NAME", help="the plant's name (default: the only one there is)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.epilog = (
        "A viewer sees everything, an operator also commands. With the first user the one-time token is no more.\n"
        "A running plant takes every change at once; adding a known user sets another role and password."
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.hmi.users import UserRefused, Users

    if bool(arguments.name) is (arguments.doing == "list"):
        return fail(USAGE, "list takes no name" if arguments.name else f"{arguments.doing} needs the user's name")
    folder = _folder(arguments)
    if folder is None:
        return fail(CONNECTION, f"which plant in {state_root(arguments.state)}? name it with --plant")
    users = Users(folder)
    try:
        if arguments.doing == "add":
            return _add(users, arguments)
        if arguments.doing == "remove":
            if not users.remove(arguments.name):
                return fail(FINDINGS, f"there is no user `{arguments.name}` in {users.path}")
            print(f"{arguments.name} is removed")
            return DONE
        known = users.all()
    except UserRefused as error:
        return fail(FINDINGS, str(error))
    width = max(map(len, known), default=0)
    for name, user in sorted(known.items()):
        print(f"{name:{width}}  {user.role}")
    return DONE


def _add(users: "Users", arguments: argparse.Namespace) -> int:
    password = sys.stdin.readline().rstrip("\n") if arguments.password_stdin else _asked()
    if password is None:
        return fail(FINDINGS, "the two passwords differ; nothing is changed")
    users.add(arguments.name, arguments.role, password)
    print(f"{arguments.name} may log in as {arguments.role}")
    return DONE


def _asked() -> str | None:
    """The password, typed twice without being shown; None where the two differ."""
    first = getpass.getpass("password: ")
    return first if getpass.getpass("once more: ") == first else None


def _folder(arguments: argparse.Namespace) -> Path | None:
    """The state folder of the plant that is meant, which need not have run yet where it is named."""
    if arguments.plant:
        return folder_of(arguments.plant, arguments.state)
    root = state_root(arguments.state)
    found = sorted({path.parent for name in ("holder", "users.json") for path in root.glob(f"*/{name}")})
    return found[0] if len(found) == 1 else None
