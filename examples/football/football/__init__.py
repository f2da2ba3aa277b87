"""Football match predictions: golive's reference application, small but real."""

from importlib.resources import files

RELEASE = files(__name__).joinpath("RELEASE").read_text(encoding="ascii").strip()
