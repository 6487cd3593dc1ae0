"""Deployment bundles: only the needed sources, pinned packages for another processor, and Node.js for CDK."""

import ast
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import infra
from deployment.asset_bucket import zip_directory
from infra import bundle, pinned_packages
from infra.settings import StageSettings, from_context
from lambdas.catalog import FUNCTIONS, LambdaFunction
from local import functions as local_functions
from review_app import security
from workflow.errors import ConfigurationError

pytestmark = pytest.mark.xdist_group("synthesised")


def test_functions_need_few_pinned_packages_with_hashes() -> None:
    text = pinned_packages.select_requirements(())

    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert {"aws-lambda-powertools", "aws-xray-sdk", "boto3", "botocore"} <= names
    assert names.isdisjoint({"click", "rich", "pillow", "aws-cdk-lib", "moto", "pytest"})
    assert text.count("==") <= text.count("--hash=sha256:")


def test_the_review_app_has_additional_packages() -> None:
    names = {
        line.split("==")[0]
        for line in pinned_packages.select_requirements(("web",)).splitlines()
        if "==" in line
    }

    assert {"fastapi", "uvicorn", "jinja2", "authlib", "numpy", "pillow", "boto3"} <= names
    assert names.isdisjoint({"scikit-learn", "scipy", "moto", "pytest"})


def test_functions_that_measure_photos_have_the_decoders_packages_for_arm() -> None:
    text = pinned_packages.select_requirements((), additional=bundle.DECODER_REQUIREMENTS)

    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert {"numpy", "pillow", "boto3", "aws-lambda-powertools"} <= names
    assert names.isdisjoint({"scipy", "scikit-learn", "moto", "pytest", "click"})
    assert text.count("==") <= text.count("--hash=sha256:")
    assert text.startswith(pinned_packages.select_requirements(()).split("==")[0])


def test_a_package_that_the_lock_file_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no line for .*boto3.*run `make lock`"):
        pinned_packages.select_requirements((), lock="click==8.3.0 \\\n    --hash=sha256:00\n")


FORBIDDEN_PACKAGES = {
    "cli",
    "custom_labels",
    "datasets",
    "deployment",
    "infra",
    "local",
    "tests",
    "benchmarks",
}


def list_modules(bundle_directory: Path) -> set[str]:
    """Return the dotted names of a bundle's own modules, and of the modules that these import."""
    modules = set[str]()
    for source in bundle_directory.rglob("*.py"):
        modules.add(".".join(source.relative_to(bundle_directory).with_suffix("").parts))
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    return modules


def list_packages(bundle_directory: Path) -> set[str]:
    """Return the top-level directories with Python sources."""
    return {source.relative_to(bundle_directory).parts[0] for source in bundle_directory.rglob("*.py")}


def test_a_functions_bundle_holds_only_what_functions_import(tmp_path: Path) -> None:
    bundle_directory = bundle.build_functions_bundle(False, tmp_path)

    assert {path.name for path in bundle_directory.iterdir()} == {"lambdas", "workflow"}
    assert_no_forbidden_module(bundle_directory)
    assert (bundle_directory / "workflow" / "state_machine.asl.json").exists()
    assert not list(bundle_directory.rglob("__pycache__"))


def test_the_bundle_of_functions_that_measure_photos_has_the_decoder_and_nothing_more(tmp_path: Path) -> None:
    bundle_directory = bundle.build_measuring_bundle(False, tmp_path)

    assert {path.name for path in bundle_directory.iterdir()} == {"lambdas", "vision", "workflow"}
    assert_no_forbidden_module(bundle_directory)
    assert not list(bundle_directory.rglob("__pycache__"))


@pytest.mark.parametrize("version", [f"{sys.version_info[0]}.{sys.version_info[1]}", "9.9"])
def test_a_bundle_with_packages_holds_the_same_bytecode_each_time_if_the_interpreter_exists(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pip_install(_requirements: Path, target: Path) -> None:
        (target / "package.py").write_text("VALUE = 1", encoding="utf-8")

    monkeypatch.setattr(bundle, "PYTHON", version)
    monkeypatch.setattr(bundle, "_pip_install", pip_install)
    python, found = bundle.find_functions_python(), []
    for _ in range(2):
        directory = bundle.build_functions_bundle(True, tmp_path)
        found.append({path: path.read_bytes() for path in directory.rglob("*.pyc")})

    if version == "9.9":
        assert (python, found) == ("", [{}, {}])
        return
    assert found[0] == found[1]
    names = {path.name.partition(".")[0] for path in found[0]}
    assert {"package", "claim_upload", "detection"} <= names
    for content in found[0].values():  # Python never compares it with its source.
        assert int.from_bytes(content[4:8], "little") == 1
        assert b"/var/task/" in content


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.module)
def test_a_function_loads_what_its_bundle_holds(function: LambdaFunction, tmp_path: Path) -> None:
    """It needs neither SciPy, nor packages of ours that its bundle lacks."""
    detector = "import lambdas.own_model_detector\n" if function.module == "detect_labels" else ""
    build = bundle.build_measuring_bundle if function.decodes_photos else bundle.build_functions_bundle
    decoder = set() if function.decodes_photos else {"numpy", "PIL", "vision"}
    missing = sorted(decoder | {"scipy", "sklearn"} | FORBIDDEN_PACKAGES)
    code = (
        "import sys\n"
        f"for name in {missing}: sys.modules[name] = None\n"
        f"{detector}import lambdas.{function.module} as module\n"
        "print(module.__file__)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "PATH": "/nowhere",
            "PYTHONPATH": str(build(False, tmp_path)),
            "AWS_DEFAULT_REGION": "eu-west-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout.startswith(str(tmp_path)), answer.stderr


def test_the_review_apps_bundle_holds_only_what_the_app_imports(tmp_path: Path) -> None:
    bundle_directory = bundle.build_review_app_bundle(tmp_path)

    assert list_packages(bundle_directory) == {"review_app", "vision", "workflow"}
    assert_no_forbidden_module(bundle_directory)
    assert not list(bundle_directory.rglob("__pycache__"))


@pytest.mark.parametrize("decodes_photos", [False, True])
def test_the_local_functions_package_holds_what_the_bundle_on_aws_holds(
    tmp_path: Path, decodes_photos: bool
) -> None:
    content = local_functions.build_package(decodes_photos=decodes_photos)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        package.extractall(tmp_path)

    expected = bundle.MEASURING_PACKAGES if decodes_photos else bundle.FUNCTION_PACKAGES
    assert list_packages(tmp_path) == set(expected)
    assert_no_forbidden_module(tmp_path)


def test_a_forbidden_module_in_a_bundle_is_found(tmp_path: Path) -> None:
    (tmp_path / "workflow").mkdir()
    planted = tmp_path / "workflow" / "planted.py"
    planted.write_text("from deployment import resource_deletion\n", encoding="utf-8")

    with pytest.raises(AssertionError, match="deployment"):
        assert_no_forbidden_module(tmp_path)


def assert_no_forbidden_module(bundle_directory: Path) -> None:
    packages = {module.split(".")[0] for module in list_modules(bundle_directory)}
    assert packages & FORBIDDEN_PACKAGES == set()


def test_the_review_apps_bundle_starts_by_itself_on_elastic_beanstalk(tmp_path: Path) -> None:
    bundle_directory = bundle.build_review_app_bundle(tmp_path)

    assert (bundle_directory / "Procfile").read_text("utf-8").startswith("web: python -m review_app ")
    assert "fastapi==" in (bundle_directory / "requirements.txt").read_text("utf-8")
    assert (bundle_directory / ".platform/nginx/conf.d/partcheck.conf").exists()
    assert (bundle_directory / "review_app/templates/base.html").exists()


def test_the_review_app_loads_from_its_bundle_without_scipy(tmp_path: Path) -> None:
    bundle_directory = bundle.build_review_app_bundle(tmp_path)
    code = (
        "import sys\n"
        f"for name in {sorted({'scipy', 'sklearn'} | FORBIDDEN_PACKAGES)}: sys.modules[name] = None\n"
        "import review_app.app, vision.photo_decoding as decoder\n"
        "print(decoder.__file__)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": "/nowhere", "PYTHONPATH": str(bundle_directory), "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout.startswith(str(tmp_path)), answer.stderr


def test_the_proxy_has_the_same_size_limits_as_the_app() -> None:
    proxy = bundle.ROOT / "infra/review/.platform/nginx/conf.d"
    usual = (proxy / "partcheck.conf").read_text("utf-8")
    [place] = (proxy / "elasticbeanstalk/open.conf").read_text("utf-8").split("location = ")[1:]

    assert f"client_max_body_size {security.MAX_BODY_BYTES // 1024}k;" in usual
    assert place.startswith(f"{security.UPLOAD_PATH} {{")
    assert f"client_max_body_size {security.MAX_UPLOAD_BYTES // 1024**2}m;" in place


def test_an_installed_package_builds_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert bundle.find_build_directory(bundle.ROOT) == bundle.ROOT / "build"
    assert bundle.find_build_directory(tmp_path / "site-packages") == tmp_path / "cache" / "partcheck"


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file.py").write_text("print()", encoding="utf-8")
    os.utime(tmp_path / "one" / "inner" / "file.py", (0, 1_000_000_000))

    assert zip_directory(tmp_path / "one") == zip_directory(tmp_path / "two")


def test_cdk_finds_the_node_runtime_of_the_python_packages() -> None:
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
            "must be set together",
        ),
        ({"max_in_flight": "many"}, "max_in_flight must be a number"),
        ({"max_in_flight": "0"}, "max_in_flight must be from 1"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        from_context(settings)


def test_settings_survive_cdks_context() -> None:
    settings = StageSettings(
        stage="prod", domain="review.example.com", hosted_zone_id="Z1", max_in_flight=50, small_account=True
    )

    assert from_context(settings.context()) == settings
