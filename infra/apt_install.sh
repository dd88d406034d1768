#!/bin/sh
# Install the Debian packages named that are missing; needs root. Quick when all are there.
set -eu

missing() {
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
}

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$@"
}

# shellcheck disable=SC2046 # one word a package is meant
set -- $(missing "$@")
[ $# -gt 0 ] || exit 0
printf 'set-up: installing %s\n' "$*" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists may be absent or older than the archive: only then is an update worth its time.
install "$@" >"$log" 2>&1 || { apt-get update >"$log" 2>&1 && install "$@" >"$log" 2>&1; } || {
    cat "$log" >&2
    exit 1
}
