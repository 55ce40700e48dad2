"""Run the command line as `python -m modelgen`."""

from modelgen.cli import main

main()
