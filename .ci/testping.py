"""Asks a running Luna once per group of endpoints and prints what it answers.

Reads the groups from the OpenAPI document, so that new ones are asked without a change here. An
answer that asks for a login (401) shows that the group is there; 404 and 5xx are failures.
LUNA_URL names another address than this machine's, LUNA_TOKEN an access token.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

ALWAYS = ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs/"]


def base_url() -> str:
    """Address of the program: LUNA_URL, or this machine with API_PORT of the environment or .env."""
    if os.environ.get("LUNA_URL"):
        return os.environ["LUNA_URL"].rstrip("/")
    port = os.environ.get("API_PORT")
    lines = Path(".env").read_text().splitlines() if Path(".env").exists() else []
    for line in lines:
        if not port and line.startswith("API_PORT="):
            port = line.partition("=")[2].strip("'\" ")
    return f"http://127.0.0.1:{port or 8001}"


def ask(url: str) -> tuple[int, bytes]:
    """Status and body; status 0 when nobody answers."""
    request = urllib.request.Request(url)
    if os.environ.get("LUNA_TOKEN"):
        request.add_header("Authorization", f"Bearer {os.environ['LUNA_TOKEN']}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        print(f"error: {url}: {error}", file=sys.stderr)
        return 0, b""


def groups(document: dict) -> dict[str, str]:
    """For each group of the document one path that can be asked without knowing anything.

    A group that only takes is asked for what it does not give: 405 shows that it is there.
    """
    asked, other = {}, {}
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            for tag in operation.get("tags", ["other"]) if "{" not in path else []:
                (asked if method == "get" else other).setdefault(tag, path)
    return other | asked


def main() -> int:
    base = base_url()
    status, body = ask(f"{base}/openapi.json")
    if status != 200:
        print(f"error: {base} does not answer as Luna does; is it running? start it with: make run", file=sys.stderr)
        return 1
    asked = {path: path for path in ALWAYS} | groups(json.loads(body))
    failed = 0
    for group, path in asked.items():
        status, _ = ask(base + path)
        # A question without its parameters is refused (400, 422), which is an answer too.
        good = status in (200, 204, 303, 400, 401, 403, 405, 422)
        failed += not good
        print(f"{status or '---'}  {'ok  ' if good else 'FAIL'}  {group:16}  {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
