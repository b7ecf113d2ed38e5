#!/usr/bin/env bash
# Runs a job: bin/submit.sh JOB [options]. bin/submit.sh --help lists the jobs.
set -eu
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/find-python"
exec "$python" -I -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from smart_trader.launch import main; main.submit()' \
    "$home" "$@"
