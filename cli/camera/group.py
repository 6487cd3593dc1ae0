"""`partcheck camera`: the command group."""

import click

from cli.camera.list import list_cameras
from cli.camera.master import master
from cli.camera.set import set_camera


@click.group()
def camera() -> None:
    """See the cameras, and give them master parts.

    A camera is the object's metadata `partcheck-camera`, otherwise the folder of its photos' keys.

    \b
    All cameras:        partcheck camera list
    Add a master part:  partcheck camera master add CAMERA NAME ok|defect
    Doubtful parts:     partcheck camera master check CAMERA
    """


for command in (list_cameras, set_camera, master):
    camera.add_command(command)
