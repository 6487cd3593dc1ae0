"""Runs moto's own server for Step Functions with a garbage collector that suits it.

Interpreting one execution makes hundreds of thousands of small objects that die young; with Python's usual
thresholds a tenth to a fifth of the time goes into looking for cycles among them. The older generations keep
their usual thresholds, for there the cycles do pile up.
"""

import gc
import logging
import sys

from moto.server import main

YOUNG_OBJECTS = 50_000

if __name__ == "__main__":
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    main(sys.argv[1:])
