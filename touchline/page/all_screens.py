"""Every screen, in the order of the navigation."""

from __future__ import annotations

from touchline.page.marks import N_
from touchline.page.screen import Screen
from touchline.page.screens import customers, journey, today

SCREENS: dict[str, Screen] = {
    screen.name: screen
    for screen in (
        Screen("today", N_("Today"), today.QUERIES, today.parameters, today.build, "today.html"),
        Screen(
            "customers", N_("Customers"), customers.QUERIES, customers.parameters, customers.build, "customers.html"
        ),
        Screen(
            "journey",
            N_("Journey"),
            journey.QUERIES,
            journey.parameters,
            journey.build,
            "journey.html",
            in_navigation=False,
        ),
    )
}
"""By their names."""
