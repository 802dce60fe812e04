"""The JSON Schema of a model, made once: thousands of lines can be wrong in one file."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel, PydanticInvalidForJsonSchema

Schema: TypeAlias = Mapping[str, Any]
"""As pydantic hands it out."""


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """Return the schema of a model, an empty one where pydantic makes none."""
    with suppress(PydanticInvalidForJsonSchema):
        return model.model_json_schema()
    return {}
