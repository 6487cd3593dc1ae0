"""Users, their roles, and the dependencies with which routes require them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, HTTPException, Request

SESSION_HOURS = 8
MAX_NAME = 100


class Role(StrEnum):
    """A user's role, in ascending order: a role includes the rights of those before it."""

    REVIEWER = "reviewer"
    ENGINEER = "engineer"
    ADMIN = "admin"


_ORDER = list(Role)


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user."""

    name: str
    roles: frozenset[Role]

    def has_role(self, role: Role) -> bool:
        """Return True if the user has this role or a higher one."""
        return any(_ORDER.index(own) >= _ORDER.index(role) for own in self.roles)


class NotSignedIn(Exception):
    """The request has no session, or its session has ended; the sign-in page follows."""


def sign_in(request: Request, name: str, roles: Iterable[Role]) -> User:
    """Start a session and drop all data of an earlier one."""
    user = User(name, frozenset(roles))
    session = request.app.state.sessions.start(name, ", ".join(sorted(user.roles)))
    request.session.clear()
    request.session.update(
        id=session, name=name, roles=sorted(user.roles), since=datetime.now(UTC).timestamp()
    )
    return user


def sign_out(request: Request) -> None:
    """End the session, so that copies of its cookie become invalid."""
    user = session_user(request)
    if user is not None:
        request.app.state.sessions.end(request.session["id"], user.name)
    request.session.clear()


def session_user(request: Request) -> User | None:
    """Return the user of the session's cookie, None after SESSION_HOURS; a session is never extended."""
    session = request.session
    age = datetime.now(UTC).timestamp() - session.get("since", 0)
    if "name" not in session or not 0 <= age < SESSION_HOURS * 3600:
        return None
    return User(session["name"], frozenset(Role(role) for role in session["roles"]))


def current_user(request: Request) -> User:
    """Dependency: return the user of an active session. Raise NotSignedIn if there is none."""
    user = session_user(request)
    if user is None or not request.app.state.sessions.is_active(request.session["id"]):
        raise NotSignedIn
    return user


def page_user(request: Request) -> User:
    """Dependency: return the current user if the page that sent the request was opened by them.

    An open page keeps sending requests after another user signs in at the same browser, so it names its user
    in the parameter `as`. Raise NotSignedIn if that is not the current user.
    """
    user = current_user(request)
    if request.query_params.get("as", user.name) != user.name:
        raise NotSignedIn
    return user


def is_still_signed_in(request: Request) -> bool:
    """Return True if the session is still active. Responses that last for hours have to check again."""
    try:
        current_user(request)
    except NotSignedIn:
        return False
    return True


def require_role(role: Role) -> Callable[[Request], User]:
    """Return a dependency that returns the current user, or raises 403 if they lack the role."""

    def user_with_role(request: Request) -> User:
        user = current_user(request)
        if not user.has_role(role):
            raise HTTPException(
                403, f"This requires the role {role.value}, which your session does not have."
            )
        return user

    return user_with_role


CurrentUser = Annotated[User, Depends(current_user)]
Engineer = Annotated[User, Depends(require_role(Role.ENGINEER))]
