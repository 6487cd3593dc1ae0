"""Cameras in every state: fine, drifting, frozen, alarmed, with overdue masters, and without a photo."""

from dataclasses import replace

from tests.camera_photos import camera_photo
from tests.web.world import World
from workflow.cameras.camera import WATCHED_MEASURES, MasterPart
from workflow.cameras.camera_status import BASELINE_PHOTOS, AlarmKind, Baseline, CameraStatus
from workflow.cameras.masters import add_master
from workflow.inspections.verdict import Verdict

SINCE = "2026-03-02T08:00:00.000Z"
LEARNED = {"brightness": (92.0, 140.0), "contrast": (30.0, 45.0), "sharpness": (1.2, 2.4)}


def add_cameras(world: World) -> None:
    photos = tuple(camera_photo(number, brightness=100.0 + number) for number in range(20))
    steady = Baseline(BASELINE_PHOTOS, dict.fromkeys(WATCHED_MEASURES, 1.0))
    fine = CameraStatus(camera="press 4/left", window=photos, learned=LEARNED, baseline=steady)
    states = [
        fine,
        replace(fine, camera="drifting", alarms={AlarmKind.DRIFT: SINCE}),
        CameraStatus(
            camera="<line 1>",
            window=(*photos[:-1], replace(photos[-1], unusual=("dark",), same_frame_as="a.jpg")),
            learned={"brightness": LEARNED["brightness"]},
            alarms={AlarmKind.FROZEN: SINCE},
        ),
        replace(
            fine,
            camera="plant-7/hall-2/line-12/camera-above-the-turntable",
            alarms=dict.fromkeys(AlarmKind, SINCE),
        ),
    ]
    for status in states:
        world.camera_statuses.save_status(status)
    cameras = world.pipeline.cameras
    cameras.change_camera("line 2", lambda camera: replace(camera, live_reason="no noise"))
    for name in ("good", "scratch-7"):
        part = MasterPart(name=name, expected=Verdict.OK, added_at=SINCE, added_by="eve")
        add_master(cameras, "line 2", part)
