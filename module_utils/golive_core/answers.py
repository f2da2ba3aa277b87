"""From what a server said to a client, to a measurement: shared by the probes that log in somewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from .measurement import Measurement, measurement, summarise, utc_now

Expectation = Literal["ok", "refused", "value"]


class Answer(NamedTuple):
    """What came of one try; `text` is what the server said, or why nothing is known."""

    kind: Literal["answered", "refused", "failed", "unreachable"]
    text: str


def measure(
    id: str, what: str, ask: Callable[[], Answer], expect: Expectation, value: str = "", samples: int = 1
) -> Measurement:
    """Try some times and compare what came with what was wanted.

    Only a refusal counts as one: a server that is down, or a statement that fails for another reason, shows nothing
    about rights, so the measurement is then invalid.

    :param what: who asks what where, for people
    :param ask: one try
    :param value: with `expect` "value", the text wanted
    :returns: with the text as value, or else with the seconds of each try as samples
    """
    wanted = {"ok": "an answer", "refused": "a refusal", "value": repr(value)}[expect]
    started, begin = utc_now(), time.monotonic()
    seconds: list[float] = []
    answers: list[Answer] = []
    for _ in range(samples):
        before = time.monotonic()
        answers.append(ask())
        seconds.append(time.monotonic() - before)
    wrong = [answer for answer in answers if not _right(answer, expect, value)]
    blind = [answer for answer in wrong if expect == "refused" and answer.kind != "answered"]
    telling = [f"{answer.kind}: {answer.text}" for answer in wrong or answers]
    return measurement(
        id,
        n=samples,
        failures=len(wrong),
        samples=() if expect == "value" else seconds,
        value=answers[-1].text if expect == "value" and answers[-1].kind == "answered" else None,
        unit="1" if expect == "value" else "s",
        observed=f"{what}: {summarise(telling)}",
        expected=wanted,
        invalid=f"no refusal was seen, {what}: {summarise(answer.text for answer in blind)}" if blind else "",
        started=started,
        seconds=time.monotonic() - begin,
    )


def _right(answer: Answer, expect: Expectation, value: str) -> bool:
    if expect == "refused":
        return answer.kind == "refused"
    return answer.kind == "answered" and (expect == "ok" or answer.text == value)
