#!/usr/bin/env bash
# Runs a job: bin/submit.sh JOB [options]. bin/submit.sh --help lists the jobs.
set -eu
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
launch submit "$@"
