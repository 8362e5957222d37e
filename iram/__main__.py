"""The command `iram`, also as `python -m iram`: the one place here that knows of the study."""

import sys


def main() -> int:
    """Runs the command, and returns its exit code: 130 also where it is interrupted as it loads."""
    try:
        from analysis.commands.main import main as command

        return command()
    except KeyboardInterrupt:
        print("\niram: interrupted before it began", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
