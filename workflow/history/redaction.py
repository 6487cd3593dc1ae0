"""Redaction of task tokens in an execution's history."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow.history.events import HistoryEvent

TOKEN_PLACEHOLDER = "[task token]"  # noqa: S105 (shown instead of a token)

_AWS_TOKEN = re.compile(r"A[A-Za-z0-9+/]{0,7}KgAAAA[A-Za-z0-9+/=]{40,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


class TokenRedactor:
    """A redactor of the task tokens that a history contains.

    A token is a text under a name like `token` or `TaskToken`, or a text in the format of AWS's tokens. If a
    task waits for a token and its event has neither, every unguessable text that is not part of the state's
    input counts as a token.
    """

    def __init__(self, events: Sequence[HistoryEvent]) -> None:
        by_id = {event.id: event for event in events}
        tokens: set[str] = set()
        for event in events:
            texts = list(_iterate_texts(list(event.details.values())))
            found = {text for name, text in texts if _is_token_name(name) and _OPAQUE.fullmatch(text)}
            found.update(token for _, text in texts for token in _AWS_TOKEN.findall(text))
            already_redacted = any(TOKEN_PLACEHOLDER in text for _, text in texts)
            if not (found or already_redacted) and event.type == "TaskScheduled" and event.awaits_token:
                found.update(text for _, text in texts if _OPAQUE.fullmatch(text))
                found.update(token for _, text in texts for token in _UUID.findall(text))
                state_input = _state_input(event, by_id)
                found = {token for token in found if token not in state_input}
            tokens |= found
        self._longest_first = sorted(filter(None, tokens), key=len, reverse=True)
        self._candidates = _candidate_pattern(self._longest_first)

    def redact(self, payload: Any) -> Any:
        """Return a payload as a JSON value without tokens."""
        return self._redact_value(_parse_json(payload))

    def redact_error(self, event: HistoryEvent) -> tuple[str, str]:
        """Return error and cause of an event as text without tokens."""
        error, cause = event.detail("error"), event.detail("cause")
        text = cause if isinstance(cause, str) else "" if cause is None else json.dumps(cause)
        return self._redact_text(str(error or "")), self._redact_text(text)

    def _redact_text(self, text: str) -> str:
        return self._candidates.sub(self._replace_tokens, text) if self._candidates else text

    def _replace_tokens(self, candidate: re.Match[str]) -> str:
        text = candidate[0]
        for token in self._longest_first:
            text = text.replace(token, TOKEN_PLACEHOLDER)
        return text

    def _redact_value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {
                self._redact_text(str(key)): self._redact_value(item, str(key)) for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._redact_value(item, name) for item in value]
        if isinstance(value, str):
            return TOKEN_PLACEHOLDER if value and _is_token_name(name) else self._redact_text(value)
        return value


def _candidate_pattern(tokens: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern of texts that may contain a token, to search for hundreds of tokens only there."""
    if not tokens:
        return None
    characters = re.escape("".join(sorted(set("".join(tokens)))))
    return re.compile(f"[{characters}]{{{min(map(len, tokens))},}}")


def _state_input(event: HistoryEvent, by_id: Mapping[int, HistoryEvent]) -> str:
    """Return the input of the state in which an event happened, as text."""
    seen: set[int] = set()
    before: HistoryEvent | None = event
    while before is not None and before.id not in seen and not before.type.endswith("StateEntered"):
        seen.add(before.id)
        before = by_id.get(before.previous_id)
    return json.dumps(_parse_json(before.detail("input")), ensure_ascii=False) if before else ""


def _is_token_name(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()).endswith(("tasktoken", "token"))


def _parse_json(payload: Any) -> Any:
    """Return a payload's JSON value; text that is not JSON stays text."""
    if isinstance(payload, str):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload


def _iterate_texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value with its name, also in JSON within text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _iterate_texts(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _iterate_texts(item, name)
    elif isinstance(value, str):
        yield name, value
        inner = _parse_json(value) if value[:1] in ("{", "[") else None
        if inner is not None and not isinstance(inner, str):
            yield from _iterate_texts(inner, name)
