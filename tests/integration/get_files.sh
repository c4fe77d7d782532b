# What stands where a file is to go, and what happens to it meanwhile: nothing under a final name is ever half a file.

expect_content() { # file, text
	[[ $(cat "$1") == "$2" ]] || fail "$1 changed"
}

# ---- the name is taken ----

# a complete file is skipped without its body being asked for again
test_files_exists_complete() {
	local size
	for size in 0 1000 5000000; do
		get "$ORIGIN/lm/1000000000/gen/$size/1/f$size"
		expect 0
		get "$ORIGIN/tag/complete$size/lm/1000000000/gen/$size/1/f$size"
		expect 0 "1 already there"
		is_gen "f$size" "$size" 1
	done
	get --if-exists=auto --checksum "sha-256=$("$ORIGIN_TOOL" --sum 1000 1 | cut -c 1-64)" "$ORIGIN/status/500/f1000" -o f1000
	expect 0 "1 already there"
	no_parts
}

# another size, time or checksum: refused, and left as it is
test_files_exists_other() {
	echo mine >f
	get "$ORIGIN/gen/1000/1/f"
	expect 13 "'f' exists"
	expect_content f mine
	get "$ORIGIN/gen/5/1/other" -o f # the same size, which alone tells nothing
	expect 13 "the server sent no time, so it may be another version (--checksum verifies it"
	: >f.aria2
	get "$ORIGIN/lm/1/gen/5/1/other" -o f
	expect 13 "aria2 has not finished it"
	rm f.aria2
	get "$ORIGIN/lm/1/gen/5/1/other" -o f # a later local time is what copying leaves
	expect 0 "1 already there"
	get --json "$ORIGIN/lm/1/gen/5/1/other" -o f
	grep -q '"verified_by":"server"' out || fail "compared with the server"
	touch -d @999 f
	get "$ORIGIN/lm/1000000000/gen/5/1/other" -o f
	expect 13 "'f' exists"
	get --checksum md5=00000000000000000000000000000000 "$ORIGIN/gen/5/1/other" -o f
	expect 13 "checksum"
	get "$ORIGIN/chunked/gen/5/1/other" -o f
	expect 13
	get "$ORIGIN/status/404" -o f
	expect 3
	expect_content f mine
	nothing_left f
}

# each thing that may have the name, under each --if-exists
test_files_exists_kinds() {
	local mode
	for mode in auto skip replace rename fail; do
		mkdir "$mode"
		cd "$mode" || exit
		echo mine >regular
		mkdir directory
		ln -s regular link
		ln -s nowhere dangling
		ln -s loop loop
		exists_kinds_"$mode"
		[[ -d directory ]] || fail "the directory is gone"
		absent nowhere
		no_parts
		cd ..
	done
}

exists_kinds_auto() {
	exists_kinds_fail
}

exists_kinds_fail() {
	local kind
	for kind in regular directory link dangling loop; do
		get --if-exists="$mode" "$ORIGIN/tag/$mode-$kind/gen/100/1/$kind"
		expect 13 "'$kind'"
		[[ $(counter "$mode-$kind" requests) == [012] ]] || fail "$kind: more than a HEAD and a GET"
	done
	expect_content regular mine
	expect_content link mine
	[[ -L link && -L dangling ]] || fail "a link is gone"
}

exists_kinds_skip() {
	local kind
	for kind in regular link; do
		get --if-exists=skip "$ORIGIN/tag/skip/gen/100/1/$kind"
		expect 0 "were not checked"
	done
	for kind in directory dangling loop; do
		get --if-exists=skip "$ORIGIN/tag/skip/gen/100/1/$kind"
		expect 13 "'$kind'"
	done
	expect_content regular mine
	is_counter skip requests 0 || fail "skip asked the server"
}

# A link is replaced itself, not what it points to.
exists_kinds_replace() {
	local kind
	chmod 640 regular
	get --if-exists=replace "$ORIGIN/gen/100/1/link"
	expect 0
	is_gen link 100 1
	[[ ! -L link ]] || fail "still a link"
	expect_content regular mine
	get --if-exists=replace "$ORIGIN/gen/100/1/regular"
	expect 0
	is_gen regular 100 1
	[[ $(stat -c %a regular) == 640 ]] || fail "mode $(stat -c %a regular)"
	get --if-exists=replace "$ORIGIN/gen/100/1/dangling"
	expect 0
	is_gen dangling 100 1
	get --if-exists=replace "$ORIGIN/gen/100/1/directory"
	expect 13 "is a directory"
	once --if-exists=replace "$ORIGIN/short/50/100" -o regular
	expect 22
	is_gen regular 100 1
}

exists_kinds_rename() {
	local kind
	for kind in regular directory link dangling loop; do
		get --if-exists=rename "$ORIGIN/gen/100/1/$kind"
		expect 0
		is_gen "$kind.1" 100 1
		get --if-exists=rename "$ORIGIN/gen/100/2/$kind"
		expect 0
		is_gen "$kind.2" 100 2
	done
	expect_content regular mine
	[[ -L link && -L dangling ]] || fail "a link is gone"
}

# devices and FIFOs that -o names are written to; others and sockets are refused
test_files_exists_devices() {
	get "$ORIGIN/gen/5000000/1" -o /dev/null
	expect 0
	get "$ORIGIN/gen/5000000/1" -o /dev/full
	expect 9 "/dev/full"
	[[ -c /dev/null && -c /dev/full ]] || fail "a device is gone"
	mkfifo fifo
	cat fifo >copy &
	get "$ORIGIN/gen/5000000/1" -o fifo
	wait
	expect 0
	is_gen copy 5000000 1
	[[ -p fifo ]] || fail "the FIFO is gone"
	head -c 1 fifo >/dev/null &
	get "$ORIGIN/gen/5000000/1" -o fifo
	wait
	expect 17 "fifo"
	get --deadline 200ms "$ORIGIN/gen/10/1" -o fifo # which has no reader
	expect 2
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, sockaddr_un("socket")) || die' || fail "no socket made"
	get "$ORIGIN/gen/10/1" -o socket
	expect 13 "'socket' is not a regular file, a character device or a FIFO"
	ln -s /dev/null null
	echo line >fifo & # is not opened: its writer would go on
	get "$ORIGIN/gen/10/1/fifo" "$ORIGIN/gen/10/1/null" # only -o may name one
	expect 13 "'fifo' is not a regular file (--output may name a device or a FIFO)"
	expect 13 "'null' is not a regular file"
	[[ $(timeout "$LIMIT" cat fifo) == line ]] || fail "the FIFO was read"
	wait
	get --stall-timeout 200ms "$ORIGIN/gen/10/1" -o fifo
	expect 2 "no program has opened it for reading"
	nothing_left fifo copy socket null
}

# two inputs with one name: the earlier has it, the later is refused before its first byte
test_files_two_of_one_name() {
	get "$ORIGIN/gen/100/1/f" "$ORIGIN/tag/second/gen/100/2/f?x"
	expect 13 "gen/100/2/f"
	local long
	long=$(printf 'a%.0s' {1..2000})
	rm -f f
	get "$ORIGIN/gen/100/1/f" "$ORIGIN/gen/100/2/$long/f"
	expect 13 "(--if-exists=rename"
	expect 13 "a/f'"
	grep -q "input 1" err || fail "the first input is not named"
	is_gen f 100 1
	is_counter second requests 0 || fail "the second was asked for"
	get --if-exists=rename "$ORIGIN/gen/100/1/g" "$ORIGIN/gen/100/2/g" "$ORIGIN/gen/100/3/g"
	expect 0
	cat g g.1 g.2 | cmp - <("$ORIGIN_TOOL" --gen 100 1; "$ORIGIN_TOOL" --gen 100 2; "$ORIGIN_TOOL" --gen 100 3) ||
		fail "not the three"
	get --if-exists=replace "$ORIGIN/gen/100/4/f" "$ORIGIN/gen/100/5/f"
	expect 13
	is_gen f 100 4
	printf '%s\n' "$ORIGIN/gen/100/1/h" " dir=a" "$ORIGIN/gen/100/2/h" " dir=./a" "$ORIGIN/gen/100/3/h" " dir=a//" >list
	get -i list
	[[ $status == 13 ]] || fail "three spellings of one name: exit $status"
	no_parts
}

# ---- parts ----

# A download of gen 400000 5 into FILE that stops half-way until `opened NAME`; it has asked, so that its part is settled.
hold() { # name, file, options...
	start get "$ORIGIN/tag/$1/gate/$1/gen/400000/5" -o "$2" "${@:3}"
	until_true 10 is_counter "$1" requests 1
	until_true 10 test -e "$2.sluice-part"
}

# a part left by a run that was killed is removed, and the download begins again
test_files_part_of_killed_run() {
	hold killed f
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[[ -f f.sluice-part ]] || fail "no part"
	absent f
	head -c 9000000 /dev/zero >f.sluice-part # longer than what comes
	chmod 1600 f.sluice-part
	get "$ORIGIN/gen/400000/6" -o f
	expect 0
	is_gen f 400000 6
	[[ $(stat -c %a f) == "$(printf %o $((0666 & ~$(umask))))" ]] || fail "mode $(stat -c %a f)"
	no_parts
}

# a part that another run writes is in use, and that run is not disturbed
test_files_part_in_use() {
	hold inuse f
	mv out out1
	mv err err1
	get "$ORIGIN/gen/400000/6" -o f
	expect 11 "another run"
	absent f
	opened inuse
	finish 10
	[[ $status == 0 ]] || fail "the first run: exit $status"
	is_gen f 400000 5
	no_parts
}

# what has the part's name and is not a part stays, and nothing is written through it
test_files_foreign_parts() {
	echo mine >other
	ln -s other link.sluice-part
	ln -s nowhere dangling.sluice-part
	mkdir directory.sluice-part
	mkfifo fifo.sluice-part
	local kind
	for kind in link dangling directory fifo; do
		get "$ORIGIN/gen/100/1/$kind"
		[[ $status == 1[36] ]] || fail "$kind: exit $status"
		expect "$status" "$kind.sluice-part"
		absent "$kind"
	done
	[[ -L link.sluice-part && -L dangling.sluice-part && -d directory.sluice-part && -p fifo.sluice-part ]] || fail "one is gone"
	expect_content other mine
	absent nowhere
	# A leftover may have a second name, in a backup: that keeps its content.
	ln other hard.sluice-part
	get "$ORIGIN/gen/100/1/hard"
	expect 0
	is_gen hard 100 1
	expect_content other mine
}

# .part files of other programs (Firefox, yt-dlp) are not touched, whatever mode they have
test_files_foreign_part() {
	local mode
	for mode in 600 644 1600; do
		echo precious >f.part
		chmod $mode f.part
		get "$ORIGIN/gen/100/1/f"
		expect 0
		expect_content f.part precious
		is_gen f 100 1
		rm f
	done
	rm f.part
	nothing_left
}

# a file has the rights of any other new file from its first byte on, and the part has no others
test_files_rights() {
	local mask
	for mask in 022 002 077 027; do
		(
			umask $mask
			: >"other$mask"
			hold "rights$mask" "f$mask"
			[[ $(stat -c %a "f$mask.sluice-part") == $(stat -c %a "other$mask") ]] || fail "the part: $(ls -l)"
			opened "rights$mask"
			finish 10
			[[ $status == 0 && $(stat -c %a "f$mask") == $(stat -c %a "other$mask") ]] || fail "$(ls -l)"
		) || exit 1
	done
}

# the default ACL of a directory gives a group its rights
test_files_default_acl() {
	command -v setfacl >/dev/null || skip "no setfacl here (package acl)"
	mkdir d
	setfacl -d -m u::rw,g::r,g:65533:rw,m::rw,o::- d 2>acl.log || skip "no ACLs here: $(cat acl.log)"
	umask 077
	: >d/other
	get -d d "$ORIGIN/gen/100/1/small" "$ORIGIN/gen/9000000/1/large"
	expect 0
	local name
	for name in small large; do
		diff <(getfacl -cp d/other) <(getfacl -cp d/$name) || fail "other rights than a new file has"
	done
	getfacl -cp d/small | grep -q '^group:65533:rw-$' || fail "$(getfacl -cp d/small)"
}

# a file that is replaced keeps its mode, and the part never has more
test_files_replaced_mode() {
	echo secret >f
	chmod 600 f
	umask 022
	hold replaced f --if-exists=replace
	[[ $(stat -c %a f.sluice-part) == 600 ]] || fail "the part: $(ls -l)"
	opened replaced
	finish 10
	[[ $status == 0 && $(stat -c %a f) == 600 ]] || fail "$(ls -l)"
	is_gen f 400000 5
	local mode
	for mode in 666 640 444 755; do
		chmod $mode f
		get --if-exists=replace "$ORIGIN/gen/7000/$mode" -o f
		[[ $status == 0 && $(stat -c %a f) == "$mode" ]] || fail "$mode: $(ls -l)"
	done
}

# a file that is replaced keeps its ACL, whose mask is in the group bits of its mode; the part never gives more, a default ACL included
test_files_replaced_acl() {
	command -v setfacl >/dev/null || skip "no setfacl here (package acl)"
	mkdir d
	setfacl -d -m u:1:rwx,g::rwx,m::rwx,o::rx d 2>acl.log || skip "no ACLs here: $(cat acl.log)"
	local name
	for name in named plain; do
		echo secret >d/$name
		setfacl -b d/$name
		chmod 600 d/$name
	done
	setfacl -m u:1:rw d/named
	chmod 640 d/plain
	getfacl -cp d/named d/plain >before
	hold acl d/named --if-exists=replace
	[[ $(stat -c %a d/named.sluice-part) == 600 ]] || fail "the part: $(getfacl -cp d/named.sluice-part)"
	opened acl
	finish 10
	expect 0
	is_gen d/named 400000 5
	get --if-exists=replace "$ORIGIN/gen/100/1" -o d/plain
	expect 0
	getfacl -cp d/named d/plain | diff before - || fail "other rights than the replaced files had"
}

# root keeps owner and group of a file that it replaces
test_files_replaced_owner() {
	as_root
	local size
	for size in 100 9000000; do
		echo old >f
		chown 1:2 f
		chmod 640 f
		get --if-exists=replace "$ORIGIN/gen/$size/1" -o f
		[[ $status == 0 && $(stat -c '%u:%g %a' f) == "1:2 640" ]] || fail "$(ls -ln)"
		is_gen f "$size" 1
	done
}

# another user cannot: what the group had is not given to that user's group
test_files_replaced_as_other_user() {
	as_root
	umask 022
	chmod 777 .
	local modes mode want
	for modes in 664:644 660:600 604:600 755:755; do
		mode=${modes%:*} want=${modes#*:}
		rm -f f
		echo old >f
		chmod "$mode" f
		as_user "$S" get --if-exists=replace "$ORIGIN/gen/100/1" -o f >out 2>err
		status=$?
		expect 0
		[[ $(stat -c '%U:%G %a' f) == "nobody:nogroup $want" ]] || fail "$mode: $(ls -l)"
		if [[ $mode == "$want" ]]; then
			! grep -q "cannot be kept" err || fail "a warning: $(cat err)"
		else
			grep -q "'f': its group cannot be kept" err || fail "no warning: $(cat err)"
		fi
	done
}

# file systems that refuse an owner, ignore it, or have no ACLs
test_files_replaced_on_fuse() {
	as_root
	command -v bindfs >/dev/null || skip "no bindfs here (package bindfs)"
	mkdir below mnt
	trap 'mountpoint -q mnt && umount mnt' EXIT
	local options want
	while read -r want options; do
		rm -f below/f
		echo old >below/f
		chown 1:2 below/f
		chmod 664 below/f
		# shellcheck disable=SC2086
		bindfs $options below mnt 2>bindfs.log || skip "$(head -n 1 bindfs.log)"
		get --if-exists=replace "$ORIGIN/gen/100/1" -o mnt/f
		umount mnt
		expect 0
		is_gen below/f 100 1
		[[ $(stat -c '%u:%g:%a' below/f) == "$want" ]] || fail "$options: $(ls -ln below)"
	done <<-END
		1:2:664
		0:0:644 --chown-deny --chgrp-deny
		0:0:644 --chown-ignore --chgrp-ignore
		0:2:664 --chown-deny
		1:2:664 --xattr-none
	END
}

# a run that waits for another's part goes on by itself once that one is done
test_files_part_freed_meanwhile() {
	local first
	hold freed f
	first=$pid
	start get --if-exists=replace "$ORIGIN/gen/3000/6" -o f
	sleep 0.2
	opened freed
	finish 20
	[[ $status == 0 ]] || fail "exit $status: $(cat err)"
	wait "$first"
	is_gen f 3000 6
	no_parts
}

# a run that waits for another's part looks at the file that one has made
test_files_finished_meanwhile() {
	local mode first
	for mode in auto fail skip rename; do
		rm -f f f.1
		hold "finished-$mode" f --sync=none
		first=$pid
		start get --if-exists=$mode "$ORIGIN/tag/look-$mode/lm/1/gen/400000/5" -o f
		sleep 0.3
		opened "finished-$mode"
		finish 20
		wait "$first"
		case $mode in
		auto) expect 0 "1 already there" ;;
		fail) expect 13 "'f' exists" ;;
		skip) expect 0 "were not checked" ;;
		rename)
			expect 0
			is_gen f.1 400000 5
			;;
		esac
		is_gen f 400000 5
		[[ $mode != [fs]* ]] || is_counter "look-$mode" requests 0 || fail "$mode: it was asked for"
		no_parts
	done
}

# a complete file that its owner cannot read is synced with all others, and skipped
test_files_complete_unreadable() {
	chmod 777 .
	as_user "$S" get -q "$ORIGIN/lm/1/gen/1000/1/f" -o f || fail "exit $?"
	chmod 200 f
	as_user "$S" get "$ORIGIN/lm/1/gen/1000/1/f" >out 2>err
	status=$?
	expect 0 "1 already there"
}

# with --if-exists=rename a name whose part is another's is taken: runs at once find different ones
test_files_rename_at_once() {
	local first
	echo mine >f
	start get --if-exists=rename "$ORIGIN/gate/rename/gen/400000/1" -o f
	first=$pid
	until_true 10 test -e f.1.sluice-part
	get --if-exists=rename "$ORIGIN/gen/1000/2" -o f
	expect 0
	is_gen f.2 1000 2
	opened rename
	wait "$first" || fail "the first run: exit $?"
	is_gen f.1 400000 1
	mkdir f.3.sluice-part
	get --if-exists=rename "$ORIGIN/gen/1000/4" -o f
	expect 0
	is_gen f.4 1000 4
	[[ -d f.3.sluice-part ]] || fail "it is gone"
	expect_content f mine
}

# -o /dev/stdout is standard output, also where that is a file
test_files_link_to_stdout() {
	local mode
	ln -s /proc/self/fd/1 link
	for mode in auto skip replace rename fail; do
		timeout "$LIMIT" "$S" get --if-exists=$mode "$ORIGIN/gen/3000/6" -o link >out 2>err
		status=$?
		expect 0
		is_gen out 3000 6
		[[ -L link ]] || fail "the link was replaced"
		nothing_left link
	done
}

# events keep away from standard output also if it is given by its name
test_files_events_beside_stdout() {
	timeout "$LIMIT" "$S" get --json -o /dev/stdout "$ORIGIN/gen/3000/6" >out 2>err
	status=$?
	expect 0 file_done
	is_gen out 3000 6
	timeout "$LIMIT" "$S" get -o /dev/stdout "$ORIGIN/gen/5000000/6" 2>err | head -c 10 >out
	[[ ${PIPESTATUS[0]} == 0 ]] || fail "a reader that leaves is a failure"
}

# what root fetches is root's, also where another user's run was killed; another user's part is not a user's to remove
test_files_part_of_another_user() {
	as_root
	echo theirs >f.sluice-part
	chown nobody f.sluice-part
	get "$ORIGIN/gen/100/1/f"
	expect 0
	[[ $(stat -c %u f) == 0 ]] || fail "$(ls -l)"
	chmod 777 .
	echo roots >g.sluice-part
	chmod 666 g.sluice-part
	as_user "$S" get "$ORIGIN/gen/100/1/g" >out 2>err
	status=$?
	expect 13 "another user"
	expect_content g.sluice-part roots
}

# names up to 255 bytes are used, with a shorter name for the part
test_files_long_names() {
	local name long
	printf -v name 'n%.0s' {1..251}
	for long in "${name}" "${name}n" "${name}nnn" "${name}nnnn"; do
		get "$ORIGIN/gen/5000000/1/$long" "$ORIGIN/gen/10/2/b${long:1}"
		expect 0
		is_gen "$long" 5000000 1
	done
	get "$ORIGIN/gen/10/1/${name}nnnnn"
	expect 28 "255 bytes"
	get "$ORIGIN/gen/10/1/x" -o "${name}nnnnn"
	expect 28 "255 bytes"
	no_parts
}

# 12 inputs below mnt in as many directories, then 20 in ./good and one more below mnt
list_with_dead_mount() {
	local i
	for i in {1..12}; do printf '%s/gen/1000/%d\n dir=mnt/d%d\n' "$ORIGIN" "$i" "$i"; done
	for i in {1..20}; do printf '%s/gen/1000/%d\n dir=good\n' "$ORIGIN" "$i"; done
	printf '%s/gen/1000/13\n dir=mnt/d1\n' "$ORIGIN"
}

only_good_ones() {
	local i
	kill -CONT $MOUNT_SERVER # a look at the mount would hang
	for i in {1..20}; do is_gen "good/$i" 1000 "$i"; done
	no_parts
	[[ $(grep -c "^sluice: cannot open or make the directory 'mnt/d" err) == 13 ]] || fail "not each of 13 files is reported"
}

# directories of a mount whose server hangs fail by themselves, and the files of others are downloaded
test_files_dead_mount() {
	begin_mount
	kill -STOP $MOUNT_SERVER
	list_with_dead_mount >list
	get 20 --stall-timeout 2 -j 4 -i list
	expect 2 "cannot open or make the directory 'mnt/d12': its file system did not respond in time"
	only_good_ones
}

# the same before the deadline, which ends the run although the mount hangs
test_files_dead_mount_deadline() {
	begin_mount
	kill -STOP $MOUNT_SERVER
	list_with_dead_mount >list
	within_a_deadline good_ones_are_done
	expect 2 "20 of 33 files done, 13 failed"
	only_good_ones
}

good_ones_are_done() { # seconds
	rm -rf good
	get --deadline "$1" -j 4 -i list
	[[ $(ls good 2>/dev/null | grep -c .) == 20 ]]
}

# the deadline ends the run within a second although a mount hangs that was open already, and what is done stays
test_files_dead_mount_later() {
	begin_mount
	within_a_deadline meets_a_dead_mount
	expect 3
	is_gen 1 1000 1
	absent below/2
}

meets_a_dead_mount() { # seconds
	rm -f 1
	printf '%s\n dir=mnt\n' "$ORIGIN/status/404/missing" >list
	printf '%s\n' "$ORIGIN/tag/dead-$1/gate/dead-$1/gen/1000/1" >>list
	printf '%s\n dir=mnt\n' "$ORIGIN/gen/1000/2" >>list
	start get --deadline "$1" -j 1 --sync=all -i list
	until_true 60 is_asked_or_over "dead-$1"
	kill -STOP $MOUNT_SERVER
	opened "dead-$1"
	finish 67
	kill -CONT $MOUNT_SERVER
	grep -q "the time limit of the run was reached (--deadline), and the file system of 'mnt/2' does not respond" err
}

is_asked_or_over() { # tag
	! kill -0 "$pid" 2>/dev/null || is_counter "$1" requests 1
}

# the deadline covers a list on a mount that hangs
test_files_dead_mount_list() {
	begin_mount
	echo "$ORIGIN/gen/10/1" >below/list
	kill -STOP $MOUNT_SERVER
	get 5 --deadline 2 -i mnt/list
	expect 2 "the time limit of the run was reached (--deadline)"
	absent 1
}

# bindfs stands on libfuse 2, which ignores a call that sets one of the two times of a file, and reports success
test_files_time_on_fuse() {
	as_root
	command -v bindfs >/dev/null || skip "no bindfs here (package bindfs)"
	mkdir below mnt
	bindfs below mnt 2>bindfs.log || skip "$(head -n 1 bindfs.log)"
	trap 'umount mnt' EXIT
	local try
	for try in first second; do
		get -d mnt "$ORIGIN/lm/1577934245/gen/3000/1/small" "$ORIGIN/lm/1577934245/gen/9000000/1/large"
		expect 0
	done
	grep -q '2 already there' err || fail "the second run"
	[[ $(stat -c %Y mnt/small) == 1577934245 && $(stat -c %Y mnt/large) == 1577934245 ]] || fail "$(ls -l mnt)"
}

# a part that is removed, replaced or grown meanwhile never becomes the file
test_files_part_touched() {
	local what
	for what in removed replaced grown; do
		hold "touched-$what" "$what"
		case $what in
		removed) rm removed.sluice-part ;;
		replaced) rm replaced.sluice-part && echo other >replaced.sluice-part ;;
		grown) truncate -s 500000 grown.sluice-part ;;
		esac
		opened "touched-$what"
		finish 10
		expect 14 "$what.sluice-part"
		absent "$what"
	done
	expect_content replaced.sluice-part other
	rm replaced.sluice-part
	no_parts
}

# the same with large files, whose room is reserved; what is truncated below the point reached leaves a hole
test_files_large_part_touched() {
	start get "$ORIGIN/gate/large-grown/gen/20000000/5" -o f
	until_true 10 test -s f.sluice-part
	truncate -s 30000000 f.sluice-part
	opened large-grown
	finish 20
	expect 14 "f.sluice-part"
	absent f
	no_parts
}

# a part that is cut once, while it is written, would have its size again at the end, and zeros inside
test_files_part_cut_once() {
	local kind
	for kind in gen chunked/gen; do
		start get "$ORIGIN/gate/once-${kind%/*}/$kind/20000000/5" -o f
		until_true 10 test -s f.sluice-part
		until_true 10 is_written f.sluice-part
		truncate -s 0 f.sluice-part
		opened "once-${kind%/*}"
		finish 20
		expect 14 "another program truncated it"
		absent f
		no_parts
	done
}

is_written() { # file: some of it, not only reserved
	[[ $(head -c 65536 "$1" | tr -d '\0' | wc -c) -gt 60000 ]]
}

# a body of unknown length whose part is cut while it comes
test_files_part_truncated() {
	start get "$ORIGIN/gate/cut/chunked/gen/20000000/5" -o f
	until_true 10 test -s f.sluice-part
	opened cut
	while [[ -e f.sluice-part ]]; do
		truncate -c -s 0 f.sluice-part 2>/dev/null
	done
	finish 20
	if [[ $status == 0 ]]; then # it was too fast for the loop
		is_gen f 20000000 5
	else
		expect 14 "f.sluice-part"
		absent f
	fi
	no_parts
}

# a file that was created in the meantime is left as it is
test_files_name_taken_meanwhile() {
	local mode
	for mode in auto fail replace rename; do
		rm -rf f f.1
		hold "taken-$mode" f --if-exists=$mode
		echo mine >f
		opened "taken-$mode"
		finish 10
		case $mode in
		rename)
			[[ $status == 0 ]] || fail "rename: exit $status"
			is_gen f.1 400000 5
			;;
		replace)
			expect 0
			is_gen f 400000 5
			;;
		*) expect 13 "in the meantime" ;;
		esac
		[[ $mode == replace ]] || expect_content f mine
		no_parts
	done
}

# ---- directories ----

# -d that is a file, below a file, or a link in a circle
test_files_bad_directories() {
	echo mine >file
	ln -s circle circle
	local dir
	for dir in file file/below circle; do
		get -d "$dir" "$ORIGIN/gen/10/1/f"
		expect 18 "$dir"
	done
	get -o file/f "$ORIGIN/gen/10/1/f"
	expect 18 "file"
	get -d "" "$ORIGIN/gen/10/1/f"
	expect 28 "must not be empty"
	get -o directory/ "$ORIGIN/gen/10/1/f"
	expect 28
	get -o . "$ORIGIN/gen/10/1/f"
	expect 28
	get -o .. "$ORIGIN/gen/10/1/f"
	expect 28
	expect_content file mine
	nothing_left file circle
}

# a directory that may not be written, and one that may not be made
test_files_unwritable_directory() {
	chmod 777 .
	mkdir locked open
	chmod 555 locked
	chmod 777 open
	as_user true
	as_user "$S" get -d locked "$ORIGIN/tag/locked/gen/10/1/f" >out 2>err
	status=$?
	expect 16 "locked/f.sluice-part"
	is_counter locked requests 0 || fail "asked for before it was refused"
	as_user "$S" get -d locked/new "$ORIGIN/gen/10/1/f" >out 2>err
	status=$?
	expect 18 "'locked/new': permission denied"
	as_user "$S" get -d locked "$ORIGIN/gen/5000000/1/f" >out 2>err
	status=$?
	expect 16
	as_user "$S" get -d open "$ORIGIN/gen/10/1/f" >out 2>err
	status=$?
	expect 0
	is_gen open/f 10 1
	absent locked/f locked/new
	chmod 0 open
	as_user "$S" get -d open "$ORIGIN/gen/10/1/g" >out 2>err
	status=$?
	expect 18 "open"
	chmod 755 open
	no_parts
}

# an existing file that may not be read is not taken for complete
test_files_unreadable_target() {
	chmod 777 .
	echo theirs >f
	chmod 0 f
	as_user "$S" get --checksum md5=00000000000000000000000000000000 "$ORIGIN/gen/7/1/f" >out 2>err
	status=$?
	expect 17 "cannot read 'f'"
	nothing_left f
}

# the directory is removed under the download
test_files_directory_removed() {
	hold directory d/f
	rm -r d
	opened directory
	finish 10
	expect 14
	absent d
}

# ---- room ----

# a limit on the size of files is an error of that file, no signal; smaller ones go on
test_files_size_limit() {
	local url
	for url in gen/5000000/1 chunked/gen/5000000/1 gen/2000000/1; do
		prlimit --fsize=1000000 "$S" get "$ORIGIN/$url/f" "$ORIGIN/gen/900000/2/g" >out 2>err
		status=$?
		expect 17 "f.sluice-part"
		absent f
		is_gen g 900000 2
		rm g
		no_parts
	done
}

# with_descriptors COUNT COMMAND...: with that limit, and without those that the suite has inherited
with_descriptors() (
	local fd
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || eval "exec $fd>&-"
	done
	ulimit -n "$1"
	"${@:2}"
)

# with very few descriptors fewer files are under way, and all arrive
test_files_few_descriptors() {
	local i urls=()
	for i in {1..100}; do
		urls+=("$ORIGIN/gen/$((i * 1000))/$i/f$i")
	done
	local limit
	for limit in 16 17 64; do
		with_descriptors $limit "$S" get -d d$limit -j 16 -x 16 "${urls[@]}" >out 2>err
		status=$?
		expect 0 "100 of 100"
		for i in {1..100}; do
			is_gen "d$limit/f$i" $((i * 1000)) "$i"
		done
	done
	mkdir tls
	with_descriptors 24 "$S" get -d tls -j 16 --cacert "$CA" "${urls[@]/$ORIGIN/$ORIGINS}" >out 2>err
	status=$?
	expect 0 "100 of 100"
	# a file in segments, too: connections, a part and a journal
	with_descriptors 16 "$S" get -j 16 -x 16 -s 16 -k 1M "$ORIGIN/ranges/etag/v1/gen/20000000/1/large" >out 2>err
	status=$?
	expect 0
	is_gen large 20000000 1
	no_parts
}

expect_inherited() {
	local status
	with_descriptors 17 bash -c 'exec "$@" 4</dev/null 5</dev/null' bash "$S" get "$ORIGIN/gen/10/1/f" >out 2>err
	status=$?
	expect 1 "only 17 open files are allowed: at least 18 are needed"
	with_descriptors 18 bash -c 'exec "$@" 4</dev/null 5</dev/null' bash "$S" get "$ORIGIN/gen/10/1/f" >out 2>err
	status=$?
	expect 0
	is_gen f 10 1
}

# fewer than it needs are reported before anything is requested, with the number that is needed
test_files_no_descriptors() {
	local count counts=(4 6 8 15)
	((SLOW == 1)) || counts=(6 8 15) # a sanitizer opens files, too
	for count in "${counts[@]}"; do
		with_descriptors $count timeout $LIMIT "$S" get "$ORIGIN/gen/10/1/f" >out 2>err
		status=$?
		expect 1 "only $count open files are allowed: at least 16 are needed"
		nothing_left
	done
	# those that it inherits count, too
	((SLOW > 1)) || expect_inherited
}

# a full file system: exit 9 naming the file; what has room arrives; room made later is used by the same command
test_files_full_tmpfs() {
	on_tmpfs "${BASH_SOURCE[0]}" full_tmpfs size=6m
}

full_tmpfs() {
	local url
	for url in gen/9000000/1 chunked/gen/9000000/1 untilclose/gen/9000000/1; do
		get -j 1 -d mnt "$ORIGIN/$url/big" "$ORIGIN/gen/1000/2/small"
		expect 9 "big.sluice-part"
		grep -q "space" err || fail "does not say why"
		absent mnt/big
		is_gen mnt/small 1000 2
		rm mnt/small
		no_parts
	done
	"$ORIGIN_TOOL" --gen 5000000 1 >mnt/ballast
	get -d mnt "$ORIGIN/gen/2000000/3/medium" # a small one, not reserved
	expect 9 "medium.sluice-part"
	absent mnt/medium
	rm mnt/ballast
	get -d mnt "$ORIGIN/gen/2000000/3/medium"
	expect 0
	is_gen mnt/medium 2000000 3
	no_parts
}

# the sizes in a list are compared with what is free, less what is there already; what fits is downloaded
test_files_space_of_a_list() {
	on_tmpfs "${BASH_SOURCE[0]}" space_of_a_list size=16m
}

list_of_sizes() { # URL, SIZE...
	local size n=0
	for size; do
		n=$((n + 1))
		printf '{"url":"%s/lm/1000000000/gen/%s/%s","out":"f%s","size":%s}\n' "$ORIGIN" "$size" $n $n "$size"
	done
}

space_of_a_list() {
	list_of_sizes 6000000 5000000 1000 9000000 >list
	get -j 1 -d mnt/new -i list
	expect 9 "not enough space in 'mnt/new' for the list: at least 19.1 MiB needed, 16.0 MiB free"
	[[ $(head -n 1 err) == *"not enough space"* ]] || fail "not the first line"
	is_gen mnt/new/f1 6000000 1
	is_gen mnt/new/f2 5000000 2
	is_gen mnt/new/f3 1000 3
	absent mnt/new/f4
	list_of_sizes 6000000 5000000 1000 >list # all of it is there
	get -d mnt/new -i list
	expect 0
	! grep -q "not enough" err || fail "counts what is there"
	list_of_sizes 6000000 5000000 1000 3000000 >list
	get -d mnt/new -i list
	expect 0
	! grep -q "not enough" err || fail "counts what is there besides what is not"
	is_gen mnt/new/f4 3000000 4
}

# a file that cannot fit takes nothing from the others: it is not reserved in vain
test_files_too_large_for_ext4() {
	as_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4 here"
	truncate -s 24M image
	mkfs.ext4 -q -F -m 0 -J size=4 image || fail "mkfs.ext4"
	in_namespace "${BASH_SOURCE[0]}" too_large_for_ext4 mount -o loop image
}

too_large_for_ext4() {
	local i
	for i in {1..40}; do
		printf '%s\n out=big%s\n' "$ORIGIN/gen/30000000/$i/" $i
		printf '%s\n out=f%s\n' "$ORIGIN/chunked/gen/300000/$i/" $i
	done >list
	get -q -j 8 --io buffered -d mnt -i list
	expect 9
	for i in {1..40}; do
		is_gen mnt/f$i 300000 $i
	done
}

# a file system that is mounted read-only: refused before anything is asked for
test_files_read_only() {
	on_tmpfs "${BASH_SOURCE[0]}" read_only ro
}

read_only() {
	get -d mnt "$ORIGIN/tag/readonly/gen/1000/1/f"
	expect 16 "read-only"
	get -d mnt/new "$ORIGIN/tag/readonly/gen/1000/1/f"
	expect 18 "mnt/new"
	is_counter readonly requests 0 || fail "asked for"
}

# several files that do not all fit: those reported done are whole
test_files_full_tmpfs_many() {
	on_tmpfs "${BASH_SOURCE[0]}" full_tmpfs_many size=4m
}

full_tmpfs_many() {
	local i urls=() done_count=0
	for i in {1..12}; do
		urls+=("$ORIGIN/gen/700000/$i/f$i")
	done
	get -d mnt -j 6 "${urls[@]}"
	expect 9
	for i in {1..12}; do
		[[ -e mnt/f$i ]] || continue
		is_gen "mnt/f$i" 700000 "$i"
		done_count=$((done_count + 1))
	done
	((done_count >= 1 && done_count <= 5)) || fail "$done_count files in 4 MiB"
	expect 9 "$done_count of 12 files done"
	no_parts
}

# no inodes left
test_files_few_inodes() {
	on_tmpfs "${BASH_SOURCE[0]}" few_inodes size=20m,nr_inodes=10
}

few_inodes() {
	local i urls=() done_count=0
	for i in {1..20}; do
		urls+=("$ORIGIN/gen/1000/$i/f$i")
	done
	get -d mnt "${urls[@]}"
	expect 9 ".sluice-part"
	for i in {1..20}; do
		[[ ! -e mnt/f$i ]] || { is_gen "mnt/f$i" 1000 "$i"; done_count=$((done_count + 1)); }
	done
	expect 9 "$done_count of 20 files done"
	no_parts
}

# a full journaled ext4: reserved before the first byte, or found out while writing
test_files_full_ext4() {
	as_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4 here"
	truncate -s 24M image
	mkfs.ext4 -q -F -m 0 -J size=4 image || fail "mkfs.ext4"
	in_namespace "${BASH_SOURCE[0]}" full_ext4 mount -o loop image
}

full_ext4() {
	local url mode
	for mode in auto buffered; do
		for url in gen/30000000/1 chunked/gen/30000000/1; do
			get --io $mode -j 1 -d mnt "$ORIGIN/$url/big" "$ORIGIN/gen/1000/2/small"
			expect 9 "big.sluice-part"
			absent mnt/big
			is_gen mnt/small 1000 2
			rm mnt/small
		done
		get --io $mode -d mnt "$ORIGIN/gen/9000000/3/fits"
		expect 0
		is_gen mnt/fits 9000000 3
		rm mnt/fits
	done
	no_parts
}

# the disk below fails only when bytes are brought to it: no file is reported done
test_files_write_back_fails() {
	as_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4 here"
	on_tmpfs "${BASH_SOURCE[0]}" write_back_fails size=6m
}

write_back_fails() {
	truncate -s 40M mnt/image
	mkfs.ext4 -q -F -J size=4 -E lazy_itable_init=1,lazy_journal_init=1 mnt/image || { echo "mkfs.ext4 needs more room"; exit 77; }
	mkdir thin
	mount -o loop mnt/image thin 2>mount.err || { head -n 1 mount.err; exit 77; }
	local mode
	for mode in buffered direct; do
		get --io $mode -d thin "$ORIGIN/gen/20000000/1/f"
		[[ $status == 17 || $status == 9 ]] || fail "--io=$mode: exit $status"
		absent thin/f
	done
	umount thin 2>/dev/null
	true
}
