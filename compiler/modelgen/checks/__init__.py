"""What a models.toml may not say although its shape is right: one function a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks import (
    addresses,
    claims,
    compose_keys,
    engine_keys,
    environment,
    environment_values,
    flag_advice,
    flag_sets,
    flag_values,
    flags,
    gpus,
    hardware,
    host,
    hub_directory,
    identity,
    images,
    names,
    profiles,
    rule_settings,
    secrets,
)
from modelgen.checks.context import Context

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.diagnostics import Diagnostic
    from modelgen.load import Document

CHECKS = (
    rule_settings.unknown_rule,
    rule_settings.rule_not_advisory,
    secrets.nul_character,
    secrets.literal_token,
    secrets.literal_interpolation,
    identity.unpinned_repo,
    identity.path_as_repo,
    identity.bad_repo_id,
    identity.bad_revision,
    identity.missing_repo,
    hub_directory.bad_hub,
    engine_keys.unknown_engine,
    images.missing_image,
    images.bad_image,
    images.unknown_version,
    images.bad_version,
    images.floating_image,
    flags.owned_arg,
    flags.bad_flag,
    flags.flag_twice,
    flags.unknown_flag,
    flags.newer_than_data,
    flags.abbreviated_flag,
    flags.deprecated_flag,
    flag_values.bad_flag_value,
    flag_values.unknown_value,
    flag_values.value_of_another_version,
    flag_sets.missing_max_model_len,
    flag_sets.parallel_mismatch,
    flag_sets.missing_companion,
    flag_sets.sizes_at_odds,
    flag_advice.lora_by_hand,
    flag_advice.eager_mode,
    flag_advice.unmounted_file,
    environment.owned_env,
    environment.bad_env_name,
    environment_values.unknown_variable,
    environment_values.foreign_variable,
    environment_values.unread_variable,
    environment_values.variable_is_flag,
    environment_values.empty_variable,
    environment_values.quoted_value,
    environment_values.expandable_segments,
    environment_values.idle_variable,
    engine_keys.not_supported_yet,
    engine_keys.key_of_another_engine,
    engine_keys.bad_command,
    gpus.unknown_gpu,
    gpus.gpu_twice,
    gpus.bad_device,
    hardware.unused_groups,
    hardware.mixed_cards,
    hardware.image_for_other_cards,
    hardware.image_without_gpu,
    host.driver_too_old,
    host.driver_below_image,
    host.wrong_arch,
    host.docker_too_old,
    host.cdi_switched_off,
    host.host_memory,
    host.cards_not_separable,
    host.hub_on_windows_drive,
    host.uuid_on_wsl2,
    claims.model_over_card,
    claims.profile_over_card,
    claims.size_on_unequal_cards,
    claims.memory_without_gpu,
    names.bad_id,
    names.bad_alias,
    names.name_collision,
    names.bad_service,
    names.service_collision,
    profiles.empty_profile,
    profiles.unknown_model,
    profiles.two_defaults,
    profiles.profile_like_model,
    compose_keys.volume_over_ours,
    compose_keys.owned_label,
    compose_keys.reserved_network,
    compose_keys.named_user,
    addresses.bad_address,
    addresses.port_collision,
    addresses.open_publish,
    addresses.open_listen,
)


def check(document: Document, targets: Collection[str]) -> Iterator[Diagnostic]:
    """Run every check on a loaded document."""
    context = Context(document, targets)
    for find in CHECKS:
        yield from find(context)
