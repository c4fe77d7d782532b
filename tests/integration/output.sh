# What people and scripts see: stdout, stderr, exit statuses, help, JSON.

JSON=$BUILD/tools/json_check

# run with stdout or stderr elsewhere: into LIMIT, then $status
redirected() { # arguments of get; the caller redirects
	timeout -k 5 "$LIMIT" "$S" get "$@"
}

# ---- stdout ----

# stdout that is closed or full is 17 if anything was to go there, and no matter if not
test_output_stdout_closed_or_full() {
	local size
	for size in 10 9000000; do
		redirected -o - "$ORIGIN/gen/$size/1" >&- 2>err
		status=$?
		expect 17
		redirected -o - "$ORIGIN/gen/$size/1" >/dev/full 2>err
		status=$?
		expect 17 "no space"
	done
	redirected --json "$ORIGIN/gen/10/1" >/dev/full 2>err
	status=$?
	expect 17
	is_gen 1 10 1
	redirected --json "$ORIGIN/gen/10/2" >&- 2>err
	status=$?
	expect 17
	redirected "$ORIGIN/gen/10/3" >&- 2>err
	status=$?
	expect 0
	is_gen 3 10 3
	redirected "$ORIGIN/gen/10/4" >/dev/full 2>err
	status=$?
	expect 0
	for size in --help "get --help" "scan --help" --version "help get"; do
		# shellcheck disable=SC2086
		"$S" $size >/dev/full 2>err
		status=$?
		expect 17
	done
}

# a reader that leaves early is not a failure, and nothing is printed about it
test_output_reader_leaves() {
	local size
	for size in 10 9000000; do
		redirected -o - "$ORIGIN/gen/$size/1" 2>err | head -c 1 >out
		status=${PIPESTATUS[0]}
		expect 0
		((size == 10)) || [[ ! -s err ]] || fail "something was printed"
	done
	redirected -o - --json "$ORIGIN/gen/9000000/1" 2>err | head -c 1 >out
	status=${PIPESTATUS[0]}
	expect 0
	redirected --json "$ORIGIN"/gen/10/{1,2,3} 2>err | head -n 1 >out
	status=${PIPESTATUS[0]}
	expect 0
	is_gen 3 10 3
	"$S" get --help 2>err | head -n 1 >out
	status=${PIPESTATUS[0]}
	expect 0
	[[ ! -s err ]] || fail "help printed something"
}

# a slow reader gets everything
test_output_slow_reader() {
	redirected -q -o - "$ORIGIN/gen/3000000/1" 2>err | { sleep 0.3; cat; } >out
	status=${PIPESTATUS[0]}
	expect 0
	is_gen out 3000000 1
	[[ ! -s err ]] || fail "-q printed something"
}

# without stderr or stdin it works the same
test_output_other_descriptors() {
	redirected "$ORIGIN/gen/10/1" >out 2>&-
	status=$?
	[[ $status == 0 && ! -s out ]] || fail "without stderr: exit $status"
	redirected "$ORIGIN/gen/10/2" <&- >out 2>err
	status=$?
	expect 0
	redirected "$ORIGIN/gen/10/3" <&- >&- 2>&-
	status=$?
	[[ $status == 0 ]] || fail "without any: exit $status"
	redirected "$ORIGIN/status/404" 2>/dev/full
	status=$?
	[[ $status == 3 ]] || fail "full stderr: exit $status"
	is_gen 1 10 1
	is_gen 2 10 2
	is_gen 3 10 3
	"$S" get "$ORIGIN/status/404" 2>&1 >/dev/null | true
	[[ ${PIPESTATUS[0]} == 3 ]] || fail "stderr without a reader: exit ${PIPESTATUS[0]}"
}

# ---- events ----

# --json: an object a line, each file begun and ended once, and a summary
test_output_json() {
	echo other >taken
	once --json "$ORIGIN/gen/1000/1" "$ORIGIN/gen/5000000/2" "$ORIGIN/status/404" "$ORIGIN/gen/10/1/taken" "$ORIGIN/gen/10/3/%ff%22%5c%c2%9b" \
		'http://' "http://127.0.0.1:$PORT_closed/x"
	expect 3
	"$JSON" type index state path <out >types || fail "no JSON lines"
	grep -qF '"path":{"bytes":"/yJcwps="}' out || fail "a name that is not UTF-8 cannot be found again"
	[[ $(grep -c '^"file_start"' types) == 7 ]] || fail "file_start"
	[[ $(grep -c '^"file_done"' types) == 3 ]] || fail "file_done"
	[[ $(grep -c '^"file_error"' types) == 4 ]] || fail "file_error"
	[[ $(tail -n 1 types | cut -f 1) == '"run_summary"' && $(grep -c run_summary types) == 1 ]] || fail "run_summary"
	[[ $("$JSON" files done skipped failed cancelled bytes <out | tail -n 1) == $'7\t3\t0\t4\t0\t'* ]] || fail "its numbers"
	[[ $("$JSON" type index exit_status <out | grep file_error | cut -f 2- | sort) == $'2\t3\n3\t13\n5\t28\n6\t6' ]] || fail "statuses"
	get --json --sync=none --if-exists=skip "$ORIGIN/gen/1000/1" "$ORIGIN/gen/10/7"
	expect 0
	[[ $("$JSON" type state verified_by durable <out | grep file_done | sort) == \
		$'"file_done"\t"done"\tnull\tfalse\n"file_done"\t"skipped"\tnull\tnull' ]] || fail "what is not promised"
	get --json "$ORIGIN/lm/1/gen/1000/1" "$ORIGIN/gen/10/8"
	expect 0
	[[ $("$JSON" type state verified_by durable <out | grep file_done | sort) == \
		$'"file_done"\t"done"\tnull\ttrue\n"file_done"\t"skipped"\t"server"\tnull' ]] || fail "what is promised"
	printf '%s\t%s\n out=twice\n' "$ORIGIN/status/404" "$ORIGIN/gen/10/9" >list
	get --json -i list
	expect 0
	[[ $("$JSON" type attempt wait_seconds exit_status http_status <out | grep '"retry"') == $'"retry"\t1\t0'*$'\t3\t404' ]] ||
		fail "retry"
	"$JSON" type url <out | grep '"retry"' | grep -q status/404 || fail "not the URL that failed"
	[[ $("$JSON" type retries <out | tail -n 1) == $'"run_summary"\t1' ]] || fail "retries"
	get --json --fail-fast "$ORIGIN/status/404" "$ORIGIN/noanswer" -j 2
	expect 3
	"$JSON" type state <out | grep -q '"file_error"	"cancelled"' || fail "cancelled"
}

# with -o - they go to stderr
test_output_json_stderr() {
	get --json -q -o - "$ORIGIN/gen/1000/1"
	expect 0
	is_gen out 1000 1
	[[ $("$JSON" type <err) == $'"file_start"\n"file_done"\n"run_summary"' ]] || fail "events"
}

# while a file comes, its progress is told
test_output_json_progress() {
	start get --json "$ORIGIN/gate/progress/gen/8000000/1"
	until_true 10 grep -q '"type":"progress"' out
	opened progress
	finish 10
	expect 0
	"$JSON" type segments bytes total resumed bytes_per_second <out >types || fail "no JSON lines"
	grep -qP '^"progress"\t1\t\d+\t8000000\t0\t\d+$' types || fail "progress"
}

# what a signal ends is told as well
test_output_json_interrupted() {
	start get --json "$ORIGIN/gate/jsonint/gen/400000/1"
	until_true 10 test -e 1.sluice-part
	kill -INT "$pid"
	finish 5
	expect 130
	[[ $("$JSON" type <out) == $'"file_start"\n"file_error"\n"run_summary"' ]] || fail "events"
}

# ---- progress ----

# nothing but results where there is no terminal
test_output_progress_none() {
	get -q "$ORIGIN/gen/1000/1"
	expect 0
	[[ ! -s err && ! -s out ]] || fail "-q printed something"
	get --progress=none "$ORIGIN/gen/1000/2"
	expect 0 "1 of 1 file done"
	[[ $(wc -l <err) == 1 ]] || fail "more than a summary"
	get -q "$ORIGIN/status/404"
	expect 3 "404"
	[[ $(wc -l <err) == 1 ]] || fail "-q: more than the error"
	get -v "$ORIGIN/gen/1000/3"
	expect 0 "downloading $ORIGIN/gen/1000/3"
	get --stats -q "$ORIGIN/gen/1000/4"
	expect 0 "cpu:"
	grep -q "bottleneck" err || fail "--stats names no bottleneck"
}

# not that of the program which started the run
test_output_stats_memory() {
	local large
	large=$(head -c 200000000 /dev/zero | tr '\0' x)
	"$S" get --stats "$ORIGIN/gen/1000/5" 2>err || fail "exit status $?"
	[[ ${#large} == 200000000 ]] || fail "this shell is small"
	is_small 64
}

# long: a line now and then where there is no terminal
test_output_progress_plain() {
	start get --progress=plain "$ORIGIN/gate/plain/gen/400000/1"
	until_true 30 grep -q '^0 of 1 file.* KiB' err
	! grep -q " 0 B/s" err || fail "a rate before one is known"
	opened plain
	finish 10
	expect 0
}

# bars on a terminal, and the terminal as it was
test_output_progress_bars() {
	command -v script >/dev/null || skip "no script(1) here (package bsdutils)"
	local command
	printf -v command '%q ' "$S" get "$ORIGIN/after/300/gen/400000/1" "$ORIGIN/slow/2000000/gen/2000000/2" "$ORIGIN/status/404"
	SHELL=$BASH TERM=xterm timeout $LIMIT script -qec "stty rows 24 cols 80; $command; echo \"status \$?\"; stty -a" typescript >/dev/null 2>&1 </dev/null
	is_gen 1 400000 1
	is_gen 2 2000000 2
	grep -q "status 3" typescript || fail "no status"
	grep -q "not downloaded" typescript || fail "no list of failures"
	is_terminal_restored
	printf -v command '%q ' timeout --foreground -s INT 1 "$S" get "$ORIGIN/slow/200000/gen/2000000/3"
	SHELL=$BASH TERM=xterm timeout $LIMIT script -qec "stty rows 24 cols 80; $command; stty -a" typescript >/dev/null 2>&1 </dev/null
	absent 3
	is_terminal_restored
}

# Bars were drawn in ./typescript, and the terminal is as it was.
is_terminal_restored() {
	grep -q '%' typescript || fail "no percent"
	grep -q ' echo' typescript || fail "the terminal does not echo any more"
	grep -qP '\x1b\[\?25l' typescript || fail "the cursor is not hidden while bars are drawn"
	[[ $(grep -oP '\x1b\[\?25[lh]' typescript | tail -n 1) == $'\e[?25h' ]] || fail "the cursor is gone"
}

# the bar of a file in segments shows gaps between what has been received
test_output_progress_segments() {
	command -v script >/dev/null || skip "no script(1) here (package bsdutils)"
	local command
	printf -v command '%q ' "$S" get --color never -k 1M "$ORIGIN/slow/3000000/ranges/etag/v1/gen/60000000/1"
	SHELL=$BASH TERM=xterm LC_ALL=C timeout $LIMIT script -qec "stty rows 24 cols 120; $command; echo \"status \$?\"" typescript >/dev/null 2>&1 </dev/null
	is_gen 1 60000000 1
	grep -q "status 0" typescript || fail "no status"
	grep -qP '\[[=-]* +[=-][=-]* *\]' typescript || fail "no bar has a gap"
}

# colour only where it is wanted
test_output_colour() {
	get --color=always "$ORIGIN/status/404"
	[[ $status == 3 ]] && grep -q $'\e\\[' err || fail "--color=always"
	CLICOLOR_FORCE=1 get --color=never "$ORIGIN/status/404"
	expect 3
}

# ---- words ----

# --help on stdout, 0, for each command
test_output_help() {
	local how
	for how in "get --help" "help get"; do
		# shellcheck disable=SC2086
		run $how
		expect 0
		[[ ! -s err ]] || fail "$how: on stderr"
		expect_out "--connections-per-host"
	done
	for how in "scan --help" "help scan"; do
		# shellcheck disable=SC2086
		run $how
		expect 0
		expect_out "--regexp"
	done
	for how in --help help; do
		run $how
		expect 0
		expect_out "scan"
	done
	run --version
	expect 0
	expect_out "sluice "
	expect_out "OpenSSL"
	(($(run get --help; wc -L <out) <= 80)) || fail "help is wider than 80 columns"
}

# what cannot be meant is 28, with a way out, and nothing is asked for
test_output_usage() {
	local words text
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		run $words
		expect 28 "$text"
		[[ ! -s out ]] || fail "$words: on stdout"
		[[ $(wc -l <err) -le 2 ]] || fail "$words: many words"
	done <<-END
		|help
		nothing|help
		--nothing|option
		-L|sluice get
		help nothing|help
		http://127.0.0.1/x|sluice get
		get|URL
		get --nothing http://127.0.0.1/|--help
		get -L http://127.0.0.1/|redirects are followed by default
		get -O http://127.0.0.1/|-o
		get -k http://127.0.0.1/|--cacert
		get --split=3 http://127.0.0.1/|-s
		get --segments 300 http://127.0.0.1/|64
		get --jobs 0 http://127.0.0.1/|--jobs
		get --jobs x http://127.0.0.1/|--jobs
		get -j 100000 http://127.0.0.1/|512
		get -j -1 http://127.0.0.1/|
		get -x 0 http://127.0.0.1/|
		get --if-exists=no http://127.0.0.1/|rename
		get --sync= http://127.0.0.1/|
		get --deadline=x http://127.0.0.1/|
		get --stall-timeout=0 http://127.0.0.1/|
		get --max-memory=1M http://127.0.0.1/|
		get --max-memory=99999999999999999999G http://127.0.0.1/|
		get --fail-fast=yes http://127.0.0.1/|
		get -o|FILE
		get -o x http://127.0.0.1/a http://127.0.0.1/b|-d
		get --checksum md5 http://127.0.0.1/|
		get word|https://
		get ftp://127.0.0.1/x|
	END
	nothing_left
}

# options and URLs in any order, joined values, and -- before a URL that looks like an option
test_output_option_forms() {
	get "$ORIGIN/gen/10/1" -dd1 --jobs=2
	expect 0
	is_gen d1/1 10 1
	get -qd d2 -x2 -- "$ORIGIN/gen/10/2"
	expect 0
	is_gen d2/2 10 2
	get -- -o
	expect 28
	get --deadline 1m --stall-timeout 1.5s "$ORIGIN/gen/10/3"
	expect 0
	is_gen 3 10 3
}

# a kernel that refuses io_uring: which refusal it was, and what to do
test_output_engine_refused() {
	local pair
	for pair in "1:seccomp" "12:ulimit -l" "22:6.1" "38:6.1"; do
		"$BUILD/tools/refuse" "${pair%%:*}" "$S" get "$ORIGIN/gen/10/1" >out 2>err
		status=$?
		expect 1 "io_uring"
		expect 1 "${pair#*:}"
		nothing_left
		"$BUILD/tools/refuse" "${pair%%:*}" "$S" --version >out 2>err
		status=$?
		expect 0
	done
}

# failures are listed once more at the end if lines about progress came between them
test_output_failures_again() {
	local urls=("$ORIGIN/slow-link/12000/gen/70000/2/slow" "$ORIGIN/status/404/a" "$ORIGIN/status/404/b")
	timeout "$LIMIT" "$S" get -q "${urls[@]}" -d quiet >/dev/null 2>quiet.err &
	get "${urls[@]}"
	expect 3 "not downloaded:"
	wait
	! grep -q "not downloaded:" quiet.err || fail "listed twice with nothing between"
	[[ $(grep -c "status/404" quiet.err) == 2 && $(grep -c "status/404" err) == 4 ]] || fail "$(cat quiet.err err)"
}

# lines for a file wait for its disk: none is lost while that takes nothing for seconds
test_output_frozen_disk() {
	as_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4 here"
	truncate -s 24M image
	mkfs.ext4 -q -F -J size=4 image || fail "mkfs.ext4"
	in_namespace "${BASH_SOURCE[0]}" frozen_disk mount -o loop image
}

frozen_disk() {
	local i
	for i in {1..3000}; do
		echo "$ORIGIN/gen/10/1/same?$i"
	done >list
	: >mnt/err
	exec 7>>mnt/err
	{ sleep 3; fsfreeze -u mnt; } &
	fsfreeze -f mnt || { wait; echo "fsfreeze does not work here"; exit 77; }
	timeout "$LIMIT" "$S" get -q -j 500 -i list >out 2>&7
	status=$?
	wait
	[[ $status == 13 ]] || fail "exit status $status"
	[[ $(grep -c "is already the name of input 1" mnt/err) == 2999 ]] || fail "lines were lost: $(grep -v "is already the name" mnt/err)"
}

# an ordinary user with the usual limits on locked memory, several at once
test_output_locked_memory() {
	local i
	for i in {1..20}; do
		as_user prlimit --memlock=8388608 "$S" get -q -o - "$ORIGIN/gen/1000/$i" >"out$i" 2>"err$i" &
	done
	wait
	for i in {1..20}; do
		is_gen "out$i" 1000 "$i"
	done
}

# 64 KiB of lockable memory for all of a user's programs: the ring is smaller then (Linux 6.14 and newer count it)
test_output_little_locked_memory() {
	# A user that runs nothing else: lockable memory is counted for all programs of a user.
	as_root
	local i user=(setpriv --reuid=60177 --regid=60177 --clear-groups)
	chmod 777 .
	seq 200 | sed "s|^|$ORIGIN/gen/2000/|" >list
	printf 'error\nfine\n' >a.log
	for i in 1 2 3; do
		"${user[@]}" prlimit --memlock=65536 "$S" get -q -j 100 -i list -d "d$i" >out 2>err
		status=$?
		expect 0
		"${user[@]}" prlimit --memlock=65536 "$S" scan -c a.log >out 2>err
		status=$?
		expect 0
		[[ $(cat out) == 1 ]] || fail "counted $(cat out)"
	done
	is_gen d3/200 2000 200
	for i in 0 4096; do
		"${user[@]}" prlimit --memlock=$i "$S" get "$ORIGIN/gen/2000/1/none" >out 2>err
		status=$?
		((status == 0)) || expect 1 "ulimit -l"
		((status == 1)) || is_gen none 2000 1 # an older kernel
		rm -f none
	done
}

# long: at the limit of processes no thread can be started, neither by the kernel for the ring nor by the program
test_output_process_limit() {
	local limit
	chmod 777 .
	printf 'error\nfine\n' >a.log
	for limit in 1 2 3; do
		as_user timeout "$LIMIT" prlimit --nproc=$limit "$S" get -q -d "d$limit" "$ORIGIN/gen/3000000/1/f" >out 2>err
		status=$?
		expect 0
		is_gen "d$limit/f" 3000000 1
		as_user timeout "$LIMIT" prlimit --nproc=$limit "$S" scan -c a.log <a.log >out 2>err
		status=$?
		expect 0
		[[ $(cat out) == 1 ]] || fail "counted $(cat out)"
		as_user timeout "$LIMIT" prlimit --nproc=$limit "$S" scan -c - <a.log >out 2>err
		status=$?
		expect 0
	done
	as_user timeout "$LIMIT" prlimit --nproc=1 "$S" get --retries 0 --connect-timeout 1s "${ORIGIN/127.0.0.1/localhost}/gen/10/1" >out 2>err
	status=$?
	expect 19 "no thread can be started for it (resource temporarily unavailable)"
}

# in_cgroup MIB COMMAND...: with a memory limit
in_cgroup() {
	local mib=$1 group=/sys/fs/cgroup/memory/sluice-test-$BASHPID file=memory.limit_in_bytes code
	shift
	if [[ ! -d /sys/fs/cgroup/memory ]]; then
		group=/sys/fs/cgroup/sluice-test-$BASHPID file=memory.max
	fi
	mkdir "$group" 2>/dev/null && echo "${mib}M" 2>/dev/null >"$group/$file" || {
		rmdir "$group" 2>/dev/null
		skip "no cgroup with a memory limit can be made here"
	}
	(echo "$BASHPID" >"$group/cgroup.procs" && exec "$@")
	code=$?
	until_true 10 rmdir "$group"
	return $code
}

# in a container with little memory the buffers shrink instead of being killed
test_output_memory_of_a_cgroup() {
	as_root
	local mib status files=()
	((SLOW == 1)) || skip "a sanitizer needs more memory than the limit"
	for i in {1..16}; do
		files+=("$ORIGIN/gen/20000000/$i")
	done
	head -c 100000000 /dev/zero | tr '\0' '\n' >large.log
	for mib in 32 40 48; do
		in_cgroup $mib "$S" get -v -d "d$mib" "${files[@]}" >out 2>err
		status=$?
		expect 0 "buffers use at most"
		is_gen "d$mib/16" 20000000 16
		rm -r "d$mib"
		in_cgroup $mib "$S" scan -c large.log >out 2>err
		status=$?
		[[ $status == 1 && $(cat out) == 0 ]] || fail "scan: exit $status"
	done
}
