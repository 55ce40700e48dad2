"""Check files of other tools: the rules that hold for any deployment, and those about what such files get wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.checks.context import Context
from modelgen.checks.environment import flag_variables, variable_names, variable_values
from modelgen.checks.flags import drafts, flag_sets, flag_spelling, flag_values, model_parsers, unknown_flags
from modelgen.checks.foreign import (
    devices,
    exposure,
    gpus,
    health,
    host,
    ports,
    programs,
    reading,
    shares,
    starts,
    stray,
    weights,
)
from modelgen.checks.foreign.context import ForeignContext
from modelgen.checks.gpus import attention, card_names, generations, gpu_tables
from modelgen.checks.gpus import weights as gpu_weights
from modelgen.checks.host import docker, drivers
from modelgen.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from modelgen.diagnostics import Diagnostic
    from modelgen.fit import Fitted
    from modelgen.foreign import Foreign
    from modelgen.lift.document import Lifted
    from modelgen.lift.machine import Machine

ENGINE_TRUTHS = (
    unknown_flags.unknown_flag,
    flag_spelling.deprecated_flag,
    flag_values.bad_flag_value,
    flag_values.unknown_value,
    flag_values.value_of_another_version,
    drafts.unknown_draft_key,
    drafts.unknown_table_key,
    flag_sets.missing_companion,
    flag_sets.sizes_at_odds,
    model_parsers.parser_of_another_model,
    variable_names.unread_variable,
    variable_names.variable_is_flag,
    variable_values.quoted_value,
    variable_values.expandable_segments,
    flag_variables.bad_flag_variable,
    card_names.unknown_card,
    card_names.memory_of_card,
    card_names.card_at_odds,
    card_names.memory_twice,
    gpu_tables.gpu_twice,
    gpu_tables.bad_device,
    drivers.driver_too_old,
    drivers.driver_below_image,
    drivers.wrong_arch,
    docker.host_memory,
    generations.image_for_other_generation,
    generations.flag_for_other_generation,
    attention.attention_for_other_cards,
    gpu_weights.checkpoint_for_other_cards,
    gpu_weights.model_without_float16,
)
"""The rules about models.toml that say what an engine, Docker or the host does, and no demand of the language."""

HARMLESS = (variable_names.unread_variable, variable_names.variable_is_flag)
"""The rules among them whose findings stop no engine, although models.toml refuses them."""

CHECKS = (
    weights.unheld_path,
    weights.cache_folder_as_model,
    weights.hub_off_by_one,
    weights.unheld_hub,
    weights.model_not_read,
    gpus.too_few_gpus,
    gpus.count_and_ids,
    gpus.refused_reservation,
    shares.shares_over_gpu,
    shares.share_out_of_range,
    host.gpu_not_on_host,
    shares.gpus_by_count,
    gpus.gpus_twice,
    devices.no_gpu_requested,
    devices.gpu_for_cpu_image,
    devices.ports_on_host_network,
    health.health_on_other_port,
    health.unserved_port,
    health.missing_health,
    ports.port_taken,
    ports.unreachable_engine,
    stray.flag_without_value,
    stray.stray_word,
    stray.unknown_negative,
    starts.restart_loop,
    starts.no_shared_memory,
    starts.moving_tag,
    health.short_patience,
    exposure.written_token,
    exposure.open_port,
    exposure.socket_beside_port,
    reading.dropped_text,
)
"""The rules about what is written in a foreign file."""


def check_reading(foreign: Foreign) -> Iterator[Diagnostic]:
    """Report what of a file could not be read."""
    for find in (reading.unreadable_file, reading.unread_part, reading.unknown_value_of):
        yield from find(foreign)


def check_programs(foreign: Foreign) -> Iterator[Diagnostic]:
    """Report entry points that start no engine, so that no server is recognized."""
    yield from programs.wrong_entry_point(foreign)


def check_foreign(
    foreign: Foreign, lifted: Sequence[Lifted], fitted: Fitted, machine: Machine | None
) -> Iterator[Diagnostic]:
    """Run the rules on a foreign file.

    Args:
        foreign: The file.
        lifted: Its servers.
        fitted: The document that these were lifted into.
        machine: The host, if it is known.
    """
    context = Context(fitted, ())
    unsure: Container[tuple[str, int, int]] | None = None
    for truth in ENGINE_TRUTHS:
        for found in truth(context):
            if unsure is None:  # places are computed only where there is a finding
                unsure = _words_without_release(lifted)
            is_unsure = truth in HARMLESS or (found.span.path, found.span.line, found.span.column) in unsure
            yield replace(found, severity=Severity.WARNING) if is_unsure else found
    own = ForeignContext(foreign, lifted, machine)
    for find in CHECKS:
        yield from find(own)


def _words_without_release(lifted: Iterable[Lifted]) -> Container[tuple[str, int, int]]:
    """Return where the flags of servers are written whose release is not known: it may be newer than all known ones."""
    entries = (entry for one in lifted if one.server.version is None for entry in one.line.entries.values())
    spans = (value.span for entry in entries for value in (entry.at_key, entry.at_value))
    return {(span.path, span.line, span.column) for span in spans}
