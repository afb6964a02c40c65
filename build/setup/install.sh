# Installs the packages named as arguments, as root, and changes nothing else
# about the machine: no service is started now or at the next boot, and no
# database cluster is made. What was there before stays as it was.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.conf
kept=$(mktemp)
made_policy=
changed_cluster=

restore() {
	if [ -n "$made_policy" ]; then rm -f "$policy"; fi
	if [ -n "$changed_cluster" ]; then cat "$kept" >"$cluster"; fi
	rm -f "$kept"
}
trap restore EXIT
trap 'exit 130' INT TERM

install() {
	apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# invoke-rc.d asks this file before it starts anything; 101 means no.
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	made_policy=yes
fi

units_before=$(find /etc/systemd/system \( -name '*.service' -o -name '*.socket' \) 2>/dev/null | sort)
apt-get update -qq
for package in "$@"; do
	case $package in
	postgresql)
		install postgresql-common
		cat "$cluster" >"$kept"
		changed_cluster=yes
		printf '\ncreate_main_cluster = false\n' >>"$cluster"
		;;
	esac
done
install "$@"

# What these packages switched on for the next boot is switched off again.
find /etc/systemd/system \( -name '*.service' -o -name '*.socket' \) 2>/dev/null | sort | while read -r unit; do
	case "$units_before" in
	*"$unit"*) ;;
	*) rm -f "$unit" ;;
	esac
done
