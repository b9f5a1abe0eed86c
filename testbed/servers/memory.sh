# shellcheck shell=bash
# Where test servers keep their data. Sourced, never run.

# Kilobytes that must be free: the engine tests need two gigabytes at most.
ROOM=$((6 << 20))

# Whoever has named no folder for temporary files gets one in memory, where there is room. The tests make and drop
# databases by the hundred, and for minutes after files were deleted ext4 makes each new one slowly.
temp_in_memory() {
  [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] || return 0
  ! findmnt -no OPTIONS -T /dev/shm | grep -qw noexec || return 0
  local free
  for free in "$(df --output=avail -k /dev/shm | tail -1)" "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)"; do
    [ "${free:-0}" -ge "$ROOM" ] || return 0
  done
  export TMPDIR=/dev/shm
}
