"""Print how well the estimates of memory agree with public starts of vLLM, in one line."""

from __future__ import annotations

import sys

from written_pages.accuracy import measure, sentence

if __name__ == "__main__":
    sys.stdout.write(sentence(measure()) + "\n")
