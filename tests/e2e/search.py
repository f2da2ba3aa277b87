"""Runs on a lab host: where does it show one of these values?

Standard input is JSON: name to value. Standard output is a list of [kind of place, where, name]; never a value.
"""

import contextlib
import gzip
import json
import pathlib
import subprocess
import sys
import tarfile

VALUES = {name: value.encode() for name, value in json.load(sys.stdin).items()}
NAMES = {value: name for name, value in VALUES.items()}
assert all(VALUES.values()), "an empty value is everywhere"
findings = set()


def look(kind, where, content):
    for name, value in VALUES.items():
        if value in content:
            findings.add((kind, where, name))


def said(*command):
    return subprocess.run(command, capture_output=True, check=True).stdout


def look_at_journal():
    look("journal", "journal", said("journalctl", "--all", "--no-pager", "--output=export"))


def look_at_processes():
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for kind in ("cmdline", "environ"):
            with contextlib.suppress(OSError):  # it has ended
                look(kind, process.name, (process / kind).read_bytes())


def look_at_files():
    """Look into every file of the host: where secrets are meant to be is for the caller to say."""
    grep = [
        "grep", "--recursive", "--text", "--only-matching", "--null", "--no-messages", "--fixed-strings", "--file=-",
        "--exclude-dir=proc", "--exclude-dir=sys", "--exclude-dir=dev", "/",
    ]  # fmt: skip
    patterns = b"\n".join(NAMES)
    # It ends with 2 after files that went away while it looked.
    done = subprocess.run(grep, input=patterns, capture_output=True, check=False)
    for line in done.stdout.splitlines():
        path, _, value = line.partition(b"\0")
        if value in NAMES:
            findings.add(("file", path.decode(), NAMES[value]))
    for file in pathlib.Path("/var/log").rglob("*.gz"):
        look("file", str(file), gzip.decompress(file.read_bytes()))


def look_at_engine():
    containers = said("docker", "ps", "--all", "--quiet").decode().split()
    images = said("docker", "images", "--all", "--quiet", "--no-trunc").decode().split()
    for container in containers:
        look("inspect", container, said("docker", "inspect", container))
        done = subprocess.run(["docker", "logs", container], capture_output=True, check=True)
        look("container log", container, done.stdout + done.stderr)
    for image in set(images):
        look("image inspect", image, said("docker", "image", "inspect", image))
        look("image history", image, said("docker", "history", "--no-trunc", "--format={{json .}}", image))
        look_at_image(image)


def look_at_image(image):
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
        with tarfile.open(fileobj=save.stdout, mode="r|") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                content = archive.extractfile(member).read()
                if content[:2] == b"\x1f\x8b":
                    content = gzip.decompress(content)
                look("image layer", f"{image} {member.name}", content)


look_at_journal()
look_at_processes()
look_at_files()
if pathlib.Path("/var/run/docker.sock").exists():
    look_at_engine()
print(json.dumps(sorted(findings)))
