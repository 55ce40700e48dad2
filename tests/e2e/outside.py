"""What containers must not reach: the Docker host, and a server beyond it that is reached as the internet is.

That server is a container without a network, but with a cable of its own to the host. It has no route back to the
private addresses of Docker's networks, as the internet has none: only what the host masquerades gets an answer.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from deployment import PREFIX
from docker_cli import docker, inspect

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the range for documentation: nobody has them.
HOST = "198.51.100.1"
SERVER = "198.51.100.2"
PORT = 18473
# Prints `connected` or the name of the error; EAGAIN is Python's name for no answer in time.
CONNECT = f"""
import errno, socket, sys, time
def attempt():
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex((sys.argv[1], {PORT}))
end = time.monotonic() + 10
while (error := attempt()) == errno.ECONNREFUSED and time.monotonic() < end:
    time.sleep(0.05)  # the server is starting
print(errno.errorcode[error] if error else "connected")
"""


@contextmanager
def outside(image: str) -> Iterator[None]:
    """Let HOST and SERVER listen, and show that an ordinary container reaches both."""
    small = ["--pull", "never", "--memory", "64m"]
    tool = ["run", "--rm", "--interactive", *small, "--cap-add", "NET_ADMIN"]
    server, host = f"{PREFIX}outside", f"{PREFIX}host"
    listen = [image, "python3", "-m", "http.server", str(PORT)]
    try:
        docker("run", "--detach", "--name", server, *small, "--network", "none", *listen)
        pid = inspect(server)["State"]["Pid"]
        docker(
            *(*tool, "--network", "host", "--pid", "host", image, "ip", "-batch", "-"),
            stdin=f"link add mge2e type veth peer name cable netns {pid}\n"
            f"addr add {HOST}/30 dev mge2e\n"
            "link set mge2e up\n",
        )
        docker(
            *(*tool, "--network", f"container:{server}", image, "ip", "-batch", "-"),
            stdin=f"addr add {SERVER}/30 dev cable\nlink set cable up\n",
        )
        docker("run", "--detach", "--name", host, *small, "--network", "host", *listen)
        for address in (HOST, SERVER):
            assert docker("run", "--rm", *small, image, "python3", "-c", CONNECT, address) == "connected"
        yield
    finally:
        docker("rm", "--force", server, host)  # the cable goes with it


def attempt(container: str, address: str) -> str:
    """Connect from inside a container; return `connected` or the name of the error."""
    return docker("exec", container, "python3", "-c", CONNECT, address)
