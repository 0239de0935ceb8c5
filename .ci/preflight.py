"""Checks what `make up` needs: Docker, a password, free ports, the shared network.

A taken port is named with its holder and a free one from 18000 to 18999; nothing is changed but the
network, which is created when it is missing.
"""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

PORTS = {"API_PORT": 8001, "POSTGRES_PORT": 8301}
SPARE_PORTS = range(18000, 19000)
NETWORK = "luna-net"


def env_file(path: Path) -> dict[str, str]:
    """Variables of a .env file; quotes around a value do not belong to it."""
    found = {}
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        match = re.match(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$", line)
        if match:
            found[match[1]] = match[2].strip("'\"")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen on this port on every address."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def output(*command: str) -> str | None:
    """What a command prints; None when it fails or is not there."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout


def holder(port: int) -> str:
    """Who listens on a port, as far as that can be told."""
    containers = output("docker", "ps", "--filter", f"publish={port}", "--format", "container {{.Names}}")
    if containers and containers.strip():
        return containers.split("\n", 1)[0]
    listening = output("ss", "-Hltnp", f"sport = :{port}") or ""
    process = re.search(r'users:\(\("([^"]+)",pid=(\d+)', listening)
    return f"{process[1]} (process {process[2]})" if process else "a process of another user"


def is_ours(port: int) -> bool:
    """Whether this project's own containers hold the port: `make up` then only updates them."""
    ours = output("docker", "compose", "ps", "--format", "{{.Publishers}}") or ""
    return re.search(rf"\b{port}\b", ours) is not None


def port_faults(settings: dict[str, str]) -> list[str]:
    """Ports that cannot be used, each with what would be right."""
    faults, chosen = [], set()
    for name, default in PORTS.items():
        text = settings.get(name) or str(default)
        if not text.isdigit() or not 0 < int(text) < 65536:
            faults.append(f"{name}={text} is not a port; write a number from 1 to 65535 into .env")
            continue
        port = int(text)
        if port in chosen:
            faults.append(f"{name}={port} is used twice in .env")
        elif not is_free(port) and not is_ours(port):
            spare = next((spare for spare in SPARE_PORTS if spare not in chosen and is_free(spare)), None)
            hint = f"{name}={spare} in .env is free" if spare else "no port from 18000 to 18999 is free"
            faults.append(f"port {port} ({name}) is taken by {holder(port)}; {hint}")
            chosen.add(spare)
        chosen.add(port)
    return faults


def docker_faults() -> list[str]:
    """What is wrong with Docker; creates the network when it is missing."""
    if output("docker", "compose", "version") is None:
        return ["docker compose is not installed; Luna runs without it too: make run"]
    if output("docker", "info", "--format", "{{.ServerVersion}}") is None:
        return ["the Docker engine does not answer; start it, or run Luna without it: make run"]
    if output("docker", "network", "inspect", NETWORK) is None:
        if output("docker", "network", "create", NETWORK) is None:
            return [f"the network {NETWORK} could not be created"]
        print(f"created the network {NETWORK}")
    return []


def main() -> int:
    settings = {**env_file(Path(".env")), **os.environ}
    faults = port_faults(settings)
    if not settings.get("POSTGRES_PASSWORD"):
        faults.append("POSTGRES_PASSWORD is not set; write one into .env (see .env.example)")
    faults += docker_faults()
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print("ports, network and Docker are ready")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
