# What a file system below reports late, or not at all. Needs root, loop devices, XFS and strace.

# ./fs: an XFS of its own
xfs_begin() {
	as_root
	local tool
	for tool in mkfs.xfs xfs_io strace fsfreeze; do
		command -v $tool >/dev/null || skip "no $tool here (packages xfsprogs, strace, util-linux)"
	done
	[[ -e /dev/loop-control ]] || skip "no loop devices"
	mkdir fs
	truncate -s 400M image
	mkfs.xfs -q image
	mount -o loop image fs 2>mount.log || skip "$(head -n 1 mount.log)"
	trap 'xfs_end' EXIT
}

xfs_end() {
	fsfreeze -u fs 2>/dev/null
	until_true 10 is_unmounted
}

is_unmounted() {
	umount fs 2>/dev/null
	! grep -q " $PWD/fs " /proc/mounts
}

is_traced() {
	grep -q . trace
}

# The file system fails behind a system call of the commit: after the next mount the file is there, or it was not reported
test_slow_durable_shutdown() {
	local call size sync missed=0
	xfs_begin
	for call in renameat2:delay_exit renameat2:delay_enter fchown:delay_enter; do
		for size in 300000 9000000; do
			for sync in auto all; do
				: >trace
				strace -f -q -o trace -e trace="${call%:*}" -e inject="$call=1000000" \
					"$S" get --json --sync=$sync -o fs/f "$ORIGIN/gen/$size/1" >out 2>err &
				pid=$!
				# Renames of large files go through the ring, where strace does not see them.
				until_true 20 eval 'is_traced || ! kill -0 $pid 2>/dev/null'
				is_traced || missed=$((missed + 1))
				xfs_io -x -c shutdown fs || fail "no shutdown"
				finish 20
				until_true 10 is_unmounted
				mount -o loop image fs || fail "cannot be mounted again"
				if ((status == 0)); then
					is_gen fs/f $size 1
				else
					grep -q '"durable":false' out || fail "$call $size $sync: $(tail -n 1 out)"
				fi
				rm -f fs/f fs/f.sluice-part
				sync -f fs
			done
		done
	done
	((missed <= 6)) || fail "$missed of 12 were not hit"
}

# A disk that does not answer: a second after TERM the parts that could not be removed are named
test_slow_durable_frozen() {
	xfs_begin
	start get -d fs "$ORIGIN"/gate/frozen/gen/9000000/{1,2,3,4,5}
	until_true 10 test -e fs/5.sluice-part
	until_true 10 have_begun
	fsfreeze -f fs
	kill -TERM "$pid"
	local i
	for i in 1 2 3 4 5; do
		until_true 4 grep -qE "'fs/$i.sluice-part' was not removed: (the disk did not respond in time|timed out)" err
	done
	fsfreeze -u fs
	finish 10
	expect 143
	absent fs/1 fs/2 fs/3 fs/4 fs/5
	get -d fs "$ORIGIN"/gen/9000000/{1,2,3,4,5}
	expect 0
	no_parts
}

have_begun() {
	[[ -s fs/1.sluice-part && -s fs/2.sluice-part && -s fs/3.sluice-part && -s fs/4.sluice-part && -s fs/5.sluice-part ]]
}
