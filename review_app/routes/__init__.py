"""One module a page family, each with one `router`; `review_app.app.ROUTERS` lists them."""
