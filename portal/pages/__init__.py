"""The pages, one module a place in the menu; each holds its routes and the questions that it asks of the published files."""

from portal.pages import (
    audience,
    audiences,
    audit,
    builder,
    customers,
    downloads,
    health,
    home,
    journeys,
    people,
    requests,
    results,
    review,
    search,
    sign_in,
)

ROUTERS = tuple(
    module.pages
    for module in (
        sign_in, home, audiences, audience, builder, downloads, search, customers, results, review, journeys, health, requests, audit, people,
    )
)  # fmt: skip

__all__ = ["ROUTERS"]
