#!/usr/bin/env bash
# Asks the registry of each pinned image whether it has that digest, and says where the tag has since moved on.
# Exit status 1: a registry does not have a digest. It needs Docker (buildx) and a network.
set -euo pipefail
cd "$(dirname "$0")/.."

images=$(grep --no-filename --only-matching --extended-regexp '[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}' \
  Dockerfile docker-compose.yml .github/workflows/ci.yml | sort --unique)
status=0
while read -r image; do
  tagged=${image%@*} digest=${image#*@}
  if ! docker buildx imagetools inspect "${tagged%:*}@$digest" > /dev/null; then
    echo "$image: its registry has no such digest; look the release up, and pin another" >&2
    status=1
  elif now=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$tagged") && [[ $now != "$digest" ]]; then
    echo "$image: there; the tag is now $now (rebuilt since): look at its changes, and pin that" >&2
  else
    echo "$image: there"
  fi
done <<< "$images"
exit "$status"
