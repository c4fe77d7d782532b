# What was reported done is there after a power cut and after a disk failed. A disk of our own (tests/faults) stands below
# a loop device with a real file system. Needs root, FUSE and loop devices.

DISK_MIB=512
SMALL_FILES=300 # of 20 to 60 kB
LARGE_FILES=4   # of 5 to 8 MiB: more than goes into a group
declare -gA MAKE_FS=(
	[ext4]="mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0"
	[xfs]="mkfs.xfs -q -f"
	[btrfs]="mkfs.btrfs -q -f"
)

disk_tool() {
	as_root
	FAULT_DISK=$BUILD/faults/fault_disk
	[[ -x $FAULT_DISK ]] || skip "$FAULT_DISK is not built (make faults; needs libfuse3-dev)"
	[[ -c /dev/fuse && -e /dev/loop-control ]] || skip "no FUSE or loop devices"
}

# ./list: what to fetch; ./ref: what it must be.
make_list() {
	local i size
	mkdir ref
	for ((i = 1; i <= SMALL_FILES; i++)); do
		size=$((20000 + i * 7919 % 40000))
		printf '%s/gen/%d/%d\n out=s%d\n' "$ORIGIN" "$size" "$i" "$i"
		"$ORIGIN_TOOL" --gen "$size" "$i" >"ref/s$i"
	done >list
	for ((i = 1; i <= LARGE_FILES; i++)); do
		size=$(((5 << 20) + i * 777777))
		printf '%s/gen/%d/%d\n out=l%d\n' "$ORIGIN" "$size" "$i" "$i"
		"$ORIGIN_TOOL" --gen "$size" "$i" >"ref/l$i"
	done >>list
	(cd ref && sha256sum -- *) >ref.sums
}

disk_begin() { # file system
	mkdir dev fs after
	"$FAULT_DISK" $DISK_MIB dev >disk.log 2>&1 &
	DISK_PID=$!
	trap 'disk_end' EXIT
	until_true 10 test -e dev/disk
	LOOP=$(losetup -f --show dev/disk) || skip "no loop device"
	# shellcheck disable=SC2086  # words
	${MAKE_FS[$1]} "$LOOP" >mkfs.log 2>&1 || fail "$(cat mkfs.log)"
	mount "$LOOP" fs 2>mount.log || skip "$(head -n 1 mount.log)"
	sync -f fs
}

disk_end() {
	umount after 2>/dev/null
	umount fs 2>/dev/null || umount -l fs 2>/dev/null
	[[ -z ${IMAGE_LOOP-} ]] || losetup -d "$IMAGE_LOOP" 2>/dev/null
	[[ -z ${LOOP-} ]] || losetup -d "$LOOP" 2>/dev/null
	umount dev 2>/dev/null || umount -l dev 2>/dev/null
	wait "$DISK_PID" 2>/dev/null
	rmdir dev fs after
	DISK_PID= LOOP=
}

disk_command() {
	printf '%s\n' "$*" >dev/control
}

# The names that ROUND's run has reported as done so far.
reported() { # round
	sed -n 's/^{"type":"file_done".*"path":"fs\/\([^"]*\)".*/\1/p' "events.$1"
}

# Each name in LIST is whole in IMAGE. False, with the names of those that are not, if one is lost.
survived() { # image, list
	local lost=0
	IMAGE_LOOP=$(losetup -f --show "$1") || fail "no loop device"
	mount "$IMAGE_LOOP" after 2>mount.log || mount -o nouuid "$IMAGE_LOOP" after 2>>mount.log || {
		losetup -d "$IMAGE_LOOP"
		return 2
	}
	# One process for all of them, not thousands: bash waits for ever if the number of a process comes round again.
	awk '
		NR == FNR { sum[$2] = $1; next }
		{ name = $0; sub(/.*\//, "", name); print sum[name] "  after/" $0 }' ref.sums "$2" >want.sums
	[[ ! -s want.sums ]] || sha256sum --quiet -c want.sums || lost=1
	umount after
	losetup -d "$IMAGE_LOOP"
	return $lost
}

fetch_in_background() { # round, arguments...
	local round=$1
	shift
	"$S" get --json -j 16 -x 16 -i list -d "fs/r$round" "$@" >"events.$round" 2>"err.$round" &
	GET_PID=$!
}

# A moment of ROUND's run, behind some of its reports: how many files are done by then does not depend on the machine.
any_moment() { # round, files reported
	until_true 60 has_reported "$1" "$2"
	sleep "0.$(printf %03d $((RANDOM % 350)))"
}

has_reported() { # round, files
	(($(grep -c '^{"type":"file_done"' "events.$1") >= $2)) || ! kill -0 "$GET_PID" 2>/dev/null
}

power_cuts() { # file system
	local round cut names=0
	disk_tool
	make_list
	disk_begin "$1"
	for round in 1 2 3 4 5 6; do
		: >done.now
		fetch_in_background "$round" --sync="$( ((round % 2)) && echo auto || echo all)"
		for cut in 1 2 3; do
			any_moment "$round" $(((cut - 1) * SMALL_FILES / 3 + RANDOM % (SMALL_FILES / 3)))
			for ((i = 1; i <= round; i++)); do reported "$i"; done >"done.$cut"
			disk_command cut $((RANDOM + 1)) "$PWD/image.$cut" || fail "no image: $(df -h . | tail -n 1)"
		done
		wait "$GET_PID" || fail "round $round: $(cat "err.$round")"
		for cut in 1 2 3; do
			names=$((names + $(wc -l <"done.$cut")))
			survived "image.$cut" "done.$cut" || fail "round $round, cut $cut: $(cat mount.log)"
			rm "image.$cut"
		done
	done
	((names > 500)) || fail "only $names files were reported before a cut"
	echo "$names files reported before 18 cuts"
}

# Power is cut below ext4 while files are fetched: each that was reported is there afterwards
test_slow_power_ext4() {
	power_cuts ext4
}

# Power is cut below XFS while files are fetched: each that was reported is there afterwards
test_slow_power_xfs() {
	power_cuts xfs
}

# Power is cut below btrfs while files are fetched: each that was reported is there afterwards
test_slow_power_btrfs() {
	power_cuts btrfs
}

disk_faults() { # file system
	local round kind names=0 checked=0
	disk_tool
	make_list
	for round in 1 2 3 4 5 6 7 8; do
		disk_begin "$1"
		kind=$( ((round % 2)) && echo writes || echo flushes)
		fetch_in_background "$round" --sync="$( ((round % 4 < 2)) && echo auto || echo all)"
		any_moment "$round" $((RANDOM % SMALL_FILES))
		disk_command fail "$kind" $((RANDOM + 1)) $((1 + round % 3))
		pid=$GET_PID
		finish 60
		reported "$round" >done.1
		if ((status == 0)); then
			(($(wc -l <done.1) == SMALL_FILES + LARGE_FILES)) || fail "round $round: exit 0, but $(wc -l <done.1) files are done"
		else
			[[ -s err.$round ]] || fail "round $round: exit $status without a word"
		fi
		disk_command heal
		umount fs 2>/dev/null || umount -l fs
		disk_command cut $((RANDOM + 1)) "$PWD/image.1" || fail "no image"
		survived image.1 done.1
		case $? in
		0) checked=$((checked + 1)) names=$((names + $(wc -l <done.1))) ;;
		2) echo "round $round: what is left cannot be mounted: $(tail -n 1 mount.log)" ;;
		*) fail "round $round, failing $kind, exit $status: files that were reported are lost; $(tail -n 2 "err.$round")" ;;
		esac
		rm -f image.1
		disk_end
	done
	((checked >= 4)) || fail "only $checked rounds could be checked"
	echo "$names files reported in $checked rounds"
}

# The disk below ext4 fails while files are fetched: each that was reported is there afterwards
test_slow_faults_ext4() {
	disk_faults ext4
}

# The disk below XFS fails while files are fetched: each that was reported is there afterwards
test_slow_faults_xfs() {
	disk_faults xfs
}
