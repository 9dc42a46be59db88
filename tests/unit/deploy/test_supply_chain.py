"""What comes from outside is pinned by its content: images, actions, and the packages of the image."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.deploy.files import DEPLOY, ROOT, load

LOCKS = DEPLOY / "image"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
IMAGE = {
    "python_version": "3.11",
    "python_full_version": "3.11.14",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""What the markers of requirements are judged by."""
PINNED = re.compile(r"[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return the release and the hashes of every package in a lock; a line of another kind is an error."""
    found: dict[str, tuple[str, list[str]]] = {}
    text = (LOCKS / name).read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            fits = re.fullmatch(r"([\w.-]+)==(\S+)((?: +--hash=sha256:[0-9a-f]{64})+) *", line)
            assert fits, line
            found[canonicalize_name(fits[1])] = (fits[2], fits[3].split())
    return found


def unmet(wanted: Requirement, lock: Mapping[str, tuple[str, list[str]]]) -> bool:
    """Return whether a lock has no release that a requirement takes."""
    release, _ = lock.get(canonicalize_name(wanted.name), ("", []))
    return not release or not wanted.specifier.contains(release, prereleases=True)


def needed_by(package: str, release: str, extras: set[str]) -> list[Requirement]:
    """Return what a release of a package requires in the image; nothing where another one is installed here."""
    try:
        told = [Requirement(line) for line in requires(package) or []] if version(package) == release else []
    except PackageNotFoundError:
        return []
    return [
        one
        for one in told
        if one.marker is None or any(one.marker.evaluate({**IMAGE, "extra": extra}) for extra in extras or {""})
    ]


def test_the_lock_of_the_image_has_what_pyproject_asks_for() -> None:
    lock = locked("requirements.txt")

    assert [line for line in PROJECT["project"]["dependencies"] if unmet(Requirement(line), lock)] == []


def test_the_lock_of_the_image_is_complete() -> None:
    lock = locked("requirements.txt")
    todo = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    seen: set[str] = set()
    missing = []
    while todo:
        one = todo.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        if canonicalize_name(one.name) not in lock:
            missing.append(str(one))
        else:
            todo += needed_by(one.name, lock[canonicalize_name(one.name)][0], one.extras)

    assert missing == []


def test_the_lock_of_the_build_has_what_builds_the_wheel() -> None:
    wanted = PROJECT["build-system"]["requires"]
    asked = [line for line in (LOCKS / "build.in").read_text("utf-8").splitlines() if not line.startswith("#")]

    assert asked == wanted
    assert [line for line in wanted if unmet(Requirement(line), locked("build.txt"))] == []


def test_the_lock_of_the_tools_has_them_all() -> None:
    asked = [line for line in (LOCKS / "tools.in").read_text("utf-8").splitlines() if not line.startswith("#")]

    assert {Requirement(line).name for line in asked} == {"uv", "pip-audit", "cyclonedx-bom"}
    assert [line for line in asked if unmet(Requirement(line), locked("tools.txt"))] == []


def test_every_action_is_pinned_to_a_commit_and_says_which_release_that_is() -> None:
    used = re.findall(r"uses: (.+)", WORKFLOW.read_text("utf-8"))

    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_every_image_of_the_workflow_is_pinned_by_digest() -> None:
    matrix = load(WORKFLOW)["jobs"]["test"]["strategy"]["matrix"]["include"]

    assert all(PINNED.fullmatch(entry["image"]) for entry in matrix), matrix


def test_the_workflow_audits_lists_and_builds_what_the_image_is_made_of() -> None:
    job = load(WORKFLOW)["jobs"]["supply-chain"]
    run = "\n".join(step.get("run", "") for step in job["steps"])

    assert {"make pins", "make audit", "make sbom"} <= set(run.splitlines())
    assert "docker build" in run
    assert [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")] == [
        "build/sbom.json"
    ]
    assert "schedule" in load(WORKFLOW)[True], "YAML takes `on` for true"


def test_the_audit_reads_every_lock_that_the_image_is_built_of_and_passes_over_no_package() -> None:
    built_of = re.findall(r"install --require-hashes .*--requirement (\S+)", (ROOT / "Dockerfile").read_text("utf-8"))
    recipe = re.search(r"^audit: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe
    words = recipe[1].replace("\\\n", " ").split()

    assert words[0].endswith("/pip-audit")
    # A package of which the index tells nothing is a fault by `--strict`.
    assert {"--strict", "--require-hashes", "--disable-pip"} <= set(words)
    assert sorted(built_of) == sorted(word for word in words if word.endswith(".txt"))
    assert len(built_of) == 2


def pins(folder: Path, docker: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/pins.sh with a program in place of Docker."""
    (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
    (folder / "docker").chmod(0o755)
    told = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run([str(DEPLOY / "pins.sh")], env=told, capture_output=True, text=True, check=False)


@pytest.fixture
def images() -> set[str]:
    files = [ROOT / "Dockerfile", ROOT / "docker-compose.yml", WORKFLOW]
    return {image for file in files for image in PINNED.findall(file.read_text("utf-8"))}


def test_every_pinned_image_is_asked_for(tmp_path: Path, images: set[str]) -> None:
    done = pins(tmp_path, 'case "$4" in --format) ;; *) echo "$4" >> "$(dirname "$0")/asked" ;; esac')

    asked = (tmp_path / "asked").read_text().split()
    assert done.returncode == 0
    assert sorted(asked) == sorted(re.sub(":[^:@]+@", "@", image) for image in images)


def test_a_digest_that_its_registry_does_not_have_fails(tmp_path: Path, images: set[str]) -> None:
    done = pins(tmp_path, 'case "$*" in *grafana*) exit 1 ;; esac')

    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "no such digest" in line] == [
        f"{image}: its registry has no such digest; look the release up, and pin another"
        for image in images
        if "grafana" in image
    ]


def test_a_tag_that_has_moved_on_is_told_and_does_not_fail(tmp_path: Path, images: set[str]) -> None:
    done = pins(tmp_path, "echo sha256:other")

    assert done.returncode == 0
    assert done.stderr.count("the tag is now sha256:other") == len(images)
