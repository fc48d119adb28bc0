#!/usr/bin/env bash
# Installs what `npm run test:interop` uses beside Node, from the system's own packages: mkfs.xfs, mkfs.ext4, mount, GNU
# tar, zstd, age, GNU time, debootstrap and systemd-nspawn for a machine to boot, restic, rclone, borg, rsync, ssh and
# sshd, FUSE with its library for Python. Changes nothing where all of them are there. Needs root, and apt-get (Debian,
# Ubuntu).
set -euo pipefail

packages=()
need() {
  if command -v "$1" >/dev/null || [[ -x "/usr/sbin/$1" || -x "/sbin/$1" ]]; then return; fi
  packages+=("$2")
}
need mkfs.xfs xfsprogs
need mkfs.ext4 e2fsprogs
need mount mount
need tar tar
need zstd zstd
need age age
need debootstrap debootstrap
need systemd-nspawn systemd-container
need nsenter util-linux
need restic restic
need rclone rclone
need borg borgbackup
need rsync rsync
need ssh openssh-client
need sshd openssh-server
need fusermount fuse
[[ -x /usr/bin/time ]] || packages+=(time)
/usr/bin/python3 -c "import fusepy" 2>/dev/null || packages+=(python3-fusepy)

if ((${#packages[@]} == 0)); then
  echo "nothing to install"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "no apt-get here; install with the system's own package manager: ${packages[*]}" >&2
  exit 1
fi
if ((EUID != 0)); then
  echo "needs root to run: apt-get install ${packages[*]}" >&2
  exit 1
fi
echo "installing ${packages[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
