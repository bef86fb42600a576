"""What a model of this provider declares in its `params`, as nouns, and the JSON Schemas of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from imgbuild.document.shapes import components
from imgbuild.providers.http_api.addresses import ADDRESS, HOSTS, PATH
from imgbuild.providers.keys import NAME, OF_MODEL
from imgbuild.types import Value


def _text(pattern: str, must: str) -> Any:
    return Meta(pattern=pattern, extra_json_schema={"errorMessage": must})


Variable: TypeAlias = Annotated[
    str, _text(NAME, "must name an environment variable: IMGBUILD_…, or a vendor's …_API_KEY")
]
Address: TypeAlias = Annotated[
    str,
    _text(
        rf"^({ADDRESS}|{PATH})?$",
        "must be an address with its host written out, or begin with '/' to stand below 'base_url'",
    ),
]
FullAddress: TypeAlias = Annotated[
    str, _text(rf"^({ADDRESS})?$", "must be an address with its host written out")
]
Host: TypeAlias = Annotated[
    str, _text(rf"^(https?://)?{HOSTS}$", "must be a host, such as images.example.com or *.example.com")
]
Size: TypeAlias = Annotated[
    str, _text(r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", "must be WIDTHxHEIGHT in pixels, such as 1024x768")
]
Side: TypeAlias = Annotated[int, Meta(ge=1, le=16384)]
Pictures: TypeAlias = bool | Annotated[int, Meta(ge=1, le=100)]
Status: TypeAlias = Annotated[int, Meta(ge=400, le=599)]
State: TypeAlias = str | int | bool
JMESPath: TypeAlias = str  # empty: it is not looked for


class Sent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for one image. Text in it may hold templates.

    url: where it goes. method: of HTTP. headers: beside the key's. query: what is added to the address.
    json: the body, as JSON. form: the body, as fields of a form. multipart: the body, as fields and files.
    """

    url: Address
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, Value] = {}
    json: dict[str, Value] | list[Value] | None = None
    form: dict[str, Value] | None = None
    multipart: dict[str, Value] | None = None


class OAuth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Client credentials of OAuth 2: a token is fetched, and sent until it expires.

    url: of the endpoint that gives tokens. client_id, client_secret: the environment variables that hold them.
    scope: what the token is for. fields: further ones of its form, such as an audience.
    """

    url: FullAddress
    client_id: Variable
    client_secret: Variable
    scope: str = ""
    fields: dict[str, str] = {}


class Auth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the key goes along; left out, as `Authorization: Bearer …`.

    header: that holds it. prefix: of what the header holds. query: the parameter of the address that holds it.
    basic: whether it is user:password, for HTTP's basic authentication. oauth: a token beside the key, or in its place.
    """

    header: str = ""
    prefix: str | None = None
    query: str = ""
    basic: bool = False
    oauth: OAuth | None = None


class Refusal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answers refuse an image.

    status: codes of HTTP. when: a JMESPath that finds something in them, or true.
    """

    status: list[Status] = []
    when: JMESPath = ""


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers hold, each thing by its JMESPath. Without `base64` and `url` the answer is the image itself, and all
    else is looked for in its headers, whose names are in small letters.

    base64: the image as text. url: its address. seed: the one that was used. cost: of the image. credit: US dollars
    that one unit of the cost is. prompt: the one that was drawn, where it is rewritten. reason: why there is no image.
    retry_after: seconds to leave it alone. refused: which answers refuse. failed: what it finds only where a request
    came to nothing and costs nothing, though the status says that all is well.
    """

    base64: JMESPath = ""
    url: JMESPath = ""
    seed: JMESPath = ""
    cost: JMESPath = ""
    credit: Annotated[float, Meta(gt=0)] = 1.0
    prompt: JMESPath = ""
    reason: JMESPath = ""
    retry_after: JMESPath = ""
    refused: Refusal = Refusal()
    failed: JMESPath = ""


class Poll(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a request that was taken is asked for, until it is done.

    id: JMESPath of its name, in the answer that took it. url: where to ask for it, a template over `id`.
    address: JMESPath of the address to ask at, where the answer names that in place of an id.
    method: of HTTP. json: what is asked by POST, a template over `id`.
    state: JMESPath of how it stands; without one, it is done when an image is there.
    done, failed, refused: values of the state that end it. pending: the others; left out, any other.
    result: where the image then is fetched, a template over `id`; left out, what says that it is done has it.
    headers: of these requests. every: seconds between two of them, at first.
    """

    id: JMESPath = ""
    url: Address = ""
    address: JMESPath = ""
    method: Literal["GET", "POST"] = "GET"
    json: dict[str, Value] | list[Value] | None = None
    state: JMESPath = ""
    done: list[State] = []
    failed: list[State] = []
    refused: list[State] = []
    pending: list[State] = []
    result: Address = ""
    headers: dict[str, str] = {}
    every: Annotated[float, Meta(gt=0, le=600)] = 1.0


class Sides(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sizes a model makes, in pixels a side.

    min: the least. max: the most. multiple_of: what both sides are multiples of.
    """

    min: Side = 1
    max: Side = 16384
    multiple_of: Side = 1


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one parameter may be. type: of its value. enum: the only values. minimum, maximum: of a number."""

    type: Literal["string", "integer", "number", "boolean"] | None = None
    enum: list[str | int | float] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None


class Takes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the API takes beside a prompt. What is not named here is an error where an asset asks for it.

    negative: a negative prompt. seed: a seed. image, mask, control, reference: so many pictures; true: any number.
    sizes: the only ones, the first where an asset names none. sides: what sizes must keep to.
    params: the parameters, each with what it may be; left out, all that the request names.
    concurrency: how many requests it bears at a time.
    """

    negative: bool = False
    seed: bool = False
    image: Pictures = False
    mask: Pictures = False
    control: Pictures = False
    reference: Pictures = False
    sizes: list[Size] = []
    sides: Sides = Sides()
    params: dict[str, Parameter] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 4


class Declared(Struct, frozen=True, kw_only=True):
    """A model's own parameters; all others are the API's.

    request: what is sent for one image. auth: how the key goes along. answer: how the answer is read.
    poll: how a queue is asked. takes: what the API takes. hosts: others that may be asked with the key.
    grade: whether a seed gives the same picture again, as its maker says.
    """

    request: Sent
    auth: Auth = Auth()
    answer: Answer = Answer()
    poll: Poll | None = None
    takes: Takes = Takes()
    hosts: list[Host] = []
    grade: Literal["perceptual", "stored"] = "stored"
    base_url: FullAddress = ""
    key: str = ""
    timeout: float = 300.0


OWN = Declared.__struct_fields__
KEYED = ("request", "base_url")  # what of it changes the picture; how answers are read is in no key


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the model's own parameters, together; others may stand beside them."""
    (reference,), definitions = components([Declared])
    root = definitions.pop(reference["$ref"].rpartition("/")[2])
    root["properties"] |= OF_MODEL | {"base_url": root["properties"]["base_url"]}
    return {**root, "$defs": definitions}


def schemas() -> Mapping[str, Value]:
    """The JSON Schema of each of them."""
    root = schema()
    return {
        name: {**_resolved(found, root), "$defs": root["$defs"]} for name, found in root["properties"].items()
    }


def _resolved(found: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in found:
        return found
    return {**root["$defs"][found["$ref"].rpartition("/")[2]], "description": found.get("description", "")}
