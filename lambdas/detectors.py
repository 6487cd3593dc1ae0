"""The detector of each kind of model: another kind takes one adapter, and one line here."""

from typing import TYPE_CHECKING

from workflow.inspections.objects import ObjectStore
from workflow.models.model import ModelKind, kind_of

if TYPE_CHECKING:
    from lambdas.own_model_detector import OwnModelDetector
    from workflow.aws.detector import RekognitionDetector
    from workflow.aws.own_models import S3OwnModels


def build_detector(
    model: str, own_models: "S3OwnModels", objects: ObjectStore
) -> "RekognitionDetector | OwnModelDetector":
    """Return the adapter that asks a model. NumPy is imported only for an own model."""
    if kind_of(model) is ModelKind.OWN:
        from lambdas.own_model_detector import OwnModelDetector

        return OwnModelDetector(model, own_models, objects)
    from workflow.aws.detector import RekognitionDetector

    return RekognitionDetector(model)
