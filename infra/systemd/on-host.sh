#!/bin/sh
# /usr/local/bin/proofkeep and /usr/local/bin/prefect of a host that is backed up: root types what the pages say, and the
# command runs as proofkeep-worker.service does: its user, environment, credentials, folder and right to read.
set -eu
installed=/opt/proofkeep/.venv/bin
secret=/etc/proofkeep/host.secret
# Absent where it is derived by AWS; systemd starts nothing of which a credential's file is absent.
if [ -e "$secret" ]; then secret="--property=LoadCredential=host-secret:$secret"; else secret=; fi
exec systemd-run --quiet --collect --wait --pty --pipe \
    --uid=proofkeep \
    --working-directory=/var/lib/proofkeep \
    --property=EnvironmentFile=/etc/proofkeep/worker.env \
    --property=LoadCredential=api-auth:/etc/proofkeep/api-auth $secret \
    --property=AmbientCapabilities=CAP_DAC_READ_SEARCH \
    --property=CapabilityBoundingSet=CAP_DAC_READ_SEARCH \
    --property=NoNewPrivileges=yes \
    --property=UMask=0077 \
    --property=LimitCORE=0 \
    -- "$installed/python" -m infra.with_credentials PREFECT_API_AUTH_STRING=api-auth -- "$installed/${0##*/}" "$@"
