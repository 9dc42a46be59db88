"""The Dockerfile: pinned, small, not root, and complete."""

from __future__ import annotations

import re
import subprocess
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
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())


def test_it_does_not_run_as_root() -> None:
    (user,) = all_of("USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_packages_are_installed_by_their_hashes_and_ours_without_any_other() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    installs = re.findall(r"pip (?:install|wheel) [^&\n]+", text)
    locked = [
        words for words in installs if "--require-hashes --only-binary :all: --requirement deploy/image/" in words
    ]
    ours = [words for words in installs if words not in locked]

    assert [words.split()[-1] for words in locked] == ["deploy/image/build.txt", "deploy/image/requirements.txt"]
    assert [words.split()[:3] for words in ours] == [["pip", "wheel", "--no-deps"], ["pip", "install", "--no-deps"]]
    assert "--no-build-isolation" in ours[0], "isolated, it would fetch what builds it without a hash"
    assert "--no-index" in ours[1]


def test_the_locks_get_in() -> None:
    (copied,) = [words for words in all_of("COPY") if words.startswith("deploy/")]
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    for lock in copied.split()[:-1]:
        assert f"!{lock}" in allowed


def test_every_package_of_the_distribution_gets_in() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    for package in packages:
        assert f"{package} {package}" in all_of("COPY")
        assert f"!{package}" in allowed


def test_templates_styles_and_texts_of_the_page_are_in_the_distribution() -> None:
    # The builder takes every file of a package that git does not ignore.
    page = ROOT / "touchline" / "page"
    files = [file for file in page.rglob("*") if file.is_file() and file.suffix not in {".py", ".pyc"}]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "--", *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert {"today.html", "style.css", "icon.svg", "ur.po"} <= {file.name for file in files}
    assert ignored == ""


def test_the_command_is_the_console_script() -> None:
    assert all_of("ENTRYPOINT") == ['["touchline"]']
