"""``python -m bidswarm`` is the command ``bidswarm``."""

from scenarios.cli.main import main

if __name__ == "__main__":
    main()
