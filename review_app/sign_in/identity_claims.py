"""A person's name and roles from the claims of a provider, in every place and shape that providers use."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from review_app.settings import OidcSettings
from review_app.users import MAX_NAME, Role

VERIFIED_CLAIM = "email_verified"
_SEPARATORS = re.compile(r"[\s,;\[\]\"']+")


class Refused(Exception):
    """An account that may not sign in. The message names the claim and the setting."""


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim with this name, or at this path (`realm_access.roles`). None if there is none.

    A name may contain dots itself, as in `https://works.example/roles`.
    """
    if claims.get(path) is not None:
        return claims[path]
    for dot in re.finditer(r"\.", path):
        inner = claims.get(path[: dot.start()])
        if isinstance(inner, Mapping) and (found := find_claim(inner, path[dot.end() :])) is not None:
            return found
    return None


def needs_userinfo(claims: Mapping[str, Any], oidc: OidcSettings) -> bool:
    """Return True if a claim is missing that the userinfo endpoint may know."""
    paths = [oidc.name_claim, oidc.roles_claim, *([VERIFIED_CLAIM] if oidc.name_claim == "email" else [])]
    return any(find_claim(claims, path) is None for path in paths)


def read_user(sources: Sequence[Mapping[str, Any]], oidc: OidcSettings) -> tuple[str, set[Role]]:
    """Return the name and the roles in the first source that has each claim. Raise Refused if one lacks."""
    name_claim, roles_claim = _find(sources, oidc.name_claim), _find(sources, oidc.roles_claim)
    name = _parse_name(name_claim)
    if not name:
        raise Refused(
            _describe(
                "Your account has no name for this app",
                "OIDC_NAME_CLAIM",
                oidc.name_claim,
                "is missing" if name_claim is None else "is not one text",
            )
        )
    verified = _find(sources, VERIFIED_CLAIM, missing=True)
    if verified is not True and verified != "true":
        raise Refused(
            f"Your e-mail address is not verified: the claim {VERIFIED_CLAIM} is not true. "
            "Confirm the address at the sign-in service, then start again."
        )
    roles = parse_roles(roles_claim)
    if not roles:
        names = ", ".join(Role)
        raise Refused(
            _describe(
                "Your account has no role in this app",
                "OIDC_ROLES_CLAIM",
                oidc.roles_claim,
                "is missing" if roles_claim is None else f"holds none of {names}",
            )
        )
    return name, roles


def parse_roles(claim: object) -> set[Role]:
    """Return the roles in a claim; ignore unknown ones.

    The claim is a list, or a text with spaces or commas. A role may begin with a slash, as the path of a
    group does.
    """
    return {Role(name) for name in map(_strip_slash, _iter_words(claim)) if name in set(Role)}


def _iter_words(claim: object) -> Iterator[str]:
    for text in claim if isinstance(claim, list) else [claim]:
        if isinstance(text, str):
            yield from _SEPARATORS.split(text)


def _strip_slash(name: str) -> str:
    return name.removeprefix("/")


def _parse_name(claim: object) -> str:
    """Return the name in a claim, which is a text or a list of one text. Empty if it is something else."""
    if isinstance(claim, list) and len(claim) == 1:
        claim = claim[0]
    return claim.strip()[:MAX_NAME] if isinstance(claim, str) and claim.isprintable() else ""


def _find(sources: Sequence[Mapping[str, Any]], path: str, missing: Any = None) -> Any:
    found = (find_claim(claims, path) for claims in sources)
    return next((value for value in found if value is not None), missing)


def _describe(event: str, setting: str, claim: str, state: str) -> str:
    return f"{event}: the claim {claim} (setting {setting}) {state}. Ask the app's administrator for it."
