#!/usr/bin/env bash
# run-job.sh HOME RUN_ID JOB [options]: runs a job; 69 and 75, which may pass, are followed by one more try after five
# minutes. Cron knows no retries, and those of Oozie do not know one exit status from another. A retry is a run with an id
# of its own; as RUN_ID - has the job make up its ids.
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

# Whoever is killed tells the job, and waits for it to finish the commit that is under way.
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
