# sluice scan --state and --follow: each line once, whatever becomes of the files.

scan() {
	run scan "$@"
}

# what is new since the last run: its lines are printed, with their numbers
new() { # lines that are expected, each with a newline
	scan -p --state state log
	printf '%b' "$1" | cmp - out || fail "other lines than '$1'"
}

test_state_appended() {
	printf 'error 1\nfine\nerr' >log
	scan --state state log
	expect 0
	grep -q '^log  *2  *1 ' out || fail "a line that is not complete counts"
	new ''
	expect 1
	printf 'or 3\nerror 4\n' >>log
	new 'log:3:error 3\nlog:4:error 4\n'
	new ''
}

# a log that was renamed has a rest, and a last line without newline once the next one is written to
test_state_renamed() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	printf 'error 2\nerror 3' >>log
	mv log log.1
	: >log
	new 'log.1:2:error 2\n'
	printf 'error 4\n' >log
	new 'log.1:3:error 3\nlog:1:error 4\n'
	new ''
}

test_state_copied_and_truncated() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	printf 'error 2\n' >>log
	cp log log.1
	printf 'error 3 that is longer than what was there\n' >log
	new 'log.1:2:error 2\nlog:1:error 3 that is longer than what was there\n'
	new ''
}

# several rotations, the first of them compressed: the oldest comes first, and what was there before is not new
test_state_several_rotations() {
	printf 'error 0\n' >log.1
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	printf 'error 2\n' >>log
	mv log.1 log.4
	mv log log.3
	gzip log.3 log.4
	printf 'error 3\n' | gzip >log.2.gz
	printf 'error 4\n' >log.1
	printf 'error 5\n' >log
	new 'log.3.gz:2:error 2\nlog.2.gz:1:error 3\nlog.1:1:error 4\nlog:1:error 5\n'
	new ''
	mv log.3.gz log.5.gz
	new ''
}

# a log of which nothing was scanned is known by its beginning: its file, or inode, may have other text the next time
test_state_seen_before_it_is_scanned() {
	local copy
	for copy in "cp log log.1" "gzip log.1"; do
		rm -f log log.1 state
		printf 'error 1' >log
		new ''
		printf '\nerror 2\n' >>log
		[[ $copy == cp* ]] || cp log log.1
		$copy
		printf 'error 3\n' >log
		new "$(basename log.1*):1:error 1\n$(basename log.1*):2:error 2\nlog:1:error 3\n"
		new ''
	done
}

# of an empty one nothing is known: what was rotated since is new if it is newer than the log before
test_state_empty_before_it_is_rotated() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	mv log log.1
	: >log
	new ''
	printf 'error 2\n' >>log
	mv log.1 log.2
	cp log log.1
	printf 'error 3\n' >log
	new 'log.1:1:error 2\nlog:1:error 3\n'
	new ''
}

# an empty one that was rotated and compressed: the log has its inode the next time
test_state_empty_and_inode_used_again() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	mv log log.1
	: >log
	new ''
	mv log.1 log.2
	mv log log.1
	: >log
	new ''
	gzip -c log.1 >log.3.gz
	mv log.2 log.4
	mv log.1 again
	mv log log.1
	printf 'error 2\n' >>log.1
	touch -r again log.3.gz
	printf 'error 3\n' >>again
	mv again log
	new 'log.1:1:error 2\nlog:1:error 3\n'
	printf 'error 4\n' >>log
	mv log log.0
	printf 'error 5\n' >log
	new 'log.0:2:error 4\nlog:1:error 5\n'
	new ''
}

# logs that were found and not scanned, because the results could not be written, are found again
test_state_rotated_again_before_it_is_scanned() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	gzip <log >log.2.gz
	printf 'error 2\n' | gzip >log.1.gz
	rm log
	printf 'error 3\n' >log
	"$S" scan --follow --state state log >/dev/full 2>err
	grep -q 'cannot write standard output: no space left' err || fail "$(cat err)"
	mv log.2.gz log.4.gz
	mv log.1.gz log.3.gz
	gzip <log >log.2.gz
	rm log
	printf 'error 4\n' >log
	scan -p --no-filename -N --state state log
	printf 'error 2\nerror 3\nerror 4\n' | cmp - <(sort out) || fail "$(cat out)"
	new ''
}

# nothing had the name of the log in a run, and what had it then was rotated before the next one
test_state_rotated_while_absent() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	mv log log.1
	new ''
	mv log.1 log.2
	printf 'error 2\n' >log.1
	printf 'error 3\n' >log
	new 'log.1:1:error 2\nlog:1:error 3\n'
	new ''
}

# the last record is left to the next run if its file has been changed just now: lines of it may follow
test_state_records() {
	printf 'failed\n' >log
	touch -d '+30 seconds' log
	scan -p --records -e error --state state log
	expect 1
	printf '\tat error\nnext\n' >>log
	touch -d '+30 seconds' log
	scan -p --records -e error --state state log
	printf 'log-1-failed\nlog:2:\tat error\n' | cmp - out || fail "other lines than those of the record"
	printf 'error\n\tat x\n' >>log
	touch -d '1 minute ago' log
	scan -p --records -e error --state state log
	printf 'log:4:error\nlog-5-\tat x\n' | cmp - out || fail "the last record was left out"
	grep -q 'offset=[0-9]* lines=5 errors=2 ' state || fail "$(cat state)"
	scan -p --records -e error --state state log
	expect 1
}

# a record that was left, of a log that was rotated since, while nothing is in the next one
test_state_record_of_rotated() {
	printf 'error 1\n' >log
	touch -d '+30 seconds' log
	scan -p --records --state state log
	expect 1
	mv log log.1
	: >log
	touch -d '1 minute ago' log.1
	scan -p --records --state state log
	printf 'log.1:1:error 1\n' | cmp - out || fail "the last record of the rotated log was left out"
	printf 'error 2\n' >>log
	touch -d '+30 seconds' log
	scan -p --records --state state log
	expect 1
	mv log log.2
	: >log
	scan -p --records --state state log
	expect 1
	new 'log.2:1:error 2\n'
	new ''
}

# lines before the first time stamp of a run belong to the last one of the run before, whatever that counted, also if the
# log was compressed since
test_state_stamp() {
	printf '2026-10-18 18:00:01 error 1\n2026-10-18 18:00:03 fine\n' >log
	scan --state state log
	printf '\tat error 2\n' >>log
	scan -p --since '2026-10-18 18:00:02' --state state log
	printf 'log:3:\tat error 2\n' | cmp - out || fail "the stamp is not known"
	printf '\tat error 3\n' >>log
	scan -p --since '2026-10-18 18:00:04' --state state log
	expect 1
	printf '\tat error 4\n' >>log
	mv log log.1
	gzip log.1
	: >log
	scan -p --since '2026-10-18 18:00:02' --state state log
	printf 'log.1.gz:5:\tat error 4\n' | cmp - out || fail "the stamp of the compressed log is not known"
}

# what -m leaves is new the next time
test_state_limited() {
	printf 'error 1\nfine\nerror 2\nfine\n' >log
	scan -p -m 1 --state state log
	printf 'log:1:error 1\n' | cmp - out || fail "other lines"
	scan -p -m 1 --state state log
	expect 0
	printf 'log:3:error 2\n' | cmp - out || fail "other lines the second time"
	new ''
}

# an input that is absent for a run is not forgotten
test_state_absent() {
	mkdir mounted
	printf 'error 1\n' >mounted/log
	scan -p --state state mounted/log
	mv mounted away
	scan -p --state state mounted/log
	expect 2 "'mounted/log'"
	! grep -q replaced err || fail "it was not replaced"
	printf 'error 2\n' >>away/log
	mv away mounted
	scan -p --state state mounted/log
	printf 'mounted/log:2:error 2\n' | cmp - out || fail "other lines"
}

# in a directory, where the rotated files are inputs themselves
test_state_directory() {
	mkdir logs
	printf 'error 1\n' >logs/a
	printf 'error 2\n' >logs/b
	scan -p --state state logs
	printf 'logs/a:1:error 1\nlogs/b:1:error 2\n' | cmp - out || fail "other lines"
	printf 'error 3\n' >>logs/a
	gzip -c logs/a >logs/a.1.gz
	rm logs/a
	printf 'error 4\n' >logs/a
	cp state logs/state
	scan -p --state logs/state logs
	printf 'logs/a.1.gz:2:error 3\nlogs/a:1:error 4\n' | cmp - out || fail "other lines"
	scan -p --state logs/state logs
	[[ ! -s out ]] || fail "lines came again"
}

# counts have the names of files in directories in each run, also of one; what is added is not looked at for binary data
test_state_directory_counts() {
	mkdir logs
	printf 'error 1\n' >logs/a
	scan -c --state state logs
	[[ $(<out) == logs/a:1 ]] || fail "no name in the first run"
	printf '\177ELF\1\1\1\0\0\nerror 2\nerror 3\n' >>logs/a
	scan -c --state state logs
	[[ $(<out) == logs/a:2 ]] || fail "no name, or not all lines"
	scan -c --state state logs
	[[ $(<out) == logs/a:0 ]] || fail "no name where nothing is new"
}

# logrotate copies a log before it truncates it: runs may come at any time meanwhile
test_state_directory_copied_and_truncated() {
	mkdir logs
	printf 'error 1\nerror 2\n' >logs/app.log
	scan -p --state state logs
	expect 0
	head -c 12 logs/app.log >logs/app.log.1
	scan -p --state state logs
	expect 1
	printf 'error 3\n' >>logs/app.log
	cp logs/app.log logs/app.log.1
	scan -p --state state logs
	printf 'logs/app.log:3:error 3\n' | cmp - out || fail "other lines"
	printf 'error 4\n' >logs/app.log
	scan -p --state state logs
	printf 'logs/app.log:1:error 4\n' | cmp - out || fail "other lines"
	[[ ! -s err ]] || fail "a message"
	printf 'error 5\n' >>logs/app.log.1 # it goes on there
	scan -p --state state logs
	printf 'logs/app.log.1:4:error 5\n' | cmp - out || fail "other lines"
	scan -p --state state logs
	expect 1
}

# what was written to a log that was empty in the run before, and copied or compressed since, comes with the next run; what
# was rotated before that run does not
test_state_empty_and_copied() {
	local rotate
	printf 'error 0\n' >old.log
	for rotate in 'cp log log.1; : >log' 'gzip -c log >log.1.gz; rm log' 'cp log log.1; : >log; gzip log.1' 'mv log log.1'; do
		for before in '' 'log.2' 'log.2.gz'; do
			rm -f log log.* state
			[[ -z $before ]] || cp old.log log.2
			[[ $before != *.gz ]] || gzip log.2
			sleep 0.02
			: >log
			scan -p --state state log
			sleep 0.02
			printf 'error 1\n' >>log
			eval "$rotate"
			printf 'error 2\n' >>log
			scan -p --state state log
			[[ $(grep -o 'error.*' out) == $'error 1\nerror 2' ]] || fail "$rotate, with '$before': $(<out)"
			scan -p --state state log
			[[ ! -s out ]] || fail "$rotate, with '$before': lines came again"
		done
	done
}

# a table of what is new, of all inputs; and events
test_state_results() {
	printf 'error 1\n' >a
	printf 'error 2\nfine\n' >b
	scan --state state a b
	grep -q '^total  *3  *2 ' out || fail "other totals"
	printf 'error 3\n' >>a
	scan --json -p --state state a b
	grep -q '"line_number":2,"absolute_offset":8' out || fail "another place"
	grep -q '"type":"summary".*"matched_lines":1,.*"total_lines":1' out || fail "another summary"
	scan -q --state state a b
	expect 1
}

# the rest of a log that cannot be found is named
test_state_lost() {
	printf 'error 1\n' >log
	new 'log:1:error 1\n'
	rm log
	printf 'error 2\n' >log
	new 'log:1:error 2\n'
	expect 0 "'log' was replaced"
}

# a file that is not a state, damaged, or of another version is refused, and stays as it is
test_state_refused() {
	printf 'error 1\n' >log
	printf 'error 2\n' >other
	printf 'sluice state 7\n' >version
	scan --state state log
	sed 's/lines=1/lines=2/' state >damaged
	mkdir directory
	for file in other version damaged; do
		cp $file before
		scan --state $file log
		expect 2 "'$file'"
		[[ ! -s out ]] || fail "something was scanned"
		cmp $file before || fail "$file was changed"
	done
	truncate -s 2G zeros # of another file only the beginning is read
	scan --state zeros log
	expect 2 "'zeros' was not written by --state"
	scan --state directory log
	expect 2 "'directory'"
	scan --state /dev/null log
	expect 2 "not a regular file"
}

# of two runs with one file, the second is refused; nothing is saved if results cannot be written
test_state_not_saved() {
	printf 'error 1\n' >log
	(
		flock 9
		scan --state state log
		expect 2 "in use by another run"
	) 9>state
	status=0
	"$S" scan -p --state state log >/dev/full 2>err || status=$?
	((status == 2)) || fail "status $status"
	new 'log:1:error 1\n'
}

has_lines() { # number
	(($(wc -l <printed) >= $1))
}

follow() {
	: >>printed
	"$S" scan --follow --state state "$@" >>printed 2>err &
	follower=$!
	trap 'kill -KILL $follower 2>/dev/null' EXIT
}

stop_following() {
	kill -TERM $follower
	wait $follower
	status=$?
	((status == 143)) || fail "status $status"
}

# lines come as they are written, over rotations of all kinds, and once over two runs
test_follow_rotations() {
	printf 'error 1\n' >log
	follow log
	until_true 20 has_lines 1
	printf 'error 2\n' >>log
	until_true 20 has_lines 2
	mv log log.1
	printf 'error 3\n' >>log.1
	printf 'error 4\n' >log
	until_true 20 has_lines 4
	cp log log.2
	: >log
	printf 'error 5\n' >>log
	until_true 20 has_lines 5
	stop_following
	grep -q '5 error lines of 5 lines' err || fail "no summary"
	printf 'error 6\n' >>log
	follow log
	until_true 20 has_lines 6
	stop_following
	printf 'log:1:error 1\nlog:2:error 2\nlog.1:3:error 3\nlog:1:error 4\nlog:1:error 5\nlog:2:error 6\n' |
		cmp - printed || fail "$(cat printed)"
}

# the last record is printed when nothing has been added to it for a while, and at the end of a run without --state
test_follow_records() {
	printf 'error 1\nfailed\n\tat error 2\n' >log
	touch -d '+30 seconds' log
	follow --records -e error log
	until_true 20 has_lines 3
	stop_following
	grep -q 'lines=3 errors=2 ' state || fail "$(cat state)"
	touch -d '+30 seconds' log
	"$S" scan --follow --records -e error log >again 2>err &
	follower=$!
	until_true 20 test -s again
	stop_following
	printf 'log:1:error 1\nlog-2-failed\nlog:3:\tat error 2\n' >expected
	cmp expected printed
	cmp expected again || fail "$(cat again)"
}

# new files in directories, and in new directories
test_follow_directory() {
	mkdir logs
	printf 'error 1\n' >logs/a.log
	follow --include '*.log' logs
	until_true 20 has_lines 1
	mkdir logs/new
	printf 'error 2\n' >logs/new/b
	printf 'error 2\n' >logs/new/b.log
	until_true 20 has_lines 2
	rm logs/a.log
	printf 'error 3\n' >logs/a.log
	until_true 20 has_lines 3
	stop_following
	printf 'logs/a.log:1:error 1\nlogs/new/b.log:1:error 2\nlogs/a.log:1:error 3\n' | cmp - printed || fail "$(cat printed)"
}

# directories that the kernel does not watch are looked at all the same
test_follow_without_watches() {
	local limited='echo 1 >/proc/sys/user/max_inotify_watches && exec "$0" "$@"'
	unshare -Ur sh -c "$limited" true || skip "no user namespaces here"
	mkdir logs logs/a
	printf 'error 1\n' >logs/a/log
	unshare -Ur sh -c "$limited" "$S" scan --follow logs >printed 2>err &
	follower=$!
	trap 'kill -KILL $follower 2>/dev/null' EXIT
	until_true 20 has_lines 1
	printf 'error 2\n' >>logs/a/log
	until_true 20 has_lines 2
	stop_following
	grep -q 'once a second.*max_user_watches' err || fail "$(cat err)"
}

# what cannot be followed, and options that make no sense with it
test_follow_usage() {
	local option
	for option in "" - "-c x" "-q x" "-A 1 x" "-m 1 x" "--top 3 x" "--histogram x"; do
		# shellcheck disable=SC2086
		scan --follow $option </dev/null
		expect 2
	done
	scan --state state http://127.0.0.1/x
	expect 2 "do not work with URLs"
}

# numbers of lines go on from the last run, however kinds are counted
test_state_kinds() {
	local options
	for options in "" --records "-m 2" "--since 2026-01-01" "--records --since 2026-01-01"; do
		rm -f log state
		printf '2026-10-18 18:00:01 error %d\n\tat x\n' 1 2 >log
		touch -d '1 minute ago' log
		scan --state state log
		printf '2026-10-18 18:00:01 error %d\n\tat x\n' 3 4 >>log
		touch -d '1 minute ago' log # its last record is complete
		# shellcheck disable=SC2086
		scan --state state --top 3 $options log
		expect_out "first log:5, last log:7"
	done
}

# lines outside a period have numbers as well, and lines without a time stamp belong to the one before them, also if they
# are added later
test_follow_period() {
	printf '2026-10-18 18:00:01 error\n2026-10-18 18:00:02 error\n' >log
	follow --since '2026-10-18 18:00:02' log
	until_true 20 has_lines 1
	printf '\tat error\n' >>log
	until_true 20 has_lines 2
	printf '2026-10-18 18:00:01 error\n\tat error\n2026-10-18 18:00:03 error\n' >>log
	until_true 20 has_lines 3
	stop_following
	[[ $(cut -d: -f1,2 printed | tr '\n' ' ') == 'log:2 log:3 log:6 ' ]] || fail "$(cat printed)"
}
