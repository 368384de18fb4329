#!/usr/bin/env bash
# Installs the Debian packages that the build needs. Without root it installs nothing: it prints what is missing and exits 69.
set -euo pipefail
packages=(g++ cmake ninja-build catch2 libcli11-dev nlohmann-json3-dev libtomlplusplus-dev libfmt-dev zlib1g-dev)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -ne 0 ]]; then
  echo "missing packages; install them with: sudo apt-get install ${missing[*]}" >&2
  exit 69
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet >&2
apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >&2
