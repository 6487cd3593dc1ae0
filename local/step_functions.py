"""Runs moto's server for Step Functions with cached definitions and clients, and a complete StopExecution.

By default moto parses the definition for every execution and creates a client for every task: together three
quarters of its time (docs/adr/0003-local-aws.md). Here both are cached.

Interpreting one execution creates hundreds of thousands of short-lived objects. With Python's default
thresholds the garbage collector takes a tenth to a fifth of the time. The older generations keep the default
thresholds, because cycles do accumulate there.
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
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

GC_THRESHOLD = 50_000
MAX_CACHED_DEFINITIONS = 16
MAX_CONCURRENT_CALLS = 64
USER_AGENT = "moto"  # botocore would build its own name twice for each call.


class ClientCachingSession(boto3.Session):
    """A session that returns the same client for the same service and settings.

    Threads may share a client but must not create clients concurrently, so creation is locked. Use it only in
    a process whose environment does not change: the environment also determines a client's endpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    def client(self, *service: Any, **settings: Any) -> Any:
        defaults = Config(max_pool_connections=MAX_CONCURRENT_CALLS, user_agent=USER_AGENT)
        config = defaults.merge(settings.pop("config", None) or Config())
        create_client: Any = super().client
        key = repr((service, sorted(settings.items()), vars(config)))
        with self._lock:
            if key not in self._clients:
                self._clients[key] = create_client(*service, config=config, **settings)
            return self._clients[key]


def cache_parsed_definitions() -> None:
    """Let moto parse each definition once. Executions share the program, which holds no execution data."""
    cached = lru_cache(MAX_CACHED_DEFINITIONS)(AmazonStateLanguageParser.parse)
    AmazonStateLanguageParser.parse = staticmethod(cached)  # type: ignore[method-assign]


def stop_waiting_executions() -> None:
    """Let StopExecution also end an execution that waits for a task token, as AWS does.

    moto notes the stop, but its worker sleeps until the token is answered. Here the stop wakes the worker.
    The wait that it interrupts raises an error, which is no failure of the task.
    """
    environment_class: Any = Environment
    state_class: Any = ExecutionState
    set_stop, evaluate = environment_class.set_stop, state_class._evaluate_with_timeout

    def set_stop_and_wake(environment: Any, *arguments: Any, **options: Any) -> None:
        set_stop(environment, *arguments, **options)
        for endpoint in list(environment.callback_pool_manager._pool.values()):
            endpoint.interrupt_all()

    def evaluate_unless_stopped(state: Any, environment: Any) -> None:
        try:
            evaluate(state, environment)
        except Exception:
            if environment.is_running():
                raise

    environment_class.set_stop = set_stop_and_wake
    state_class._evaluate_with_timeout = evaluate_unless_stopped


if __name__ == "__main__":
    boto3.DEFAULT_SESSION = ClientCachingSession()
    cache_parsed_definitions()
    stop_waiting_executions()
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    main(sys.argv[1:])
