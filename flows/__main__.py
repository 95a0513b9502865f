"""The `prefloop` command, also `python -P -m flows`."""

import sys

from flows.packages import foreign_package


def main() -> None:
    """Run the command line, if all of prefloop's packages are its own."""
    if fault := foreign_package():
        print(f"error: {fault}", file=sys.stderr)
        sys.exit(2)
    from flows.cli import app

    app()


if __name__ == "__main__":
    main()
