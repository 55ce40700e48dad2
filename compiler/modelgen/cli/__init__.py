"""The command line: one thin module per command."""

import atexit
import gc
import os
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    # A run is short and makes few cycles. The garbage collector would walk every model of a large file many times (a
    # third of the time for 1,000 models), and the imports too, so it is off before anything is imported.
    gc.disable()
    # The interpreter would collect once more at its end, although all memory is about to be released.
    atexit.register(gc.freeze)
    # pydantic would load plugins of other packages, which could change what a build accepts.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from modelgen.cli.app import run

    run()
