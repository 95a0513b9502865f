#!/bin/sh
# A vLLM server that takes up each promoted LoRA adapter while it runs.
#
#   sh examples/serving.sh BASE [PORT]       BASE is the run's first policy: a folder or a hub id
#
# In the run's config:
#
#   on_promotion:
#     - webhook: http://127.0.0.1:8000/v1/load_lora_adapter
#       body: {lora_name: policy, lora_path: "{policy}", load_inplace: true}
#
# Chats then ask for the model `policy`. A server of others' must not allow this: who can reach it
# can have it load any folder. It listens on this machine alone.

set -eu
export VLLM_ALLOW_RUNTIME_LORA_UPDATING=1
exec vllm serve "${1:?BASE, the folder or hub id of the first policy}" \
  --host 127.0.0.1 --port "${2:-8000}" --enable-lora --max-lora-rank 64
