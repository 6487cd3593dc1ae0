"""Common behaviour of all pages: headers, static files, error pages, sign-in by name, several instances."""

import json
import re
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from review_app.assets import STATIC, load_assets, load_icons, static_url, static_version
from tests.web.sample_site import SampleSite
from tests.web.serving import fetch_photo, running, visitor
from tests.web.world import World


def test_the_vendored_script_is_the_published_one() -> None:
    table = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `(\S+)` \|.*\| `([0-9a-f]{64})` \|", table)

    assert [name for name, _ in rows] == [file.name for file in STATIC.glob("vendor/*.js")]
    for name, digest in rows:
        assert sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest


def test_static_files_may_be_kept_for_ever(stranger: httpx2.Client) -> None:
    answer = stranger.get(static_url("app.css"))

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")


def test_a_page_of_another_release_gets_its_files_and_must_ask_again(stranger: httpx2.Client) -> None:
    answer = stranger.get("/static/000000000000/app.css")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_static_files_come_compressed_to_whoever_takes_that(stranger: httpx2.Client) -> None:
    for path, asset in load_assets().items():
        compressed_response = stranger.get(static_url(path), headers={"Accept-Encoding": "gzip"})
        plain = stranger.get(static_url(path), headers={"Accept-Encoding": "identity"})

        assert compressed_response.content == plain.content == asset.content, path
        assert compressed_response.headers["content-encoding"] == "gzip"
        assert int(compressed_response.headers["content-length"]) == len(asset.compressed)
        assert "content-encoding" not in plain.headers
        assert compressed_response.headers["vary"] == "Accept-Encoding"


def test_every_page_waits_for_one_whole_style_sheet() -> None:
    site = SampleSite()
    paths = ["/review", "/on-hold", "/disagreements", "/audit", "/nowhere", *site.pages.values()]
    with running(site.world) as address, visitor(address, "eve", "engineer") as eve:
        for path in paths:
            sheets = re.findall(r'<link rel="stylesheet" href="(\S+)">', eve.get(path).text)
            assert len(sheets) == 1, path
            sheet = eve.get(sheets[0]).text
            assert sheet.count("color-scheme: light dark") == 1, sheets
            assert "@import" not in sheet


def test_icons_stand_in_the_page_itself(stranger: httpx2.Client) -> None:
    icons = (STATIC.parent / "templates" / "icons.svg").read_text(encoding="utf-8")

    assert len(load_icons()) == icons.count("<symbol")
    assert f'<svg class="mark" viewBox="0 0 24 24" aria-hidden="true">{load_icons()["mark"]}</svg>' in (
        stranger.get("/sign-in").text
    )


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "vendor", "x.css", "..%5capp.py"]
)
def test_no_path_leads_out_of_the_static_files(stranger: httpx2.Client, path: str) -> None:
    answer = stranger.get(f"/static/{static_version()}/{path}")

    assert answer.status_code == 404


def test_every_answer_carries_the_security_headers(stranger: httpx2.Client) -> None:
    assert stranger.get(static_url("app.css")).headers["x-content-type-options"] == "nosniff"
    for path in ("/sign-in", "/health", "/nowhere", static_url("mark.svg"), "/"):
        headers = stranger.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"


def test_pages_are_never_stored(stranger: httpx2.Client) -> None:
    assert stranger.get("/sign-in").headers["cache-control"] == "no-store"


def test_an_unknown_address_is_a_page_with_one_sentence(stranger: httpx2.Client) -> None:
    answer = stranger.get("/nowhere")

    assert answer.status_code == 404
    assert "Page not found." in answer.text


def test_a_script_that_asks_for_json_gets_the_sentence_as_json(stranger: httpx2.Client) -> None:
    answer = stranger.get("/nowhere", headers={"Accept": "application/json"})

    assert answer.json() == {"error": "Page not found."}


def test_a_malformed_form_is_refused_by_the_name_of_its_field(stranger: httpx2.Client) -> None:
    answer = stranger.post("/sign-in", data={"role": "reviewer"})

    assert answer.status_code == 400
    assert "&#39;name&#39;" in answer.text


def test_signing_in_by_name_leads_to_the_page_that_was_wanted(stranger: httpx2.Client) -> None:
    answer = stranger.post("/sign-in", data={"name": " ann ", "next": "/audit?who=ann"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/audit?who=ann")
    assert '<span class="menu-name">ann</span>' in stranger.get("/nowhere").text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_nobody_is_led_to_another_site_by_signing_in(stranger: httpx2.Client, elsewhere: str) -> None:
    answer = stranger.post("/sign-in", data={"name": "ann", "next": elsewhere})

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "x" * 101])
def test_names_that_nobody_has_are_refused(stranger: httpx2.Client, name: str) -> None:
    assert stranger.post("/sign-in", data={"name": name}).status_code == 400


def test_signing_out_ends_the_session(address: str) -> None:
    with visitor(address, "ann") as client:
        client.post("/sign-out")

        assert "menu-name" not in client.get("/nowhere").text


def test_every_test_that_the_security_checklist_names_exists() -> None:
    listed = set(re.findall(r"`(test_\w+)`", Path("docs/security-web.md").read_text(encoding="utf-8")))
    sources = "".join(file.read_text(encoding="utf-8") for file in Path("tests").rglob("test_*.py"))

    assert len(listed) > 30
    assert {name for name in listed if f"def {name}(" not in sources} == set()


def test_no_name_of_a_photo_is_too_long_for_the_session(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("😀" * 250 + ".jpg")
    with visitor(address, "ann" * 20) as ann:
        fetch_photo(ann, inspection)
        answer = ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"})
        assert len(answer.headers["set-cookie"]) < 4096
        assert "OK: 😀" in ann.get("/review").text


def test_any_instance_answers_any_request(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("line-1/part.jpg")
    with running(world) as other, visitor(address, "ann") as here, visitor(other) as there:
        there.cookies.set("partcheck", here.cookies["partcheck"])
        assert "part.jpg" in here.get("/review").text
        fetch_photo(there, inspection)
        assert there.post(f"/review/{inspection}/decide", data={"verdict": "ok"}).status_code == 303
        decision = world.row(inspection).decision
        assert decision is not None
        here.post(f"/review/{inspection}/undo", data={"decision_id": decision.id})

    assert world.row(inspection).decision is None


def test_what_one_instance_decides_the_others_tell(world: World, address: str) -> None:
    (inspection, _) = world.add_waiting("line-1/a.jpg", "line-1/b.jpg")
    with (
        running(world) as other,
        visitor(address, "ann") as ann,
        visitor(other, "bob") as bob,
        bob.stream("GET", "/review/events") as events,
    ):
        messages = (line for line in events.iter_lines() if line.startswith("data: "))
        assert "<strong>2</strong> waiting" in json.loads(next(messages)[6:])["counts"]
        fetch_photo(ann, inspection)
        ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"})
        while "<strong>1</strong> waiting" not in json.loads(next(messages)[6:])["counts"]:
            pass
