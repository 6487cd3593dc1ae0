"""Command line of a training process: python -m custom_labels.training_process FOLDER PARENT."""

import sys
from pathlib import Path

from custom_labels.parent_watch import exit_with_parent


def main() -> None:
    """Run the training of a folder.

    The watch starts before the slow imports, because the parent may end meanwhile.
    """
    exit_with_parent(int(sys.argv[2]))
    from custom_labels.training import run_training

    run_training(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
