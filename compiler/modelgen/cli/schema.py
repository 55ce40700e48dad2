"""Implement `modelgen schema`."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> int:
    """Print the JSON Schema of models.toml, for Taplo, Even Better TOML and other editors.

    \b
    Example:
      modelgen schema > models.schema.json
      then write `#:schema ./models.schema.json` as the first line of models.toml
    """
    from modelgen.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return 0
