"""The review app: its middleware, its pages, its answers to whatever goes wrong."""

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

from review_app import failures, pages
from review_app.photos import Photos
from review_app.ports import Ports
from review_app.routes import (
    audit,
    commands,
    dashboard,
    execution,
    executions,
    home,
    inspections,
    photos,
    review,
    sign_in,
)
from review_app.security import Guard
from review_app.sessions import Sessions
from review_app.settings import Settings
from review_app.users import SESSION_HOURS
from review_app.workbench import Workbench

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    sign_in.router,
    photos.router,
    review.router,
    inspections.router,
    audit.router,
    executions.router,
    execution.router,
    commands.router,
    dashboard.router,
)


def create_app(settings: Settings, ports: Ports) -> FastAPI:
    """An app that serves one line; `settings` and `ports` are on `request.app.state`."""
    app = FastAPI(
        title="partcheck review",
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(Guard, settings=settings),
            Middleware(GZipMiddleware, minimum_size=500, compresslevel=9),
            Middleware(
                SessionMiddleware,
                secret_key=settings.session_secret,
                session_cookie="__Host-partcheck" if settings.is_secure else "partcheck",
                max_age=SESSION_HOURS * 3600,
                same_site="lax",
                https_only=settings.is_secure,
            ),
        ],
    )
    pages.environment()
    app.state.settings, app.state.ports = settings, ports
    app.state.sessions = Sessions(ports.ledger)
    app.state.workbench = Workbench(settings, ports)
    app.state.photos = Photos(ports.ledger, ports.shelf)
    failures.install(app)
    sign_in.install(app, settings)
    for router in ROUTERS:
        app.include_router(router)
    return app
