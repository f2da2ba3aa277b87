#!/bin/sh
# Runs inside the CI container, started by ci.py: every tool to its end, whatever the others find; reports to /reports.
# Exit code: 0 when all tools were satisfied.
cd /suite || exit 2
app=/opt/football/app/football

(
  code=0
  python3 -m ruff check --config=pyproject.toml --no-cache --output-format=json --output-file=/reports/ruff.json \
    "$app" . || code=1
  python3 -m mypy --config-file=pyproject.toml --cache-dir=/tmp/mypy --junit-xml=/reports/mypy.xml \
    "$app" tests || code=1
  python3 -m bandit -q -c pyproject.toml -r "$app" -f json -o /reports/bandit.json || code=1
  exit $code
) &
checks=$!

code=0
python3 -m coverage run --data-file=/tmp/coverage -m pytest -q -p no:cacheprovider --junit-xml=/reports/junit.xml || code=1
python3 -m coverage json -q --data-file=/tmp/coverage -o /reports/coverage.json || code=1
wait $checks || code=1
exit $code
