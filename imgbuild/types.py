"""The frozen nouns that every other module speaks in. Plain data: no behaviour beyond what a noun is.

Digests are SHA-256 in unpadded base64url text (43 characters), as the lock writes them; only the names of
blob files are hexadecimal, because some file systems fold case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct, field

from imgbuild.price import Price

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Digest: TypeAlias = str
Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Any  # a JSON value: scalars, lists and string-keyed mappings of them
Size: TypeAlias = tuple[int, int]  # width and height, in pixels

# The parts that an input picture can play; a provider names those it takes.
ROLES = ("image", "mask", "control", "reference")
# What a model may be good at, which no parameter tells; routes can ask for it.
Trait: TypeAlias = Literal["text", "photorealism", "people"]
ON_SHEET = "sheet"  # what a picture is to the sheet that shows it


class Where(Struct, frozen=True, kw_only=True):
    """A place in a file: line and column count from 1; `text` is that whole source line."""

    file: str
    line: int
    column: int
    length: int = 1
    text: str = ""


class Grade(StrEnum):
    """How far a target can be reproduced: equal bits, equal to the eye, or only as stored bytes."""

    BITWISE = "bitwise"
    PERCEPTUAL = "perceptual"
    STORED = "stored"


# --- what a provider is asked for, and what it gives --------------------------------------------------


class Capabilities(Struct, frozen=True, kw_only=True):
    """What one model takes. Whatever a spec asks beyond this is an error at compile time.

    takes: of "negative", "seed", and the names in ROLES.
    params: the model parameters it takes, each with the JSON Schema of its value. of_model: those that only the
    model's declaration may set. unkeyed: those that are in no key, because they can't change a pixel or because
    the pin's `weights` say what they stand for. verbatim: those whose text stays as it is written: what looks like a
    template in it is the provider's to fill, and knows no cell. needs: for a parameter or a role, the role without
    which it means nothing. pictures: for a role, how many it takes, where that is settled. ways: for a role, "negative"
    or "size" that it doesn't take, what would let it.
    sized: whether it can be told a size; else its images are as large as it makes them.
    multiple_of: both sides of a size must be multiples of this many pixels.
    min_side, max_side: pixels. sizes: where not empty, the only sizes there are, as (width, height).
    batch: how many images one call makes at most; concurrency: how many calls run at a time.
    prompt_tokens: how much of a prompt the model reads; 0 where that is not known.
    safety: what is done so that no harmful picture comes of it, in a few words for people.
    """

    takes: frozenset[str]
    grade: Grade
    params: Mapping[str, Value] = field(default_factory=dict)
    of_model: frozenset[str] = frozenset()
    unkeyed: frozenset[str] = frozenset()
    verbatim: frozenset[str] = frozenset()
    needs: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, int] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    sized: bool = True
    multiple_of: int = 1
    min_side: int = 1
    max_side: int = 16384
    sizes: tuple[tuple[int, int], ...] = ()
    default_size: tuple[int, int] = (1024, 1024)
    batch: int = 1
    concurrency: int = 4
    prompt_tokens: int = 0
    safety: str = "not known"


class Pin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A declared model, resolved to something that does not move.

    revision: the commit, version hash or dated snapshot; weights: digest of the files, where they are at hand.
    declared: the revision that the spec asked for when this was resolved ("main"); a change of it moves the pin.
    adapter: version of the provider's adapter that resolved it. takes: what the adapter found out when it looked at
    the model's files, for itself to read; `weights` then say all that there is to say of the model.
    chosen: digests of what was declared where this model was the cheapest of several, so that it stays; only locks hold
    it, and no request does.
    """

    provider: str
    source: str = ""
    revision: str = ""
    weights: str = ""
    declared: str = ""
    adapter: int = 1
    takes: dict[str, Value] = {}
    chosen: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash((self.provider, self.source, self.revision, self.weights, self.declared, self.adapter))


class Concern(Struct, frozen=True, kw_only=True):
    """Something that a declaration wants and that could harm the reader, who must consent to it first.

    wants: what it wants and what that could do, as a sentence goes on that began with the model, or with the asset
    whose rule or operation it is ("reads …: …").
    place: the way to what asks for it, within the declaration. files: of the project, by their paths from the root,
    in which the harm could lie; another content of them is another concern.
    """

    wants: str
    place: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class Request(Struct, frozen=True, kw_only=True):
    """One image to make. It holds only what is in the step's key: a provider can see nothing else.

    width, height: pixels. seed: below 2**31. params: the merged model and asset parameters (steps, guidance,
    strength, …), and those that the capabilities call unkeyed. inputs: for each role the pictures given, in order.
    given: where a price is asked for, in place of the pictures their sizes, as far as they are known.
    """

    pin: Pin
    prompt: str
    negative: str
    width: int
    height: int
    seed: int
    params: Mapping[str, Value] = field(default_factory=dict)
    inputs: Mapping[str, Sequence[PILImage]] = field(default_factory=dict)
    given: Mapping[str, Sequence[Size]] = field(default_factory=dict)


class Image(Struct, frozen=True, kw_only=True):
    """What a provider made of one request: pixels from a local model, or the bytes a vendor sent.

    Exactly one of `pixels` and `data` is given. seed: the one the model says it used, if it says.
    cost: US dollars. tokens: how many of each kind it took, as prices have them, if the vendor says.
    memory: the most bytes that making it took of a device, if it says.
    info: what else the vendor reported (revised prompt, request id), for the record.
    """

    pixels: PILImage | None = None
    data: bytes | None = None
    seed: int | None = None
    cost: float | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    memory: int = 0
    info: Mapping[str, Value] = field(default_factory=dict)


class Account(Struct, frozen=True, kw_only=True):
    """What a vendor, or another server, says to whoever asks it with a key that it takes.

    credits: how many are left. dollars: what they are worth, US. models: the names of those that may be asked for, each
    with the day of its end, if one is announced; empty: that is not said. note: what else is worth knowing.
    """

    credits: float | None = None
    dollars: float | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


class Activity(Struct, frozen=True, kw_only=True):
    """What a provider is at for the requests of one call; it lasts until another is told, or the call ends.

    pin: of the model. doing: "fetch" its files, "load" it, or "draw". source: where files come from.
    done, total: bytes of the files, or steps of the pictures that are drawn together; total is 0 where it is not known.
    """

    pin: Pin
    doing: Literal["fetch", "load", "draw"]
    source: str = ""
    done: int = 0
    total: int = 0


class Allowance(Struct, frozen=True, kw_only=True):
    """What a vendor says of its rate limit.

    calls: that it still takes at once. per_second: calls that are added to these all the time. until: seconds after
    which they are as many as ever, where nothing is added before.
    """

    calls: int
    per_second: float | None = None
    until: float = 0.0


# --- checking -----------------------------------------------------------------------------------------

OnFail: TypeAlias = Literal["fail", "warn", "review", "reroll"]
Status: TypeAlias = Literal["pass", "warn", "review", "fail"]


class Finding(Struct, frozen=True, kw_only=True):
    """What a rule says of a measurement: whether it holds, the measured figure, and the limit in words.

    others: for a rule over a group, the ids of the members this one clashes with.
    """

    ok: bool
    figure: Value
    unit: str = ""
    limit: str = ""
    others: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """A finding with its consequence: `status` is what the rule's `on_fail` makes of it."""

    rule: str
    status: Status
    on_fail: OnFail
    figure: Value
    unit: str = ""
    limit: str = ""
    others: tuple[str, ...] = ()


# --- the spec, as written ------------------------------------------------------------------------------


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared model: which provider makes the images, from what source, with which parameters.

    provider: the adapter that makes the images, such as placeholder, diffusers or openai; or weights, for a model that
    makes none, and that rules and operations use.
    source: a hub id, a folder that begins with './', or the vendor's name of the model.
    revision: a branch, tag, commit or version; what it stands for is pinned in the lock.
    size: WIDTHxHEIGHT in pixels, for assets that name none.
    params: the model's parameters (steps, guidance, …); text in them that begins with './' is a path from here.
    price: of an image in US dollars, or as an entry of the list of prices has it, where you know better than the list,
    or that has none.
    traits: what it is good at, as a list, or each with true or false: text (that can be read), photorealism, people.
    license: as the model's maker names it, for policies and routes that look at it; `commercial` where its terms allow
    commercial use and have no name.
    rights: by which you use what is in it beside what `license` covers, such as a LoRA, with its licence; in words, for
    the record and for policies.
    unsupported: what becomes of that which the model can't take; `fold` writes it into the prompt.
    fallback: models that take over, in order, when this one refuses or is gone.
    """

    provider: str
    source: str = ""
    revision: str = ""
    size: str = ""
    params: dict[str, Value] = {}
    price: float | Price | None = None
    traits: list[Trait] | dict[Trait, bool] = []
    license: str = ""
    rights: str = ""
    unsupported: Literal["error", "drop", "fold"] | dict[str, Literal["error", "drop", "fold"]] = "error"
    fallback: list[str] = []


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prompt with holes, the names it requires and the words it must not come to hold.

    prompt: Jinja text over the cell's variables. negative: what the picture must not show.
    requires: variables that must be bound, and not be empty.
    forbid: whole words that must not be in the rendered prompt.
    """

    prompt: str
    negative: str = ""
    requires: list[str] = []
    forbid: list[str] = []


class Seeds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count` seeds for each cell: derived, or counted up from `base`.

    count: how many images each cell gets. base: the first seed; the others follow it.
    per: the variables that a derived seed depends on; cells that agree in them share their seeds.
    """

    count: int
    base: int | None = None
    per: list[str] | None = None


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A matrix axis read from a file: each row binds its columns.

    key: the column that names the row in target ids. csv: path of a CSV file with a header row.
    json: path of a JSON file that holds an array of objects.
    where: a Jinja expression over the row; only rows in which it holds are taken.
    delimiter: what parts the cells of the CSV file, where it can't be told from the header.
    """

    key: str
    csv: str = ""
    json: str = ""
    where: str = ""
    delimiter: str = ""


class Needs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model must have to be among those of which a route takes the cheapest.

    text: that it draws text that can be read. photorealism: that its pictures look like photographs. people: that it
    draws people as they are. license: `commercial` for one that is known to allow commercial use, or the name of a
    licence, or several of which it has one. max_price: US dollars that an image may cost.
    """

    text: bool = False
    photorealism: bool = False
    people: bool = False
    license: str | list[str] = ""
    max_price: float | None = None


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a route: the model for the cells in which the Jinja expression `when` holds.

    model: name of a declared model. cheapest: names of several, of which the one is taken that costs least among those
    that have what is needed and can take what the cell asks for; at equal prices the one that stands first.
    needs: what such a model must have, and its fallbacks, too.
    when: a Jinja expression over the cell, and over the asset's `tags`; left out, it always holds.
    """

    model: str = ""
    cheapest: list[str] = []
    needs: Needs = Needs()
    when: str = ""

    @property
    def models(self) -> list[str]:
        """The models that it may pick, as they are written."""
        return [self.model] if self.model else self.cheapest


class Edge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Targets of another asset as input: those that agree with this cell in the variables of `match`.

    asset: `name`, or `spec/name` for another file. match: variables that must agree; left out, all that both have.
    model, index: which of several, where that is not settled by the cell.
    """

    asset: str
    match: list[str] | None = None
    model: str = ""
    index: int | None = None


class Pick(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The winner among targets of another asset as input: which one it is, people say by `imgbuild review pick`.

    pick: that asset: `name`, or `spec/name` for another file. match: variables in which those that compete agree with
    this cell; left out, all that both have. model, index: only those of one model, or of one seed, compete.
    """

    pick: str
    match: list[str] | None = None
    model: str = ""
    index: int | None = None


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Images that compete: people pick the winner by `imgbuild review pick`, and it is published under one name.

    over: the variables whose values compete, and `model` or `seed` where these do; those that agree in all others are
    rivals. output: path of the winner in the output folder, the same for all rivals.
    """

    over: list[str]
    output: str


class Sheet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture of all the targets of another asset, in rows: a contact sheet, or a sprite sheet with its map.

    asset: `name`, or `spec/name` for another file; or pick: that asset, of which only the winners are shown, under the
    names that its own `pick` gives them. match: variables in which those must agree with this cell; left out, all that
    both have. model, index: only those of one model, or of one seed.
    columns: how many stand in a row; left out, about as many as there are rows.
    cell: WIDTHxHEIGHT in pixels, into which larger pictures are scaled down; left out, as large as the largest is.
    gap, margin: pixels between cells, and around all. background: a colour, or transparent.
    labels: whether each picture's name stands below it. names: what it is called: its output's `name`, without folder
    and suffix, or its whole `path`. map: whether a JSON file beside the sheet tells where each picture is.
    """

    asset: str = ""
    pick: str = ""
    match: list[str] | None = None
    model: str = ""
    index: int | None = None
    columns: int | None = None
    cell: str = ""
    gap: int = 0
    margin: int = 0
    background: str = "transparent"
    labels: bool = False
    names: Literal["name", "path"] = "name"
    map: bool = False


class Format(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file type of the published image and the encoder's options (None: the encoder's default).

    type: of the file. quality: of a lossy encoder, 1 to 100. lossless: whether a webp file keeps every pixel.
    compress_level: of a png file, 0 (fast) to 9 (small). sizes: sides of the pictures in an ico file, in pixels.
    """

    type: Literal["png", "jpeg", "webp", "avif", "tiff", "ico"] = "png"
    quality: int | None = None
    lossless: bool | None = None
    compress_level: int | None = None
    sizes: list[int] | None = None


class Metadata(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What images say of themselves, in EXIF, XMP and, where readers look for it, the text of A1111's web UI.

    level: none; minimal, that a model made them (IPTC's digital source type), and what is stated here; or full, also
    prompt, seed, parameters and model. sidecar: whether a JSON file beside the image says it, too. license: of the
    image, as text or the address of a page. credit: whom to name. creator: who made it. copyright: the notice.
    """

    level: Literal["none", "minimal", "full"] | None = None
    sidecar: bool | None = None
    license: str = ""
    credit: str = ""
    creator: str = ""
    copyright: str = ""


class Rendition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Further files that are made of every image of an asset, from its pixels before they are encoded.

    process: operations on them, in order. widths: a file for each, as wide as that, in pixels.
    formats: a file for each. format: of the file, where there is one; left out, as its output says, else png.
    preset: `favicon` or `social`, the files that browsers and social networks look for. output: path in the output
    folder.
    """

    preset: str = ""
    process: list[Value] = []
    widths: list[int] = []
    formats: list[str | Format] = []
    format: str | Format | None = None
    output: str = ""


class Asset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A named entry of a spec, as written. `process` and `validate` items are one-key mappings or names.

    template: name of a declared template. prompt: Jinja text, in place of a template.
    negative: what the picture must not show, over the template's. requires: variables that must be bound, not empty.
    forbid: whole words that must not be in the rendered prompt. from: path of existing pictures; no model is used.
    sheet: the asset whose pictures it shows all in one; no model is used.
    rights: by which you use these pictures, those of `inputs`, and files that operations read, such as logos and fonts;
    in words, for the record and for policies.
    tags: for selections. vars: variables that are the same in every cell.
    matrix: variables and their values; every combination is a cell. models: every one builds every cell.
    route: the first line that holds picks one model per cell; one line alone needs no list.
    seeds: how many images a cell gets, or which.
    size: WIDTHxHEIGHT in pixels. params: over the model's own. inputs: pictures that go into the model.
    process: operations on the pixels, in order. format: of the published file.
    validate: rules that every image must pass. attempts: how many seeds a `reroll` may try.
    output: path of the image in the output folder. pick: which images compete, and where the winner is published, too.
    renditions: further files of every image, or names of presets.
    metadata: what the image says of itself, over the project's: a level, or more.
    """

    template: str = ""
    prompt: str = ""
    negative: str = ""
    requires: list[str] = []
    forbid: list[str] = []
    from_: str = ""
    sheet: str | Sheet | None = None
    rights: str = ""
    tags: list[str] = []
    vars: dict[str, Value] = {}
    matrix: dict[str, Value] = {}
    models: list[str] = []
    route: list[Route] | Route = []
    seeds: int | list[int] | Seeds = 1
    size: str = ""
    params: dict[str, Value] = {}
    inputs: dict[str, Value] = {}
    process: list[Value] = []
    format: str | Format | None = None
    validate: list[Value] = []
    attempts: int = 3
    output: str = ""
    pick: Trial | None = None
    renditions: dict[str, str | Rendition] = {}
    metadata: str | Metadata | None = None

    @property
    def is_generated(self) -> bool:
        """Whether a model makes its pictures."""
        return not self.from_ and self.sheet is None

    @property
    def routes(self) -> list[tuple[tuple[str | int, ...], Route]]:
        """The lines of its route, each with the way to it."""
        if isinstance(self.route, Route):
            return [(("route",), self.route)]
        return [(("route", at), line) for at, line in enumerate(self.route)]


class SpecFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of one YAML file, as a person wrote it.

    version: of this format. include: other files whose models, templates and rule sets are used here, relative to
    this one. models: what makes the images. templates: prompts to share. rules: sets of rules, by the name that
    `validate` and other sets have for them. assets: what is to be made.
    """

    version: Literal[1] = 1
    include: list[str] = []
    models: dict[str, Model] = {}
    templates: dict[str, Template] = {}
    rules: dict[str, list[Value]] = {}
    assets: dict[str, Asset] = {}


# --- the spec, expanded ----------------------------------------------------------------------------------


class Ask(Struct, frozen=True, kw_only=True, gc=False):
    """What one model is asked for on behalf of one target; the seed is added by the attempt.

    alias: the model's declared name. Everything the model can't take has been dropped or folded by now; folded: the
    negative prompt that was folded into `prompt`. unkeyed: parameters that are in no key (see Capabilities).
    """

    alias: str
    prompt: str
    negative: str
    width: int
    height: int
    params: Mapping[str, Value]
    folded: str = ""
    unkeyed: Mapping[str, Value] = {}


class Change(Struct, frozen=True, kw_only=True):
    """One thing that the next attempt asks of a model otherwise. name: "prompt", "negative" or a parameter's.

    value: what takes the place of the old one or, where it `adds`, what is added to it: a number, or text.
    folds: the model takes its negative prompt folded into the prompt.
    """

    name: str
    value: Value
    adds: bool = False
    folds: bool = False


class Adjustment(Struct, frozen=True, kw_only=True):
    """What a rule of a recipe changes of the next attempt when it turns one down.

    label: the rule's name or, where others of that name adjust before it, that with its number: "sharpness#2".
    place: among the recipe's rules. changes: for the recipe's model, then for each fallback.
    """

    label: str
    place: int
    changes: tuple[tuple[Change, ...], ...]


class Input(Struct, frozen=True, kw_only=True):
    """A picture that goes into a target: a file (path from the project's root) or another target's pixels.

    name: what a sheet calls it. picked: where that target was picked as the winner, the pixels that it had then; it may
    have others by now. rivals: those that it won against.
    """

    role: str
    file: str = ""
    target: str = ""
    name: str = ""
    picked: Digest = ""
    rivals: tuple[str, ...] = ()


class Bound(Struct, frozen=True, kw_only=True):
    """A model as the recipes of a spec use it: its declaration after profiles, and whose lock pins it.

    home: the spec whose file declares it, so whose lock holds its pin. where: the declaration's place.
    """

    alias: str
    home: str
    model: Model
    capabilities: Capabilities
    where: Where


Text: TypeAlias = Literal["map.json", "sidecar.json"]


class Rendered(Struct, frozen=True, kw_only=True, eq=False):
    """One more file that is made of every image of a recipe. name: within the asset, as the lock has it.

    takes_drawn: whether its operations take in pictures that models made.
    """

    name: str
    process: tuple[Any, ...] = ()
    format: Format
    takes_drawn: bool = False


class Recipe(Struct, frozen=True, kw_only=True, eq=False):
    """What all targets of one asset and model share.

    spec: name of the spec ("catalog"); asset: its name; model: None where the pictures exist already (`from`), or are
    a `sheet` of others.
    rights: by which pictures that go in are used, as the asset says it.
    process, rules: operations and rules of the registries, ready to use. fallbacks: models that take over.
    rivals: models that a route may take in place of this one, with theirs: what they take is a part of its choice.
    adjustments: of its rules, those that adjust what is asked for, in their order.
    texts: further files that are text, and what is in them. takes_drawn: whether it takes in pictures that models made,
    or had a part in.
    weights: models that the operations and rules use.
    """

    spec: str
    asset: str
    model: Bound | None
    fallbacks: tuple[Bound, ...] = ()
    rivals: tuple[Bound, ...] = ()
    weights: tuple[Bound, ...] = ()
    tags: tuple[str, ...] = ()
    rights: str = ""
    sheet: Sheet | None = None
    process: tuple[Any, ...] = ()
    format: Format
    rules: tuple[Any, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    renditions: tuple[Rendered, ...] = ()
    texts: tuple[Text, ...] = ()
    takes_drawn: bool = False
    metadata: Metadata = Metadata(level="none")
    attempts: int = 3
    where: Where

    @property
    def file_names(self) -> Iterator[str]:
        """Names of all further files, in their order."""
        yield from (rendition.name for rendition in self.renditions)
        yield from self.texts

    @property
    def operations(self) -> Iterator[Any]:
        """Every operation there is in it, those of renditions too."""
        yield from self.process
        for rendition in self.renditions:
            yield from rendition.process

    @property
    def steps(self) -> Iterator[Any]:
        """Every operation and rule there is in it."""
        yield from self.operations
        yield from self.rules


class Won(Struct, frozen=True, kw_only=True, eq=False):
    """That a target won over its rivals: its image is published at `output`, too, as long as it has these pixels."""

    output: str
    pixels: Digest


class Target(Struct, frozen=True, kw_only=True, eq=False):
    """One image to be published: asset × cell × model × seed index.

    id: `catalog/thumbnails[sku=A1,color=red]@sdxl#0`. cell: (variable, label) in the matrix's order.
    seed: of attempt 0; `explicit` says that the spec wrote it down. asks: for the recipe's model, then for
    each fallback, in order; empty where `from` names existing pictures, which then are the one input of role "image",
    and for a sheet, whose pictures are inputs of role "sheet".
    output: path under the output folder; files: those of the recipe's renditions, then of its texts, in their order.
    won: where it is published because it was picked. fault: why this target can't be made, found while expanding its
    row.
    """

    id: str
    recipe: Recipe
    cell: tuple[tuple[str, str], ...]
    index: int
    seed: int
    explicit: bool = False
    asks: tuple[Ask, ...]
    inputs: tuple[Input, ...] = ()
    output: str
    files: tuple[str, ...] = ()
    won: Won | None = None
    fault: str = ""
    hint: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is published for it, as long as it is the winner where it was picked."""
        own = (self.output, *self.files)
        return own if self.won is None else (*own, self.won.output)

    def paths_with(self, line: Line | None) -> tuple[str, ...]:
        """Every path that is published for it with this line of the lock."""
        if self.won is None or (line is not None and line.pixels == self.won.pixels):
            return self.paths
        return (self.output, *self.files)


# --- lock and store ----------------------------------------------------------------------------------------


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A target's line in the lock. A line without `image` is reseeded and waits for its build, of what `intent` says.

    inputs: digest of the pixels that came from other targets, where any did; a reseeded or merged upstream shows here.
    raw: the generated blob; image: the published bytes; pixels: the decoded picture before encoding; phash: its
    64-bit perceptual hash in hexadecimal; via: alias of the fallback model that made it. adjusted: labels of the
    rules that adjusted what it was asked for with, since they turned down what came before it; in order, each as often
    as it did. files: the published bytes of its renditions and texts, by their names.
    """

    intent: Digest = ""
    seed: int
    attempt: int
    inputs: Digest = ""
    raw: Digest = ""
    image: Digest = ""
    pixels: Digest = ""
    phash: str = ""
    grade: Grade = Grade.BITWISE
    via: str = ""
    adjusted: tuple[str, ...] = ()
    files: dict[str, Digest] = {}

    def __hash__(self) -> int:
        return hash((self.intent, self.seed, self.attempt, self.inputs, self.raw, self.image, self.via))


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step with this key gave. `step` is "generate", "import", "sheet", an operation's name, or "encode".

    seconds: wall time. cost: US dollars. created: seconds since the epoch. manifest: the key's fields, readable.
    environment: library versions and device, where they may have shaped the pixels.
    """

    key: Digest
    step: str
    blob: Digest
    pixels: Digest
    phash: str = ""
    seed: int | None = None
    seconds: float = 0.0
    cost: float = 0.0
    created: float = 0.0
    manifest: dict[str, Value] = {}
    environment: dict[str, str] = {}
    info: dict[str, Value] = {}


class Tried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt that rules turned down. asked: what it asked for otherwise than declared, by its name.

    adjusted: labels of the rules that had adjusted that by then. verdicts: of the rules that it broke.
    """

    attempt: int
    seed: int
    adjusted: tuple[str, ...] = ()
    asked: dict[str, Value] = {}
    verdicts: tuple[Verdict, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a target last ended, for as long as `holds_for` (its intent, rules, attempts and image) stands.

    state: "pass", "warn", "review" and "fail" tell of the published image; "failed" that no image was accepted.
    rules: digest of the rules and attempts, under which their record is found.
    peers: digest of the images it was compared with, its own among them; empty where it was compared with none.
    attempts: those that were turned down on the way to it.
    """

    holds_for: Digest
    rules: Digest = ""
    peers: Digest = ""
    state: Literal["pass", "warn", "review", "fail", "failed"]
    why: str = ""
    hint: str = ""
    verdicts: tuple[Verdict, ...] = ()
    attempts: tuple[Tried, ...] = ()
