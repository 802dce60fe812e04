"""The schemas for editors say of every field what its source says."""

from typing import Any

import pytest

from harness.edges.files.schemas import SCHEMAS, json_schema


def described(schema: dict[str, Any]) -> dict[str, str]:
    """Return the fields that are described, with the record they belong to."""
    return {
        f"{definition['title']}.{name}": field["description"]
        for definition in (schema, *schema.get("$defs", {}).values())
        for name, field in definition.get("properties", {}).items()
        if "description" in field
    }


@pytest.mark.parametrize(
    ("kind", "field", "words"),
    [
        ("case", "ToolSpec.parameters", "JSON Schema of the arguments."),
        (
            "config",
            "Target.model",
            "Provider and model, such as anthropic/claude-sonnet-4-6 or simulated/steady.",
        ),
    ],
)
def test_a_field_is_described_by_the_words_below_it(kind: str, field: str, words: str) -> None:
    assert described(json_schema(kind))[field] == words


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_schema_describes_fields_of_its_own_and_of_the_records_in_it(kind: str) -> None:
    owners = {field.partition(".")[0] for field in described(json_schema(kind))}
    assert len(owners) > 1


def test_a_field_without_words_has_no_description() -> None:
    assert "Message.content" not in described(json_schema("case"))
