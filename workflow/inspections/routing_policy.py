"""The routing policy: the verdict of each label, the confidence from which it is trusted, and their use."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from workflow.errors import ConfigurationError
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Prediction, Score, Verdict

TIE_TOLERANCE = 1e-9
NO_MODEL = "none"
DEFAULT_POLICY: Mapping[str, Any] = {
    "version": "1",
    "labels": {
        "ok": {"verdict": "ok", "threshold": 0.8},
        "defect": {"verdict": "defect", "threshold": 0.8},
        "ok_front": {"verdict": "ok", "threshold": 0.8},
        "def_front": {"verdict": "defect", "threshold": 0.8},
    },
}

MODEL_WAIT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class LabelRule:
    """The verdict of one label, and the least confidence (0 to 1) that is trusted."""

    verdict: Verdict
    threshold: float

    def __post_init__(self) -> None:
        if self.verdict not in (Verdict.OK, Verdict.DEFECT):
            raise ValueError(f"a label may mean ok or defect, not {self.verdict.value!r}")
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold {self.threshold!r} is outside 0..1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPolicy:
    """Versioned rules for routing. The version is stored with every prediction.

    `unknown_threshold` is shown for labels that the policy does not know: they are unclear at any confidence.
    `contradiction` is the confidence (0 to 1) above which a second label of another verdict makes the
    prediction unclear; above 0.5 this happens only with models whose scores do not add up to one.
    `review_seconds` is how long a review waits before it is escalated. `model_wait_seconds` is how long a
    photo waits for a model that does not answer before a person decides without it. `spot_check_share` is the
    share (0 to 1) of confident verdicts that a person checks afterwards, and `second_review_share` the share
    of people's verdicts that another person checks.
    """

    version: str
    labels: Mapping[str, LabelRule]
    unknown_threshold: float = 1.0
    contradiction: float = 0.5
    review_seconds: int = 7 * 24 * 3600
    model_wait_seconds: int = MODEL_WAIT_SECONDS
    spot_check_share: float = 0.0
    second_review_share: float = 0.05

    def predict(self, scores: Iterable[Score], model: str = "", unusual: tuple[str, ...] = ()) -> Prediction:
        """Turn a whole score vector into a prediction. A doubtful one is unclear, never ok.

        `unusual` are the reasons why the photo is unusual. With any reason the prediction is unclear.
        """
        return mark_unusual(self._predict_usual(scores, model), unusual)

    def _predict_usual(self, scores: Iterable[Score], model: str) -> Prediction:
        ranked = tuple(sorted(scores, key=lambda score: (-score.confidence, score.label)))
        if not ranked:
            return self._unclear(ranked, model, "the model named no label")
        strongest = ranked[0]
        rule = self.labels.get(strongest.label)
        if rule is None:
            return self._unclear(ranked, model, f"the policy does not know the label {strongest.label!r}")
        if (rival := self._find_rival(ranked, rule)) is not None:
            return self._unclear(ranked, model, f"the labels {strongest.label!r} and {rival!r} contradict")
        return Prediction(
            verdict=rule.verdict,
            label=strongest.label,
            confidence=strongest.confidence,
            threshold=rule.threshold,
            scores=ranked,
            model=model,
            policy_version=self.version,
        )

    def _find_rival(self, ranked: tuple[Score, ...], rule: LabelRule) -> str | None:
        """Return a label that ties with the strongest or contradicts it, or None."""
        for other in ranked[1:]:
            other_rule = self.labels.get(other.label)
            if other_rule is not None and other_rule.verdict == rule.verdict:
                continue
            tied = math.isclose(other.confidence, ranked[0].confidence, abs_tol=TIE_TOLERANCE)
            if tied or other.confidence > self.contradiction:
                return other.label
        return None

    def _unclear(self, ranked: tuple[Score, ...], model: str, note: str) -> Prediction:
        strongest = ranked[0] if ranked else Score("", 0.0)
        rule = self.labels.get(strongest.label)
        threshold = rule.threshold if rule else self.unknown_threshold
        return Prediction(
            verdict=Verdict.UNCLEAR,
            label=strongest.label,
            confidence=strongest.confidence,
            threshold=threshold,
            scores=ranked,
            model=model,
            policy_version=self.version,
            note=note,
        )

    def sample_for_second_review(self, inspection_id: InspectionId, prediction: Prediction) -> Prediction:
        """Mark the prediction if the photo is sampled for a second review: the same for every attempt."""
        share = (
            self.second_review_share
            if apply_threshold(prediction) is Verdict.UNCLEAR
            else self.spot_check_share
        )
        digest = hashlib.sha256(f"second review\0{inspection_id}".encode()).digest()
        return replace(
            prediction, sampled_for_second_review=int.from_bytes(digest[:8], "big") < share * 2**64
        )

    def predict_without_model(self, note: str) -> Prediction:
        """Return an unclear prediction for a photo that no model judged, so that a person decides."""
        return self._unclear((), "", note)


def apply_threshold(prediction: Prediction) -> Verdict:
    """Return the model's verdict at or above the threshold, otherwise UNCLEAR: a person decides."""
    if prediction.confidence < prediction.threshold:
        return Verdict.UNCLEAR
    return prediction.verdict


def mark_unusual(prediction: Prediction, reasons: tuple[str, ...]) -> Prediction:
    """Return the prediction with further reasons why the photo is unusual. With any, it is unclear."""
    if not reasons:
        return prediction
    sentence = "; ".join(reasons)
    if not prediction.unusual:
        sentence = f"the photo is unusual: {sentence}"
    return replace(
        prediction,
        verdict=Verdict.UNCLEAR,
        note="; ".join(filter(None, (prediction.note, sentence))),
        unusual=(*prediction.unusual, *reasons),
    )


def parse(text: str) -> RoutingPolicy:
    """Parse a routing policy from its JSON text.

    Raise ConfigurationError, which names the field that is missing, misspelt or out of range.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"routing policy: not JSON ({error})") from error
    if not isinstance(document, dict):
        raise ConfigurationError("routing policy: expected a JSON object")
    known = {field.name for field in fields(RoutingPolicy)} - {"unknown_threshold"}
    if unknown := document.keys() - known:
        raise ConfigurationError(f"routing policy: unknown field {sorted(unknown)[0]!r}")
    for required in ("version", "labels"):
        if not document.get(required):
            raise ConfigurationError(f"routing policy: the field {required!r} is missing")
    labels = document.pop("labels")
    if not isinstance(labels, dict):
        raise ConfigurationError("routing policy: 'labels' must be a JSON object, from label to rule")
    policy = RoutingPolicy(labels={name: _rule(name, rule) for name, rule in labels.items()}, **document)
    _check_ranges(policy)
    return policy


def _rule(name: str, rule: Any) -> LabelRule:
    if not isinstance(rule, dict) or rule.keys() != {"verdict", "threshold"}:
        raise ConfigurationError(f"routing policy: label {name!r} needs exactly 'verdict' and 'threshold'")
    try:
        if not _is_number(rule["threshold"]):
            raise ValueError(f"threshold {rule['threshold']!r} is not a number")
        return LabelRule(Verdict(rule["verdict"]), float(rule["threshold"]))
    except (OverflowError, ValueError) as error:
        raise ConfigurationError(f"routing policy: label {name!r}: {error}") from error


def _check_ranges(policy: RoutingPolicy) -> None:
    if not isinstance(policy.version, str) or not policy.version.strip():
        raise ConfigurationError("routing policy: 'version' must be text that is not blank")
    for name in ("contradiction", "spot_check_share", "second_review_share"):
        value = getattr(policy, name)
        if not _is_number(value) or not 0.0 <= value <= 1.0:
            raise ConfigurationError(f"routing policy: {name!r} must be a number from 0 to 1, not {value!r}")
    for name in ("review_seconds", "model_wait_seconds"):
        value = getattr(policy, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 31_536_000:
            raise ConfigurationError(
                f"routing policy: {name!r} must be whole seconds from 1 to a year, not {value!r}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
