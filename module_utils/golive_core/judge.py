"""From a gate and a measurement to a verdict. Pure: no clock, no host.

A gate's `judge` is one of

- ``{all_ok: true, min_samples: 5}``: every observation was right;
- ``{share: failures, below: 0.01, confidence: 0.95, min_samples: 299}``: the true share of failures is below a limit
  (Clopper-Pearson bound; where the samples say which observations failed, on the effective number of these);
- ``{quantile: 0.95, below: 0.5, confidence: 0.95, min_samples: 1500}``: the true quantile of the samples is below a
  limit (order statistics, on the effective number of samples where these are correlated in time);
- ``{rate: true, above: 50, confidence: 0.95, min_seconds: 60}``: the true mean of per-second counts is above a limit;
- ``{value: true, at_most: 2}``: the one number or text of the measurement, against one of `below`, `above`, `at_most`,
  `at_least`, `equals`; observations that failed beside it fail the gate too;
- ``{compare: old, margin: 0.10, floor: 0.005, errors: 0.005, confidence: 0.95, min_pairs: 20}``: the new version is not
  worse than the old one beside it, in the median, P95 and P99 of the latency by more than `margin` of the old version's
  (at least `floor` seconds), and in the share of errors by more than `errors` (:mod:`compare`; the samples are pairs of
  blocks). Pairs of the old version against itself are judged first, and must be quiet;
- ``{within: 0.10, confidence: 0.999, min_samples: 72}``: the measured share (`value` of `n`) is what a true share of
  0.10 gives (Clopper-Pearson, two-sided). The minimum is what would show that the true share is 0;
- ``{beside: errors, margin: 0.01}`` and ``{beside: latency, margin: 0.25, floor: 0.05}``, each with `confidence` and
  `min_samples`: the new version is not worse than the old one that serves beside it (:mod:`canary`), by `margin` as a
  share of requests, or in P95 by `margin` of the old version's (at least `floor` seconds).

A bound on the good side is PASS, the opposite bound on the bad side is FAIL, anything between is NO-EVIDENCE.
`confidence` is 0.95 unless given; `min_samples` is the least number that could pass, `min_seconds` and `min_pairs` are
10.

``looks: [1500, 3000, 6000]`` in a `share`, `quantile` or `compare` (there in pairs) declares beforehand at which
numbers the gate looks, in place of its minimum. Each look has its part of the risk (Bonferroni), so that `confidence`
holds for all of them together. What is undecided at a look goes on to the next (:func:`next_look`), and is NO-EVIDENCE
after the last: never a PASS because time ran out.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypedDict

from . import canary, compare, statistics
from .measurement import Measurement, read_samples

PASS = "PASS"
FAIL = "FAIL"
NO_EVIDENCE = "NO-EVIDENCE"

_BLOCK_SECONDS = 5  # longer than the bursts that make neighbouring requests alike
_BLOCK_SAMPLES = 10
_MOST_SAMPLES = 10_000_000  # advice to take more than this helps nobody
_WAIVER_KEYS = ("gate", "reason", "who", "until")

_MUST: Mapping[str, set[str]] = {
    "share": {"below"},
    "quantile": {"below"},
    "rate": {"above"},
    "compare": {"margin"},
    "beside": {"margin"},
}
_MAY: Mapping[str, set[str]] = {
    "all_ok": {"min_samples"},
    "share": {"below", "confidence", "min_samples", "looks"},
    "quantile": {"below", "confidence", "min_samples", "looks"},
    "rate": {"above", "confidence", "min_seconds"},
    "value": {"below", "above", "at_most", "at_least", "equals"},
    "compare": {"margin", "floor", "errors", "confidence", "min_pairs", "looks"},
    "within": {"confidence", "min_samples"},
    "beside": {"margin", "floor", "confidence", "min_samples"},
}
_ALL_NUMBERS = ("quantile", "rate", "compare", "beside")
_MOST_LOOKS = 10
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "below": lambda value, limit: value < limit,
    "above": lambda value, limit: value > limit,
    "at_most": lambda value, limit: value <= limit,
    "at_least": lambda value, limit: value >= limit,
}


class Verdict(TypedDict):
    """What a gate says of one host; becomes an event of the record."""

    gate: str
    phase: str
    host: str
    title: str | dict[str, str]
    verdict: str
    value: float | str | None
    bound: float | None
    threshold: float | str | None
    unit: str
    n: int
    failures: int
    message: str
    remedy: str | dict[str, str]
    waived: dict[str, str] | None
    started: str
    seconds: float
    sha256: str


@dataclass(frozen=True)
class Rule:
    """The `judge` of a gate, checked and complete."""

    kind: str
    comparison: str
    limit: float | str | None
    confidence: float
    minimum: int
    q: float
    margins: compare.Margins = compare.Margins()  # noqa: RUF009 (frozen)
    looks: tuple[int, ...] = ()

    @property
    def limit_number(self) -> float:
        """Return the limit of a rule that compares numbers."""
        return float(self.limit)  # type: ignore[arg-type]  # read_rule has made it a number


@dataclass(frozen=True)
class _Finding:
    verdict: str
    message: str
    value: float | str | None = None
    bound: float | None = None
    undecided: bool = False  # more of the same might decide


# --- quantities in sentences


def _digits(value: float) -> str:
    whole = not math.isfinite(value) or value == int(value)
    return f"{value:.0f}" if whole or abs(value) >= 1000 else f"{value:.3g}"


def quantity(value: float | str | None, unit: str = "1") -> str:
    """Return a measured quantity as people write it: three significant digits, milliseconds below one second."""
    if not isinstance(value, int | float):
        return f'"{value}"'
    size = abs(value)
    if unit == "s":
        scales = ((1, 0.001, "ms"), (600, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"), (math.inf, 86_400, "d"))
        scale, name = next((scale, name) for limit, scale, name in scales if size < limit)
        return f"{_digits(value / scale)} {name}"
    if unit == "B":
        power = next((power for power in (3, 2, 1) if size >= 1024**power), 0)
        return f"{_digits(value / 1024**power)} {('B', 'KiB', 'MiB', 'GiB')[power]}"
    if unit.startswith("1"):  # "1" is a plain number, "1/s" is 60/s
        return _digits(value) + unit[1:]
    return f"{_digits(value)} {unit}"


def percent(share: float) -> str:
    """Return a share as a percentage with three significant digits."""
    return f"{_digits(share * 100)} %"


# --- the rule


def _number(rule: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = rule[key]
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or math.isinf(number):
        between = f" from {low:g} to {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"`{key}` must be a number{between}, not {value!r}")
    return number


def _whole(rule: Mapping[str, Any], key: str) -> int:
    number = _number(rule, key, 1, math.inf)
    if number != int(number):
        raise ValueError(f"`{key}` must be a whole number, not {rule[key]!r}")
    return int(number)


def _kind(rule: Any) -> str:
    if not isinstance(rule, Mapping):
        raise ValueError("`judge` must be a dictionary")
    kinds = [kind for kind in _MAY if kind in rule]
    if len(kinds) != 1:
        raise ValueError(f"`judge` must have exactly one of {', '.join(_MAY)}")
    kind = kinds[0]
    if kind == "share" and rule[kind] != "failures":
        raise ValueError(f"`share` must be failures, not {rule[kind]!r}")
    if kind in ("all_ok", "rate", "value") and rule[kind] is not True:
        raise ValueError(f"`{kind}` must be true, not {rule[kind]!r}")
    if kind == "compare" and rule[kind] != "old":
        raise ValueError(f"`compare` must be old, not {rule[kind]!r}")
    if kind == "beside" and rule[kind] not in ("errors", "latency"):
        raise ValueError(f"`beside` must be errors or latency, not {rule[kind]!r}")
    if unknown := set(rule) - _MAY[kind] - {kind}:
        raise ValueError(f"`{min(unknown)}` is not known to a judge of kind {kind}")
    if missing := _MUST.get(kind, set()) - set(rule):
        raise ValueError(f"`{min(missing)}` is missing from its judge of kind {kind}")
    return kind


def _rule(rule: Mapping[str, Any]) -> Rule:
    kind = _kind(rule)
    comparison = next((key for key in (*_COMPARE, "equals") if key in rule), "")
    if kind == "value" and len(set(rule) - {"value"}) != 1:
        raise ValueError(f"`value` must be compared with exactly one of {', '.join((*_COMPARE, 'equals'))}")
    limit: float | str | None = None
    if comparison == "equals":
        limit = rule["equals"] if isinstance(rule["equals"], int | float) else str(rule["equals"])
    elif comparison:
        limit = _number(rule, comparison, *((1e-9, 1.0) if kind == "share" else (-math.inf, math.inf)))
    q = _number(rule, "quantile", 0.001, 0.99999) if kind == "quantile" else 0.0
    confidence = _number(rule, "confidence", 0.5, 0.999999) if "confidence" in rule else 0.95
    looks = _looks(rule)
    # Bonferroni's part: the looks of one series are not independent, and it holds for them all the same.
    confidence = 1.0 - (1.0 - confidence) / max(len(looks), 1)
    minimum = {"rate": 10, "compare": compare.MIN_PAIRS, "beside": canary.LEAST}.get(kind, 1)
    if kind in ("share", "quantile"):
        right = q or 1.0 - float(limit or 0.0)  # how often one sample at the limit looks right
        minimum = math.ceil(math.log(1.0 - confidence) / math.log(right)) if right > 0.0 else 1
    for key in {"min_samples", "min_seconds", "min_pairs"} & set(rule):
        minimum = _whole(rule, key)
    if looks:
        if looks[0] < minimum:
            raise ValueError(f"the first of `looks` must be {minimum} or more, since fewer cannot pass, not {looks[0]}")
        minimum = looks[0]
    if kind == "within":
        limit = _number(rule, "within", 1e-4, 1.0)
        minimum = max(minimum, canary.least_draws(limit, confidence))
    margins = compare.Margins()
    if kind == "beside":
        comparison = str(rule[kind])
        limit = _number(rule, "margin", 1e-6, 10.0)
        margins = replace(margins, ratio=limit, floor=_number(rule, "floor", 0.0, 60.0) if "floor" in rule else 0.0)
    if kind == "compare":
        if minimum < compare.MIN_PAIRS:
            raise ValueError(f"`min_pairs` must be {compare.MIN_PAIRS} or more, not {minimum}")
        limit = _number(rule, "margin", 0.001, 10.0)
        margins = compare.Margins(
            ratio=limit,
            floor=_number(rule, "floor", 0.0, 60.0) if "floor" in rule else margins.floor,
            errors=_number(rule, "errors", 1e-6, 1.0) if "errors" in rule else margins.errors,
        )
    return Rule(
        kind=kind,
        comparison=comparison,
        limit=limit,
        confidence=confidence,
        minimum=minimum,
        q=q,
        margins=margins,
        looks=looks,
    )


def _looks(rule: Mapping[str, Any]) -> tuple[int, ...]:
    if "looks" not in rule:
        return ()
    if {"min_samples", "min_pairs"} & set(rule):
        raise ValueError("`looks` begin with the minimum, so that no other can be given beside them")
    given = rule["looks"]
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= _MOST_LOOKS:
        raise ValueError(f"`looks` must be a list of 1 to {_MOST_LOOKS} numbers, not {given!r}")
    looks = tuple(_whole({"looks": each}, "looks") for each in given)
    if sorted(set(looks)) != list(looks):
        raise ValueError(f"`looks` must ascend, not {list(looks)}")
    return looks


def read_rule(gate: Mapping[str, Any]) -> Rule:
    """Return the checked rule of a gate.

    :raises ValueError: one sentence that names the gate and the key
    """
    name = gate.get("id")
    if not isinstance(name, str) or not name:
        raise ValueError(f"a gate has no `id`: {dict(gate)!r}")
    if "judge" not in gate:
        raise ValueError(f"gate {name}: `judge` is missing")
    try:
        return _rule(gate["judge"])
    except ValueError as error:
        raise ValueError(f"gate {name}: {error}") from error


# --- one function per kind of judge


def _because(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _wanted(rule: Rule, limit: str) -> str:
    return f"(wanted {rule.comparison.replace('_', ' ')} {limit})"


def _wrong(seen: Measurement) -> _Finding:
    """Return the failure of a gate that allows no wrong observation."""
    observed = seen["observed"] or f"{seen['failures']} of {seen['n']} observations were wrong"
    wanted = f" (wanted {seen['expected']})" if seen["expected"] else ""
    return _Finding(FAIL, observed + wanted, seen["value"])


def _more(enough: Callable[[int], bool], n: int) -> str:
    """Say how many more samples of the same kind would pass, by doubling and bisection."""
    high = max(n, 1)
    while not enough(high):
        high *= 2
        if high > _MOST_SAMPLES:
            return "undecided, and too close to the limit for more samples to decide"
    low = max(high // 2, n)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return f"undecided: about {_round_up(high - n)} more samples like these would pass"


def _round_up(count: int) -> int:
    step = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // step) * step


def _judge_all_ok(rule: Rule, seen: Measurement) -> _Finding:
    if seen["failures"]:
        return _wrong(seen)
    if seen["n"] < rule.minimum:
        return _Finding(NO_EVIDENCE, f"needs {rule.minimum} samples, had {seen['n']}", seen["value"])
    return _Finding(PASS, seen["observed"] or f"{seen['n']} of {seen['n']} observations were right", seen["value"])


def _judge_share(rule: Rule, seen: Measurement) -> _Finding:
    n, failures, limit = seen["n"], seen["failures"], rule.limit_number
    if n < rule.minimum:
        said = f"needs {rule.minimum} samples, had {n}, of which {failures} failed"
        return _Finding(NO_EVIDENCE, said, undecided=True)
    share = failures / n
    try:
        found = _share_bounds(rule, seen)
    except ValueError as error:
        return _Finding(NO_EVIDENCE, str(error))
    bursts = f", in bursts and worth {found.effective} independent ones" if found.effective < 0.9 * n else ""
    what, wanted = f"{failures} of {n} failed ({percent(share)}){bursts}", _wanted(rule, percent(limit))
    sure = f"at {percent(rule.confidence)} confidence"
    if found.upper < limit:
        return _Finding(PASS, f"{what}, at most {percent(found.upper)} {sure} {wanted}", share, found.upper)
    if found.lower >= limit:
        message = f"{what}, at least {percent(found.lower)} {sure} {wanted}"
        return _Finding(FAIL, _because(message, seen["observed"]), share, found.lower)
    more = "undecided: no number of samples passes at this share"
    if share < limit:
        more = _more(lambda count: found.worst(share * count, count) < limit, n)
    between = f"{what}, between {percent(found.lower)} and {percent(found.upper)} {sure} {wanted}"
    said = _because(between, more, seen["observed"] if failures else "")
    return _Finding(NO_EVIDENCE, said, share, found.upper, undecided=True)


def _share_bounds(rule: Rule, seen: Measurement) -> statistics.ShareBounds:
    """Return the bounds of a share; failures are taken as independent when it is not said which failed.

    :raises ValueError: when what is said cannot be
    """
    n, failures, limit = seen["n"], seen["failures"], rule.limit_number
    blocks = min(int(seen["seconds"] // _BLOCK_SECONDS), n // _BLOCK_SAMPLES)
    if seen["unit"] != "1" or not seen["samples"]:  # seconds say not which failed
        return statistics.share_bounds(range(failures), n, rule.confidence, limit=limit)
    wrong = read_samples(seen["samples"])
    whole = all(0 <= number < n and number == int(number) for number in wrong)
    if len(wrong) != failures or not whole or sorted(set(wrong)) != wrong:
        raise ValueError(f"the samples are not the numbers of the {failures} failed among {n} observations")
    return statistics.share_bounds(list(map(int, wrong)), n, rule.confidence, limit=limit, blocks=blocks)


def _judge_quantile(rule: Rule, seen: Measurement) -> _Finding:
    samples, limit, unit = read_samples(seen["samples"]), rule.limit_number, seen["unit"]
    n = len(samples)
    if n < rule.minimum:
        return _Finding(NO_EVIDENCE, f"needs {rule.minimum} samples, had {n}", undecided=True)
    if rule.looks:  # a look is at that many samples, whatever came in beyond
        whole, n = n, _look(rule, n)
        samples, seen = samples[:n], {**seen, "seconds": seen["seconds"] * n / whole}
    blocks = min(int(seen["seconds"] // _BLOCK_SECONDS), n // _BLOCK_SAMPLES)
    found = statistics.quantile_bounds(samples, rule.q, rule.confidence, limit=limit, blocks=blocks)
    what, wanted = f"P{rule.q * 100:g} {quantity(found.estimate, unit)}", _wanted(rule, quantity(limit, unit))
    size = f"n = {n}" + (f", worth {found.effective} independent samples" if found.effective < 0.9 * n else "")
    sure = f"at {percent(rule.confidence)} confidence, {size}"
    if found.upper is not None and found.upper < limit:
        return _Finding(
            PASS, f"{what}, bound {quantity(found.upper, unit)} {sure} {wanted}", found.estimate, found.upper
        )
    if found.lower is not None and found.lower >= limit:
        message = f"{what}, bound {quantity(found.lower, unit)} {sure} {wanted}"
        return _Finding(FAIL, _because(message, seen["observed"]), found.estimate, found.lower)
    slow = sum(sample >= limit for sample in samples) / n
    more = "undecided: no number of samples passes at this share of slow ones"
    if slow < 1.0 - rule.q:
        worth = found.effective / n

        def enough(count: int) -> bool:
            effective = count * worth
            return statistics.share_upper_bound(slow * effective, effective, rule.confidence) < 1.0 - rule.q

        more = _more(enough, n)
    low = "unknown" if found.lower is None else quantity(found.lower, unit)
    high = "unknown" if found.upper is None else quantity(found.upper, unit)
    message = _because(f"{what}, bounds {low} and {high} {sure} {wanted}", more)
    return _Finding(NO_EVIDENCE, message, found.estimate, found.upper, undecided=True)


def _judge_rate(rule: Rule, seen: Measurement) -> _Finding:
    counts, limit, unit = read_samples(seen["samples"]), rule.limit_number, seen["unit"]
    minimum = max(rule.minimum, 2)
    if len(counts) < minimum:
        return _Finding(NO_EVIDENCE, f"needs {minimum} seconds, had {len(counts)}")
    lower, upper = statistics.mean_bounds(counts, rule.confidence)
    mean = math.fsum(counts) / len(counts)
    what = f"mean {quantity(mean, unit)} over {len(counts)} s"
    wanted = _wanted(rule, quantity(limit, unit))
    sure = f"at {percent(rule.confidence)} confidence"
    if lower > limit:
        return _Finding(PASS, f"{what}, at least {quantity(lower, unit)} {sure} {wanted}", mean, lower)
    if upper <= limit:
        message = f"{what}, at most {quantity(upper, unit)} {sure} {wanted}"
        return _Finding(FAIL, _because(message, seen["observed"]), mean, upper)
    message = f"{what}, between {quantity(lower, unit)} and {quantity(upper, unit)} {sure} {wanted}; undecided"
    return _Finding(NO_EVIDENCE, message, mean, lower)


def _judge_value(rule: Rule, seen: Measurement) -> _Finding:
    value, unit = seen["value"], seen["unit"]
    if seen["failures"]:
        return _wrong(seen)
    if value is None:
        return _Finding(NO_EVIDENCE, _because("the measurement holds no value", seen["observed"]))
    if isinstance(value, float) and not math.isfinite(value):
        return _Finding(NO_EVIDENCE, f"{quantity(value)} is not a number, so it cannot be compared", value)
    message = _because(f"{quantity(value, unit)} {_wanted(rule, quantity(rule.limit, unit))}", seen["observed"])
    if rule.comparison == "equals":
        same = value == rule.limit or str(value) == str(rule.limit)
        return _Finding(PASS if same else FAIL, message, value)
    if isinstance(value, str):
        return _Finding(NO_EVIDENCE, f"{quantity(value)} is not a number, so it cannot be compared", value)
    good = _COMPARE[rule.comparison](value, rule.limit_number)
    return _Finding(PASS if good else FAIL, message, value)


def _told(metric: compare.Metric, bound: float | None) -> str:
    """Return one comparison in words: the estimate, its bound, what was wanted."""
    if bound is None:
        reach = "without a bound"
    elif metric.name == "median":
        reach = f"{'at most' if bound == metric.upper else 'at least'} {_signed(bound)}"
    elif metric.name == "errors":
        reach = f"{'at most' if bound == metric.upper else 'at least'} {_points(bound)}"
    else:
        reach = f"{'at most' if bound == metric.upper else 'at least'} x{bound:.3g}"
    if metric.name == "median":
        return f"median {_signed(metric.estimate)}, {reach} (wanted below {_signed(metric.margin)})"
    if metric.name == "errors":
        return f"errors {_points(metric.estimate)}, {reach} (wanted below {_points(metric.margin)})"
    return f"{metric.name} x{metric.estimate:.3g}, {reach} (wanted below x{metric.margin:.3g})"


def _points(share: float) -> str:
    return f"{share * 100:+.3g} percentage points"


def _signed(seconds: float) -> str:
    return ("+" if seconds >= 0 else "") + quantity(seconds, "s")


def _judge_compare(rule: Rule, seen: Measurement) -> _Finding:
    try:
        pairs = compare.read_pairs(read_samples(seen["samples"]))
    except ValueError as error:
        return _Finding(NO_EVIDENCE, f"the samples are no comparison: {error}")
    itself, against = ([each for each in pairs if each.against == kind] for kind in (0.0, 1.0))
    for what, rows in (("of the old version against itself", itself), ("of old against new", against)):
        if len(rows) < rule.minimum:
            said = f"needs {rule.minimum} pairs of blocks {what}, had {len(rows)}"
            return _Finding(NO_EVIDENCE, said, undecided=True)
    if rule.looks:
        itself, against = itself[: _look(rule, len(itself))], against[: _look(rule, len(against))]
    sure = f"at {percent(rule.confidence)} confidence, {len(against)} pairs"
    if noise := compare.noise(itself, rule.margins, rule.confidence):
        loud = ", ".join(_told(metric, metric.upper) for metric in noise)
        said = f"the bench is not quiet: the old version cannot be told to be as good as itself, {loud} {sure}"
        return _Finding(NO_EVIDENCE, f"{said}; take more pairs, or free the hosts of other work", undecided=True)
    metrics = compare.compare(against, rule.margins, rule.confidence)
    tail = next(metric for metric in metrics if metric.name == "P95")  # what the verdict's one number is
    upper = (tail.upper or 0.0) - 1.0
    if worse := compare.worse(metrics, rule.confidence):
        said = "new is worse than old: " + ", ".join(_told(metric, metric.lower) for metric in worse)
        return _Finding(
            FAIL, _because(f"{said} {sure}", seen["observed"]), tail.estimate - 1.0, (tail.lower or 0.0) - 1.0
        )
    if compare.all_fine(metrics, rule.confidence):
        said = "new is as good as old: " + ", ".join(_told(metric, metric.upper) for metric in metrics)
        return _Finding(PASS, f"{said} {sure}", tail.estimate - 1.0, upper)
    open_ = [metric for metric in metrics if metric.fine > 1.0 - rule.confidence]
    said = "neither as good nor worse: " + ", ".join(_told(metric, metric.upper) for metric in open_)
    return _Finding(NO_EVIDENCE, f"{said} {sure}; undecided", tail.estimate - 1.0, upper, undecided=True)


def _judge_within(rule: Rule, seen: Measurement) -> _Finding:
    n, limit = seen["n"], rule.limit_number
    if seen["failures"]:
        return _wrong(seen)
    if n < rule.minimum or not isinstance(seen["value"], int | float):
        return _Finding(NO_EVIDENCE, f"needs {rule.minimum} draws, had {n}")
    share = float(seen["value"])
    confidence = 1.0 - (1.0 - rule.confidence) / 2.0  # of each side
    lower = statistics.share_lower_bound(share * n, n, confidence)
    upper = statistics.share_upper_bound(share * n, n, confidence)
    said = (
        f"{round(share * n)} of {n} ({percent(share)}), between {percent(lower)} and {percent(upper)} at "
        f"{percent(rule.confidence)} confidence (wanted {percent(limit)} in between)"
    )
    return _Finding(PASS if lower <= limit <= upper else FAIL, said, share, lower if share > limit else upper)


def _judge_beside(rule: Rule, seen: Measurement) -> _Finding:
    try:
        found, old_n, new_n, margin, told = _beside(rule, seen)
    except ValueError as error:
        return _Finding(NO_EVIDENCE, str(error))
    sure = f"at {percent(rule.confidence)} confidence, {new_n} requests beside {old_n}"
    if found is None:
        return _Finding(NO_EVIDENCE, f"needs {rule.minimum} requests of each version, had {new_n} beside {old_n}")
    if found.lower is not None and found.lower >= margin:  # few requests can show that it is worse
        said = f"new is worse than old: {told(found.estimate)}, at least {told(found.lower)} {sure}"
        return _Finding(
            FAIL, _because(f"{said} (wanted below {told(margin)})", seen["observed"]), found.estimate, found.lower
        )
    if min(old_n, new_n) < rule.minimum:
        return _Finding(NO_EVIDENCE, f"needs {rule.minimum} requests of each version, had {new_n} beside {old_n}")
    most = "without a bound" if found.upper is None else f"at most {told(found.upper)}"
    said = f"{told(found.estimate)}, {most} {sure} (wanted below {told(margin)})"
    if found.upper is not None and found.upper < margin:
        return _Finding(PASS, f"new is as good as old: {said}", found.estimate, found.upper)
    return _Finding(NO_EVIDENCE, f"neither as good nor worse: {said}; undecided", found.estimate, found.upper)


def _beside(rule: Rule, seen: Measurement) -> tuple[compare.Interval | None, int, int, float, Callable[[float], str]]:
    """Return the comparison, the requests of the old and the new version, the margin, and how to say such numbers.

    :raises ValueError: when the samples are no such comparison
    """
    samples = read_samples(seen["samples"])
    if rule.comparison == "errors":
        rows = canary.read_rows(samples)
        old_n, new_n = int(sum(row.old_n for row in rows)), int(sum(row.new_n for row in rows))
        found = canary.more_errors(rows, rule.confidence) if old_n and new_n else None
        return found, old_n, new_n, rule.limit_number, lambda share: f"errors {_points(share)}"
    old, new = canary.read_latencies(samples)
    if not old or not new:
        return None, len(old), len(new), rule.limit_number, str
    margin = 1.0 + max(rule.margins.ratio, rule.margins.floor / max(statistics.quantile(old, canary.Q), 1e-3))
    found = canary.slower(old, new, seen["seconds"], rule.confidence)
    return found, len(old), len(new), margin, lambda ratio: f"P95 x{ratio:.3g}"


def _look(rule: Rule, n: int) -> int:
    """Return how many of n samples the last look that they reach takes in."""
    return max(look for look in rule.looks if look <= n)


_JUDGES: Mapping[str, Callable[[Rule, Measurement], _Finding]] = {
    "all_ok": _judge_all_ok,
    "share": _judge_share,
    "quantile": _judge_quantile,
    "rate": _judge_rate,
    "value": _judge_value,
    "compare": _judge_compare,
    "within": _judge_within,
    "beside": _judge_beside,
}


# --- waivers


def _waiver(gate: str, waivers: Iterable[Mapping[str, Any]], today: date) -> tuple[dict[str, str] | None, str]:
    """Return the waiver that holds for a gate, or None and why the one that was given does not count."""
    problem = ""
    for waiver in waivers:
        if waiver.get("gate") != gate:
            continue
        given = {key: str(waiver.get(key) or "").strip() for key in _WAIVER_KEYS}
        if missing := [key for key in _WAIVER_KEYS if not given[key]]:
            problem = f"its waiver does not count, because it lacks {' and '.join(missing)}"
            continue
        try:
            until = date.fromisoformat(given["until"])
        except ValueError:
            problem = f'its waiver does not count, because until is "{given["until"]}" and not a date (YYYY-MM-DD)'
            continue
        if until >= today:
            return given, ""
        problem = f"its waiver by {given['who']} expired on {given['until']}"
    return None, problem


# --- the judge


def _find(rule: Rule, seen: Measurement | None, host: str) -> _Finding:
    if seen is None:
        return _Finding(NO_EVIDENCE, f"no measurement from {host}")
    if seen["invalid"]:
        return _Finding(NO_EVIDENCE, f"the measurement proves nothing: {seen['invalid']}")
    if seen["samples"] and hashlib.sha256(seen["samples"].encode()).hexdigest() != seen["sha256"]:
        return _Finding(NO_EVIDENCE, f"the samples from {host} are not those that were measured: their hash differs")
    if rule.kind in _ALL_NUMBERS and not all(map(math.isfinite, read_samples(seen["samples"]))):
        return _Finding(NO_EVIDENCE, f"the samples from {host} are not all numbers")
    found = _JUDGES[rule.kind](rule, seen)
    if not rule.looks or not found.undecided:
        return found
    after = _after(rule, _reached(rule, seen))
    goes_on = f"looks again at {after}" if after else f"that was the last of {len(rule.looks)} declared looks"
    return replace(found, message=_because(found.message, goes_on))


def _reached(rule: Rule, seen: Measurement) -> int:
    """Return what the looks of a rule count: samples, or the fewer pairs of both comparisons."""
    if rule.kind == "share":
        return seen["n"]
    samples = read_samples(seen["samples"])
    if rule.kind == "quantile":
        return len(samples)
    kinds = samples[:: len(compare.Pair._fields)]
    return min(kinds.count(0.0), kinds.count(1.0))


def _after(rule: Rule, n: int) -> int:
    return next((look for look in rule.looks if look > n), 0)


def next_look(gate: Mapping[str, Any], seen: Measurement | None) -> int:
    """Return to how many samples (or pairs) a series has to grow before the gate looks at it again.

    0 when it has decided, when the declared looks are spent, or when more of the same would prove nothing either.

    :param gate: as for :func:`judge`
    :param seen: the whole series so far; all of it is handed over again at the next look
    :raises ValueError: when the gate is not well defined
    """
    rule = read_rule(gate)
    if seen is None or not _find(rule, seen, "").undecided:
        return 0
    return _after(rule, _reached(rule, seen))


def judge(
    gate: Mapping[str, Any],
    seen: Measurement | None,
    now: datetime,
    *,
    host: str = "localhost",
    waivers: Iterable[Mapping[str, Any]] = (),
) -> Verdict:
    """Judge what was measured for a gate on a host.

    :param gate: `id`, `judge`, and for people `title` and `remedy`; the phase is the id up to its first dot
    :param seen: the measurement, or None when the host gave none
    :param now: present time, for the expiry of waivers (a waiver holds to the end of its day)
    :param waivers: `gate`, `reason`, `who`, `until` each; others' gates are ignored
    :raises ValueError: when the gate is not well defined: one sentence that names the gate and the key
    """
    rule = read_rule(gate)
    found = _find(rule, seen, host)
    waived, problem = (None, "") if found.verdict == PASS else _waiver(gate["id"], waivers, now.date())
    return Verdict(
        gate=gate["id"],
        phase=gate["id"].partition(".")[0],
        host=host,
        title=gate.get("title", ""),
        verdict=found.verdict,
        value=found.value,
        bound=found.bound,
        threshold=rule.limit,
        unit=seen["unit"] if seen and rule.kind not in ("share", "compare", "beside") else "1",
        n=seen["n"] if seen else 0,
        failures=seen["failures"] if seen else 0,
        message=_because(found.message, problem),
        remedy=(seen.get("remedy") if seen else None) or gate.get("remedy", ""),
        waived=waived,
        started=seen["started"] if seen else "",
        seconds=seen["seconds"] if seen else 0.0,
        sha256=seen["sha256"] if seen else "",
    )


def blocks(verdict: Verdict) -> bool:
    """Return whether a verdict stops the go-live."""
    return verdict["verdict"] != PASS and verdict["waived"] is None
