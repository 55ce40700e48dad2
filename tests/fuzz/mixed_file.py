"""A file that shows what order, locale or user would change."""

# Everything that goes through a set on its way, and letters whose case depends on the locale.
MIXED = """
[project]
name = "i-i"
hub = "./İI"

[host]
platform = "wsl2"
selinux = true

[gpus]
g0 = { memory = "24GiB", device = "0" }
g1 = { memory = "24GiB", device = "1" }

[engines.vllm]
image = "vllm/vllm-openai:v0.11.0"
env = { I = "İ", ZI = "1", AI = "2" }

[engines.sglang]
image = "lmsysorg/sglang:v0.5.9"
env = { ZI = "1", I = "İ", AI = "2" }

[models]
III = { repo = "A/I", gpus = ["g0"], gpu_memory = 0.1, args = { max-model-len = 1 }, publish = "[::1]:1" }
hij = { repo = "A/I", gpus = ["g0", "g1"], gpu_memory = 0.2, args = { max-model-len = 1, tp = 2 } }
jk = { repo = "A/J", gpus = ["g1", "g0"], gpu_memory = 0.2, args = { max-model-len = 1, tp = 2 }, aliases = ["y", "i"] }

[models.ii]
repo = "A/I"
gpus = ["g0"]
gpu_memory = 0.1
loras = { z = "A/Z", L = "A/I", a = "A/I" }
args = { max-model-len = 1, chat-template = "./İ/i.jinja", hf-overrides = { b = "./I/i", a = ["../i", "./İ/i"] } }
compose = { user = "1000:1000", read_only = true }

[models.lang]
engine = "sglang"
repo = "A/I"
gpus = ["g1", "g0"]
gpu_memory = 0.2
args = { tp-size = 2, chat-template = "./İ/i.jinja" }

[models.own]
engine = "command"
image = "registry.example/i:1"
command = ["i", "{model}"]

[models.own.compose]
networks = ["zz", "aa", "mm", "i"]
volumes = ["bb:/b", "aa:/a", "./İ:/c", "ii:/i"]
labels = { z = "1", a = 2, "İ" = true }

[defaults.compose]
networks = { web = {}, api = { aliases = ["q", "p"] } }

[profiles]
two = { models = ["jk", "III", "hij"] }
one = { models = ["hij", "III", "own"], default = true }

[orchestrator]
enabled = false
"""
