"""The command `iram`, also as `python -m iram`: the one place here that knows of the study."""

import sys

from analysis.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
