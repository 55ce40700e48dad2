"""Check a models.toml whose shape is valid: one function per rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks import listening, rule_settings, secrets
from modelgen.checks.compose import compose_advice, compose_keys
from modelgen.checks.context import Context
from modelgen.checks.engines import engine_keys, image_vendors, images, programs, versions
from modelgen.checks.environment import owned_variables, variable_names, variable_values
from modelgen.checks.flags import flag_advice, flag_sets, flag_spelling, flag_values, unknown_flags
from modelgen.checks.gpus import card_names, generations, gpu_access, gpu_tables, parallel_cards
from modelgen.checks.host import docker, drivers, wsl2
from modelgen.checks.lock import (
    lock_adapters,
    lock_architectures,
    lock_configs,
    lock_entries,
    lock_loading,
    lock_snapshots,
    lock_splitting,
    lock_templates,
    lock_warmup,
)
from modelgen.checks.memory import reservations, static_memory
from modelgen.checks.names import model_names, profiles
from modelgen.checks.repositories import gguf, hub_directory, repository

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.diagnostics import Diagnostic
    from modelgen.resolve import Resolved

CHECKS = (
    rule_settings.unknown_rule,
    rule_settings.rule_not_advisory,
    secrets.nul_character,
    secrets.literal_token,
    secrets.literal_secret,
    secrets.literal_interpolation,
    repository.unpinned_repo,
    repository.path_as_repo,
    repository.bad_repo_id,
    repository.bad_revision,
    repository.missing_repo,
    gguf.missing_file,
    gguf.bad_file,
    hub_directory.bad_hub,
    engine_keys.unknown_engine,
    images.missing_image,
    images.bad_image,
    versions.unknown_version,
    versions.bad_version,
    images.floating_image,
    flag_spelling.owned_arg,
    flag_spelling.bad_flag,
    flag_spelling.flag_twice,
    unknown_flags.unknown_flag,
    unknown_flags.unverified_flag,
    unknown_flags.abbreviated_flag,
    flag_spelling.deprecated_flag,
    flag_values.bad_flag_value,
    flag_values.unknown_value,
    flag_values.value_of_another_version,
    flag_sets.missing_max_model_len,
    gguf.missing_ctx_size,
    gguf.context_per_slot,
    gguf.gguf_repository,
    flag_sets.parallel_mismatch,
    flag_sets.missing_companion,
    flag_sets.sizes_at_odds,
    flag_advice.lora_by_hand,
    flag_advice.eager_mode,
    flag_advice.unmounted_file,
    owned_variables.owned_env,
    owned_variables.bad_env_name,
    variable_names.unknown_variable,
    variable_names.foreign_variable,
    variable_names.unread_variable,
    variable_names.variable_is_flag,
    variable_values.empty_variable,
    variable_values.quoted_value,
    variable_values.expandable_segments,
    variable_values.idle_variable,
    engine_keys.not_supported_yet,
    engine_keys.key_of_another_engine,
    programs.bad_command,
    programs.bad_cache,
    card_names.unknown_card,
    card_names.memory_of_card,
    card_names.card_at_odds,
    card_names.memory_twice,
    gpu_tables.unknown_gpu,
    gpu_tables.gpu_twice,
    gpu_tables.bad_device,
    gpu_tables.index_of_unequal_cards,
    gpu_access.unused_groups,
    gpu_access.mixed_cards,
    gpu_access.group_by_name,
    gpu_access.closed_cards,
    image_vendors.image_for_other_cards,
    image_vendors.image_without_gpu,
    generations.image_for_other_generation,
    generations.flag_for_other_generation,
    parallel_cards.unequal_cards,
    parallel_cards.cards_without_peers,
    drivers.driver_too_old,
    drivers.driver_below_image,
    drivers.wrong_arch,
    docker.docker_too_old,
    docker.cdi_switched_off,
    docker.host_memory,
    wsl2.cards_not_separable,
    wsl2.hub_on_windows_drive,
    wsl2.uuid_on_wsl2,
    reservations.model_over_card,
    reservations.tight_limit,
    static_memory.nothing_for_weights,
    reservations.profile_over_card,
    reservations.never_fits,
    reservations.size_on_unequal_cards,
    reservations.memory_without_gpu,
    model_names.bad_id,
    model_names.bad_alias,
    model_names.name_collision,
    model_names.bad_service,
    model_names.service_collision,
    profiles.empty_profile,
    profiles.unknown_model,
    profiles.two_defaults,
    profiles.profile_like_model,
    compose_keys.volume_over_ours,
    compose_keys.owned_label,
    compose_keys.reserved_network,
    compose_keys.named_user,
    compose_keys.cpus_twice,
    compose_advice.small_shm,
    compose_advice.host_access,
    compose_advice.short_start,
    compose_advice.noexec_home,
    listening.bad_address,
    listening.port_collision,
    listening.open_publish,
    listening.open_listen,
    listening.shared_keys_folder,
    lock_entries.not_locked,
    lock_entries.repo_not_locked,
    lock_snapshots.no_snapshot,
    lock_snapshots.id_offline,
    lock_snapshots.file_not_locked,
    lock_entries.asset_not_locked,
    lock_loading.other_weights,
    lock_loading.code_unknown,
    lock_warmup.warmup_without_route,
    lock_configs.code_not_trusted,
    lock_configs.length_over_model,
    lock_splitting.heads_over_cards,
    lock_splitting.weights_over_cards,
    lock_configs.whole_context,
    lock_adapters.rank_over_limit,
    lock_adapters.unsupported_adapter,
    lock_adapters.adapter_of_another_base,
    lock_templates.facts_unknown,
    lock_templates.missing_chat_template,
    lock_templates.tools_without_template,
    lock_architectures.architecture_of_another_release,
    lock_architectures.media_flag_for_text,
    generations.checkpoint_for_other_cards,
)


def check(resolved: Resolved, targets: Collection[str]) -> Iterator[Diagnostic]:
    """Run every check on a resolved document, for the output formats that will be rendered."""
    context = Context(resolved, targets)
    for find in CHECKS:
        yield from find(context)
