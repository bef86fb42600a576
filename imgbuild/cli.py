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

PATHS = click.argument("paths", nargs=-1, metavar="[SPECS]...")
SELECT = click.option(
    "-s",
    "--select",
    multiple=True,
    metavar="PATTERN",
    help="Only these targets and what they need: id, glob, output path, handle, tag:…, model:…, state:…, var=label.",
)


class Command(click.Command):
    """A command whose help ends with examples, one a line, as they were written."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write_text(example)


def verb(name: str, *examples: str) -> Callable[[F], Command]:
    """Declare a verb of the command line with its two examples."""

    def declare(function: F) -> Command:
        handed = click.pass_context(function)
        return cast(Command, main.command(name, cls=Command, examples=examples)(handed))

    return declare


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imgbuild")
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
@click.option("--sample", type=click.IntRange(1), metavar="N", help="A repeatable spread of N targets.")
@click.option("--shard", default="", metavar="I/N", help="Only the I-th of N parts, told apart by target id.")
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
@click.option("--resend", is_flag=True, help="Send paid requests again whose answer was lost.")
@click.option(
    "--wait/--no-wait", default=True, help="Wait for another build of this project, or exit with 6."
)
@click.option("--budget", type=click.FloatRange(0), metavar="USD", help="Spend at most so many US dollars.")
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
@click.option("--exit-code", is_flag=True, help="Exit with 4 while work is pending.")
@shared
def plan(ctx: click.Context, /, **flags: Any) -> int:
    """Say what a build would do, why, and what it would cost."""
    from imgbuild.commands.plan import run_plan

    common, own = split(flags)
    return run_plan(session(ctx, **common), own["paths"], own["select"], exit_code=own["exit_code"])


@verb("why", "imgbuild why out/catalog/A1_red_0.png", "imgbuild why 3f2a91c0")
@click.argument("targets", nargs=-1, required=True)
@shared
def why(ctx: click.Context, /, **flags: Any) -> int:
    """Say why a target is, or is not, up to date: each changed field, old → new."""
    from imgbuild.commands.why import run_why

    common, own = split(flags)
    return run_why(session(ctx, **common), own["targets"])


@verb("ls", "imgbuild ls", "imgbuild ls --select state:failed")
@PATHS
@SELECT
@shared
def ls(ctx: click.Context, /, **flags: Any) -> int:
    """List the targets with their states, handles and outputs."""
    from imgbuild.commands.ls import run_ls

    common, own = split(flags)
    return run_ls(session(ctx, **common), own["paths"], own["select"])


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
@click.option("--reseed", "action", flag_value="reseed", help="Move these targets to their next seed.")
@click.option(
    "--accept", "action", flag_value="accept", help="Adopt the images of these targets that drifted."
)
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
        return verbs.run_upgrade(here, own["targets"])
    if not own["targets"]:
        raise UsageError(f"--{own['action']} needs targets", hint="name them as `imgbuild ls` does")
    return (verbs.run_reseed if own["action"] == "reseed" else verbs.run_accept)(here, own["targets"])


def run(arguments: Sequence[str]) -> int:
    """Run the command line; the one place where exceptions become exit codes."""
    from imgbuild.commands.outcome import guarded

    def call() -> int:
        ended = main.main(list(arguments), prog_name="imgbuild", standalone_mode=False, obj=tuple(arguments))
        return ended if isinstance(ended, int) else 0

    return guarded(call, arguments)
