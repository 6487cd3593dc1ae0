"""Tests that share an expensive fixture are one group, and xdist runs a group on one worker."""

import os

import pytest

pytestmark = pytest.mark.xdist_group("a group")


def test_the_worker_knows_the_group(request: pytest.FixtureRequest) -> None:
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@a group")
