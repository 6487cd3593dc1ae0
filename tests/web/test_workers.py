"""The app as it is deployed: several worker processes behind one listener."""

import time

import httpx2

from tests.web.test_kills import workers
from tests.web.test_settings import LOCAL

AWS = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def test_no_answer_waits_until_its_beginning_is_acknowledged() -> None:
    """Such a wait is 40 ms for each answer but the first ones of a connection, on any machine."""
    with workers(LOCAL | AWS, 2) as (address, _), httpx2.Client(base_url=address) as client:
        took = [seconds(client) for _ in range(60)]

    assert min(took[30:]) < 0.035


def seconds(client: httpx2.Client) -> float:
    began = time.perf_counter()
    assert client.get("/health").text == "ok"
    return time.perf_counter() - began
