"""Who is asking, and what they may do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from fastapi import HTTPException, Request

SESSION_HOURS = 8
MAX_NAME = 100


class Role(StrEnum):
    """From least to most: a later role may do whatever an earlier one may."""

    REVIEWER = "reviewer"
    ENGINEER = "engineer"
    ADMIN = "admin"


_RANK = list(Role)


@dataclass(frozen=True, slots=True)
class User:
    """A person who signed in."""

    name: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Whether the person has this role or a greater one."""
        return any(_RANK.index(own) >= _RANK.index(role) for own in self.roles)


class NotSignedIn(Exception):
    """Nobody signed in, or too long ago; the sign-in page comes first."""


def sign_in(request: Request, name: str, roles: Iterable[Role]) -> User:
    """Begin a session, dropping whatever an earlier one held."""
    user = User(name, frozenset(roles))
    session = request.app.state.sessions.begin(name, ", ".join(sorted(user.roles)))
    request.session.clear()
    request.session.update(
        id=session, name=name, roles=sorted(user.roles), since=datetime.now(UTC).timestamp()
    )
    return user


def sign_out(request: Request) -> None:
    """End the session for good, wherever a copy of its cookie may be."""
    user = signed_in(request)
    if user is not None:
        request.app.state.sessions.end(request.session["id"], user.name)
    request.session.clear()


def signed_in(request: Request) -> User | None:
    """The person of this session, or None; nothing renews a session beyond its hours."""
    session = request.session
    age = datetime.now(UTC).timestamp() - session.get("since", 0)
    if "name" not in session or not 0 <= age < SESSION_HOURS * 3600:
        return None
    return User(session["name"], frozenset(Role(role) for role in session["roles"]))


def current_user(request: Request) -> User:
    """Dependency: the person who asks; NotSignedIn leads to the sign-in page."""
    user = signed_in(request)
    if user is None or not request.app.state.sessions.lives(request.session["id"]):
        raise NotSignedIn
    return user


def as_asked(request: Request) -> User:
    """Dependency: the person who asks, being who an open page says it speaks for.

    It goes on asking after somebody else signed in at the same browser.
    """
    user = current_user(request)
    if request.query_params.get("as", user.name) != user.name:
        raise NotSignedIn
    return user


def still(request: Request) -> bool:
    """Whether who asked once is still signed in: an answer that goes on for hours has to ask again."""
    try:
        current_user(request)
    except NotSignedIn:
        return False
    return True


def require(role: Role) -> Callable[[Request], User]:
    """Dependency: the person who asks, if they have this role; 403 otherwise."""

    def checked(request: Request) -> User:
        user = current_user(request)
        if not user.may(role):
            raise HTTPException(403, f"This needs the role {role.value}; you signed in without it.")
        return user

    return checked
