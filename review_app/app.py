"""The app factory: middleware, page families and error handlers."""

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

from review_app import base_routes, error_handlers, rendering
from review_app.audit import routes as audit
from review_app.cameras import routes as cameras
from review_app.container import Container
from review_app.dashboard import routes as dashboard
from review_app.executions import command_routes, execution_routes
from review_app.executions import list_routes as executions
from review_app.inspections import routes as inspections
from review_app.photos import routes as photos
from review_app.photos.display_copies import PhotoService
from review_app.review import queue_routes
from review_app.review import routes as review
from review_app.review.services import ReviewServices
from review_app.security import SecurityMiddleware
from review_app.session_registry import SessionRegistry
from review_app.settings import ReviewAppSettings
from review_app.sign_in import routes as sign_in
from review_app.users import SESSION_HOURS

ROUTERS: tuple[APIRouter, ...] = (
    base_routes.router,
    sign_in.router,
    photos.router,
    review.router,
    queue_routes.router,
    inspections.router,
    audit.router,
    executions.router,
    execution_routes.router,
    command_routes.router,
    dashboard.router,
    cameras.router,
)


def create_app(settings: ReviewAppSettings, container: Container) -> FastAPI:
    """Create the app for one environment; `settings` and `container` are on `request.app.state`."""
    app = FastAPI(
        title="partcheck review",
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(SecurityMiddleware, settings=settings),
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
    rendering.template_environment()  # Compiles all templates before the first request.
    app.state.settings, app.state.container = settings, container
    app.state.sessions = SessionRegistry(container.inspections)
    app.state.review_services = ReviewServices(settings, container)
    app.state.photos = PhotoService(container.inspections, container.objects)
    error_handlers.install(app)
    sign_in.install(app, settings)
    for router in ROUTERS:
        app.include_router(router)
    return app
