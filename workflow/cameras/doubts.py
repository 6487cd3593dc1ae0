"""The reasons of a camera why a person must judge its photo, and the judgement of a master part's photo."""

from workflow import timestamps
from workflow.cameras.camera import Camera, CameraPhoto, CameraRepository, MasterCheck, camera_name
from workflow.cameras.frozen_frames import register_photo
from workflow.cameras.masters import describe_check, explain_masters, master_name, record_check
from workflow.inspections.inspection import Inspection
from workflow.inspections.routing_policy import apply_threshold
from workflow.inspections.verdict import Prediction, Verdict


def find_doubts(cameras: CameraRepository, row: Inspection, prediction: Prediction) -> tuple[str, ...]:
    """Store a photo in its camera's history, and return the camera's reasons for a person's judgement.

    A repeated frame is doubtful with any verdict. Master parts that are overdue or judged wrongly make only
    an *ok* doubtful.
    """
    camera = cameras.get_camera(camera_name(row))
    photo = _build_photo(camera, row, prediction)
    reasons = register_photo(cameras, camera, photo) if photo else ()
    if apply_threshold(prediction) is Verdict.OK:
        reasons += explain_masters(camera, basis_of(prediction), timestamps.now())
    return reasons


def check_master(cameras: CameraRepository, camera: Camera, row: Inspection, prediction: Prediction) -> str:
    """Store the judgement of a master part's photo, and return it in one sentence.

    A photo that repeats a frame, or the photo of the part's last check, is unclear: it does not show how the
    camera photographs the part now.
    """
    master = camera.masters[master_name(row.image.key)]
    photo = _build_photo(camera, row, prediction)
    doubts = register_photo(cameras, camera, photo) if photo else ()
    last = master.last_check
    if photo and last and last.inspection_id != row.id and last.frame_hash == photo.frame_hash:
        cameras.mark_repeated(photo, last.key)
        doubts = register_photo(cameras, camera, photo)
    check = MasterCheck(
        at=row.claimed_at,
        inspection_id=row.id,
        key=row.image.key,
        verdict=Verdict.UNCLEAR if doubts else apply_threshold(prediction),
        confidence=prediction.confidence,
        frame_hash=photo.frame_hash if photo else "",
        basis=basis_of(prediction),
    )
    record_check(cameras, camera.name, master.name, check)
    return describe_check(camera.name, master, check, (*prediction.unusual, *doubts))


def basis_of(prediction: Prediction) -> str:
    """Return the model, the policy and the reference of a prediction as one text."""
    return f"{prediction.model} {prediction.policy_version} {prediction.reference}"


def _build_photo(camera: Camera, row: Inspection, prediction: Prediction) -> CameraPhoto | None:
    """Build the photo's entry in its camera's history; None if it has no measures."""
    if row.measures is None:
        return None
    return CameraPhoto(
        camera=camera.name,
        inspection_id=row.id,
        key=row.image.key,
        claimed_at=row.claimed_at,
        frame_hash=row.measures.frame_hash,
        brightness=row.measures.brightness,
        contrast=row.measures.contrast,
        sharpness=row.measures.sharpness,
        unusual=prediction.unusual,
        model=prediction.model,
        basis=basis_of(prediction),
        is_master=bool(master_name(row.image.key)),
    )
