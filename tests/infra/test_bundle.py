"""What is uploaded: our sources and pinned packages for another processor, and a Node.js that comes along."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import infra
from infra import bundle, pins
from infra.settings import Deployment, from_context
from review_app import security
from workflow.aws.staging import zipped
from workflow.errors import ConfigurationError

pytestmark = pytest.mark.xdist_group("synthesised")


def test_functions_stand_on_few_pinned_packages_with_hashes() -> None:
    text = pins.pinned(())

    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert {"aws-lambda-powertools", "aws-xray-sdk", "boto3", "botocore"} <= names
    assert names.isdisjoint({"click", "rich", "pillow", "aws-cdk-lib", "moto", "pytest"})
    assert text.count("==") <= text.count("--hash=sha256:")


def test_the_review_app_stands_on_its_own_packages_besides() -> None:
    names = {line.split("==")[0] for line in pins.pinned(("web",)).splitlines() if "==" in line}

    assert {"fastapi", "uvicorn", "jinja2", "authlib", "pillow", "boto3"} <= names
    assert names.isdisjoint({"scikit-learn", "moto", "pytest"})


def test_a_package_that_the_lock_does_not_name_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no line for .*boto3.*run `make lock`"):
        pins.pinned((), lock="click==8.3.0 \\\n    --hash=sha256:00\n")


def test_a_bundle_holds_sources_without_leftovers(tmp_path: Path) -> None:
    made = bundle.functions(False, tmp_path)

    assert {path.name for path in made.iterdir()} == {"lambdas", "workflow"}
    assert not list(made.rglob("__pycache__"))


def test_the_review_apps_bundle_starts_by_itself_on_elastic_beanstalk(tmp_path: Path) -> None:
    made = bundle.review_app(tmp_path)

    assert (made / "Procfile").read_text("utf-8").startswith("web: python -m review_app ")
    assert "fastapi==" in (made / "requirements.txt").read_text("utf-8")
    assert (made / ".platform/nginx/conf.d/partcheck.conf").exists()
    assert (made / "review_app/templates/base.html").exists()


def test_the_proxy_lets_through_what_the_app_accepts_and_no_more() -> None:
    proxy = bundle.ROOT / "infra/review/.platform/nginx/conf.d"
    usual = (proxy / "partcheck.conf").read_text("utf-8")
    [place] = (proxy / "elasticbeanstalk/open.conf").read_text("utf-8").split("location = ")[1:]

    assert f"client_max_body_size {security.MAX_BODY // 1024}k;" in usual
    assert place.startswith(f"{security.FILES} {{")
    assert f"client_max_body_size {security.MAX_FILE // 1024**2}m;" in place


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file.py").write_text("print()", encoding="utf-8")
    os.utime(tmp_path / "one" / "inner" / "file.py", (0, 1_000_000_000))

    assert zipped(tmp_path / "one") == zipped(tmp_path / "two")


def test_cdk_finds_the_node_that_came_with_the_packages() -> None:
    assert infra.__doc__
    code = "import os, infra; print(os.environ['JSII_NODE'])"
    environment = {"PATH": "/nowhere", "PYTHONPATH": str(bundle.ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    node = Path(answer.stdout.strip())
    assert subprocess.run([node, "--version"], capture_output=True, text=True).stdout.startswith("v")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"stage": "Prod"}, "stage must be"),
        ({"stage": "a" * 21}, "stage must be"),
        ({"domain": "review.example.com"}, "certificate_arn for an existing certificate, or hosted_zone_id"),
        ({"domain": "r.example.com", "certificate_arn": "a", "hosted_zone_id": "Z"}, "domain needs"),
        ({"hosted_zone_id": "Z"}, "domain is missing"),
        (
            {"domain": "r.example.com", "hosted_zone_id": "Z", "oidc_issuer": "https://id.example.com"},
            "go together",
        ),
        ({"max_in_flight": "many"}, "max_in_flight must be a number"),
        ({"max_in_flight": "0"}, "max_in_flight must be from 1"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        from_context(settings)


def test_settings_survive_the_way_through_cdks_context() -> None:
    told = Deployment("prod", "review.example.com", hosted_zone_id="Z1", max_in_flight=50, small_account=True)

    assert from_context(told.context()) == told
