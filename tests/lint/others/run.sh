# After docs.vllm.ai, "Using Docker".
docker run --rm -d --name vllm --runtime nvidia --gpus '"device=0,1"' \
    -v ~/.cache/huggingface:/root/.cache/huggingface \
    --env "HF_TOKEN=$HF_TOKEN" \
    -p 127.0.0.1:8000:8000 \
    --ipc=host \
    vllm/vllm-openai:v0.30.0 \
    --model Qwen/Qwen3-8B --tensor-parallel-size 2
