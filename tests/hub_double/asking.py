"""`python -m hub_double.asking EXPRESSION…`: evaluate expressions of `hf`, the package, and `api`, an HfApi."""

import json
import sys
from dataclasses import asdict, is_dataclass
from typing import Any

import huggingface_hub as hf

api = hf.HfApi()


def plain(value: Any) -> Any:  # noqa: ANN401 - what the client returns
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def result(expression: str) -> Any:  # noqa: ANN401 - what the client returns
    try:
        return eval(expression)
    except Exception as error:  # noqa: BLE001 - the answer
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(json.dumps([result(expression) for expression in sys.argv[1:]], default=plain))
