"""Every screen, in the order of the navigation."""

from __future__ import annotations

from touchline.page.marks import N_
from touchline.page.screen import Screen
from touchline.page.screens import abandoned, changes, customers, journey, pipeline, service, today, voice

SCREENS: dict[str, Screen] = {
    screen.name: screen
    for screen in (
        Screen("today", N_("Today"), today.QUERIES, today.parameters, today.build, "today.html", is_live=True),
        Screen(
            "customers", N_("Customers"), customers.QUERIES, customers.parameters, customers.build, "customers.html"
        ),
        Screen("abandoned", N_("Abandoned"), abandoned.QUERIES, abandoned.parameters, abandoned.build),
        Screen("voice", N_("Voice"), voice.QUERIES, voice.parameters, voice.build),
        Screen("service", N_("Service"), service.QUERIES, service.parameters, service.build),
        Screen("changes", N_("Changes"), changes.QUERIES, changes.parameters, changes.build),
        Screen("pipeline", N_("Pipeline"), pipeline.QUERIES, pipeline.parameters, pipeline.build, is_live=True),
        Screen(
            "journey",
            N_("Journey"),
            journey.QUERIES,
            journey.parameters,
            journey.build,
            "journey.html",
            in_navigation=False,
            is_live=True,
        ),
    )
}
"""By their names."""
