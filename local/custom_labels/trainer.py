"""The command line of a training process: python -m local.custom_labels.trainer FOLDER PARENT."""

import sys
from pathlib import Path

from local.custom_labels.lifeline import hold_on_to


def main() -> None:
    """Hold on to the service before the slow imports: it may be gone by the time they are done."""
    hold_on_to(int(sys.argv[2]))
    from local.custom_labels.training import run

    run(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
