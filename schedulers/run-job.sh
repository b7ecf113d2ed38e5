#!/usr/bin/env bash
# run-job.sh HOME RUN_ID JOB [options]: runs a job, and tries it once more five minutes after a temporary failure (69,
# 75). Cron has no retries, and those of Oozie do not look at the exit status. A retry is a run with its own id; with - as
# RUN_ID the job makes up its ids.
set -u
home=$1 run_id=$2 job=$3
shift 3

attempt() {
    local id=$1
    shift
    [ "$run_id" = - ] || set -- "$@" --run-id "$id"
    "$home/bin/submit.sh" "$job" --wait-lock 600 "$@" &
    child=$!
    wait "$child"
}

# A signal is passed on to the job, which finishes its current commit before it ends.
child=
trap '[ -z "$child" ] || { kill -TERM "$child" 2>/dev/null; wait "$child"; }; exit 75' TERM INT

attempt "$run_id" "$@"
status=$?
if [ "$status" = 69 ] || [ "$status" = 75 ]; then
    child=
    echo "$job ended with $status, which may pass: one more try in ${RETRY_SECONDS:-300} s" >&2
    sleep "${RETRY_SECONDS:-300}" &
    wait $!
    attempt "$run_id.2" "$@"
    status=$?
fi
exit "$status"
