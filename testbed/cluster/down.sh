#!/usr/bin/env bash
# Ends everything the test bed started and puts the machine back as it was. Goes by the bed's
# cgroup and folder alone, so that it works after any crash; a second call finds nothing to do.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "${CLUSTER:-}" = existing ] || grep -qs "^export BED_KIND='existing'" "$ENV_FILE"; then
  if [ -z "${BED_DOWN_SLOT:-}" ]; then exec "$HERE/existing.sh" down; fi
fi
need_root_linux
if [ -n "${BED_DOWN_SLOT:-}" ]; then
  use_slot "$BED_DOWN_SLOT"
else
  rm -f "$ENV_FILE"
  find_slot || { say "no test bed is up for this checkout"; exit 0; }
  lock_bed
fi

# The daemons first, so that nobody starts anything any more. With the last process go
# the namespaces, and with them every mount, network link, firewall rule and shared memory of the bed.
kill_members "$TRACK/daemons"
kill_members "$TRACK"
while read -r type mounted; do
  if [[ $type != cgroup* ]] || [ ! -d "$mounted/$CGROUP" ]; then continue; fi
  for _ in $(seq 40); do
    find "$mounted/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$mounted/$CGROUP" ] || break
    sleep 0.05
  done
done < <(awk '{print $3, $2}' /proc/mounts)
if ip link show "$LINK" >/dev/null 2>&1; then ip link del "$LINK" 2>/dev/null || true; fi

# Nothing of it is mounted here; should that ever be wrong, rm must not follow.
! grep -q " $D/" /proc/mounts || fail "still mounted: $(grep " $D/" /proc/mounts | cut -d' ' -f2 | tr '\n' ' ')"
rm -rf "$D"
if [ -z "${BED_DOWN_SLOT:-}" ]; then
  lock_slots
  rm -f "$RUN/$SLOT.checkout" "$RUN/$SLOT.lock"
  if ! ls "$RUN"/*.checkout >/dev/null 2>&1; then # the last bed of the machine
    # shellcheck disable=SC2046
    [ ! -e "$RUN/made" ] || rmdir $(sort -ru "$RUN/made") 2>/dev/null || true
    rm -rf "$STATE" "$RUN"
  fi
fi
left=$(find /sys/fs/cgroup -maxdepth 2 -name "$CGROUP" 2>/dev/null)
[ -z "$left" ] || fail "left behind: $left"
say "down"
