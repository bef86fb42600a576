"""Settings as a person writes them, and as they are in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from imgbuild.types import Metadata, Model, Value

if TYPE_CHECKING:
    from imgbuild.document import Document


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast a provider may be asked.

    concurrency: requests at a time. per_second: requests a second. per_minute: requests a minute.
    """

    concurrency: int | None = None
    per_second: float | None = None
    per_minute: float | None = None


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent, in US dollars. build: by one build. month: in one calendar month."""

    build: float | None = None
    month: float | None = None


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider costs that sends no bill. per_hour: price of each hour that it is at work, in US dollars."""

    per_hour: float


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the project allows.

    blocked: whole words that no prompt may hold. warned: whole words that are pointed out in prompts.
    prompt_length: characters a prompt may have.
    table_text: what becomes of table cells that read like instructions or Jinja.
    licenses: of the models that may be used, whichever their case; empty, any. providers: that may be used; empty, any.
    commercial: whether models must have licences that allow commercial use, as far as that is known.
    rights: whether assets with pictures from files, or with operations that read files, and models with LoRAs or
    adapters, must state their `rights`.
    metadata: what every image must say of itself at least.
    """

    blocked: list[str] = []
    warned: list[str] = []
    prompt_length: int = 4000
    table_text: Literal["allow", "warn", "refuse"] = "allow"
    licenses: list[str] = []
    providers: list[str] = []
    commercial: bool = False
    rights: bool = False
    metadata: Literal["none", "minimal", "full"] = "none"


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By whom `imgbuild sign` signs, and where the signed copies go.

    certificate: PEM file of the signer's certificate, and those above it. output: folder.
    """

    certificate: str = ""
    output: str = "signed"


class Notify(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told how builds went.

    url: address that is sent JSON by https, such as an incoming webhook of Slack; IMGBUILD_NOTIFY_URL goes before it.
    on: what has to have happened; failed: targets; refused: requests, by a provider; budget: it stopped the build, or
    the month's is used up by four fifths; done: all went well.
    template: what is sent in place of all fields; its texts are templates over them.
    """

    url: str = ""
    on: list[Literal["failed", "refused", "budget", "done"]] = field(
        default_factory=lambda: ["failed", "refused", "budget"]
    )
    template: dict[str, Value] = {}


class Review(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How images are approved. checklist: what has to be ticked for it."""

    checklist: list[str] = []


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another way to build the same specs, with outputs and state of its own.

    models: declared name, or `*` for all, → another model, or its name. size: in place of every size.
    params: over every model's and asset's. validate: false switches the rules off.
    attempts: in place of every asset's. output: folder; left out, the profile's name below the output folder.
    lock: whether the profile has a committed lock of its own.
    """

    models: dict[str, str | Model] = {}
    size: str = ""
    params: dict[str, Value] = {}
    validate: bool | None = None
    attempts: int | None = None
    output: str = ""
    lock: bool = False


class _Common(Struct, frozen=True, kw_only=True):
    """What is in force as it is written."""

    output: str = "out"
    store: str = ".imgbuild"
    cache: str | None = None
    limits: dict[str, Limit] = {}
    budget: Budget = Budget()
    cost: dict[str, Cost] = {}
    policy: Policy = Policy()
    metadata: Metadata = Metadata()
    credentials: Credentials = Credentials()
    notify: Notify = Notify()
    review: Review = Review()
    profiles: dict[str, Profile] = {}
    store_limit: str = ""
    jobs: int | None = None
    devices: list[str] = []
    resend: Literal["no", "yes", "ask"] = "no"


class SettingsFile(_Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A settings file, as a person wrote it; every key may be left out.

    specs: folders that hold specs. output: folder of the published images. store: folder of state and blobs.
    cache: folder that serves as second store. limits: provider → how fast it may be asked.
    budget: what may be spent. cost: provider that sends no bill → what its work costs.
    policy: what is allowed. metadata: what images say of themselves, where their assets don't say.
    credentials: of signed copies. notify: who is told how builds went. review: how images are approved.
    profiles: name → another way to build.
    store_limit: size that `gc` brings the store down to, such as "10 GB". jobs: work done at a time.
    devices: where local models draw that name none, such as cuda:0; of several, each has a process of its own.
    resend: whether requests of unknown fate are sent again after a crash; ask: you are asked at the terminal.
    """

    version: Literal[1] = 1
    specs: str | list[str] = "specs"


class Settings(_Common, frozen=True, kw_only=True):
    """The settings in force. output, specs: from the root; store, cache: from the root, or absolute.

    profile_name, profile: the active profile; `output` is its own. documents: the files they come from, the later
    over the earlier.
    """

    root: Path
    specs: tuple[str, ...] = ("specs",)
    profile_name: str = ""
    profile: Profile | None = None
    documents: tuple[Document, ...] = ()
