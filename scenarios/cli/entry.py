"""Where the command ``bidswarm`` begins: it answers Ctrl-C while the program is still being loaded."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Load the command line and run it."""
    try:
        from scenarios.cli.main import main as run_command  # noqa: PLC0415 - a moment that Ctrl-C may come in

        run_command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was begun\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
