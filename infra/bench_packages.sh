#!/bin/sh
# Bring the peers of `make bench` into .benchmark/tools and the Debian packages they need onto the machine. What cannot be
# had is named on standard error, and the benchmark runs without it. Quick when all are there.
set -eu

cd "$(dirname "$0")/.."
tools=$PWD/.benchmark/tools
restic_suite=sid # Debian 12 itself has 0.14; this static binary needs glibc 2.34 only
mkdir -p "$tools"

say() { printf 'peers: %s\n' "$*" >&2; }

system_packages() {
    set -- duplicity zstd openssl libacl1-dev liblz4-dev libssl-dev libxxhash-dev libzstd-dev pkg-config gcc
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        infra/apt_install.sh "$@"
    else
        say "not root: duplicity and what borg is built with are used as far as they are there ($*)"
    fi
}

# restic of a newer suite: lists and archives lie in a folder of ours, nothing is installed.
restic() {
    [ -x "$tools/restic/usr/bin/restic" ] && return
    work=$tools/apt
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/sources"
    : >"$work/status"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/$') # the machine's own
    cat >"$work/sources/newer.sources" <<SOURCE
Types: deb
URIs: $mirror
Suites: $restic_suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
    set -- -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources" -o "Dir::State::lists=$work/lists" \
        -o "Dir::Cache=$work/cache" -o "Dir::State::status=$work/status" -o "APT::Sandbox::User=$(id -un)"
    say "fetching restic of $restic_suite"
    (cd "$work" && apt-get "$@" update && apt-get "$@" download restic) >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    dpkg-deb -x "$work"/restic_*.deb "$tools/restic"
    rm -rf "$work"
    "$tools/restic/usr/bin/restic" version >&2
}

borg() {
    stamp=$tools/borg/.lock
    digest=$(sha256sum requirements/borg.txt | cut -d' ' -f1)
    "$tools/borg/bin/borg" --version >/dev/null 2>&1 && [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ] && return
    say "building borg in an environment of its own (about a minute)"
    .venv/bin/python -m venv --clear "$tools/borg"
    "$tools/borg/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/borg.txt >&2 || return 1
    printf '%s' "$digest" >"$stamp"
    "$tools/borg/bin/borg" --version >&2
}

system_packages || say "Debian packages could not be installed"
restic || say "restic cannot be had; rows against it will be missing"
borg || say "borg cannot be built; rows against it will be missing"
