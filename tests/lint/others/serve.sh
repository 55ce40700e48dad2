#!/usr/bin/env bash
# After many public scripts: variables, continued lines, a server in the background and one in the foreground.
set -euo pipefail
MODEL=Qwen/Qwen3-8B
export CUDA_VISIBLE_DEVICES=0
cd "$(dirname "$0")"
vllm serve "$MODEL" \
  --max-model-len 16384 \
  --gpu-memory-utilization ${GPU_SHARE:-0.6} \
  --served-model-name chat > vllm.log 2>&1 &
CUDA_VISIBLE_DEVICES=1 python3 -m sglang.launch_server --model-path Qwen/Qwen3-4B --port 30000 --tp 1 &
exec /opt/llama.cpp/build/bin/llama-server -m /models/a.gguf -c 8192 -ngl 99 --host 127.0.0.1
