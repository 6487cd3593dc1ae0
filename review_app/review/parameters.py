"""Route parameters that the pages on inspections share."""

from typing import Annotated

from fastapi import Depends, Form, HTTPException, Path

from review_app.review.services import ReviewServices, review_services
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Verdict
from workflow.review.decisions import MAX_REASON_LENGTH

Services = Annotated[ReviewServices, Depends(review_services)]
PathId = Annotated[InspectionId, Path(alias="id", pattern="^[0-9a-f]{64}$")]
DecisionId = Annotated[str, Form(pattern="^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]
Comment = Annotated[str, Form(max_length=MAX_REASON_LENGTH)]
Reason = Annotated[str, Form(min_length=1, max_length=MAX_REASON_LENGTH)]
OPPOSITE_VERDICT = {Verdict.OK: Verdict.DEFECT, Verdict.DEFECT: Verdict.OK}


def check_defect_class(defect_classes: tuple[str, ...], defect_class: str) -> None:
    """Raise 400 unless the defect class is empty or one of the configured ones."""
    if defect_class and defect_class not in defect_classes:
        raise HTTPException(400, "Unknown defect class.")
