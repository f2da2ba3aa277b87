"""Whether a JSON document has the form that a schema describes, by the part of JSON Schema (2020-12) that answers need.

Targets have the standard library only. A keyword that is not known here is refused, and never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_LIMITS: Mapping[str, tuple[str, Callable[[Any], Any], Callable[[Any, Any], bool], str]] = {
    # keyword: of which type, what of it counts, whether it is right, what is said
    "minimum": ("number", lambda value: value, lambda seen, limit: seen >= limit, "is {seen}, wanted at least {limit}"),
    "maximum": ("number", lambda value: value, lambda seen, limit: seen <= limit, "is {seen}, wanted at most {limit}"),
    "minLength": ("string", len, lambda seen, limit: seen >= limit, "has {seen} characters, wanted at least {limit}"),
    "maxLength": ("string", len, lambda seen, limit: seen <= limit, "has {seen} characters, wanted at most {limit}"),
    "minItems": ("array", len, lambda seen, limit: seen >= limit, "has {seen} items, wanted at least {limit}"),
    "maxItems": ("array", len, lambda seen, limit: seen <= limit, "has {seen} items, wanted at most {limit}"),
}
_KNOWN = {
    *_LIMITS, "type", "enum", "const", "pattern", "items", "properties", "required", "additionalProperties",
    "$schema", "$id", "title", "description", "default", "examples",
}  # fmt: skip


def refusals(schema: Any, place: str = "schema") -> list[str]:
    """Return what is wrong with a schema, one sentence each; nothing when it can be used."""
    if not isinstance(schema, Mapping):
        return [f"`{place}` must be an object with keywords of JSON Schema"]
    found = [f"`{place}` uses {word!r}, which is not known here" for word in sorted(set(schema) - _KNOWN, key=str)]
    types = schema.get("type", [])
    found += [
        f"`{place}.type` is {word!r}, which is no type of JSON"
        for word in (types if isinstance(types, list) else [types])
        if not isinstance(word, str) or word not in _TYPES
    ]
    found += [
        f"`{place}.{word}` must be a number"
        for word in _LIMITS
        if word in schema and not _TYPES["number"](schema[word])
    ]
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except (re.error, TypeError) as error:
            found.append(f"`{place}.pattern` is not a regular expression: {error}")
    if not isinstance(schema.get("enum", []), list):
        found.append(f"`{place}.enum` must be a list")
    required = schema.get("required", [])
    if not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
        found.append(f"`{place}.required` must be a list of names")
    if "items" in schema:
        found += refusals(schema["items"], f"{place}.items")
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return [*found, f"`{place}.properties` must be an object"]
    for name, each in properties.items():
        found += refusals(each, f"{place}.properties.{name}")
    if isinstance(more := schema.get("additionalProperties", True), Mapping):
        found += refusals(more, f"{place}.additionalProperties")
    elif not isinstance(more, bool):
        found.append(f"`{place}.additionalProperties` must be a schema, true or false")
    return found


def problems(document: Any, schema: Mapping[str, Any], place: str = "the body") -> Iterator[str]:
    """Yield where a document has not the form of a schema that has no :func:`refusals`."""
    if (problem := _type_problem(document, schema, place)) is not None:
        yield problem
        return
    if "enum" in schema and not any(_same(document, each) for each in schema["enum"]):
        yield f"{place} is none of the values that it may have"
    if "const" in schema and not _same(document, schema["const"]):
        yield f"{place} is not the one value that it must have"
    for word, (kind, measure, right, said) in _LIMITS.items():
        if word in schema and _TYPES[kind](document) and not right(seen := measure(document), schema[word]):
            yield f"{place} {said.format(seen=seen, limit=schema[word])}"
    if "pattern" in schema and isinstance(document, str) and not re.search(schema["pattern"], document):
        yield f"{place} does not match {schema['pattern']}"
    if isinstance(document, list) and "items" in schema:
        for number, each in enumerate(document):
            yield from problems(each, schema["items"], f"{place}[{number}]")
    if isinstance(document, dict):
        yield from _object_problems(document, schema, place)


def _type_problem(document: Any, schema: Mapping[str, Any], place: str) -> str | None:
    types = schema.get("type")
    wanted = types if isinstance(types, list) else [types] if types else []
    if not wanted or any(_TYPES[kind](document) for kind in wanted):
        return None
    seen = next(kind for kind, fits in _TYPES.items() if fits(document))
    return f"{place} is of type {seen}, wanted {' or '.join(wanted)}"


def _object_problems(document: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{place} has no {name}" for name in schema.get("required", []) if name not in document)
    for name, value in document.items():
        inside = f"{place}.{name}"
        if name in properties:
            yield from problems(value, properties[name], inside)
        elif isinstance(more, Mapping):
            yield from problems(value, more, inside)
        elif not more:
            yield f"{inside} should not be there"


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same in JSON, where true is not 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
