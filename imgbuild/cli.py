"""The command line: declarations only. Each verb's work is in `imgbuild.commands`, imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imgbuild import __version__
from imgbuild.commands.session import Session

F = TypeVar("F", bound=Callable[..., Any])


def known_targets(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
    """What the shell completes a target with."""
    from imgbuild.commands.completion import known_names

    return known_names(Path(ctx.find_root().params.get("directory") or "."), os.environ, begun)


PATHS = click.argument("paths", nargs=-1, metavar="[SPECS]...", type=click.Path())
SELECT = click.option(
    "-s",
    "--select",
    multiple=True,
    metavar="PATTERN",
    shell_complete=known_targets,
    help="Only these targets and what they need: id, glob, output path, handle, tag:…, model:…, state:…, var=label.",
)


SAMPLE = click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="A repeatable spread of N targets."
)
SHARD = click.option(
    "--shard", default="", metavar="I/N", help="Only the I-th of N parts, told apart by target id."
)


TRUST = click.option(
    "--trust", is_flag=True, help="Consent, for this run alone, to all that `imgbuild trust` would ask for."
)


def listed(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """The names of an option that takes several: each on its own, or with commas between them."""
    return tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",")))


class Command(click.Command):
    """A command whose help ends with examples, one a line, never wrapped: they are there to be copied."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Verbs(Command, click.Group):
    """The program itself: its help lists the verbs, and ends with examples too."""


def verb(name: str, *examples: str) -> Callable[[F], Command]:
    """Declare a verb of the command line with its two examples."""

    def declare(function: F) -> Command:
        handed = click.pass_context(function)
        return cast(Command, main.command(name, cls=Command, examples=examples)(handed))

    return declare


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=("imgbuild init", "imgbuild build specs/"),
)
@click.version_option(__version__, prog_name="imgbuild", message="%(prog)s %(version)s")
@click.option(
    "-C", "--directory", type=click.Path(file_okay=False, exists=True), help="Run as if started there."
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("-v", "--verbose", is_flag=True, help="Say more, and cut nothing.")
@click.pass_context
def main(ctx: click.Context, directory: str | None, quiet: bool, verbose: bool) -> None:
    """Make for generated images: specs in, checked images and a committed lock out."""
    ctx.obj = {"arguments": ctx.obj or (), "directory": directory, "quiet": quiet, "verbose": verbose}


def shared(function: F) -> F:
    """The options that every verb about a project takes."""
    for option in (
        click.option(
            "--profile", default="", metavar="NAME", help="Build under this profile of imgbuild.yaml."
        ),
        click.option("--json", is_flag=True, help="Machine-readable output, one object a line."),
        click.option("--plain", is_flag=True, help="No live display."),
        click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
        click.option("-v", "--verbose", is_flag=True, help="Say more, and cut nothing."),
    ):
        function = option(function)
    return function


def session(ctx: click.Context, **flags: Any) -> Session:
    """The session of one call, from the options of the group and of the verb."""
    from imgbuild.settings import find_root

    common = ctx.obj
    folder = Path(common["directory"] or ".").resolve()
    return Session(
        arguments=common["arguments"],
        folder=folder,
        root=find_root(folder),
        environ=os.environ,
        profile=flags.get("profile", ""),
        json=flags.get("json", False),
        plain=flags.get("plain", False),
        quiet=common["quiet"] or flags.get("quiet", False),
        verbose=common["verbose"] or flags.get("verbose", False),
        stdout=sys.stdout,
        stderr=sys.stderr,
    )


def split(flags: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A verb's options: those of every verb, and its own."""
    names = ("profile", "json", "plain", "quiet", "verbose")
    return {name: flags.pop(name) for name in names}, flags


@verb("build", "imgbuild build specs/", "imgbuild build --select 'catalog/*,color=red' --sample 50")
@PATHS
@SELECT
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Threads that finish and check images."
)
@click.option("-n", "--dry-run", is_flag=True, help="Only print the plan.")
@SAMPLE
@SHARD
@click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option(
    "--force", is_flag=True, help="Write over files that imgbuild did not publish, or that were edited."
)
@click.option("--reroll", is_flag=True, help="Also reroll locked images that fail an edited rule.")
@click.option("--retry-failed", is_flag=True, help="Try again what a rule or a provider turned down before.")
@click.option("--locked", is_flag=True, help="Exit with 5 instead of changing a lock.")
@click.option("--offline", is_flag=True, help="Use no network.")
@click.option("--frozen", is_flag=True, help="--locked and --offline.")
@click.option("--prune", is_flag=True, help="Remove even where many targets are declared no more.")
@click.option(
    "--resend/--no-resend", default=None, help="Send paid requests again whose answer was lost, or don't."
)
@click.option(
    "--wait/--no-wait", default=True, help="Wait for another build of this project, or exit with 6."
)
@click.option("--budget", type=click.FloatRange(0), metavar="USD", help="Spend at most so many US dollars.")
@click.option(
    "--sheet",
    default="",
    metavar="FILE",
    help="Draw all chosen images on one contact sheet at the end: a PNG.",
)
@TRUST
@shared
def build(ctx: click.Context, /, **flags: Any) -> int:
    """Bring images and locks up to date with the specs."""
    from imgbuild.commands.build import Flags, run_build

    common, own = split(flags)
    frozen = own.pop("frozen")
    own["locked"], own["offline"] = own["locked"] or frozen, own["offline"] or frozen
    return run_build(session(ctx, **common), Flags(**own))


@verb("plan", "imgbuild plan", "imgbuild plan specs/catalog.yaml --exit-code")
@PATHS
@SELECT
@SAMPLE
@SHARD
@click.option("--exit-code", is_flag=True, help="Exit with 4 while work is pending.")
@shared
def plan(ctx: click.Context, /, **flags: Any) -> int:
    """Say what a build would do, why, and what it would cost."""
    from imgbuild.commands.plan import run_plan

    common, own = split(flags)
    return run_plan(session(ctx, **common), **own)


@verb("why", "imgbuild why out/catalog/A1_red_0.png", "imgbuild why 3f2a91c0")
@click.argument("targets", nargs=-1, required=True, shell_complete=known_targets)
@shared
def why(ctx: click.Context, /, **flags: Any) -> int:
    """Say why a target is, or is not, up to date.

    Shows each field that changed since the locked image was made, old → new.
    """
    from imgbuild.commands.why import run_why

    common, own = split(flags)
    return run_why(session(ctx, **common), own["targets"])


@verb("ls", "imgbuild ls --select state:failed", "imgbuild ls --pictures -s 'hero/*'")
@PATHS
@SELECT
@click.option("--pictures", is_flag=True, help="Show the images, too, where the terminal can.")
@shared
def ls(ctx: click.Context, /, **flags: Any) -> int:
    """List the targets with their states, handles and outputs."""
    from imgbuild.commands.ls import run_ls

    common, own = split(flags)
    return run_ls(session(ctx, **common), own["paths"], own["select"], pictures=own["pictures"])


@verb("diff", "imgbuild diff", "imgbuild diff HEAD~1 'hero/*' -o changed.png")
@click.argument("revision", default="HEAD", metavar="[REVISION]")
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=known_targets)
@click.option(
    "-o", "--sheet", default="", metavar="FILE", help="Draw them before and after, side by side, too: a PNG."
)
@shared
def diff(ctx: click.Context, /, **flags: Any) -> int:
    """Say which images are others than at a revision of git.

    The locks of now are held against those that were committed then: in HEAD, if no REVISION is named. Nothing is
    built, and the working tree stays as it is.
    """
    from imgbuild.commands.diff import run_diff

    common, own = split(flags)
    return run_diff(session(ctx, **common), own["revision"], own["targets"], own["sheet"])


@verb("graph", "imgbuild graph --format mermaid", "imgbuild graph -s hero | dot -Tsvg > graph.svg")
@PATHS
@SELECT
@click.option(
    "--format", "form", type=click.Choice(["dot", "mermaid", "json"]), default="dot", show_default=True
)
@shared
def graph(ctx: click.Context, /, **flags: Any) -> int:
    """Draw which targets are made from which."""
    from imgbuild.commands.graph import run_graph

    common, own = split(flags)
    return run_graph(session(ctx, **common), own["paths"], own["select"], own["form"])


@verb("lock", "imgbuild lock --check", "imgbuild lock --reseed 'logo[style=plain]@sdxl#0'")
@click.argument("targets", nargs=-1, metavar="[MODEL|TARGET]...")
@click.option(
    "--check", "action", flag_value="check", default="check", help="Exit with 5 where the lock is behind."
)
@click.option(
    "--upgrade", "action", flag_value="upgrade", help="Resolve these models anew (all, if none is named)."
)
@click.option(
    "--reroute",
    "action",
    flag_value="reroute",
    help="Choose anew where a route took these models as the cheapest (all, if none is named).",
)
@click.option("--reseed", "action", flag_value="reseed", help="Move these targets to their next seed.")
@click.option(
    "--accept", "action", flag_value="accept", help="Adopt the images of these targets that drifted."
)
@click.option(
    "--retry-fallback",
    "action",
    flag_value="retry_fallback",
    help="Give these targets back to their own model.",
)
@TRUST
@shared
def lock(ctx: click.Context, /, **flags: Any) -> int:
    """Check the lock, or move pins and seeds on purpose."""
    from imgbuild.commands import lock as verbs
    from imgbuild.errors import UsageError

    common, own = split(flags)
    here = session(ctx, **common)
    if own["action"] == "check":
        return verbs.run_check(here)
    if own["action"] == "upgrade":
        return verbs.run_upgrade(here, own["targets"], trust=own["trust"])
    if own["action"] == "reroute":
        return verbs.run_reroute(here, own["targets"])
    if not own["targets"]:
        flag = own["action"].replace("_", "-")
        raise UsageError(f"--{flag} needs targets", hint="name them as `imgbuild ls` does")
    moves = {
        "reseed": verbs.run_reseed,
        "accept": verbs.run_accept,
        "retry_fallback": verbs.run_retry_fallback,
    }
    return moves[own["action"]](here, own["targets"])


@verb("watch", "imgbuild watch", "imgbuild watch --profile preview -s hero")
@PATHS
@SELECT
@click.option(
    "--budget",
    type=click.FloatRange(0),
    metavar="USD",
    help="What paid requests may spend a build (default: as the settings say, else nothing).",
)
@click.option("--open", is_flag=True, help="Show the gallery beside it, in the browser.")
@TRUST
@shared
def watch(ctx: click.Context, /, **flags: Any) -> int:
    """Build whatever a saved file affects, until Ctrl-C."""
    from imgbuild.commands.watch import run_watch

    common, own = split(flags)
    paths, select, budget = own.pop("paths"), own.pop("select"), own.pop("budget")
    return run_watch(session(ctx, **common), paths, select, budget, **own)


@verb("gallery", "imgbuild gallery --open", "imgbuild gallery -s 'hero/*' -o site/")
@PATHS
@SELECT
@click.option(
    "-o", "--output", default="", metavar="DIR", help="Write the page and its pictures there, as plain files."
)
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Not any free port, but this one.")
@click.option("--read-only", is_flag=True, help="Take no decisions.")
@click.option("--open/--no-open", default=False, help="Show it in the browser.")
@shared
def gallery(ctx: click.Context, /, **flags: Any) -> int:
    """Show what is built as a page in the browser, until Ctrl-C.

    The page is on this machine alone, and opens by the token in the address that is printed. With -o it is written as
    plain files, for any host of files or to be opened from a disk; nobody can decide on pictures there.
    """
    from imgbuild.commands.gallery import View, run_export, run_gallery

    common, own = split(flags)
    own["port"], folder = own["port"] or 0, own.pop("output")
    if folder:
        return run_export(session(ctx, **common), View(**own), folder)
    return run_gallery(session(ctx, **common), View(**own))


@verb("verify", "imgbuild verify", "imgbuild verify -s 'logo/*' --verbose")
@PATHS
@SELECT
@TRUST
@shared
def verify(ctx: click.Context, /, **flags: Any) -> int:
    """Make locked images again, and compare them with the lock."""
    from imgbuild.commands.verify import run_verify

    common, own = split(flags)
    return run_verify(session(ctx, **common), own["paths"], own["select"], trust=own["trust"])


@verb("review", "imgbuild review list", "imgbuild review approve -m 'as briefed' 'hero/*'")
@click.argument(
    "action",
    type=click.Choice(["approve", "pick", "reject", "comment", "star", "unstar", "list"]),
    metavar="ACTION",
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=known_targets)
@click.option("-m", "--note", default="", metavar="TEXT", help="Why, or what else is to be said.")
@click.option("--tick", multiple=True, metavar="ITEM", help="An item of the checklist that was looked at.")
@click.option("--by", default="", metavar="NAME", help="Who decides, if it is not who git names.")
@click.option(
    "--reseed", is_flag=True, help="With reject: move the seed on, so that a build makes another one."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["open", "changed", "approved", "rejected"]),
    help="With list: only those of this state.",
)
@shared
def review(ctx: click.Context, /, **flags: Any) -> int:
    """Decide on images, or list what was decided.

    ACTION is one of approve, pick, reject, comment, star, unstar and list. To pick an image approves it, and makes it
    the winner among those that it competes with.

    A decision is a line of the file beside the lock, SPEC.reviews: commit it. It holds for the picture that was looked
    at, whatever its file's metadata say, and for no other one.
    """
    from imgbuild.commands.review import Said, run_decide, run_list

    common, own = split(flags)
    here, action, only = session(ctx, **common), own.pop("action"), own.pop("only")
    if action == "list":
        return run_list(here, own["targets"], only)
    return run_decide(here, action, Said(**own))


@verb("sign", "imgbuild sign", "imgbuild sign -s 'hero/*' --to release")
@PATHS
@SELECT
@click.option("--to", default="", metavar="DIR", help="The folder for the copies.")
@click.option("--timestamp", default="", metavar="URL", help="An authority that confirms when.")
@click.option("-f", "--force", is_flag=True, help="Also write over files that are not ours.")
@shared
def sign(ctx: click.Context, /, **flags: Any) -> int:
    """Sign copies of the images with content credentials (C2PA).

    They tell what made each image, and of which pictures. IMGBUILD_C2PA_KEY holds the private key, or names its file;
    `credentials` in imgbuild.yaml, or IMGBUILD_C2PA_CERTIFICATE, names the certificates. Exits with 3 where rules hold
    an image back, with 1 where one is not up to date.
    """
    from imgbuild.commands.sign import run_sign

    common, own = split(flags)
    paths, select = own.pop("paths"), own.pop("select")
    return run_sign(session(ctx, **common), paths, select, **own)


DRY_RUN = click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")


@verb("init", "imgbuild init brand && imgbuild -C brand build", "imgbuild init --from old.png")
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path())
@click.option(
    "--from", "image", default="", metavar="FILE", help="Write a spec of what this image says made it."
)
@shared
def init(ctx: click.Context, /, **flags: Any) -> int:
    """Write a first spec, settings, and what git and editors need.

    Files that are there already stay as they are; .gitignore and .gitattributes get the lines they lack.
    """
    from imgbuild.commands.init import run_init

    common, own = split(flags)
    return run_init(session(ctx, **common), own["folder"], own["image"])


@verb("check", "imgbuild check --junit report.xml", "imgbuild check --rules brand.yaml photos/")
@PATHS
@SELECT
@click.option("--review", is_flag=True, help="Only the images that are up for review.")
@click.option("--approved", is_flag=True, help="Fail, too, while an image is not approved.")
@click.option(
    "--rules", default="", metavar="FILE", help="Hold any pictures, the PATHS, against this file's rules."
)
@click.option("--set", "sets", multiple=True, metavar="NAME", help="Only this rule set of that file.")
@click.option("--junit", default="", metavar="FILE", help="Write the verdicts as JUnit XML, too.")
@click.option("--sarif", default="", metavar="FILE", help="Write what is wrong as SARIF, too.")
@TRUST
@shared
def check(ctx: click.Context, /, **flags: Any) -> int:
    """Hold published images, or any pictures, against rules.

    Nothing is generated. Exits with 3 where a rule fails, with 1 where an image is missing or can't be read.
    """
    from imgbuild.commands.check import Asked, run_check

    common, own = split(flags)
    rules, sets = own.pop("rules"), own.pop("sets")
    asked = Asked(**own)
    if rules or sets:
        from imgbuild.commands.check_pictures import run_check_pictures

        return run_check_pictures(session(ctx, **common), asked, rules, sets)
    return run_check(session(ctx, **common), asked)


@verb("cost", "imgbuild cost --compare gpt-image-2,flux-2-pro", "imgbuild cost --spent --by asset,model")
@PATHS
@SELECT
@click.option(
    "--compare", multiple=True, callback=listed, metavar="MODEL", help="What it would cost on these models."
)
@click.option("--monthly", type=click.IntRange(1), metavar="N", help="What a month of N images would cost.")
@click.option("--spent", is_flag=True, help="What was spent so far, by day.")
@click.option(
    "--by", multiple=True, callback=listed, metavar="GROUP", help="Spent by day, asset, model, build."
)
@click.option("--since", default="", metavar="DATE", help="What was spent since then (UTC).")
@shared
def cost(ctx: click.Context, /, **flags: Any) -> int:
    """Say what a build would cost now, and one from nothing.

    On other models: those that specs declare, those of the list of prices, or any other one as provider/source.
    Several stand with commas between them.
    """
    from imgbuild.commands.cost import Asked, run_cost

    common, own = split(flags)
    return run_cost(session(ctx, **common), Asked(**own))


@verb("stats", "imgbuild stats --since 2026-03-01", "imgbuild stats --refusals -s 'catalog/*'")
@PATHS
@SELECT
@click.option("--since", default="", metavar="DATE", help="Only what was asked for since then (UTC).")
@click.option("--refusals", is_flag=True, help="What providers refused, with its prompts.")
@shared
def stats(ctx: click.Context, /, **flags: Any) -> int:
    """Tell how attempts at images went, by model.

    An attempt is an image that a model was asked for. Times and costs are those of all attempts, for each image that
    was accepted. What nobody was asked for, since a key was missing or a provider left alone, is no attempt.
    """
    from imgbuild.commands.stats import Asked, run_refusals, run_stats

    common, own = split(flags)
    run = run_refusals if own.pop("refusals") else run_stats
    return run(session(ctx, **common), Asked(**own))


@verb("manifest", "imgbuild manifest", "imgbuild manifest -s hero --format csv")
@PATHS
@SELECT
@click.option(
    "--format", "kind", type=click.Choice(["json", "csv"]), default="json", help="JSON, or a row an image."
)
@shared
def manifest(ctx: click.Context, /, **flags: Any) -> int:
    """Tell of each locked image all that made it.

    Prompt, model and its pin, seed, operations, verdicts, cost, and the digest of its file: the audit trail.
    """
    from imgbuild.commands.manifest import run_manifest

    common, own = split(flags)
    return run_manifest(session(ctx, **common), own["paths"], own["select"], own["kind"])


@verb("inspect", "imgbuild inspect out/hero.png", "imgbuild inspect --json downloads/*.png")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@shared
def inspect(ctx: click.Context, /, **flags: Any) -> int:
    """Tell what an image says made it, and its target.

    Prompt, model, seed and more, of images that imgbuild, AUTOMATIC1111's web UI, ComfyUI, InvokeAI, NovelAI or
    Fooocus made. Of an image of this project also the target, and the place in the spec.
    """
    from imgbuild.commands.inspect import run_inspect

    common, own = split(flags)
    return run_inspect(session(ctx, **common), own["files"])


@verb("clean", "imgbuild clean --dry-run", "imgbuild clean -s 'drafts/*' --yes")
@PATHS
@SELECT
@DRY_RUN
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@shared
def clean(ctx: click.Context, /, **flags: Any) -> int:
    """Remove published images; a build puts them back.

    The store and the lock stay. A file that was edited since it was published stays too.
    """
    from imgbuild.commands.clean import run_clean

    common, own = split(flags)
    here = session(ctx, **common)
    return run_clean(here, own["paths"], own["select"], dry_run=own["dry_run"], yes=own["yes"])


@verb("gc", "imgbuild gc --max-size '10 GB'", "imgbuild gc --older-than 30 --dry-run")
@click.option("--max-size", default="", metavar="SIZE", help="Shrink the store to this, oldest first.")
@click.option(
    "--older-than", type=click.FloatRange(0), metavar="DAYS", help="Only what was written before that."
)
@click.option("--all", "everything", is_flag=True, help="All that is not needed, whatever its age.")
@DRY_RUN
@shared
def gc(ctx: click.Context, /, **flags: Any) -> int:
    """Free space in the store; what locks and specs need stays.

    So does what was paid for, and what can't be made again.
    """
    from imgbuild.commands.gc import Bounds, run_gc

    common, own = split(flags)
    dry_run = own.pop("dry_run")
    return run_gc(session(ctx, **common), Bounds(**own), dry_run=dry_run)


@verb("trust", "imgbuild trust", "imgbuild trust --revoke")
@PATHS
@click.option("-y", "--yes", is_flag=True, help="Consent without being asked.")
@click.option("--revoke", is_flag=True, help="Forget what was consented to in this project.")
@shared
def trust(ctx: click.Context, /, **flags: Any) -> int:
    """Show what could harm you in this project, and consent to it.

    Building a project is as safe as reading it, but for what is listed here: without consent no build begins. It
    holds on this machine alone, and until what is declared, or a file that it is about, changes.
    """
    from imgbuild.commands.trust import run_revoke, run_trust

    common, own = split(flags)
    here = session(ctx, **common)
    return run_revoke(here) if own["revoke"] else run_trust(here, own["paths"], yes=own["yes"])


@verb("doctor", "imgbuild doctor", "imgbuild doctor --keys")
@click.option("--keys", is_flag=True, help="Test the keys that there are: one free request each.")
@click.option("--offline", is_flag=True, help="Use no network.")
@shared
def doctor(ctx: click.Context, /, **flags: Any) -> int:
    """Look over the installation and the project.

    Exits with 1 where something is broken. Names of keys are shown, never their values.
    """
    from imgbuild.commands.doctor import run_doctor

    common, own = split(flags)
    return run_doctor(session(ctx, **common), **own)


@verb("rules", "imgbuild rules", "imgbuild rules subject")
@click.argument("name", default="", metavar="[RULE]")
@shared
def rules(ctx: click.Context, /, **flags: Any) -> int:
    """List the rules for images, or tell all of one.

    What it measures, in which unit and by which source; when it holds; its parameters, and an example.
    """
    from imgbuild.commands.reference import run_rules

    common, own = split(flags)
    return run_rules(session(ctx, **common), own["name"])


@verb("operations", "imgbuild operations", "imgbuild operations resize")
@click.argument("name", default="", metavar="[OPERATION]")
@shared
def operations(ctx: click.Context, /, **flags: Any) -> int:
    """List the operations of `process`, or tell all of one."""
    from imgbuild.commands.reference import run_operations

    common, own = split(flags)
    return run_operations(session(ctx, **common), own["name"])


@verb("models", "imgbuild models", "imgbuild models --profile preview --json")
@shared
def models(ctx: click.Context, /, **flags: Any) -> int:
    """List the declared models: pins, licences, what they take."""
    from imgbuild.commands.models import run_models

    common, _ = split(flags)
    return run_models(session(ctx, **common))


@verb("completion", 'eval "$(imgbuild completion bash)"', "imgbuild completion fish | source")
@click.argument("shell", required=False, type=click.Choice(["bash", "zsh", "fish"]))
def completion(ctx: click.Context, /, shell: str | None) -> int:
    """Print a script that lets the shell complete verbs and targets."""
    from imgbuild.commands.completion import run_completion

    return run_completion(session(ctx), main, shell)


def run(arguments: Sequence[str], *, last: bool = False) -> int:
    """Run the command line; the one place where exceptions become exit codes. last: the process ends with it."""
    from imgbuild.commands.outcome import guarded

    def call() -> int:
        ended = main.main(list(arguments), prog_name="imgbuild", standalone_mode=False, obj=tuple(arguments))
        return ended if isinstance(ended, int) else 0

    return guarded(call, arguments, last=last)
