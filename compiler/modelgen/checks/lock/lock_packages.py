"""Check that images have the packages that the code of repositories imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import architectures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.entries import SnapshotFacts
    from modelgen.resolve import ModelRun


@rule("MG524", "package-not-in-image", Severity.WARNING)
def package_not_in_image(context: Context) -> Iterator[Found]:
    """A model whose own code imports a package that vLLM's image does not have.

    ## Why
    transformers refuses the code: "This modeling file requires the following packages that were not found in your
    environment". vLLM loads the code of configs, tokenizers and processors, and that of the model if it does not serve
    the architecture itself. `modelgen lock` reads the imports without running the code.

    ## Bad
    ```toml
    [models.ocr]
    repo = "namespace/own-ocr"
    trust_remote_code = true
    args = { max-model-len = 8192 }
    ```

    ```lock
    [[snapshots]]
    repo = "namespace/own-ocr"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    code = []
    facts = { auto_map = ["config.json"], imports = ["easydict", "torch"] }
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"auto_map": {"AutoConfig": "configuration_own.Own"}}'
    ```

    ## Good
    ```toml
    [models.ocr]
    image = "registry.internal/vllm-ocr:v0.11.0"
    version = "0.11.0"
    repo = "namespace/own-ocr"
    trust_remote_code = true
    args = { max-model-len = 8192 }
    ```
    """
    for name, pins in context.pins.items():
        run = context.runs[name]
        engine, image = run.engine, run.image
        if engine is None or engine.missing_packages is None or image is None or run.is_fork:
            continue
        read = [entry.facts for _, entry in pins.needs if entry is not None and entry.facts is not None]
        imports = sorted({one for facts in read for one in _imports(run, facts, architectures(pins.config))})
        if run.model.trust_remote_code and (missing := engine.missing_packages(image, imports)):
            yield Found(
                context.document.at_value(*run.place) if run.place else context.at_origin(name, "repo"),
                f"the code of {run.model.repo} imports {', '.join(missing)}, which this image does not have",
                f"build an image `FROM {image.name}:{image.tag}` that runs `pip install {' '.join(missing.values())}`, "
                "and set `image` and `version` to it in the model's table",
            )


def _imports(run: ModelRun, facts: SnapshotFacts, names: list[str]) -> list[str]:
    """Return the packages that code imports which the engine loads."""
    return [*(facts.imports or ()), *(() if _serves_itself(run, names) else facts.model_imports)]


def _serves_itself(run: ModelRun, names: list[str]) -> bool:
    """Return whether the engine may have its own code for the architecture."""
    models = run.engine.models if run.engine else None
    if models is None or run.version is None or not names:
        return True
    return any(models.is_known(name) and models.unserved(name, run.version) is None for name in names)
