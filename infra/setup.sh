#!/bin/sh
# Make .venv hold exactly what requirements/<set>.txt locks, and this project.   infra/setup.sh demo|dev|bench
# A stamp in .venv remembers the lock's hash: a second run costs milliseconds. `bench` contains `dev`, `dev` `demo`.
set -eu

set_name=$1
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'set-up: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

digest_of() { cat "requirements/$1.txt" pyproject.toml infra/setup.sh | sha256sum | cut -d' ' -f1; }
stamped() { [ -x $venv/bin/python ] && [ "$(cat "$venv/.lock-$1" 2>/dev/null)" = "$(digest_of "$1")" ]; }

# 3.11 comes first: it is the version the tests run on.
find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do
        "$candidate" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null || continue
        "$candidate" -c 'import sys; print(sys.executable)'
        return
    done
    stop 'Python 3.11 or newer was not found; install it (Debian 12, as root: apt-get install -y python3) or set PYTHON'
}

# Debian ships Python without ensurepip, in a package of its own.
need_ensurepip() {
    "$1" -c 'import ensurepip' 2>/dev/null && return
    package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    command -v apt-get >/dev/null || stop "$1 lacks the module ensurepip; install it with your package manager"
    [ "$(id -u)" = 0 ] || stop "$package is missing; run as root: apt-get update && apt-get install -y $package"
    infra/apt_install.sh "$package"
}

case $set_name in
    demo) containing='demo dev bench' ;;
    dev) containing='dev bench' ;;
    *) containing=$set_name ;;
esac
for have in $containing; do
    if stamped "$have"; then exit 0; fi
done

if ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    need_ensurepip "$python"
    say "making $venv with $python"
    "$python" -m venv --clear $venv
fi

say "installing requirements/$set_name.txt, each file checked against its hash (about a minute)"
rm -f $venv/.lock-*
$venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --requirement "requirements/$set_name.txt"
$venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
# Whoever runs it may not write here, and would compile every module anew in each process.
$venv/bin/python -m compileall -q proofkeep flows tasks blocks infra tests
digest_of "$set_name" >"$venv/.lock-$set_name"
say "done"
