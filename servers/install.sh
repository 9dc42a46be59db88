#!/usr/bin/env bash
# Installs the servers of the tests and benchmarks, on Debian, as root. Elsewhere it names what is missing;
# tests that need it then skip (in CI they fail).
set -euo pipefail

declare -A packages=([clickhouse-server]=clickhouse-server [clickhouse-client]=clickhouse-client [promtool]=prometheus [openssl]=openssl [chromium]=chromium)
missing=()
for program in "${!packages[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed: ${missing[*]} (Debian's packages of these names); tests that need them will skip" >&2
  exit 0
fi

# The tests start servers of their own: the installation must start none.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
