"""The photo guard on one row: its measures against the reference of the model that answered."""

from dataclasses import dataclass, replace

from workflow.errors import ConfigurationError
from workflow.inspections.inspection import Inspection
from workflow.inspections.model_reference import ReferenceRepository
from workflow.inspections.photo_guard import explain_unusual
from workflow.inspections.repository import InspectionRepository


@dataclass(frozen=True, slots=True)
class ReferenceComparison:
    """The reasons why a photo is unusual, and when the reference was made that it was compared with."""

    unusual: tuple[str, ...] = ()
    reference: str = ""


def compare_with_reference(
    inspections: InspectionRepository, references: ReferenceRepository, row: Inspection, model: str
) -> ReferenceComparison:
    """Compare a photo with the reference of the model that answered.

    A model without a reference makes no photo unusual, except one that could not be measured. A photo that
    cannot be compared with an existing reference is unusual, because no one knows what it shows.
    """
    if row.unmeasurable:
        return ReferenceComparison((f"its light and shape could not be measured ({row.unmeasurable})",))
    try:
        reference = references.get(model)
    except ConfigurationError as error:
        return ReferenceComparison((f"the reference of {model} is unreadable ({error})",))
    if reference is None:
        return ReferenceComparison()
    if reference.model != model:
        return ReferenceComparison(
            (f"the reference of {model} was made for another model, {reference.model}",)
        )
    if row.measures is None:
        return ReferenceComparison(("it was claimed before photos were measured; reinspect it",))
    descriptor = inspections.get_descriptor(row.id, row.measures.decoder_version)
    reasons = explain_unusual(replace(row.measures, descriptor=descriptor), reference)
    comparable = row.measures.decoder_version == reference.decoder_version
    return ReferenceComparison(reasons, reference.made_at if comparable else "")
