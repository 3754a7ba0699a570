"""``python -m bidswarm`` is the command ``bidswarm``."""

from scenarios.cli.entry import main

if __name__ == "__main__":
    main()
