"""Runs moto's own server for Step Functions, spared the work that it repeats.

Left to itself, moto reads the text of a state machine for every execution, and makes a client of the service
for every task: together three quarters of its time (docs/adr/0003-local-aws.md). Here it keeps both.

Interpreting one execution makes hundreds of thousands of small objects that die young; with Python's usual
thresholds a tenth to a fifth of the time goes into looking for cycles among them. The older generations keep
their usual thresholds, for there the cycles do pile up.
"""

import gc
import logging
import sys
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from moto.server import main
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

YOUNG_OBJECTS = 50_000
PROGRAMS_KEPT = 16
CALLS_AT_ONCE = 64


class KeptClients(boto3.Session):
    """A session that gives the client it gave before for the same service and settings.

    Many threads may use one client, but not make one at the same moment: here one makes it, the others wait.
    It is for a process whose environment stays as it is, for the environment tells a client its endpoint too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, Any] = {}
        self._making = Lock()

    def client(self, *service: Any, **settings: Any) -> Any:
        config = Config(max_pool_connections=CALLS_AT_ONCE).merge(settings.pop("config", None) or Config())
        make: Any = super().client
        what = repr((service, sorted(settings.items()), vars(config)))
        with self._making:
            if what not in self._kept:
                self._kept[what] = make(*service, config=config, **settings)
            return self._kept[what]


def keep_programs() -> None:
    """Let moto read each definition once: executions share the program, and keep their data elsewhere."""
    kept = lru_cache(PROGRAMS_KEPT)(AmazonStateLanguageParser.parse)
    AmazonStateLanguageParser.parse = staticmethod(kept)  # type: ignore[method-assign]


if __name__ == "__main__":
    boto3.DEFAULT_SESSION = KeptClients()
    keep_programs()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    main(sys.argv[1:])
