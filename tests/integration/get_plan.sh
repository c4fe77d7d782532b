# --dry-run: the plan is that of a real run, and nothing is created.

# What is below the case's directory but the program's output: names, sizes, times.
state() {
	find . -mindepth 1 ! -name out ! -name err ! -name before -printf '%p %s %T@ %C@\n' | sort
}

# `get --dry-run` with these arguments ends so, and nothing has changed.
plan() { # status, arguments...
	local want=$1
	shift
	state >before
	get --dry-run --retries 0 "$@"
	expect "$want"
	[[ $(state) == "$(<before)" ]] || fail "something was changed: $(state | diff before -)"
	no_parts
}

# The line of the plan for a file: its columns in this order.
planned() { # action, size, features, path
	local want
	want=$(printf '%-8s  %8s  %-29s  %s' "$@")
	grep -qxF -- "$want" out || fail "stdout has no line '$want'"
}

# sizes, ranges and validators are those that the server sends
test_get_plan_features() {
	plan 0 "$ORIGIN/gen/3000000000/1/big" "$ORIGIN/ranges/etag/v1/gen/2048/1/strong" \
		"$ORIGIN/ranges/etag/weak-v1/gen/100/1/weak" "$ORIGIN/lm/1000000000/gen/100/1/dated" \
		"$ORIGIN/chunked/gen/300/1/chunked" "$ORIGIN/gen/0/1/empty"
	planned download "2.7 GiB" "no ranges, no validator" big
	planned download "2.0 KiB" "ranges, ETag" strong
	planned download "100 B" "ranges, weak ETag" weak
	planned download "100 B" "no ranges, weak Last-Modified" dated
	planned download unknown "no ranges, no validator" chunked
	planned download "0 B" "no ranges, no validator" empty
	expect_out "6 files to download, 2.7 GiB and 1 of unknown size"
	expect_out "space in '.': 2.7 GiB needed, "
	expect_out "time: at least "
}

# directories that are missing are not made, also those of a list
test_get_plan_directories() {
	cat >list <<-END
		$ORIGIN/gen/10/1/a
		  dir=sub/deep
		$ORIGIN/gen/20/1/b
		  out=x/y
	END
	plan 0 -d new/dir -i list "$ORIGIN/gen/30/1/c"
	planned download "10 B" "no ranges, no validator" new/dir/sub/deep/a
	planned download "20 B" "no ranges, no validator" new/dir/x/y
	planned download "30 B" "no ranges, no validator" new/dir/c
	absent new
	plan 0 -d new -o f/g "$ORIGIN/gen/30/1/c"
	planned download "30 B" "no ranges, no validator" new/f/g
	mkdir there
	plan 0 -d there "$ORIGIN/gen/30/1/c"
	planned download "30 B" "no ranges, no validator" there/c
	nothing_left list before there
}

# a list may not lead out of a directory that does not exist yet either
test_get_plan_outside() {
	mkdir outside
	printf '%s\n  out=../outside/f\n' "$ORIGIN/gen/10/1/a" >list
	plan 28 -d new -i list
	plan 0 -d new --allow-outside -i list
}

# what has the name already is treated as --if-exists says
test_get_plan_exists() {
	local url=$ORIGIN/lm/1000000000/gen/300/1/f
	get "$url"
	expect 0
	plan 0 "$url"
	planned skip "300 B" "already complete" f
	expect_out "0 files to download, 0 B, 1 skipped"
	echo other >f
	plan 13 "$url"
	expect 13 "'f' exists with 6 bytes, and the server's file has 300"
	plan 13 --if-exists=fail "$url"
	plan 0 --if-exists=skip "$url"
	planned skip "6 B" "exists, not checked" f
	plan 0 --if-exists=replace "$url"
	planned replace "300 B" "no ranges, weak Last-Modified" f
	plan 0 --if-exists=rename "$url"
	planned download "300 B" "no ranges, weak Last-Modified" f.1
	[[ $(<f) == other ]] || fail "f was changed"
}

# --tree and --content-disposition name files as in a real run, also if the name exists
test_get_plan_names() {
	local named=$ORIGIN/header/Content-Disposition/attachment%3B%20filename%3Dthere/gen/10/1/here
	plan 0 --tree "$ORIGIN/gen/10/1/here"
	planned download "10 B" "no ranges, no validator" "127.0.0.1:$PORT_http/gen/10/1/here"
	plan 0 --content-disposition -d new "$named" "$ORIGIN/gen/20/1/plain"
	planned download "10 B" "no ranges, no validator" new/there
	planned download "20 B" "no ranges, no validator" new/plain
	echo other >there
	plan 13 --content-disposition "$named"
	expect 13 "'there' exists with 6 bytes"
	plan 0 --content-disposition --if-exists=skip "$named"
	planned skip "6 B" "exists, not checked" there
	plan 0 --content-disposition --if-exists=rename "$named"
	planned download "10 B" "no ranges, no validator" there.1
	plan 0 --content-disposition --if-exists=replace "$named" "$named"
	planned replace "10 B" "no ranges, no validator" there
	planned skip - "repeats an earlier input" there
}

# the server's name, and what is compared, are those of the response to GET, as in a real run
test_get_plan_names_by_get() {
	own_origin
	local url=$ORIGIN/tag/g/otherhead/77/header/Content-Disposition/filename=there/lm/1000000000/gen/10/1/here
	get --dry-run --content-disposition "$url"
	expect 0
	planned download "10 B" "no ranges, weak Last-Modified" there
	is_counter g requests 1 || fail "$(counter g requests) requests"
	get --content-disposition "$url"
	expect 0
	get --dry-run --content-disposition "$url"
	expect 0
	planned skip "10 B" "already complete" there
}

# inputs that would fail do, with the exit status of a real run, and the others are planned
test_get_plan_failures() {
	local closed=http://127.0.0.1:$PORT_closed
	plan 3 "$ORIGIN/gen/10/1/a" "$ORIGIN/status/404/b" "$ORIGIN/auth/u/p/gen/10/1/c" "$ORIGIN/gen/10/1/a" \
		"$ORIGIN/gen/20/2/a" "$closed/d"
	planned download "10 B" "no ranges, no validator" a
	planned skip - "repeats an earlier input" a
	expect_out "1 file to download, 10 B, 1 skipped, 4 failed"
	expect 3 "is already the name of input 1"
	plan 24 "$ORIGIN/auth/u/p/gen/10/1/c"
	plan 6 "$closed/d"
	plan 13 "$ORIGIN/gen/10/1/a" "$ORIGIN/gen/20/2/a"
	plan 18 -d /dev/null/x "$ORIGIN/gen/10/1/a"
	nothing_left before
}

# one HEAD for each file; GET if the server does not support HEAD or sends no size for it
test_get_plan_requests() {
	own_origin
	get --dry-run "$ORIGIN/tag/h/gen/1000000/1/a" "$ORIGIN/tag/h/gen/1000000/2/b"
	expect 0
	is_counter h requests 2 || fail "$(counter h requests) requests"
	get --dry-run "$ORIGIN/tag/n/nohead/405/gen/1000000/1/a" "$ORIGIN/tag/n/nohead/501/gen/1000000/2/b" \
		"$ORIGIN/tag/n/nohead/0/gen/1000000/3/c"
	expect 0
	planned download "976 KiB" "no ranges, no validator" a
	planned download "976 KiB" "no ranges, no validator" b
	planned download "976 KiB" "no ranges, no validator" c
	is_counter n requests 6 || fail "$(counter n requests) requests"
	nothing_left own.ready own.log own.out
}

# a FIFO, a device and standard output are not opened
test_get_plan_streams() {
	mkfifo fifo
	plan 0 -o fifo "$ORIGIN/gen/10/1/a"
	planned download "10 B" "no ranges, no validator" fifo
	plan 0 -o /dev/full "$ORIGIN/gen/10/1/a"
	planned download "10 B" "no ranges, no validator" /dev/full
	plan 0 -o - "$ORIGIN/gen/10/1/a"
	planned download "10 B" "no ranges, no validator" -
	! grep -q '^space' out || fail "no file needs space"
}

# what does not fit is reported with the status of a full disk
test_get_plan_space() {
	plan 9 -d new "$ORIGIN/gen/9000000000000000000/1/a" "$ORIGIN/gen/9000000000000000000/2/b"
	expect 9 "not enough space in 'new': 15.6 EiB needed"
	planned download "7.8 EiB" "no ranges, no validator" new/a
}

# with limits the time is that of the slowest of them
test_get_plan_time() {
	plan 0 --limit-rate 1M "$ORIGIN/gen/104857600/1/a"
	expect_out "time: 1m40s at 1.0 MiB/s (--limit-rate), 1 in flight"
	plan 0 --max-rps 2 "$ORIGIN/gen/1/1/a" "$ORIGIN/gen/1/2/b" "$ORIGIN/gen/1/3/c"
	expect_out "time: at least 1.00 s at 2 requests per second (--max-rps), 1 in flight"
}

# the same as events
test_get_plan_json() {
	echo other >old
	plan 3 --json --if-exists=replace -d . --limit-rate 1K "$ORIGIN/ranges/etag/v1/gen/2048/1/new" \
		"$ORIGIN/gen/1024/1/old" "$ORIGIN/status/404/x" "$ORIGIN/chunked/gen/1/1/new2"
	"$BUILD/tools/json_check" <out || fail "not JSON"
	expect_out '"path":"new","action":"download","total":2048,"resumed":0,"ranges":true,"validator":"etag"}'
	expect_out '"path":"old","action":"replace","total":1024,"resumed":0,"ranges":false,"validator":null}'
	expect_out '"path":"new2","action":"download","total":null,"resumed":0,"ranges":false,"validator":null}'
	expect_out '"type":"file_error","index":2,'
	expect_out '"type":"plan_summary","files":3,"bytes":3072,"resumed":0,"unknown_sizes":1,"skipped":0,"failed":1,'
	expect_out '"file_systems":[{"path":".","needed":3072,"free":'
	expect_out '"seconds":3.000000000,"bound_by":"limit-rate","in_flight":1}'
	[[ $(tail -n 1 out) == '{"type":"plan_summary"'* ]] || fail "the summary is not the last event"
	! grep -qE 'file_start|file_done|run_summary' out || fail "there are events of a download"
}

# no progress of files that are not downloaded, however slow their server is
test_get_plan_json_slow() {
	get --dry-run --json "$ORIGIN/after/1300/gen/10/1/a"
	expect 0
	expect_out '"type":"file_plan","index":0,'
	[[ $(grep -c . out) == 2 ]] || fail "other events than file_plan and plan_summary"
}

# a reader that stops ends the run quietly, and a full disk does not
test_get_plan_output() {
	"$S" get --dry-run "$ORIGIN/gen/1/1/a" 2>err >/dev/full
	status=$?
	expect 17 "cannot write standard output"
	"$S" get --dry-run "$ORIGIN/gen/1/1/a" 2>err | :
	[[ ${PIPESTATUS[0]} == 0 && ! -s err ]] || fail "not quiet"
	nothing_left
}
