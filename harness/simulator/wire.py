"""How calls and answers travel over HTTP: what the interfaces of all vendors have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.core.messages import Message, Role
from harness.core.replies import Answer
from harness.core.suite import ToolSpec
from harness.errors import InputError

Body = Mapping[str, object]


class BodyError(InputError):
    """A body that the interface does not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a body asks for."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int | None = None
    top_logprobs: int | None = None


class Dialect(Protocol):
    """One way to put a call and its answer into JSON."""

    def asked(self, body: bytes, model: str) -> Asked:
        """Read a body; `model` is the one that the address names, if it does. Raises BodyError."""
        ...

    def answered(self, answer: Answer, *, created: int) -> Body:
        """Write an answer."""
        ...

    def empty(self, answer: Answer, *, created: int) -> Body:
        """Write a response that holds no answer."""
        ...

    def error(self, status: int, code: str, message: str) -> Body:
        """Write an error."""
        ...


class Lenient(BaseModel):
    """A part of a body; what the simulator does not know of, it passes over, as a model server does."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Part(Lenient):
    type: str = "text"
    text: str = ""
    content: Any = None


Content = str | tuple[_Part, ...] | None


def plain_text(content: Content) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(part.text or (part.content if isinstance(part.content, str) else "") for part in content)


class ChatMessage(Lenient):
    role: str
    content: Content = None


class Function(Lenient):
    name: str
    description: str = ""
    parameters: Mapping[str, object] = Field(default_factory=dict)


_T = TypeVar("_T", bound=BaseModel)


def read_body(model: type[_T], body: bytes) -> _T:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise BodyError(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from error
    except RecursionError as error:
        raise BodyError("body: nested too deeply") from error


def message_of(role: str, text: str) -> Message:
    """Read a message. What a tool gave back is said to the model, as the user's words are."""
    match role:
        case "system" | "developer":
            return Message(role=Role.SYSTEM, content=text)
        case "assistant" | "model":
            return Message(role=Role.ASSISTANT, content=text)
        case "user" | "tool" | "function":
            return Message(role=Role.USER, content=text)
        case _:
            raise BodyError(f"messages: unknown role '{role}'")


def tool_specs(functions: Sequence[Function]) -> tuple[ToolSpec, ...]:
    return tuple(tool_spec(one.name, one.description, one.parameters) for one in functions)


def tool_spec(name: str, description: str, parameters: Mapping[str, object]) -> ToolSpec:
    try:
        return ToolSpec(name=name, description=description, parameters=parameters)
    except ValidationError as error:
        raise BodyError(f"tools: '{name}' is not a name for a function") from error


def call_id(answer: Answer, place: int) -> str:
    return f"call_{(answer.response_id or '')[-20:]}_{place}"
