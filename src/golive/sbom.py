"""What a bundle consists of, as a CycloneDX document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from .debs import Deb


def document(
    app: str,
    releases: Mapping[str, Mapping[str, Any]],
    wheels: Mapping[str, str],
    packages: Mapping[str, Iterable[Deb]],
    grafana: str,
) -> str:
    """Return the document as JSON (CycloneDX 1.6).

    :param releases: name to release.json
    :param wheels: file name to SHA-256
    :param packages: release of the distribution to what was fetched for it
    :param grafana: SHA-256 of Grafana's archive; empty without one
    """
    components = [
        *(_image(app, name, told) for name, told in releases.items()),
        *(_wheel(name, digest) for name, digest in wheels.items()),
        *(_deb(suite, deb) for suite, debs in packages.items() for deb in debs),
        *([_component("grafana", "", grafana, ComponentType.APPLICATION)] if grafana else []),
    ]
    about = Component(name=app, version=", ".join(releases), type=ComponentType.APPLICATION, bom_ref="bundle")
    bom = Bom(components=components, metadata=BomMetaData(component=about))
    bom.register_dependency(about, components)
    return str(JsonV1Dot6(bom).output_as_string(indent=1)) + "\n"


def wheel_name(file: str) -> tuple[str, str]:
    """Return name and version of a wheel, as PyPI has them (PEP 427, PEP 503)."""
    name, version = Path(file).stem.split("-")[:2]
    return name.replace("_", "-").lower(), version


def _component(name: str, version: str, digest: str, kind: ComponentType, **more: Any) -> Component:
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else []
    purl = more.get("purl")
    reference = str(purl) if purl else f"{kind.value}:{name}@{version}"
    return Component(name=name, version=version or None, type=kind, hashes=hashes, bom_ref=reference, **more)


def _wheel(file: str, digest: str) -> Component:
    name, version = wheel_name(file)
    return _component(name, version, digest, ComponentType.LIBRARY, purl=PackageURL("pypi", None, name, version))


def _deb(suite: str, deb: Deb) -> Component:
    qualifiers = {"arch": deb.architecture, "distro": suite}
    purl = PackageURL("deb", "debian", deb.name, deb.version, qualifiers)
    return _component(deb.name, deb.version, deb.sha256, ComponentType.LIBRARY, purl=purl)


def _image(app: str, release: str, told: Mapping[str, Any]) -> Component:
    """An image by its id; that of its archive when there is one, which is what the hash is of."""
    known = {name: str(told[name]) for name in ("image_id", "image", "archive", "commit") if told.get(name)}
    properties = [Property(name=f"golive:{name}", value=value) for name, value in known.items()]
    digest = str(told.get("archive_sha256") or "")
    return _component(app, release, digest, ComponentType.CONTAINER, properties=properties)
