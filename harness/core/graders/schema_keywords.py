"""The keywords of JSON Schema 2020-12: each says what is wrong with a value, or nothing."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from harness.core.graders.schema_check import ITEM_STEPS, Broken, Here, Keyword, Keywords, SchemaCheck

_FRACTION_STEPS = 5_000


# --- any value ------------------------------------------------------------------------------------


def _reference(check: SchemaCheck, _operand: Any, here: Here) -> Broken | None:
    return check.here(check.document.targets[id(here.schema)], here)


def _type(_check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    names = (operand,) if isinstance(operand, str) else operand
    return None if any(_TYPES[name](here.value) for name in names) else here.broken("is not of type", operand)


def _enum(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    return None if check.key(here.value) in check.keys(operand) else here.broken("is not one of", operand)


def _const(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    return None if check.key(here.value) == check.key(operand) else here.broken("is not", operand)


def _all_of(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    return _first(check.here(schema, here) for schema in operand)


def _any_of(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    found = [check.here(schema, here) for schema in operand]
    return here.broken("fits none of the schemas it may fit") if all(found) else None


def _one_of(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    fits = sum(check.here(schema, here) is None for schema in operand)
    return None if fits == 1 else here.broken(f"fits {fits} of the schemas of which it must fit one")


def _not(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    found = check.apply(operand, here.value, here.place, here.depth)
    return None if isinstance(found, Broken) else here.broken("fits the schema that it must not fit")


def _if(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    branch = "then" if check.here(operand, here) is None else "else"
    return check.here(here.schema[branch], here) if branch in here.schema else None


# --- numbers and texts ----------------------------------------------------------------------------


def _multiple_of(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not _is_number(here.value):
        return None
    # By their decimals, so that 19.99 is a multiple of 0.01.
    written = str(here.value)
    check.effort.spend(_FRACTION_STEPS + ITEM_STEPS * len(written))
    if Fraction(written) % Fraction(str(operand)) == 0:
        return None
    return here.broken("is not a multiple of", operand)


def _limit(measure: Callable[[Any], Any], fits: Callable[[Any, Any], bool], said: str) -> Keyword:
    """Make a keyword that compares what `measure` gives; None is a value of another type, which always fits."""

    def keyword(_check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
        size = measure(here.value)
        return None if size is None or fits(size, operand) else here.broken(said, operand)

    return keyword


def _pattern(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, str) or check.document.patterns[operand].found_in(here.value, check.effort):
        return None
    return here.broken("does not match", operand)


# --- lists ----------------------------------------------------------------------------------------


def _prefix_items(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, list):
        return None
    count = min(len(operand), len(here.value))
    here.seen.items.update(range(count))
    return _first(check.below(operand[index], here, index) for index in range(count))


def _items(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, list):
        return None
    rest = range(len(here.schema.get("prefixItems", ())), len(here.value))
    check.effort.spend(ITEM_STEPS * len(rest))
    here.seen.items.update(rest)
    return _first(check.below(operand, here, index) for index in rest)


def _contains(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, list):
        return None
    fits = [index for index in range(len(here.value)) if check.below(operand, here, index) is None]
    here.seen.items.update(fits)
    least, most = here.schema.get("minContains", 1), here.schema.get("maxContains", len(fits))
    return None if least <= len(fits) <= most else here.broken(f"holds {len(fits)} items that fit", operand)


def _unique_items(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not operand or not isinstance(here.value, list):
        return None
    keys = {check.key(item) for item in here.value}
    return None if len(keys) == len(here.value) else here.broken("holds an item twice")


def _unevaluated_items(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, list):
        return None
    rest = [index for index in range(len(here.value)) if index not in here.seen.items]
    check.effort.spend(ITEM_STEPS * len(here.value))
    here.seen.items.update(rest)
    return _first(check.below(operand, here, index) for index in rest)


# --- objects --------------------------------------------------------------------------------------


def _properties(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    check.effort.spend(ITEM_STEPS * len(operand))
    known = [name for name in operand if name in here.value]
    here.seen.keys.update(known)
    return _first(check.below(operand[name], here, name) for name in known)


def _pattern_properties(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    for pattern, schema in operand.items():
        for name in here.value:
            if check.document.patterns[pattern].found_in(name, check.effort):
                here.seen.keys.add(name)
                if broken := check.below(schema, here, name):
                    return broken
    return None


def _additional_properties(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    named = here.schema.get("properties", {})
    patterns = [check.document.patterns[pattern] for pattern in here.schema.get("patternProperties", ())]
    check.effort.spend(ITEM_STEPS * len(here.value))
    extras = [
        name
        for name in here.value
        if name not in named and not any(pattern.found_in(name, check.effort) for pattern in patterns)
    ]
    here.seen.keys.update(extras)
    return _first(check.below(operand, here, name) for name in extras)


def _unevaluated_properties(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    check.effort.spend(ITEM_STEPS * len(here.value))
    rest = [name for name in here.value if name not in here.seen.keys]
    here.seen.keys.update(rest)
    return _first(check.below(operand, here, name) for name in rest)


def _property_names(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    found = (check.apply(operand, name, (*here.place, name), here.depth) for name in here.value)
    return next((one for one in found if isinstance(one, Broken)), None)


def _required(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    check.effort.spend(ITEM_STEPS * len(operand))
    missing = next((name for name in operand if name not in here.value), None)
    return None if missing is None else here.broken("lacks", missing)


def _dependent_required(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    return _first(_required(check, names, here) for name, names in operand.items() if name in here.value)


def _dependent_schemas(check: SchemaCheck, operand: Any, here: Here) -> Broken | None:
    if not isinstance(here.value, Mapping):
        return None
    return _first(check.here(schema, here) for name, schema in operand.items() if name in here.value)


# --- the tables -----------------------------------------------------------------------------------


def _first(found: Iterable[Broken | None]) -> Broken | None:
    return next((broken for broken in found if broken is not None), None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> Any:
    return value if _is_number(value) else None


def _characters(value: Any) -> int | None:
    return len(value) if isinstance(value, str) else None


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, Mapping) else None


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, Mapping),
    "string": lambda value: isinstance(value, str),
}
_USUAL: Mapping[str, Keyword] = {
    "$ref": _reference,
    "$dynamicRef": _reference,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "multipleOf": _multiple_of,
    "minimum": _limit(_number, lambda size, bound: size >= bound, "is under"),
    "maximum": _limit(_number, lambda size, bound: size <= bound, "is over"),
    "exclusiveMinimum": _limit(_number, lambda size, bound: size > bound, "is not over"),
    "exclusiveMaximum": _limit(_number, lambda size, bound: size < bound, "is not under"),
    "minLength": _limit(_characters, lambda size, bound: size >= bound, "has fewer characters than"),
    "maxLength": _limit(_characters, lambda size, bound: size <= bound, "has more characters than"),
    "minItems": _limit(_length, lambda size, bound: size >= bound, "has fewer items than"),
    "maxItems": _limit(_length, lambda size, bound: size <= bound, "has more items than"),
    "minProperties": _limit(_size, lambda size, bound: size >= bound, "has fewer properties than"),
    "maxProperties": _limit(_size, lambda size, bound: size <= bound, "has more properties than"),
    "pattern": _pattern,
    "prefixItems": _prefix_items,
    "items": _items,
    "contains": _contains,
    "uniqueItems": _unique_items,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "required": _required,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
}
KEYWORDS = Keywords(
    usual=_USUAL,
    last={"unevaluatedItems": _unevaluated_items, "unevaluatedProperties": _unevaluated_properties},
)
