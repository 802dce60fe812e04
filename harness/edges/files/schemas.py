"""JSON Schemas of the files people write, from the same types that read them."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from harness.core.canonical import Record
from harness.core.config import Config
from harness.core.policy import Policy
from harness.core.suite import Case

SCHEMAS: Mapping[str, type[BaseModel]] = {"config": Config, "case": Case, "policy": Policy}
_FRACTION = r"^[0-9]+/[1-9][0-9]*$"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str) -> dict[str, object]:
    """Return the schema of one kind of file, as it is written: a tool may be a file's name, a prompt is one, a share may be a fraction."""
    schema = SCHEMAS[kind].model_json_schema(schema_generator=_Described)
    schema["$schema"] = _DIALECT
    if kind == "case":
        properties = schema["properties"]
        properties["tools"]["items"] = {"anyOf": [{"type": "string"}, properties["tools"]["items"]]}
        rules = schema["$defs"]["Expect"]["properties"]["json_schema"]
        rules["anyOf"] = [{"type": "string"}, *rules["anyOf"]]
        # In a file the prompt is always a path: its text and how it renders are never written by hand.
        properties["prompt"]["anyOf"] = [{"type": "string"}, {"type": "null"}]
        del schema["$defs"]["Prompt"]
    if "Limits" in schema.get("$defs", {}):
        for name in ("min_coverage", "min_cases"):
            share = schema["$defs"]["Limits"]["properties"][name]
            for key in ("type", "ge", "le"):  # behind a validator, pydantic's words are not JSON Schema's
                share.pop(key, None)
            number = {"type": "number", "minimum": 0, "maximum": 1}
            share["anyOf"] = [number, {"type": "string", "pattern": _FRACTION}]
    return schema


class _Described(GenerateJsonSchema):
    """Says of every field what stands below it in the source.

    Not by `use_attribute_docstrings`, which would read the source of every record at every start.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """Return the JSON Schema of a record."""
        described = super().model_schema(schema)
        said = {name: text for record in reversed(schema["cls"].__mro__) for name, text in _said_in(record)}
        for name, field in described.get("properties", {}).items():
            if name in said:
                field.setdefault("description", said[name])
        return described


def _said_in(record: type) -> Iterator[tuple[str, str]]:
    """Yield each field of a record's own with the string that follows it."""
    if not issubclass(record, Record):
        return
    (definition,) = ast.parse(inspect.getsource(record)).body
    assert isinstance(definition, ast.ClassDef)
    for field, after in pairwise(definition.body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
