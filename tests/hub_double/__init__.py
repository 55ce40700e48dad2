"""A double of the Hugging Face hub, for the real client and the real `hf` command line.

    with hub_double.serve() as hub:
        commit = hub.add("org/model", {"config.json": b"{}", "model.safetensors": Path("big")})
        hub.faults.reset(after=1000, path="*.safetensors")
        subprocess.run(["hf", "download", "org/model"], env=hub.environment)
        assert hub.bytes_sent("*.safetensors") == 1000

Models only, over plain HTTP: Xet can be offered, its transfer is not there. `hub_double.child` runs clients, and
`python -m hub_double ROOT` serves folders.
"""

from hub_double.access import Token
from hub_double.hub import Hub
from hub_double.log import Request
from hub_double.server import serve

__all__ = ["Hub", "Request", "Token", "serve"]
