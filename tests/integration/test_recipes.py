"""Each recipe of docs/producers/recipes, run by the engine of Redpanda Connect, gives the touchpoints that it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from schemas.avro.registry import FileRegistry
from schemas.topics import KIND_TOPICS
from servers.programs import ServerMissingError
from streams.identity.identities import Identities
from streams.sentiment import VaderScorer
from tests.servers.toolchains import find_go
from touchline.records.check import Checker
from touchline.stack.ports import HOST, free_port

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "producers" / "recipes"
ENGINE = ROOT / "tests" / "recipes"
BUILD_S = 600.0
"""The first build compiles the engine."""
WORD = "a-long-random-word"
READER = "reader-of-responses"

Example = dict[str, Any]
Result = dict[str, Any]
EXAMPLES: list[tuple[str, Example]] = [
    (path.stem, example) for path in sorted(RECIPES.glob("*.json")) for example in json.loads(path.read_text("utf-8"))
]
NAMES = [f"{recipe}: {example['what']}" for recipe, example in EXAMPLES]


def request(recipe: str, example: Example, address: str) -> dict[str, Any]:
    """Return the request that an example is."""
    if "form" in example:
        content = urlencode(example["form"])
    else:
        content = example["text"] if "text" in example else json.dumps(example["body"])
    query = f"?{urlencode(example['query'])}" if "query" in example else ""
    url = f"http://{address}/{WORD}/{recipe}{query}"
    return {"url": url, "headers": example.get("headers", {}), "content": content}


@contextmanager
def surveymonkey() -> Iterator[str]:
    """Serve the details of the examples' responses, as SurveyMonkey's API does; give its address."""
    details = {
        f"/surveys/{one['survey_id']}/responses/{one['id']}/details?simple=true": json.dumps(one).encode()
        for _, example in EXAMPLES
        if (one := example.get("details")) is not None
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == f"Bearer {READER}"
            self.send_response(200 if known and self.path in details else 404)
            self.end_headers()
            self.wfile.write(details.get(self.path, b""))

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
            del format, arguments

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_engine(address: str, requests: list[dict[str, Any]]) -> list[Result]:
    """Return what comes to the output of connect.yaml for each request."""
    try:
        go = find_go()
    except ServerMissingError as error:
        pytest.skip(str(error))
    job = {"config": "connect.yaml", "address": address, "requests": requests}
    program = ROOT / "build" / "recipes"
    program.parent.mkdir(exist_ok=True)
    subprocess.run([go, "build", "-C", ENGINE, "-o", program, "."], timeout=BUILD_S, check=True)
    with surveymonkey() as api:
        settings = {"SECRET": WORD, "LISTEN": address, "SURVEYMONKEY_API": api, "SURVEYMONKEY_TOKEN": READER}
        ran = subprocess.run(
            [program],
            cwd=RECIPES,  # as a reader has them: the mappings beside the config
            env=os.environ | settings,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=BUILD_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    results: list[Result] = json.loads(ran.stdout)
    return results


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """What comes of the examples, in their order; of the same once more; and of two requests that fail."""
    address = f"{HOST}:{free_port()}"
    requests = [request(recipe, example, address) for recipe, example in EXAMPLES]
    unknown = {"event_type": "response_completed", "object_id": "404", "resources": {"survey_id": "1"}}
    bad = [request("nobody", {"body": {}}, address), request("surveymonkey", {"body": unknown}, address)]
    return run_engine(address, [*requests, *requests, *bad])


def touchpoints(results: list[Result]) -> Iterator[dict[str, Any]]:
    """Yield what came of the examples, sent once."""
    for result in results[: len(EXAMPLES)]:
        yield from result["published"]


def test_every_recipe_has_an_example_that_is_taken_and_one_that_is_left_out() -> None:
    recipes = {path.stem for path in RECIPES.glob("*.blobl")}
    taken = {recipe for recipe, example in EXAMPLES if example["touchpoints"]}
    left_out = {recipe for recipe, example in EXAMPLES if not example["touchpoints"]}

    assert recipes == taken == left_out


@pytest.mark.parametrize("place", range(len(EXAMPLES)), ids=NAMES)
def test_a_request_becomes_the_touchpoints_that_stand_beside_it(results: list[Result], place: int) -> None:
    _, example = EXAMPLES[place]
    assert "error" not in results[place], results[place]["error"]
    assert [one["touchpoint"] for one in results[place]["published"]] == example["touchpoints"]


def test_a_request_that_is_sent_again_gives_the_same(results: list[Result]) -> None:
    count = len(EXAMPLES)

    assert results[count : 2 * count] == results[:count]


def test_what_cannot_be_read_is_answered_with_an_error_that_says_why(results: list[Result]) -> None:
    nobody, unknown = results[-2:]

    assert nobody["published"] == unknown["published"] == []
    assert re.search(r"answered with 502 .*there is no recipe nobody", nobody["error"])
    assert re.search(r"answered with 502 .*404", unknown["error"])


def test_the_workers_take_every_touchpoint_from_its_topic_and_read_all_its_fields(results: list[Result]) -> None:
    checker = Checker(FileRegistry(), VaderScorer(), Identities())
    for one in touchpoints(results):
        kind = one["touchpoint"]["kind"]
        checked = checker.check(json.dumps(one["touchpoint"]).encode(), kind, int(time.time() * 1000))

        assert one["topic"] == KIND_TOPICS[kind]
        assert checked.customer_key is not None
        assert not checked.unknown


def test_no_two_touchpoints_share_an_event_id(results: list[Result]) -> None:
    ids = [one["touchpoint"]["event_id"] for one in touchpoints(results)]

    assert ids
    assert len(set(ids)) == len(ids)
