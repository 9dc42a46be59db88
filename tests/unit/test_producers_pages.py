"""The pages of docs/producers name every guide and recipe that there is, and the release that the tests run."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.test_docs import table

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "producers"
RECIPES = PAGES / "recipes"


def page(name: str) -> str:
    return (PAGES / name).read_text("utf-8")


def test_the_index_leads_to_every_page() -> None:
    there = {path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*.md")} - {"README.md"}

    assert there <= set(re.findall(r"\]\(([^)#]+)\)", page("README.md")))


def test_every_recipe_has_its_line_and_its_case_in_the_config() -> None:
    recipes = {path.stem for path in RECIPES.glob("*.blobl")}
    rows = table(page("recipes/README.md"))
    config = (RECIPES / "connect.yaml").read_text("utf-8")

    assert {mapping for _, mapping, *_ in rows} == {f"[{name}.blobl]({name}.blobl)" for name in recipes}
    assert {examples for _, _, examples, *_ in rows} == {f"[in and out]({name}.json)" for name in recipes}
    assert set(re.findall(r'@vendor == "(\w+)"', config)) == set(re.findall(r'"\./(\w+)\.blobl"', config)) == recipes


def test_the_engine_of_the_recipes_is_the_release_that_is_named() -> None:
    module = (ROOT / "tests" / "recipes" / "go.mod").read_text("utf-8")
    found = re.search(r"redpanda-data/benthos/v4 v(\d+\.\d+)\.", module)

    assert found is not None
    assert f"redpanda-data/benthos {found[1]})" in page("recipes/README.md")
