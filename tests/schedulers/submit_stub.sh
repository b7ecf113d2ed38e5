#!/usr/bin/env bash
# Stands in for bin/submit.sh: notes how it was called in `calls`, and ends with the next status of the file `ends.JOB`,
# or with 0. The status `stop` waits to be told to stop, and then takes a second to end with 75.
home=$(cd "$(dirname "$0")/.." && pwd)
case "$*" in
    *--print-settings*)
        cat "$home/settings.json"
        exit 0
        ;;
esac
echo "$*" >>"$home/calls"
status=0
if [ -s "$home/ends.$1" ]; then
    status=$(head -n 1 "$home/ends.$1")
    sed -i 1d "$home/ends.$1"
fi
if [ "$status" = stop ]; then
    trap 'sleep 1; echo "in good order" >>"$home/calls"; exit 75' TERM
    touch "$home/waiting"
    while :; do sleep 0.1; done
fi
echo "a message" >&2
exit "$status"
