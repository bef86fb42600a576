"""The entry point: a build that has nothing to do ends here; everything else goes on to the command line."""

import os
import sys

INTERRUPTED = 130  # as in `errors.Exit`, which a build with nothing to do does not load


def main() -> int:
    """Run the command line; the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["build"]:
        from imgbuild.store.snapshot import recall

        told = recall(arguments, os.environ, os.getcwd())  # noqa: PTH109 - pathlib is a heavy import here
        if told is not None:
            if told[0]:  # nothing went wrong, and that is all that was asked for
                print(told[0])  # noqa: T201
            return told[1]
    from imgbuild.cli import run

    code = run(arguments, last=True)
    if code == INTERRUPTED:  # Python would wait for the threads that a second Ctrl-C has left
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
