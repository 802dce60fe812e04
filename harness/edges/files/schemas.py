"""JSON Schemas of the files people write, from the same types that read them."""

from collections.abc import Mapping

from pydantic import BaseModel

from harness.core.config import Config
from harness.core.policy import Policy
from harness.core.suite import Case

SCHEMAS: Mapping[str, type[BaseModel]] = {"config": Config, "case": Case, "policy": Policy}
_FRACTION = r"^[0-9]+/[1-9][0-9]*$"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str) -> dict[str, object]:
    """Return the schema of one kind of file, as it is written: a tool may be a file's name, a share a fraction."""
    schema = SCHEMAS[kind].model_json_schema()
    schema["$schema"] = _DIALECT
    if kind == "case":
        properties = schema["properties"]
        properties["tools"]["items"] = {"anyOf": [{"type": "string"}, properties["tools"]["items"]]}
        rules = schema["$defs"]["Expect"]["properties"]["json_schema"]
        rules["anyOf"] = [{"type": "string"}, *rules["anyOf"]]
    if "Limits" in schema.get("$defs", {}):
        for name in ("min_coverage", "min_cases"):
            share = schema["$defs"]["Limits"]["properties"][name]
            for key in ("type", "ge", "le"):  # behind a validator, pydantic's words are not JSON Schema's
                share.pop(key, None)
            number = {"type": "number", "minimum": 0, "maximum": 1}
            share["anyOf"] = [number, {"type": "string", "pattern": _FRACTION}]
    return schema
