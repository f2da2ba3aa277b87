#!/usr/bin/python
"""Forget the releases of an application host that nobody can want back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_retention
short_description: Forget releases that nobody can want back, with their images
description:
  - Notes that O(served_before) was verified live, with a file C(verified) in its directory. It served until this
    switch; a release that fails its gates is switched back and never becomes one that served before.
  - Then removes the directories of old releases, and images that only they had. O(serving), O(served_before), every
    release that has a container, and the last O(keep) others that were verified live stay.
  - Never fails for an image that cannot be removed; it warns.
options:
  app:
    description: Name of the application, as in the label of its containers.
    type: str
    required: true
  state_dir:
    description: State directory of the application.
    type: path
    required: true
  serving:
    description: The release that serves; empty for none.
    type: str
    required: true
  served_before:
    description: The release that served before it; empty for none.
    type: str
    required: true
  keep:
    description: How many more stay.
    type: int
    required: true
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Forget old releases
  release_retention:
    app: football
    state_dir: /opt/golive/football
    serving: 1.4.0
    served_before: 1.3.0
    keep: 3
"""

RETURN = r"""
forgotten:
  description: Names of the releases whose directories were removed.
  returned: always
  type: list
  elements: str
images:
  description: Ids of the images that were removed.
  returned: always
  type: list
  elements: str
"""

import json
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.engine_api import SOCKET, Engine, EngineError, read_colours
from ansible.module_utils.golive_core.retention import Kept, forgettable, unused_images


def _image(directory: Path) -> str:
    try:
        return str(json.loads((directory / "manifest.json").read_text("utf-8"))["image_id"])
    except (OSError, ValueError, KeyError):
        # It was never staged to its end, but may have brought an image.
        note = directory / "image_id"
        return note.read_text("utf-8").strip() if note.exists() else ""


def _read(directory: Path) -> Kept:
    verified = directory / "verified"
    return Kept(_image(directory), verified.stat().st_mtime if verified.exists() else 0)


def run(module: AnsibleModule, engine: Engine) -> dict[str, Any]:
    """Note, decide, remove; return what went."""
    params = module.params
    directory = Path(params["state_dir"]) / "releases"
    verified = directory / params["served_before"] / "verified"
    if params["served_before"] not in ("", params["serving"]) and verified.parent.is_dir() and not module.check_mode:
        verified.touch(0o644)

    releases = {path.name: _read(path) for path in directory.glob("*") if path.is_dir()}
    containers = engine.containers()
    colours = read_colours(row for row in containers if (row.get("Labels") or {}).get("golive.app") == params["app"])
    wanted = {params["serving"], params["served_before"], *(colour.release for colour in colours.values())}
    forgotten = forgettable(releases, wanted, params["keep"])
    unused = unused_images(releases, forgotten, (row["ImageID"] for row in containers))
    images = [image for image in unused if image in engine.image_ids()]
    if not module.check_mode:
        for name in forgotten:
            shutil.rmtree(directory / name)
        for image in list(images):
            try:
                engine.remove_image(image)
            except EngineError as error:
                images.remove(image)
                module.warn(f"Image {image} stays on this host: {error}")
    return {"changed": bool(forgotten or images), "forgotten": forgotten, "images": images}


def main() -> None:
    """Parse the arguments, forget."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "state_dir": {"type": "path", "required": True},
            "serving": {"type": "str", "required": True},
            "served_before": {"type": "str", "required": True},
            "keep": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    if not Path(SOCKET).exists():  # check mode on a bare host
        module.exit_json(changed=False, forgotten=[], images=[])
    try:
        result = run(module, Engine(timeout=120))
    except (EngineError, OSError) as error:
        module.fail_json(msg=f"Cannot forget old releases: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
