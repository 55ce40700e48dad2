"""Check the YAML files of flags that `args` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.load.document import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG261", "bad-flags-file")
def bad_flags_file(context: Context) -> Iterator[Found]:
    """A file of flags that cannot be read, or an entry that no flag can have.

    ## Why
    The `config` of vLLM and SGLang names a YAML file of flags. modelgen reads it at every build, checks its entries as
    it checks `args`, and writes them on the command line; of a flag in both, `args` has the value that counts. So
    the file must be there, beside models.toml or below it, and hold `flag: value` entries.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, config = "./missing.yaml" }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, config = "/etc/vllm/serving.yaml" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    faults = [fault for file in context.document.files.values() for fault in file.faults]
    for fault in dict.fromkeys(faults):  # several models may have one file
        yield Found(*fault)


@rule("MG262", "replaced-file-entry", Severity.WARNING)
def replaced_file_entry(context: Context) -> Iterator[Found]:
    """An entry of a file of flags that models.toml replaces with another value.

    ## Why
    With `args = { max-model-len = 16384, config = "./serving.yaml" }` and `max-model-len: 32768` in serving.yaml, the
    value in models.toml counts, as the command line counts in vLLM. A change in the file then changes nothing.
    """
    document = context.document
    for name, file in document.files.items():
        for key in file.replaced:
            place = document.at_key(FILES, name, key)
            yield Found(place, f"models.toml replaces `{key}` of `{name}`", f"remove `{key}` here or in models.toml")
