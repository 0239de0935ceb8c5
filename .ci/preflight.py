"""Checks what `make up` needs: Docker, a password, free ports, the shared network, disk, volumes.

Needs nothing but Python's own library, so it works before anything is built; `luna doctor` checks the
rest of the box. A taken port is named with its holder and a free one from 18000 to 18999. Nothing is
changed but the network, which is created when it is missing.

With --profiles it prints the options that switch parts of the stack on, for docker compose.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

PORTS = {
    "API_PORT": 8001,
    "POSTGRES_PORT": 8301,
    "QDRANT_HTTP_PORT": 6333,
    "QDRANT_GRPC_PORT": 6334,
    "OLLAMA_PORT": 11434,
    "TIKA_PORT": 9998,
}
# Parts of the stack by the variable that switches them on: compose profile and ports.
PARTS = {
    "ENABLE_OBSERVABILITY": (
        "observability",
        {"GRAFANA_PORT": 3000, "LOKI_PORT": 3100, "PROMETHEUS_PORT": 9090},
    ),
    "ENABLE_REDPANDA": ("redpanda", {"KAFKA_PORT": 9092}),
}
SPARE_PORTS = range(18000, 19000)
NETWORK = "luna-net"
# Layers of an image and of its build, in bytes.
DISK_FAIL, DISK_WARN = 5 << 30, 15 << 30


def env_file(path: Path) -> dict[str, str]:
    """Variables of a .env file; quotes around a value do not belong to it."""
    found = {}
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        match = re.match(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$", line)
        if match:
            found[match[1]] = match[2].strip("'\"")
    return found


def is_on(settings: dict[str, str], name: str) -> bool:
    return settings.get(name, "").lower() in ("1", "true", "yes", "on")


def profiles(settings: dict[str, str]) -> list[str]:
    """Options of docker compose for the parts that are switched on."""
    return [f"--profile={part[0]}" for name, part in PARTS.items() if is_on(settings, name)]


def wanted_ports(settings: dict[str, str]) -> dict[str, int]:
    """Ports that the stack will publish, with their defaults."""
    ports = dict(PORTS)
    for name, (_, more) in PARTS.items():
        if is_on(settings, name):
            ports |= more
    return ports


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


def sockets(port: int) -> set[str]:
    """The kernel's names of the sockets that listen on a port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in (line.split() for line in rows):
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{row[9]}]")
    return found


def holder(port: int) -> str:
    """Who listens on a port, as far as that can be told."""
    containers = output("docker", "ps", "--filter", f"publish={port}", "--format", "container {{.Names}}")
    if containers and containers.strip():
        return containers.split("\n", 1)[0]
    wanted = sockets(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(file) in wanted for file in process.glob("fd/*")):
                name = (process / "comm").read_text().strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue
    return "a process of another user"


def is_ours(port: int) -> bool:
    """Whether this project's own containers hold the port: `make up` then only updates them."""
    ours = output("docker", "compose", "ps", "--format", "{{.Publishers}}") or ""
    return re.search(rf"\b{port}\b", ours) is not None


def port_faults(settings: dict[str, str]) -> list[str]:
    """Ports that cannot be used, each with what would be right."""
    faults, chosen = [], set()
    for name, default in wanted_ports(settings).items():
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


def docker_faults(project: str) -> list[str]:
    """What is wrong with Docker; creates the network when it is missing, names volumes that are there."""
    if output("docker", "compose", "version") is None:
        return ["docker compose is not installed; Luna runs without it too: make run"]
    if output("docker", "info", "--format", "{{.ServerVersion}}") is None:
        return ["the Docker engine does not answer; start it, or run Luna without it: make run"]
    kept = output("docker", "volume", "ls", "--filter", f"name=^{project}_", "--format", "{{.Name}}")
    if kept and kept.strip():
        print(f"volumes of an earlier start are kept: {', '.join(kept.split())}")
    if output("docker", "network", "inspect", NETWORK) is None:
        if output("docker", "network", "create", NETWORK) is None:
            return [f"the network {NETWORK} could not be created"]
        print(f"created the network {NETWORK}")
    else:
        print(f"the network {NETWORK} is there")
    return []


def disk_faults() -> list[str]:
    """Whether images and data have room."""
    root = output("docker", "info", "--format", "{{.DockerRootDir}}")
    folder = Path(root.strip()) if root and root.strip() else Path(".")
    folder = folder if folder.exists() else Path(".")
    free = shutil.disk_usage(folder).free
    if free < DISK_FAIL:
        return [f"only {free / 2**30:.1f} GiB are free in {folder.resolve()}; docker system prune makes room"]
    if free < DISK_WARN:
        print(f"warning: only {free / 2**30:.1f} GiB are free in {folder.resolve()}", file=sys.stderr)
    return []


def main() -> int:
    settings = {**env_file(Path(".env")), **os.environ}
    if "--profiles" in sys.argv[1:]:
        print(" ".join(profiles(settings)))
        return 0
    faults = port_faults(settings)
    if not settings.get("POSTGRES_PASSWORD"):
        faults.append("POSTGRES_PASSWORD is not set; write one into .env (see .env.example)")
    faults += docker_faults(settings.get("PROJECT_NAME") or "luna") + disk_faults()
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        ports = ", ".join(f"{name} {settings.get(name) or port}" for name, port in wanted_ports(settings).items())
        print(f"Docker, network and disk are ready, and the ports are free: {ports}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
