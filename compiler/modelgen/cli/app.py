"""Define the command line: the commands, and how a run of one ends."""

from __future__ import annotations

import atexit
import io
import sys
from typing import Any, NoReturn

import click

from modelgen import __version__, shortfalls
from modelgen.cli import streams
from modelgen.cli.commands import Commands
from modelgen.cli.exits import INTERNAL, UNREAD, WORLD, cannot
from modelgen.cli.terminal import fill, width_of
from modelgen.files import ModelgenError

COMMANDS = {
    "add": ("table.add", "Add a model to models.toml and lock it."),
    "build": ("configuration.build", "Write build/ from models.toml."),
    "bundle": ("bundle.group", "Carry models, images and modelgen to a host without internet."),
    "diff": ("configuration.build", "Show what a build would change, as text."),
    "doctor": ("doctor", "Check whether this host can run the models."),
    "down": ("up.down", "Stop the models and their orchestrator in Docker."),
    "explain": ("configuration.manual", "Print the manual of a rule."),
    "fetch": ("hub.fetch", "Download what models.lock lists into the hub directory."),
    "fit": ("configuration.fit", "Estimate whether the models fit into their reserved memory."),
    "hold": ("control.hold", "Stop a model and keep it from running."),
    "import": ("importing", "Write a models.toml from a Compose file, a script, or a llama-swap config."),
    "init": ("configuration.init", "Write a commented models.toml to start from."),
    "inventory": ("hub.inventory", "List what models.lock serves, for an audit."),
    "key": ("control.key", "Make an API key for the orchestrator."),
    "lint": ("lint", "Check the engines in a Compose file, a script, or a llama-swap config."),
    "load": ("control.switch", "Load a model."),
    "lock": ("lock.lock", "Write models.lock: the commits, sizes and hashes of all files."),
    "logs": ("control.logs", "Print the output of a model's engine."),
    "plan": ("configuration.plan", "Show which containers a new build creates, makes anew or removes."),
    "prune": ("hub.prune", "Remove what no models.lock needs from the hub directory."),
    "release": ("control.hold", "Let a held model start again."),
    "remove": ("table.remove", "Remove a model from models.toml, its profiles and models.lock."),
    "requests": ("control.usage", "Show the requests that run, and the last ones."),
    "rules": ("configuration.manual", "List all rules."),
    "schema": ("configuration.manual", "Print the JSON Schema of models.toml, for editors."),
    "serve": ("serve", "Run the models and their orchestrator on this host, without Docker."),
    "status": ("control.status", "Show the models, their state, and the memory of the GPUs."),
    "switch": ("control.switch", "Load a model or a profile."),
    "unload": ("control.switch", "Drain a model and stop it."),
    "up": ("up.up", "Run the models and their orchestrator in Docker."),
    "upgrade": ("table.upgrade", "Rewrite models.toml for another release of an engine."),
    "usage": ("control.usage", "Show requests and tokens by model, key or day."),
    "validate": ("configuration.validate", "Print all findings on models.toml."),
    "verify": ("hub.verify.verify", "Check the hub directory against models.lock."),
    "why": ("control.why", "Explain why a model does not serve."),
}


@click.group(
    cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "-V", "--version", message="modelgen %(version)s")
def cli() -> None:
    """Compile one models.toml into a Docker Compose deployment of inference engines.

    \b
    Example:
      modelgen init && modelgen build
    """


def run() -> NoReturn:
    """Run the command line and exit. Users see a traceback only for a bug of modelgen."""
    streams.prepare()
    output = sys.stdout
    atexit.register(_say_shortfalls)
    code = _run()
    if getattr(output, "is_unread", False):  # `modelgen rules | head`
        streams.drop_output()
        code = UNREAD
    sys.exit(code)


def _run() -> int:
    try:
        code: Any = cli.main(prog_name="modelgen", standalone_mode=False)
        streams.flush()
    except click.ClickException as error:
        _show(_by_meaning(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except ModelgenError as error:
        for text in (str(error), *getattr(error, "__notes__", ())):
            click.echo(fill(f"modelgen: {text}", width_of(sys.stderr), "  "), err=True)
        return error.exit_code
    except BrokenPipeError:
        return UNREAD
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except OSError as error:  # commands catch all other errors themselves
        streams.drop_output()
        click.echo(f"modelgen: {_sentence(error)}", err=True)
        return WORLD
    except Exception:  # noqa: BLE001 - the last resort, and it says so
        import traceback

        traceback.print_exc()
        click.echo("modelgen: this is a bug in modelgen, not in your files; please report the lines above.", err=True)
        return INTERNAL
    return code if isinstance(code, int) else 0


def _by_meaning(error: click.ClickException) -> click.ClickException:
    """Return an error of click's with modelgen's message. click guesses an option by letters, such as another one."""
    from modelgen.cli import familiar

    match error:
        case click.NoSuchOption():
            return click.UsageError(familiar.about_option(error), error.ctx)
        case click.MissingParameter():
            return click.UsageError(familiar.about_argument(error), error.ctx)
        case click.UsageError() if type(error) is click.UsageError:
            return click.UsageError(familiar.about_extra(error), error.ctx)
        case _:
            return error


def _show(error: click.ClickException) -> None:
    text = io.StringIO()
    error.show(text)
    for line in text.getvalue().splitlines():
        click.echo(fill(line, width_of(sys.stderr), "  "), err=True)


def _say_shortfalls() -> None:
    for sentence in shortfalls.take():
        click.echo(f"modelgen: note: {sentence}", err=True)


def _sentence(error: OSError) -> ModelgenError:
    """Return the error for a failed system call that no command has handled; the output itself has no name."""
    place = error.filename2 or error.filename
    if place is None:
        return cannot("write", "the output", error, "free some space or write it elsewhere")
    return cannot("write", place, error, "make it writable and run it again")
