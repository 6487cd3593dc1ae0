"""A camera: its photos, its settings, and the repository that stores them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Verdict

NO_FOLDER = "/"
WATCHED_MEASURES = ("brightness", "contrast", "sharpness")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPhoto:
    """A photo as its camera's history keeps it for some weeks.

    `unusual` holds the reasons of the photo guard. `same_frame_as` is the key of another photo with the same
    centre hash. `suspect` is the reason why a person must judge the photo again. `basis` names the model, the
    policy and the reference that judged it, in one text. A photo of a master part is `is_master`.
    `frame_first_seen` is the inspection whose photo showed the frame first, which is known when it is added.
    """

    camera: str
    inspection_id: InspectionId
    key: str
    claimed_at: str
    frame_hash: str
    brightness: float
    contrast: float
    sharpness: float
    unusual: tuple[str, ...] = ()
    model: str = ""
    basis: str = ""
    is_master: bool = False
    observed_at: str = ""
    same_frame_as: str = ""
    suspect: str = ""
    frame_first_seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterCheck:
    """The judgement of one photo of a master part. `confidence` is from 0 to 1."""

    at: str
    inspection_id: InspectionId
    key: str
    verdict: Verdict
    confidence: float
    frame_hash: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterPart:
    """A part with a known verdict, which a camera photographs under `masters/<name>/`."""

    name: str
    expected: Verdict
    added_at: str
    added_by: str
    last_check: MasterCheck | None = None
    last_passed_at: str = ""

    @property
    def failed(self) -> bool:
        """Return True if its last photo was judged wrongly."""
        return self.last_check is not None and self.last_check.verdict is not self.expected


@dataclass(frozen=True, slots=True)
class Containment:
    """The time in which a camera's *ok* verdicts are doubtful: from the last success to the next one.

    `until` is empty while a master part is judged wrongly.
    """

    since: str
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """The settings and master parts of a camera.

    `live_reason` is a person's reason why equal frames of this camera are live photos; with one, the rule
    about equal frames is off. `shifts` are local times (HH:MM) of `timezone` at which each master part is due
    again; it is overdue `grace_minutes` later. `baseline_from` is the time from which confirmed photos make
    the baseline of its light.
    """

    name: str
    live_reason: str = ""
    masters: Mapping[str, MasterPart] = field(default_factory=dict)
    shifts: tuple[str, ...] = ("06:00", "14:00", "22:00")
    timezone: str = "UTC"
    grace_minutes: int = 60
    baseline_from: str = ""
    containment: Containment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A photo that must be judged by a person, if it passed: why, and by whose order."""

    inspection_id: InspectionId
    reason: str
    actor: str


class CameraRepository(Protocol):
    """The stored cameras, their photos of some weeks, and the suspects that wait to be reopened."""

    def get_camera(self, name: str) -> Camera:
        """Return a camera, strongly consistent, with default settings if none are stored."""

    def list_cameras(self) -> list[Camera]:
        """List the cameras that have settings or master parts, by name."""

    def change_camera(self, name: str, change: Callable[[Camera], Camera]) -> Camera:
        """Replace a camera's settings by the result of `change`, and return it.

        `change` is called again if the settings changed meanwhile.
        """

    def add_photo(self, photo: CameraPhoto) -> CameraPhoto:
        """Store a photo, and return it as it is stored.

        A photo that is stored already keeps `observed_at`, `same_frame_as` and `suspect`. `frame_first_seen`
        is set: of two photos with one frame that are added at the same time, at most one is its own first.
        """

    def list_equal_neighbours(self, photo: CameraPhoto, limit: int) -> list[CameraPhoto]:
        """List the photos with the same frame among the `limit` before this one, and as many after it.

        The photos of a camera are in the order of the claims. Strongly consistent: of two photos that are
        added at the same time, at least one sees the other.
        """

    def list_photos(self, camera: str, since: str, until: str) -> Iterator[CameraPhoto]:
        """Yield a camera's photos that were claimed between two times, oldest first."""

    def list_observed(self, since: str, until: str) -> Iterator[CameraPhoto]:
        """Yield the photos of all cameras that were observed after `since` and until `until`, in order.

        Photos of master parts are left out.
        """

    def mark_repeated(self, photo: CameraPhoto, same_frame_as: str) -> None:
        """Store that a photo shows the same frame as another one. The first mark stays."""

    def add_suspect(self, photo: CameraPhoto, suspect: Suspect) -> None:
        """Mark a photo as suspect, and let it be reopened. Idempotent; the first reason stays."""

    def list_suspects(self) -> Iterator[Suspect]:
        """Yield the suspects that are not reopened yet."""

    def remove_suspect(self, inspection_id: InspectionId) -> None:
        """Remove a suspect that was reopened, or that did not pass."""


def camera_name(row: Inspection) -> str:
    """Return the camera of a photo: the name in its metadata, otherwise its key's folder."""
    return row.camera or row.image.key.rpartition("/")[0] or NO_FOLDER


def camera_from_dict(plain: Mapping[str, Any]) -> Camera:
    """Build a camera's settings from their JSON form."""
    containment = plain["containment"]
    return Camera(
        **{
            **plain,
            "masters": {name: _master_from_dict(master) for name, master in plain["masters"].items()},
            "shifts": tuple(plain["shifts"]),
            "containment": Containment(**containment) if containment else None,
        }
    )


def _master_from_dict(plain: Mapping[str, Any]) -> MasterPart:
    check = plain["last_check"]
    return MasterPart(
        **{
            **plain,
            "expected": Verdict(plain["expected"]),
            "last_check": MasterCheck(**{**check, "verdict": Verdict(check["verdict"])}) if check else None,
        }
    )
