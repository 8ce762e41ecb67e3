#!/bin/sh
# Installs the system programs that tests run against, where that is possible: as root on Debian or Ubuntu.
# Elsewhere it says what is missing, and the tests that need it skip, or fail where CI is set. Exit code 0, unless
# an installation fails.
#
#   tools/ci_packages.sh
set -eu

# package:program, one a line
wanted="
chromium:chromium
kcat:kcat
prometheus:promtool
prometheus:prometheus
prometheus-alertmanager:amtool
prometheus-alertmanager:prometheus-alertmanager
"

missing=""
for entry in $wanted; do
    command -v "${entry#*:}" >/dev/null 2>&1 && continue
    case " $missing " in *" ${entry%%:*} "*) ;; *) missing="$missing ${entry%%:*}" ;; esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing. Tests that need them skip; on Debian: apt-get install --no-install-recommends$missing" >&2
    exit 0
fi

# Debian starts a service as it is installed; these are programs for tests, on ports of their own.
policy=/usr/sbin/policy-rc.d
ours=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=yes
    trap 'rm -f "$policy"' EXIT INT TERM
fi

export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086  # words, not one name
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $missing >/dev/null
}
install || { apt-get update -qq && install; }

# A machine without a policy of its own may start them at its next boot.
if [ -n "$ours" ] && command -v systemctl >/dev/null 2>&1; then
    for unit in prometheus prometheus-alertmanager prometheus-node-exporter; do
        systemctl disable --now "$unit" >/dev/null 2>&1 || true
    done
fi
echo "installed:$missing"
