"""The list of the oddest photos, printed by `partcheck model train FOLDER --only-good`."""

from dataclasses import asdict
from pathlib import Path

from cli.output import note, print_json, print_table
from cli.progress import Progress
from workflow.plurals import pluralize

SHOWN = 20


def print_oddest(folder: Path, as_json: bool) -> None:
    """Print the photos of a folder that are furthest from its good ones. Nothing is trained or filed."""
    from datasets.oddest_photos import rank_oddest
    from datasets.photo_listing import list_folder

    with Progress("Reading photos", len(list_folder(folder).names)) as progress:
        ranked = rank_oddest(folder, progress.show)
    if as_json:
        print_json([asdict(photo) for photo in ranked])
    else:
        rows = [(photo.name, f"{photo.distance:.2f}") for photo in ranked[:SHOWN]]
        print_table(("photo", "distance"), rows, ("distance",))
    note(
        f"The oddest of {pluralize(len(ranked), 'photo')}. This is an order to look at them, no verdict: put "
        "the defects that you find into folders of their own, and train with FOLDER then."
    )
