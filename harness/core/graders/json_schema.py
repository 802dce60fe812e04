"""The whole answer against a JSON Schema, draft 2020-12."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from harness.core.graders.grade import BadRule, Grade, Grading, compile_pattern, quote
from harness.core.graders.json_answer import NotJson, read_json
from harness.core.replies import Answer
from harness.core.suite import Expect

_PROBES: tuple[object, ...] = (None, {}, [])


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.json_schema`. Raises BadRule for a schema that is not one, or that refers elsewhere."""
    schema = dict(expect.json_schema or {})
    path = ("json_schema",)
    try:
        # Without formats: `regex` would be tried with `re`, and patterns here are RE2.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise BadRule(path, f"not a JSON Schema: {error.message}") from error
    if _uses(schema, "patternProperties") and _uses(schema, "unevaluatedProperties"):
        raise BadRule(
            path, "unevaluatedProperties does not work with patternProperties; use additionalProperties"
        )
    for pattern in _patterns(schema):
        compile_pattern(pattern, path)
    # An empty registry: a reference out of the document is an error, never a download.
    validator = _Validator(schema, registry=Registry())
    try:
        _follow_references(schema)
        for probe in _PROBES:
            validator.is_valid(probe)
    except Unresolvable as error:
        raise BadRule(path, f"refers to what is not in it: {error.ref}") from error
    except RecursionError as error:
        raise BadRule(path, "refers to itself without end") from error

    def grade(answer: Answer) -> tuple[Grade, ...]:
        value = read_json(answer.text)
        if isinstance(value, NotJson):
            return (Grade(grader="json_schema", holds=False, because=f"not JSON: {value.reason}"),)
        try:
            error = next(iter(validator.iter_errors(value)), None)
        except (RecursionError, Unresolvable) as problem:
            return (
                Grade(grader="json_schema", holds=False, because=f"the schema cannot be applied: {problem}"),
            )
        if error is None:
            return (Grade(grader="json_schema", holds=True, because="matches the schema"),)
        return (
            Grade(
                grader="json_schema", holds=False, because=f"{error.json_path}: {quote(error.message, 160)}"
            ),
        )

    return grade


def _uses(schema: object, keyword: str) -> bool:
    if isinstance(schema, Mapping):
        return keyword in schema or any(_uses(part, keyword) for part in schema.values())
    return isinstance(schema, list | tuple) and any(_uses(part, keyword) for part in schema)


def _follow_references(schema: Mapping[str, object]) -> None:
    """Look up every reference, also in branches that no probe reaches. Raises Unresolvable."""
    root: Resource[Any] = DRAFT202012.create_resource(schema)
    base = root.id() or ""
    waiting = [(root, Registry().with_resource(base, root).crawl().resolver(base))]
    while waiting:
        resource, resolver = waiting.pop()
        if isinstance(resource.contents, Mapping):
            for keyword in ("$ref", "$dynamicRef"):
                if keyword in resource.contents:
                    resolver.lookup(resource.contents[keyword])
        waiting.extend((part, resolver.in_subresource(part)) for part in resource.subresources())


def _patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            yield pattern
        properties = schema.get("patternProperties")
        if isinstance(properties, Mapping):
            yield from properties
        for value in schema.values():
            yield from _patterns(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from _patterns(value)


# jsonschema matches patterns with `re`, which a hostile pattern can hang; RE2 cannot be hung.
def _pattern(_validator: Any, pattern: str, instance: object, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not compile_pattern(pattern, ()).search(_encodable(instance)):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, properties: Mapping[str, Any], instance: object, _schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for pattern, subschema in properties.items():
        compiled = compile_pattern(pattern, ())
        for key, value in instance.items():
            if compiled.search(_encodable(key)):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: object, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    patterns = [compile_pattern(pattern, ()) for pattern in schema.get("patternProperties", ())]
    extras = [
        key
        for key in instance
        if key not in schema.get("properties", ())
        and not any(pattern.search(_encodable(key)) for pattern in patterns)
    ]
    if allowed is False and extras:
        yield ValidationError(f"{', '.join(map(repr, extras))} should not be there")
    elif isinstance(allowed, Mapping):
        for key in extras:
            yield from validator.descend(instance[key], allowed, path=key)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


_Validator = extend(  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    },
)
