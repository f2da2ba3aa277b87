"""What comes from elsewhere, broken in ways that nobody thought of: a verdict or one sentence, never a traceback.

hypothesis breaks it, always in the same ways (derandomized), and shows the least input that does harm.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from golive_core import http, json_schema, resp
from golive_core.judge import NO_EVIDENCE, PASS, judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports import COBERTURA, GRYPE, MYPY_JSON, PIP_AUDIT, SARIF, TRIVY, ask
from support import BANDIT, COVERAGE, JUNIT, MYPY, NOW, Release

often = settings(
    max_examples=600,
    derandomize=True,
    database=None,
    deadline=None,
    # Each example writes its reports anew, so one directory does for all of them.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# By kind: reports as the tools write them.
REPORTS: dict[str, list[bytes]] = {
    "tests": [(JUNIT % "<failure>x</failure>").encode(), (JUNIT % "").encode("utf-16")],
    "coverage": [json.dumps(COVERAGE).encode(), COBERTURA.encode()],
    "lint": [b'[{"filename": "a", "location": {"row": 1}, "code": "X", "message": "m"}]', json.dumps(SARIF).encode()],
    "types": [(MYPY % (1, "<failure>a: error: b</failure>")).encode(), MYPY_JSON],
    "security": [json.dumps(each).encode() for each in (SARIF, TRIVY, GRYPE, PIP_AUDIT, BANDIT)],
}
ODD = st.sampled_from((None, True, -1, 1e308, "", "x", [], {}, [None], {"a": None}, [[]], 10**30))


@st.composite
def broken_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Return bytes cut off, changed, doubled or taken out, in one to four places."""
    rows = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(rows)))
        what, some = draw(st.sampled_from(("cut off", "change", "double", "take out"))), draw(st.integers(0, 255))
        if what == "cut off":
            del rows[place:]
        elif what == "change":
            rows[place : place + 1] = bytes([some])
        elif what == "double":
            rows[place:place] = rows[place : place + some % 40]
        else:
            del rows[place : place + some % 20]
    return bytes(rows)


@st.composite
def broken_document(draw: st.DrawFn, document: Any) -> Any:
    """Return a document in which one place holds something else, or is not there."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 6)) == 0:
        return draw(ODD)
    if isinstance(document, dict):
        key = draw(st.sampled_from(list(document)))
        rest = {name: value for name, value in document.items() if name != key}
        return rest if draw(st.integers(0, 9)) == 0 else {**rest, key: draw(broken_document(document[key]))}
    place = draw(st.integers(0, len(document) - 1))
    return [*document[:place], draw(broken_document(document[place])), *document[place + 1 :]]


def broken(data: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes that are broken; a JSON document also as a document."""
    if data[:1] not in b"[{" or data == MYPY_JSON:
        return broken_bytes(data)
    return broken_document(json.loads(data)).map(lambda told: json.dumps(told).encode()) | broken_bytes(data)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


@pytest.mark.parametrize("kind", REPORTS)
def test_a_broken_report_gives_a_verdict_and_never_a_traceback(release: Release, kind: str) -> None:
    seen = set()

    @often
    @given(st.sampled_from(REPORTS[kind]).flatmap(broken), st.sampled_from(("low", "high")))
    def read(data: bytes, severity: str) -> None:
        told = ask(release, kind, data, severity=severity)
        assert "\n" not in told["invalid"] + told["observed"]
        assert len(told["invalid"]) < 600
        assert told["n"] > 0 or told["invalid"]
        assert told["value"] is None or 0.0 <= told["value"] <= 1.0
        seen.add(judge({"id": "evidence.x", "judge": {"all_ok": True}}, told, NOW)["verdict"])

    read()
    assert NO_EVIDENCE in seen  # what was broken was noticed


@pytest.mark.parametrize("name", ["evidence.json", "release.json"])
def test_a_broken_seal_gives_a_verdict_and_never_a_pass_of_something_else(release: Release, name: str) -> None:
    path = (release.folder if name == "evidence.json" else release.directory) / name

    @often
    @given(broken(path.read_bytes()))
    def read(data: bytes) -> None:
        path.write_bytes(data)
        told = judge({"id": "evidence.origin", "judge": {"all_ok": True}}, release.ask("origin"), NOW)
        if told["verdict"] == PASS:
            evidence = json.loads((release.folder / "evidence.json").read_bytes())
            of = json.loads((release.directory / "release.json").read_bytes())
            assert (evidence["commit"], evidence["image_id"]) == (of["commit"], of["image_id"])
        assert release.ask("freshness")["n"] in (0, 1)

    read()


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SCHEMA = {
    "type": ["object", "array"],
    "required": ["a"],
    "properties": {"a": {"enum": [1, None]}, "b": {"pattern": "^x", "minLength": 2}},
    "additionalProperties": {"maximum": 3, "items": {"type": "string"}},
    "items": {"const": {"a": [True]}},
}


@often
@given(broken_document(SCHEMA) | DOCUMENTS, DOCUMENTS)
def test_a_schema_is_refused_or_judges_whatever_comes(schema: Any, document: Any) -> None:
    refused = json_schema.refusals(schema)
    assert all("\n" not in sentence for sentence in refused)
    if not refused:
        assert all(isinstance(problem, str) for problem in json_schema.problems(document, schema))


ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\ngone",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-End: 1\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)


def parsed(pieces: list[bytes]) -> tuple[Any, ...]:
    """Return what the parser makes of an answer that comes in pieces; its sentence when it is none."""
    parser = http.ResponseParser()
    try:
        for piece in pieces:
            if parser.feed(piece):
                break
        parser.end()
    except http.NoAnswer as error:
        return (error.kind, str(error))
    return (parser.done, parser.status, parser.headers, bytes(parser.body), parser.keep_alive)


@often
@given(st.sampled_from(ANSWERS).flatmap(broken_bytes) | st.binary(max_size=200))
def test_an_answer_over_http_that_is_none_is_said_in_one_sentence(data: bytes) -> None:
    told = parsed([data])
    assert len(told) == 5 or (told[0] == "protocol" and told[1].isprintable() and len(told[1]) < 200)


@often
@given(st.sampled_from(ANSWERS).flatmap(broken_bytes) | st.sampled_from(ANSWERS), st.lists(st.integers(0, 200)))
def test_an_answer_over_http_is_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places) if a < b]
    whole, cut = parsed([data]), parsed(pieces)
    # What follows an answer is surplus, and nobody reads it once the answer is complete.
    assert cut[:4] == whole[:4]


REPLIES = (
    b"+OK\r\n",
    b"-NOPERM no\r\n",
    b":12\r\n",
    b"$5\r\nhello\r\n",
    b"*2\r\n$1\r\na\r\n:1\r\n",
    b"*-1\r\n",
    b"$-1\r\n",
)


@often
@given(st.sampled_from(REPLIES).flatmap(broken_bytes) | st.binary(max_size=60))
def test_a_reply_of_no_redis_is_refused_or_wrong_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(resp.Refused, ValueError):
        resp.read_reply(io.BytesIO(data))
