"""Take an application's own Compose files: refuse what cannot have two colours, lay what golive decides over the rest.

Compose itself merges the files (``docker compose config``); the forms that it leaves short or long are both read here.
What a key means: the Compose specification.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# The name of the API's service in what golive writes, whatever the application calls it.
API = "app"
# golive decides: which image, where it listens, how it is limited and restarted, and what starts when.
OURS = ("build", "ports", "deploy", "profiles", "restart", "depends_on", "container_name", "scale")
_DATA = ("postgres", "mysql", "mariadb", "mongo", "redis", "valkey", "rabbitmq", "elasticsearch", "opensearch", "minio")


def refusals(document: Mapping[str, Any], api: str, workers: Sequence[str]) -> list[str]:
    """Return one sentence for each thing that two colours beside each other cannot have, with what to change.

    :param document: the files as Compose merges them
    :param api: the service that answers requests
    :param workers: the services that are workers
    """
    services = document.get("services") or {}
    known = ", ".join(sorted(services)) or "none"
    missing = [name for name in (api, *workers) if name not in services]
    found = [f"there is no service {name}; they are {known}: correct app_service or app_workers" for name in missing]
    outside = {name for name, volume in (document.get("volumes") or {}).items() if not (volume or {}).get("external")}
    for name, service in sorted(services.items()):
        if name not in (api, *workers):
            found.append(_stranger(name, service))
            continue
        found += [f"service {name} {problem}" for problem in _problems(name, service, api, outside)]
    for kind in ("secrets", "configs"):
        for name, entry in sorted((document.get(kind) or {}).items()):
            if path := (entry or {}).get("file"):
                found.append(f"{kind[:-1]} {name} is read from {path}, which is not on the hosts: use app_secret_files")
    return found


def _stranger(name: str, service: Mapping[str, Any]) -> str:
    image = str(service.get("image", ""))
    if any(word in f"{name} {image}".lower() for word in _DATA):
        what = f"service {name} ({image or 'no image'})"
        return (
            f"{what} keeps data, and each colour would have its own: take it out of the "
            "files and let golive provide it (groups database and cache), or name its address in app_env"
        )
    return f"service {name} is neither app_service nor one of app_workers: name it in app_workers, or take it out"


def _problems(name: str, service: Mapping[str, Any], api: str, outside: set[str]) -> Iterator[str]:
    if service.get("container_name"):
        fixed = service["container_name"]
        yield f"is named {fixed} for good (container_name), and two colours run at once: take that line out"
    if service.get("ports") and name != api:
        yield "publishes ports, and both colours would want them: take them out; only the application itself listens"
    if service.get("network_mode") == "host":
        yield "uses the host's network, where both colours would want the same ports: take network_mode out"
    for network, told in _pairs(service.get("networks")):
        if (told or {}).get("ipv4_address") or (told or {}).get("ipv6_address"):
            yield f"has a fixed address in network {network}: take it out"
    for source in _sources(service):
        if source in outside:
            yield f"keeps data in volume {source}, and each colour would have its own: mount a directory of the host"
        elif source.startswith((".", "~")):
            yield f"mounts {source}, which is not on the hosts: put it into the image, or use app_secret_files"
    for path in _listed(service.get("env_file")):
        told = path.get("path") if isinstance(path, Mapping) else path
        yield f"reads {told}, which is not on the hosts: put its values into app_env"


def _sources(service: Mapping[str, Any]) -> Iterator[str]:
    for volume in service.get("volumes") or ():
        if isinstance(volume, Mapping):
            if volume.get("type", "volume") != "tmpfs" and volume.get("source"):
                yield str(volume["source"])
        elif ":" in str(volume):
            yield str(volume).partition(":")[0]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _pairs(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, Mapping) else ((str(name), None) for name in value or ())


def taken(document: Mapping[str, Any], own: Mapping[str, Any], api: str) -> dict[str, Any]:
    """Return the Compose file of a colour: the application's services, with what golive decides laid over them.

    :param document: the files as Compose merges them, which :func:`refusals` has found nothing in
    :param own: what role app would write for an application without files; its services are kept, no others
    :param api: what the application calls the service that answers requests
    """
    found = {key: value for key, value in document.items() if key not in ("services", "name", "version")}
    found["name"] = own["name"]
    if own.get("networks"):
        found["networks"] = {**(found.get("networks") or {}), **own["networks"]}
    found["services"] = {
        name: _laid(document["services"][api if name == API else name], service)
        for name, service in own["services"].items()
    }
    if api != API and "networks" not in found["services"][API]:  # the others find it by the name that they know
        found["services"][API]["networks"] = {"default": {"aliases": [api]}}
    return found


def _laid(service: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    base = {key: copy.deepcopy(value) for key, value in service.items() if key not in OURS}
    merged = {**base, **own}
    for key in ("environment", "labels"):
        merged[key] = {**_mapping(base.get(key)), **_mapping(own.get(key))}
    volumes = [*(base.get("volumes") or ()), *(own.get("volumes") or ())]
    if volumes:
        merged["volumes"] = volumes
    return merged


def _mapping(value: Any) -> dict[str, Any]:
    """Return an environment or labels as a mapping; a list of NAME=VALUE means the same."""
    if isinstance(value, Mapping):
        return dict(value)
    pairs = (str(row).partition("=") for row in value or ())
    return {name: text if mark else None for name, mark, text in pairs}


def variables(values: Mapping[str, Any]) -> str:
    """Return the file `.env` that gives variables in Compose files these values, none of which is looked into."""
    return "".join(f"{name}='{_quoted(value)}'\n" for name, value in values.items())


def _quoted(value: Any) -> str:
    return str(value).replace("'", "\\'")
