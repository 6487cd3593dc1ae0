"""Task tokens in a history: found wherever they stand, and never let out."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow.history.events import Event

TOKEN = "[task token]"  # noqa: S105 (what is shown instead of one)

_AWS_TOKEN = re.compile(r"A[A-Za-z0-9+/]{0,7}KgAAAA[A-Za-z0-9+/=]{40,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


class Secrets:
    """Takes task tokens out of whatever leaves this module.

    A token is what stands under a name like `token` or `TaskToken`, what looks like one of AWS's, and, where
    a task waits for a token and none of these is there, every unguessable text that the state was not given.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        by_id = {event.id: event for event in events}
        tokens: set[str] = set()
        for event in events:
            texts = list(_texts(list(event.details.values())))
            found = {text for name, text in texts if _names_token(name) and _OPAQUE.fullmatch(text)}
            found.update(token for _, text in texts for token in _AWS_TOKEN.findall(text))
            found_before = any(TOKEN in text for _, text in texts)
            if not (found or found_before) and event.type == "TaskScheduled" and event.awaits_token:
                found.update(text for _, text in texts if _OPAQUE.fullmatch(text))
                found.update(token for _, text in texts for token in _UUID.findall(text))
                given = _given(event, by_id)
                found = {token for token in found if token not in given}
            tokens |= found
        self._longest_first = sorted(filter(None, tokens), key=len, reverse=True)
        self._suspect = _suspect(self._longest_first)

    def value(self, payload: Any) -> Any:
        """A payload as a JSON value without tokens."""
        return self._without(_parsed(payload))

    def fault(self, event: Event) -> tuple[str, str]:
        """Error and cause of an event, as text."""
        error, cause = event.detail("error"), event.detail("cause")
        text = cause if isinstance(cause, str) else "" if cause is None else json.dumps(cause)
        return self._text(str(error or "")), self._text(text)

    def _text(self, text: str) -> str:
        return self._suspect.sub(self._hidden, text) if self._suspect else text

    def _hidden(self, suspect: re.Match[str]) -> str:
        text = suspect[0]
        for token in self._longest_first:
            text = text.replace(token, TOKEN)
        return text

    def _without(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {self._text(str(key)): self._without(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._without(one, name) for one in value]
        if isinstance(value, str):
            return TOKEN if value and _names_token(name) else self._text(value)
        return value


def _suspect(tokens: Sequence[str]) -> re.Pattern[str] | None:
    """What a token can lie in: only there is each looked for, since a long wait brings hundreds of them."""
    if not tokens:
        return None
    characters = re.escape("".join(sorted(set("".join(tokens)))))
    return re.compile(f"[{characters}]{{{min(map(len, tokens))},}}")


def _given(event: Event, by_id: Mapping[int, Event]) -> str:
    """The input of the state in which an event happened, as text."""
    seen: set[int] = set()
    before: Event | None = event
    while before is not None and before.id not in seen and not before.type.endswith("StateEntered"):
        seen.add(before.id)
        before = by_id.get(before.previous)
    return json.dumps(_parsed(before.detail("input")), ensure_ascii=False) if before else ""


def _names_token(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()).endswith(("tasktoken", "token"))


def _parsed(payload: Any) -> Any:
    """A payload's JSON value; text that is no JSON stays text."""
    if isinstance(payload, str):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value with the name it stands under, also in JSON within text."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, str(key))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one, name)
    elif isinstance(value, str):
        yield name, value
        inner = _parsed(value) if value[:1] in ("{", "[") else None
        if inner is not None and not isinstance(inner, str):
            yield from _texts(inner, name)
