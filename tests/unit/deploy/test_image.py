"""The Dockerfile: pinned, small, not root, and complete."""

from __future__ import annotations

import re
import tomllib

from tests.unit.deploy.files import ROOT

LINES = (ROOT / "Dockerfile").read_text("utf-8").splitlines()


def all_of(instruction: str) -> list[str]:
    """Return the arguments of every instruction of a kind."""
    return [line.removeprefix(instruction).strip() for line in LINES if line.startswith(f"{instruction} ")]


def test_both_stages_are_the_same_pinned_slim_python() -> None:
    bases = {base.split()[0] for base in all_of("FROM")}

    assert len(all_of("FROM")) == 2
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop())


def test_it_does_not_run_as_root() -> None:
    (user,) = all_of("USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_embedded_extra_is_left_out() -> None:
    (install,) = [run for run in all_of("RUN") if "pip install" in run]

    assert install.endswith("pip install .")


def test_every_package_of_the_distribution_gets_in() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    for package in packages:
        assert f"{package} {package}" in all_of("COPY")
        assert f"!{package}" in allowed


def test_the_command_is_the_console_script() -> None:
    assert all_of("ENTRYPOINT") == ['["touchline"]']
