"""Security: hostile requests and data change nothing, run nothing and disclose nothing."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable

import httpx2
import itsdangerous
import pytest
from fastapi.routing import APIRoute

from review_app.app import create_app
from review_app.settings import ReviewAppSettings
from tests.web.browsing import Visit
from tests.web.reviewing import add_photo_for_second_review, names
from tests.web.serving import SECRET, fetch_photo, running, visitor
from tests.web.world import World
from workflow.csv_export import escape_cell
from workflow.inspections.verdict import Score, Verdict

Open = Callable[..., Visit]
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"{{7*7}}.jpg"
OPEN_TO_ALL = {
    "/",
    "/health",
    "/static/{version}/{path:path}",
    "/sign-in",
    "/sign-in/start",
    "/sign-in/callback",
}


def routes(world: World) -> list[tuple[str, str]]:
    app = create_app(
        ReviewAppSettings(public_url="http://127.0.0.1:8080", session_secret=SECRET), world.container
    )
    methods: list[tuple[str, str]] = []

    def collect(router: object) -> None:
        for route in getattr(router, "routes", ()):
            if isinstance(route, APIRoute):
                methods.extend((method, route.path) for method in route.methods or ())
            else:
                collect(getattr(route, "router", None) or getattr(route, "original_router", None))

    collect(app.router)
    return methods


def test_no_page_is_open_to_who_has_not_signed_in(world: World, stranger: httpx2.Client) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    all_routes = routes(world)
    assert len(all_routes) > 15
    for method, path in all_routes:
        if path in OPEN_TO_ALL or path == "/sign-out":
            continue
        address = (
            re.sub(r"\{[a-z_]*id\}", inspection, path).replace("{kind}", "review").replace("{name}", "x")
        )
        answer = stranger.request(method, address, data={} if method == "POST" else None)
        assert answer.status_code in (303, 401), (method, path, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/sign-in?next="), path
    assert world.row(inspection).lease is None


def test_every_change_from_another_site_is_refused(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann", "admin") as ann:
        for method, path in routes(world):
            if method != "POST":
                continue
            target = re.sub(r"\{[a-z_]*id\}", inspection, path)
            for headers in (
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": ""},
            ):
                answer = ann.post(target, data={"verdict": "ok"}, headers=headers)
                assert answer.status_code == 403, (path, headers)
    assert world.row(inspection).decision is None


def test_a_page_that_somebody_else_opened_changes_nothing(world: World, address: str) -> None:
    """The cookie belongs to the last user who signed in; an older page names its own user."""
    (inspection,) = world.add_waiting("part.jpg")
    script = {"Accept": "application/json"}
    form = {"verdict": "ok", "comment": "why", "ids": inspection}
    with visitor(address, "bob") as bob:
        for method, path in routes(world):
            if not path.startswith("/review"):
                continue
            target = re.sub(r"\{[a-z_]*id\}", inspection, path)
            data = form if method == "POST" else None
            answer = bob.request(method, target, params={"as": "ann"}, data=data, headers=script)
            assert answer.status_code == 401, path
        assert (world.row(inspection).decision, world.row(inspection).lease, world.row(inspection).hold) == (
            None,
            None,
            None,
        )
        fetch_photo(bob, inspection)
        assert bob.post(f"/review/{inspection}/decide?as=bob", data=form, headers=script).status_code == 200


def test_a_request_for_another_host_is_not_answered(stranger: httpx2.Client) -> None:
    answer = stranger.get("/sign-in", headers={"Host": "evil.example"})

    assert answer.status_code == 421


def test_this_machines_names_for_itself_are_answered(stranger: httpx2.Client, address: str) -> None:
    port = address.rsplit(":", 1)[1]

    assert stranger.get("/sign-in", headers={"Host": f"localhost:{port}"}).status_code == 200
    assert stranger.get("/sign-in", headers={"Host": f"localhost.evil.example:{port}"}).status_code == 421


@pytest.mark.parametrize("secret", ["", "secret", "changeme", "k7Jq2vX9pLw4Rt8Zb3Nd6Hy1Gf5Sc0Mb"])
def test_a_session_signed_by_another_secret_is_no_session(stranger: httpx2.Client, secret: str) -> None:
    forged = {"id": "x", "name": "admin", "roles": ["admin"], "since": 4_000_000_000}
    data = b64encode(json.dumps(forged).encode())
    stranger.cookies.set("partcheck", itsdangerous.TimestampSigner(secret).sign(data).decode())

    assert stranger.get("/audit").headers["location"] == "/sign-in?next=/audit"


def test_nobody_gives_themselves_a_role(address: str) -> None:
    with visitor(address, "ann") as ann:
        data, *signature = ann.cookies["partcheck"].split(".")
        session = json.loads(b64decode(data))
        session["roles"] = ["admin"]
        ann.cookies.clear()
        ann.cookies.set("partcheck", ".".join([b64encode(json.dumps(session).encode()).decode(), *signature]))

        assert ann.get("/audit").status_code == 303


def test_a_copied_cookie_is_worth_nothing_after_signing_out(address: str) -> None:
    with visitor(address, "ann") as ann, visitor(address) as thief:
        thief.cookies.set("partcheck", ann.cookies["partcheck"])
        assert thief.get("/audit").status_code == 200

        ann.post("/sign-out")

        assert thief.get("/audit").status_code == 303


def test_a_session_ends_after_its_hours(world: World, address: str) -> None:
    with visitor(address, "ann") as ann:
        session = json.loads(b64decode(ann.cookies["partcheck"].split(".")[0]))
        session["since"] -= 8 * 3600 + 1
        signed = itsdangerous.TimestampSigner(SECRET).sign(b64encode(json.dumps(session).encode()))
        ann.cookies.clear()
        ann.cookies.set("partcheck", signed.decode())

        assert ann.get("/audit").status_code == 303


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: httpx2.Client) -> None:
    cookie = stranger.post("/sign-in", data={"name": "ann"}).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/;" in cookie
    assert "domain" not in cookie


def test_off_this_machine_the_cookie_belongs_to_the_host_and_https_alone(world: World) -> None:
    from review_app.settings import OidcSettings

    provider = OidcSettings(
        discovery_url="https://id.example/x",
        client_id="app",
        client_secret="hidden",
        provider="id",
        name_claim="email",
        roles_claim="roles",
    )
    app = create_app(
        ReviewAppSettings(public_url="https://review.example", session_secret=SECRET, oidc=provider),
        world.container,
    )
    middleware = next(item for item in app.user_middleware if "session_cookie" in item.kwargs)

    assert middleware.kwargs["session_cookie"] == "__Host-partcheck"
    assert middleware.kwargs["https_only"] is True


def test_names_labels_comments_and_keys_are_text_on_every_page(world: World, visit: Open) -> None:
    """No stored cross-site scripting through any text that users or uploads provide."""
    from dataclasses import replace

    (inspection,) = world.add_waiting(f"line-1/{SCRIPT}")
    row = world.row(inspection)
    assert row.prediction is not None
    hostile = replace(row.prediction, label=SCRIPT, note=SCRIPT, scores=(Score(SCRIPT, 0.5), Score("b", 0.4)))
    world.pipeline.inspections.rows[inspection] = replace(row, prediction=hostile)
    window = visit(SCRIPT[:100], "engineer")
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))
    assert window.name() == row.image.name
    window.press("c")
    window.page.keyboard.insert_text(SCRIPT)
    window.until(window.is_photo_loaded)
    window.press("Enter", "d")
    window.until(lambda: world.row(inspection).decision)
    pages = [
        "/review",
        f"/inspections/{inspection}",
        "/audit",
        "/audit?who=" + "%3Cscript%3E",
        "/on-hold",
        "/disagreements",
        "/second-reviews",
    ]
    for path in pages:
        window.go(path)
        assert "owned" not in window.page.title(), path
        assert "<script>document" not in window.page.content(), path
        assert "49.jpg" not in window.page.content(), path


@pytest.mark.parametrize(
    "extra",
    [
        {"reviewer": "bob"},
        {"decided_at": "2020-01-01T00:00:00.000Z"},
        {"finalized": "true"},
        {"effective_at": ""},
        {"id": "0" * 64},
        {"inspection_id": "0" * 64},
        {"roles": "admin"},
    ],
)
def test_fields_that_are_not_asked_for_change_nothing(
    world: World, address: str, extra: dict[str, str]
) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann") as ann:
        fetch_photo(ann, inspection)
        ann.post(f"/review/{inspection}/decide", data={"verdict": "ok", **extra})

    decision = world.row(inspection).decision
    assert decision is not None
    assert (decision.reviewer, decision.finalized) == ("ann", False)
    assert decision.decided_at > "2021"
    assert decision.effective_at > decision.decided_at


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"verdict": "unclear"},
        {"verdict": "rejected"},
        {"verdict": "OK"},
        {"defect_class": "made up"},
        {"verdict": "ok", "comment": "x" * 2001},
        {"verdict": "ok", "decision_id": "1; drop table"},
        {"verdict": "ok", "decision_id": "0" * 36},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(world: World, address: str, fields: dict[str, str]) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann") as ann:
        fetch_photo(ann, inspection)
        assert ann.post(f"/review/{inspection}/decide", data=fields).status_code == 400

    assert world.row(inspection).decision is None


def test_only_the_reviewer_who_has_a_photo_decides_it(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann") as ann, visitor(address, "bob") as bob:
        ann.get("/review")

        fetch_photo(bob, inspection)
        answer = bob.post(f"/review/{inspection}/decide", data={"verdict": "defect"})
        assert answer.status_code == 409
        assert "ann" in answer.text
        assert world.row(inspection).decision is None
        bob.post("/review/free", data={"leases": f"{inspection} 9999-01-01T00:00:00.000Z"})
        assert world.row(inspection).lease is not None
        assert bob.post(f"/review/{inspection}/hold", data={"comment": "mine now"}).status_code == 409


def test_nobody_takes_back_or_confirms_what_somebody_else_decided(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann") as ann, visitor(address, "bob") as bob:
        fetch_photo(ann, inspection)
        ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"})
        decision = world.row(inspection).decision
        assert decision is not None

        undone = bob.post(f"/review/{inspection}/undo", data={"decision_id": decision.id})
        fetch_photo(bob, inspection)
        copied = bob.post(
            f"/review/{inspection}/decide", data={"verdict": "defect", "decision_id": decision.id}
        )

    assert (undone.status_code, copied.status_code) == (409, 409)
    assert world.row(inspection).decision == decision


def test_ids_of_nothing_and_of_other_things_find_nothing(world: World, address: str) -> None:
    nothing, half = "f" * 64, world.add_waiting("part.jpg")[0][:63]
    with visitor(address, "ann", "admin") as ann:
        for path in ("/inspections/{}", "/photos/{}/review", "/photos/{}/original"):
            assert ann.get(path.format(nothing)).status_code == 404
            assert ann.get(path.format(half)).status_code in (400, 404)
        for path in ("/review/{}/decide", "/review/{}/undo", "/review/{}/skip", "/inspections/{}/override"):
            answer = ann.post(path.format(nothing), data={"verdict": "ok", "reason": "x"})
            assert answer.status_code in (404, 409), path


def test_what_needs_a_role_is_refused_without_it(world: World, address: str) -> None:
    inspection = add_photo_for_second_review(world)
    with visitor(address, "ann") as ann:
        assert ann.get("/disagreements").status_code == 403
        assert (
            ann.post(f"/disagreements/{inspection}", data={"verdict": "ok", "reason": "x"}).status_code == 403
        )
        refused = ann.post(
            f"/inspections/{inspection}/override", data={"verdict": "ok", "reason": "I want to"}
        )
        assert refused.status_code == 403
    assert world.row(inspection).revision == 1


def test_a_second_look_tells_nothing_of_the_first(world: World, address: str) -> None:
    """Neither the page nor the cards that its script requests disclose it."""
    add_photo_for_second_review(world)
    with visitor(address, "ann") as ann:
        for path in ("/review", "/review/next?count=5"):
            text = ann.get(path).text
            for secret in ("bob", "crack at the hub", "defect/", Verdict.DEFECT.value + '"> '):
                assert secret not in text.split('id="decision"')[0], (path, secret)


def test_a_second_look_looks_like_any_other_photo(world: World, address: str) -> None:
    add_photo_for_second_review(world)
    world.add_waiting("line-1/first.jpg")
    with visitor(address, "ann") as ann:
        cards = ann.get("/review/next?count=5").text.split("<article")[1:]

    normalized = {re.sub(r'"[^"]*"|[0-9.]+ (s|min)|first.jpg|twice.jpg', "", card) for card in cards}
    assert len(cards) == 2
    assert len(normalized) == 1


@pytest.mark.parametrize(
    "query",
    [
        "who=ann&password__startswith=a",
        "action=" + "decide%27%20OR%201%3D1",
        "image=*.jpg",
        "image=%25",
        "image=../../etc/passwd",
        "before=9999",
        "from=2026-13-45",
        "from=0001-01-01",
        "who=" + "x" * 2000,
    ],
)
def test_filters_compare_what_they_name_and_nothing_else(world: World, address: str, query: str) -> None:
    world.add_decided("line-1/a.jpg", Verdict.OK, "bob")
    with visitor(address, "ann") as ann:
        answer = ann.get(f"/audit?{query}", headers={"HX-Request": "true"})

    assert answer.status_code in (200, 400)
    if "before" not in query:
        assert "a.jpg" not in answer.text


def test_a_filter_that_does_not_exist_filters_nothing_and_tells_nothing(world: World, address: str) -> None:
    world.add_decided("line-1/a.jpg", Verdict.OK, "bob")
    with visitor(address, "ann") as ann:
        plain = ann.get("/audit", headers={"HX-Request": "true"}).text
        for query in ("who__gte=z", "decision_id=0", "row.owner=z", "entry.actor=z"):
            assert ann.get(f"/audit?{query}", headers={"HX-Request": "true"}).text == plain


def test_no_token_ever_reaches_a_browser(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    tokens = world.pipeline.task_tokens.list_tokens(inspection)
    assert tokens
    with visitor(address, "ann", "admin") as ann:
        for path in (
            "/review",
            "/review/next",
            f"/inspections/{inspection}",
            "/audit",
            "/audit.csv",
            "/on-hold",
        ):
            answer = ann.get(path)
            assert SECRET not in answer.text
            assert not any(token in answer.text + str(answer.headers) for token in tokens)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "\n=1"]
)
def test_no_cell_of_an_export_is_a_formula(cell: str) -> None:
    assert escape_cell(cell) == f"'{cell}"
    assert escape_cell("plain") == "plain"
    assert escape_cell(-1.5) == "-1.5"


def test_an_export_is_safe_whatever_people_wrote(world: World, address: str) -> None:
    world.add_decided('line-1/=cmd|"x".jpg', Verdict.OK, "=bob", reason='=HYPERLINK("http://evil.example")')
    with visitor(address, "ann") as ann:
        answer = ann.get("/audit.csv")

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert '"\'=bob"' in answer.text
    assert not re.search(r'(^|,)"[=+@-]', answer.text, re.MULTILINE)


def test_large_and_endless_bodies_are_refused(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    with visitor(address, "ann") as ann:
        large = ann.post(f"/review/{inspection}/decide", data={"verdict": "ok", "comment": "x" * 70_000})
        endless = ann.post(f"/review/{inspection}/decide", content=iter([b"verdict=ok"]))

    assert (large.status_code, endless.status_code) == (413, 411)
    assert world.row(inspection).decision is None


def test_the_development_sign_in_does_not_exist_where_a_provider_is(world: World) -> None:
    from review_app.settings import OidcSettings

    provider = OidcSettings(
        discovery_url="http://127.0.0.1:1/x",
        client_id="app",
        client_secret="hidden",
        provider="Example Ltd",
        name_claim="email",
        roles_claim="roles",
    )
    with running(world, oidc=provider) as address, visitor(address) as stranger:
        assert stranger.post("/sign-in", data={"name": "ann", "role": "admin"}).status_code == 404
        assert "Sign in with Example Ltd" in stranger.get("/sign-in").text


def test_failures_tell_nothing_of_the_inside(
    world: World, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(f"secret detail {SECRET}")

    with (
        running(World(pipeline=world.pipeline, inspections=world.inspections, reviews=Broken())) as broken,
        visitor(broken, "ann") as ann,
    ):
        answer = ann.get("/on-hold")

    assert answer.status_code == 500
    assert "Internal error (logged)" in answer.text
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


def test_a_hold_whose_answer_was_lost_holds_and_is_no_conflict(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("part.jpg")
    headers = {"Accept": "application/json"}

    def hold(client: httpx2.Client, reason: str) -> int:
        return client.post(
            f"/review/{inspection}/hold", data={"comment": reason}, headers=headers
        ).status_code

    with visitor(address, "ann") as ann, visitor(address, "bob") as bob:
        statuses = [hold(ann, "dirty"), hold(ann, "dirty"), hold(ann, "torn"), hold(bob, "dirty")]

    assert statuses == [200, 200, 409, 409]
    assert [
        entry.action for entry in world.pipeline.inspections.entries if entry.inspection_id == inspection
    ] == ["hold"]


def test_many_waiting_photos_are_not_handed_to_who_asks_for_all(world: World, address: str) -> None:
    world.add_waiting(*names(30))
    with visitor(address, "ann") as ann:
        assert ann.get("/review/next?count=1000").status_code == 400
        assert ann.get("/review/next?count=10").status_code == 200

    assert sum(row.lease is not None for row in world.pipeline.inspections.rows.values()) <= 10


def test_what_is_refused_is_logged_without_secrets(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with visitor(address, "ann") as ann:
        ann.get("/disagreements?token=hidden")
        ann.post("/review/renew", data={"ids": ""}, headers={"Sec-Fetch-Site": "cross-site"})
        cookie = ann.cookies["partcheck"]

    logged = [record.getMessage() for record in caplog.records if record.name == "review_app"]
    assert logged == [
        "refused with 403: GET '/disagreements' by 'ann'",
        "refused with 403: POST '/review/renew'",
    ]
    assert cookie not in caplog.text
    assert "hidden" not in caplog.text
