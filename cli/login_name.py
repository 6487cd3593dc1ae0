"""The name of the person at this terminal."""

import getpass


def login_name() -> str:
    """Return the login name, or `terminal` if the user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "terminal"
