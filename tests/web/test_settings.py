"""Settings: a missing or invalid one stops the start with its name."""

import pytest

from review_app.settings import (
    DEFAULTS,
    OIDC_VARIABLES,
    REQUIRED_VARIABLES,
    ReviewAppSettings,
    from_environment,
)
from tests.web.serving import SECRET
from workflow.errors import ConfigurationError

LOCAL = {
    "INSPECTIONS_TABLE": "inspections",
    "AUDIT_TABLE": "audit",
    "NAME_INDEX_TABLE": "name-index",
    "METRICS_TABLE": "metrics",
    "COMMAND_LOG_TABLE": "command-log",
    "CAMERAS_TABLE": "cameras",
    "HISTORY_BUCKET": "history",
    "GET_EXECUTION_HISTORY_FUNCTION": "read-history",
    "DECISION_QUEUE_URL": "http://127.0.0.1:1/decisions",
    "COMMAND_QUEUE_URL": "http://127.0.0.1:1/commands",
    "INTAKE_QUEUE_URL": "http://127.0.0.1:1/intake",
    "ESCALATION_QUEUE_URL": "http://127.0.0.1:1/escalations",
    "POLICY_PARAMETER": "/policy",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "SESSION_SECRET": SECRET,
    "SIGN_IN": "development",
}
ON_AWS = LOCAL | {
    "PUBLIC_URL": "https://review.example",
    "SIGN_IN": "oidc",
    "OIDC_DISCOVERY_URL": "https://id.example/.well-known/openid-configuration",
    "OIDC_CLIENT_ID": "app",
    "OIDC_CLIENT_SECRET": "hidden",
}


def test_the_names_are_data_that_match_what_is_read() -> None:
    assert LOCAL.keys() == REQUIRED_VARIABLES
    assert ON_AWS.keys() == REQUIRED_VARIABLES | OIDC_VARIABLES
    assert from_environment({**ON_AWS, **DEFAULTS}) == from_environment(ON_AWS)


@pytest.mark.parametrize("name", sorted(REQUIRED_VARIABLES))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        from_environment({**LOCAL, name: ""})


@pytest.mark.parametrize("name", sorted(OIDC_VARIABLES))
def test_a_missing_setting_of_the_provider_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        from_environment({**ON_AWS, name: ""})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"PUBLIC_URL": "review.example"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://review.example"}, "https"),
        ({"PUBLIC_URL": "https://review.example/app"}, "PUBLIC_URL"),
        ({"SESSION_SECRET": "short"}, "SESSION_SECRET"),
        ({"SESSION_SECRET": "changeme" * 8}, "SESSION_SECRET"),
        ({"SIGN_IN": "none"}, "SIGN_IN"),
        ({"SIGN_IN": "development"}, "SIGN_IN=development"),
        ({"OIDC_DISCOVERY_URL": "http://id.example/x"}, "OIDC_DISCOVERY_URL"),
        ({"OIDC_ROLES_CLAIM": "roles."}, "OIDC_ROLES_CLAIM"),
        ({"UNDO_SECONDS": "61"}, "UNDO_SECONDS"),
        ({"UNDO_SECONDS": "-1"}, "UNDO_SECONDS"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(changed: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        from_environment(ON_AWS | changed)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "127.8.9.10"])
def test_development_sign_in_is_for_loopback_addresses(host: str) -> None:
    assert ReviewAppSettings(public_url=f"http://{host}", session_secret=SECRET).is_local


def test_cookies_insist_on_https_wherever_other_machines_come_from() -> None:
    assert from_environment(ON_AWS).is_secure
    assert not from_environment(LOCAL).is_secure
