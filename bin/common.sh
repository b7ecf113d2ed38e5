# Sourced by its neighbours: finds the checkout and a Python, and starts the command that they stand for.

home=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

launch() {
    local candidate
    for candidate in "$home/.venv/bin/python" python3 python3.13 python3.12 python3.11 \
        /usr/local/bin/python3 /opt/homebrew/bin/python3 "${HOME:-}"/.pyenv/versions/3.1[1-9]*/bin/python3; do
        if "$candidate" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            exec "$candidate" -I -X utf8 -c \
                'import sys; sys.path.insert(0, sys.argv.pop(1)); from smart_trader.launch import main; main.run()' \
                "$home" "$@"
        fi
    done
    local what='no Python 3.11 or newer was found; install one (Debian, Ubuntu: apt install python3), run again'
    if [ -t 2 ]; then
        echo "smart-trader: $what" >&2
    else
        printf '{"ts": "%s", "level": "ERROR", "msg": "%s", "context": {}, "logger": "bin"}\n' \
            "$(date -u +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)" "$what" >&2
    fi
    exit 78
}
