"""The app as it is deployed: several worker processes behind one listener."""

import time

import httpx2

from tests.web.test_settings import LOCAL
from tests.web.test_worker_crashes import workers

AWS = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def test_no_answer_waits_until_its_beginning_is_acknowledged() -> None:
    """Such a wait takes 40 ms for each response after the first ones of a connection, on any machine."""
    with workers(LOCAL | AWS, 2) as (address, _), httpx2.Client(base_url=address) as client:
        for _ in range(30):
            seconds(client)

        assert any(seconds(client) < 0.035 for _ in range(300))


def seconds(client: httpx2.Client) -> float:
    started = time.perf_counter()
    assert client.get("/health").text == "ok"
    return time.perf_counter() - started
