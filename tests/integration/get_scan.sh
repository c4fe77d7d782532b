# --scan: what is downloaded is counted while it is written. The totals are those of `sluice scan` for the finished file.

JSON=$BUILD/tools/json_check

# Large enough for several connections with -k 1M. Lines of several lengths, the last without newline.
make_log() { # name, lines
	seq -f "2026-11-28 12:00:00 INFO worker %.0f has done its part of all the work that there was" "$2" |
		sed -e 's/INFO worker [0-9]*7 /ERROR &/' -e '/99 /s/$/ and a line that is somewhat longer than the others are/' >"$DOCS/$1"
	printf 'a last error' >>"$DOCS/$1"
}

# The table of `sluice scan` for these files is in ./out of the run before.
same_table() { # file...
	"$S" scan "$@" >want 2>want.err || fail "$(cat want.err)"
	cmp -s out want || { cat want; fail "another table"; }
}

# the table of several connections, of one, and of files that are complete already
test_get_scan_table() {
	make_log scan_table.log 60000
	get -k 1M --scan --stats "$ORIGIN/ranges/etag/v1/scan_table.log" "$ORIGIN/gen/0/1/empty"
	expect 0 "2 of 2 files done"
	! grep -q "read for the scan" err || fail "bytes were read back"
	same_table scan_table.log empty
	get --scan "$ORIGIN/ranges/etag/v1/scan_table.log"
	expect 0 "already there"
	same_table scan_table.log
	get --scan --if-exists=replace --sync=none "$ORIGIN/chunked/scan_table.log"
	expect 0
	same_table scan_table.log
}

# --records counts what belongs together, whatever pieces it comes in
test_get_scan_records() {
	awk 'BEGIN { srand(3); for (i = 0; i < 30000; i++) {
		r = rand()
		if (r < 0.1) print "2024-01-01 ERROR failed\njava.io.IOException: error\n\tat a.b(c.java:1)\nCaused by: error"
		else if (r < 0.2) print "Traceback (most recent call last):\n  File \"a.py\"\nValueError: error"
		else print "2024-01-01 INFO worker " i " has done its part of all the work that there was"
	} }' >"$DOCS/scan_records.log"
	get -k 1M --scan --records "$ORIGIN/ranges/etag/v1/scan_records.log"
	expect 0
	"$S" scan --records scan_records.log >want 2>/dev/null
	same want out
	! grep -q ' 0 ' out || fail "nothing is counted: $(cat out)"
	get --scan --records --regexp '^Val[u]e|part of' "$ORIGIN/chunked/scan_records.log" --if-exists=replace
	expect 0
	"$S" scan --records -e '^Val[u]e|part of' scan_records.log >want 2>/dev/null
	same want out
}

# a line that takes too much memory on the way does not lose the lines behind it: each is printed once
test_get_scan_print_of_long_lines() {
	{ echo "error one"; head -c 3000000 /dev/zero | tr '\0' x; printf '\nerror two\n'; } >"$DOCS/scan_long.log"
	get --scan --print --max-memory 8M "$ORIGIN/ranges/etag/v1/scan_long.log"
	expect 0
	[[ $(cat out) == scan_long.log:error\ one$'\n'scan_long.log:error\ two ]] || fail "other lines: $(cat out)"
	! grep -q "not all" err || fail "$(cat err)"
}

# with --print or a period records come in the order of the log, over any number of connections, and from no disk
test_get_scan_records_print() {
	awk 'BEGIN { srand(4); for (i = 0; i < 30000; i++) {
		t = sprintf("2024-01-01 %02d:%02d:00", i / 3600, i / 60 % 60)
		r = rand()
		if (r < 0.1) print t " WARN failed\njava.io.IOException: error\n\tat a.b(c.java:1)\nCaused by: " rand()
		else if (r < 0.2) print "Traceback (most recent call last):\n  File \"a.py\"\nValueError: error"
		else print t " INFO worker " i " has done its part of all the work that there was"
	} }' >"$DOCS/scan_records_print.log"
	gzip -kf "$DOCS/scan_records_print.log"
	local url=$ORIGIN/ranges/etag/v1/scan_records_print.log period="--since 2024-01-01T02:10 --until 2024-01-01T07:00"
	get -v -k 1M --scan --records --print --stats "$url"
	expect 0
	! grep -qE "is scanned when all|read for the scan" err || fail "it was not scanned on the way"
	"$S" scan -p -N --with-filename --records scan_records_print.log >want
	same out want
	# shellcheck disable=SC2086  # several options
	get -k 1M --scan --records $period --if-exists=replace "$url"
	expect 0
	# shellcheck disable=SC2086
	"$S" scan --records $period scan_records_print.log >want
	same out want
	# shellcheck disable=SC2086
	get -v -k 1M --scan --records --print $period "$url.gz"
	expect 0
	! grep -qE "is scanned when all|read for the scan" err || fail "it was not scanned on the way"
	# shellcheck disable=SC2086
	"$S" scan -p -N --with-filename --records $period scan_records_print.log.gz >want
	same out want
	# shellcheck disable=SC2086
	get -q --scan --records --print $period -o - "$url"
	expect 0
	sed 's/^.*log\([:-]\)/scan_records_print.log.gz\1/' err >got
	same got want
}

# --since and --until count the lines of a period, in whatever order they come; with --print in order
test_get_scan_period() {
	seq -f "2026-11-28 12:00:00 INFO %.0f" 9000 | awk '{ if (NR % 3) print; else print "  at an error", NR;
		if (NR == 3000) print "2026-11-28 12:30:00 error"; if (NR == 7000) print "2026-11-28 13:30:00 error" }' >"$DOCS/scan_period.log"
	for _ in {1..8}; do cat "$DOCS/scan_period.log"; done >"$DOCS/scan_periods.log"
	get -k 1M --scan --since '2026-11-28 12:10' --until 2026-11-28T13:00 "$ORIGIN/ranges/etag/v1/scan_periods.log"
	expect 0
	same_table --since '2026-11-28 12:10' --until 2026-11-28T13:00 scan_periods.log
	get --scan --print --since '2026-11-28 12:10' --if-exists=replace "$ORIGIN/ranges/etag/v1/scan_periods.log"
	expect 0
	"$S" scan -p -N --since '2026-11-28 12:10' scan_periods.log >want
	same out want
	get -q --scan --print --since '2026-11-28 12:10' -o - "$ORIGIN/ranges/etag/v1/scan_periods.log"
	expect 0
	sed 's/^.*log:/scan_periods.log:/' err >got
	same got want
	get --scan --since x "$ORIGIN/ranges/etag/v1/scan_periods.log"
	expect 28 "'x' is not a time"
}

# with --print the lines come in any order, each once
test_get_scan_print() {
	make_log scan_print.log 50000
	get -k 1M --scan --print --regexp ' (ERR|)OR .*7 has' --regexp 'worker 1$|last' "$ORIGIN/ranges/etag/v1/scan_print.log"
	expect 0
	"$S" scan -p -N -e ' (ERR|)OR .*7 has' -e 'worker 1$|last' scan_print.log | sort >want
	sort out >sorted
	same sorted want
}

# what a killed run has left is counted too, and read once
test_get_scan_resume() {
	local url=$ORIGIN/gate/scan_resume/ranges/etag/v1/scan_resume.log
	make_log scan_resume.log 60000
	start get -k 1M -s 1 --scan "$url"
	until_true 20 has_records scan_resume.log 0
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	opened scan_resume
	get -k 1M --scan -v "$url"
	expect 0 "from earlier runs"
	expect 0 "of earlier runs read for the scan"
	same_table scan_resume.log
}

# with -o - the file goes to standard output, and the table to standard error
test_get_scan_stdout() {
	make_log scan_stdout.log 50000
	get -q -k 1M -o - --scan "$ORIGIN/ranges/etag/v1/scan_stdout.log"
	expect 0
	same out "$DOCS/scan_stdout.log"
	"$S" scan out | tail -n +2 | sed 's/^out *//' >want
	tail -n 1 err | sed 's/^.*log *//' | cmp -s - want || fail "another table"
}

# events: those of the scan among those of the run, which end with its summary
test_get_scan_json() {
	make_log scan_json.log 1000
	get --json --scan --print --progress=none "$ORIGIN/scan_json.log" "$ORIGIN/gen/1000/1" "$ORIGIN/status/404"
	expect 3
	"$JSON" type <out >types || fail "not JSON"
	[[ $(grep -c '"match"' types) == $("$S" scan -c "$DOCS/scan_json.log") ]] || fail "another number of matches"
	[[ $(grep -c '"begin"' types) == 2 && $(grep -c '"end"' types) == 2 ]] || fail "other inputs"
	[[ $(tail -n 2 types | tr -d '"\n') == summaryrun_summary ]] || fail "the end"
	grep -q '"type":"match".*"line_number":null,"absolute_offset":' out || fail "a match has a number"
	grep -q '"type":"end".*scan_json.log.*"total_lines":1001,"state":"ok"' out || fail "the totals"
}

# what is compressed is decoded on the way if its bytes come in order; with --decompress it is stored so, and counted
test_get_scan_compressed() {
	make_log scan_gz.log 20000
	gzip -kf "$DOCS/scan_gz.log"
	get --scan --decompress "$ORIGIN/scan_gz.log.gz"
	expect 0
	same_table scan_gz.log
	get -v --scan "$ORIGIN/scan_gz.log.gz"
	expect 0
	! grep -q "is scanned when all downloads have ended" err || fail "it was not decoded on the way"
	same_table scan_gz.log.gz
	get -v --scan "$ORIGIN/scan_gz.log.gz"
	expect 0 "'scan_gz.log.gz' is scanned when all downloads have ended"
	same_table scan_gz.log.gz
	get -q -o - --scan --print --regexp "ERROR|last" "$ORIGIN/scan_gz.log.gz"
	expect 0
	same out "$DOCS/scan_gz.log.gz"
	"$S" scan -p --no-filename -e "ERROR|last" scan_gz.log | sort >want
	sed 's/^[^ ]*gz://' err | sort >got
	same got want
}

# a file whose name says that it is compressed comes in order, also over several connections, and is decoded on the way
test_get_scan_compressed_in_order() {
	"$ORIGIN_TOOL" --gen 1700000 3 | od -An -v -tx1 | sed 's/ff$/ERROR/' | gzip -1 >"$DOCS/scan_order.gz"
	get -v -k 1M -s 3 --scan --stats "$ORIGIN/only/1/slow/4000000/ranges/etag/v1/scan_order.gz"
	expect 0
	! grep -q "is scanned when all downloads have ended" err || fail "it was not decoded on the way"
	! grep -q "read for the scan" err || fail "bytes were read back"
	same_table scan_order.gz
	get -v -k 1M -s 3 --if-exists=replace --scan --print --regexp ERROR "$ORIGIN/ranges/etag/v2/scan_order.gz"
	expect 0
	! grep -q "is scanned when all downloads have ended" err || fail "it was not decoded on the way"
	"$S" scan -p -N --with-filename -e ERROR scan_order.gz | sort >want
	sort out >sorted
	same sorted want
}

# so is one whose first bytes alone show it
test_get_scan_compressed_by_content() {
	"$ORIGIN_TOOL" --gen 1700000 3 | od -An -v -tx1 | sed 's/ff$/ERROR/' | gzip -1 >"$DOCS/scan_late"
	get -v -k 1M -s 2 --scan --stats "$ORIGIN/only/1/slow/4000000/ranges/etag/v1/scan_late"
	expect 0
	! grep -qE "is scanned when all|read for the scan" err || fail "it was not decoded on the way"
	same_table scan_late
	get -v -k 1M -s 2 --if-exists=replace --scan --print --regexp ERROR "$ORIGIN/ranges/etag/v3/scan_late"
	expect 0
	! grep -q "is scanned when all" err || fail "it was not decoded on the way"
	"$S" scan -p -N --with-filename -e ERROR scan_late | sort >want
	sort out >sorted
	same sorted want
}

# a file that is damaged is counted and printed as by a scan, and so is a stream
test_get_scan_damaged() {
	make_log scan_cut.log 20000
	gzip -c "$DOCS/scan_cut.log" | head -c 30000 >"$DOCS/scan_cut.gz"
	get -v --scan "$ORIGIN/scan_cut.gz"
	expect 0 "cannot decode all of 'scan_cut.gz': the gzip data is truncated"
	"$S" scan scan_cut.gz >want 2>want.err
	cmp -s out want || fail "another table"
	! grep -q "scanned when all" err || fail "it was scanned from disk"
	get -o - --scan "$ORIGIN/scan_cut.gz"
	expect 0 "scan_cut.gz': the gzip data is truncated"
	[[ $(tail -n 1 err | tr -s ' ' | cut -d ' ' -f 2-) == "$(tail -n 1 want | tr -s ' ' | cut -d ' ' -f 2-)" ]] || fail "other totals"
	get --if-exists=replace --scan --print "$ORIGIN/scan_cut.gz"
	expect 0 "the gzip data is truncated"
	"$S" scan -p -N --with-filename scan_cut.gz 2>want.err | sort >want
	sort out >sorted
	same sorted want
}

# a note about a file with carriage returns only, as from a scan
test_get_scan_notes() {
	printf 'one\rtwo Error\rthree' >"$DOCS/scan_cr.log"
	get --scan "$ORIGIN/scan_cr.log"
	expect 0 "'scan_cr.log' has carriage returns but no newline"
	expect 0 "such as 'Error' (use --ignore-case to count them)"
	[[ $(awk 'NR == 2' out) == *"no newline"* ]] || fail "no note"
}

# lines of megabytes, in many parts, take no more memory than is allowed: the file is scanned at the end
test_get_scan_long_lines() {
	head -c 12000000 /dev/zero | tr '\0' x >"$DOCS/scan_long.log"
	echo ' error' >>"$DOCS/scan_long.log"
	get -k 1M -s 8 --max-memory 8M --scan --print --json --stats "$ORIGIN/ranges/etag/v1/scan_long.log"
	expect 0
	is_small 24
	grep -q '"type":"end".*"matched_lines":1,.*"total_lines":1,"state":"ok"' out || fail "the totals"
	[[ $(grep -c '"type":"match"' out) == 1 ]] || fail "another number of lines"
}

# a deadline that ends the scan is reported, also if all files are done; these lines take minutes
test_get_scan_deadline() {
	yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -n 200000 >"$DOCS/scan_deadline.log"
	cp "$DOCS/scan_deadline.log" .
	get -q --scan --regexp '(x+x+)+[yz]' --deadline "$((SLOW * 300))ms" "$ORIGIN/ranges/etag/v1/scan_deadline.log"
	expect 2 "the time limit of the run was reached (--deadline)"
}

# with --append the new lines alone are counted, a last line that was incomplete among them
test_get_scan_append() {
	local url=$ORIGIN/ranges/etag/v2/lm/1600000100/scan_grown.log
	make_log scan_grown.log 20000
	grown() { # lines: of the beginning
		rm -f scan_grown.log
		head -n 10000 "$DOCS/scan_grown.log" | head -c -"$1" >scan_grown.log
		touch -d @1600000000 scan_grown.log
	}
	grown 0
	get --append --scan "$url"
	expect 0
	tail -n +10001 "$DOCS/scan_grown.log" >scan_new.log
	"$S" scan scan_new.log | sed '1d; s/scan_new.log/scan_grown.log/' | tr -s ' ' >want
	tail -n 1 out | tr -s ' ' | cmp -s - want || fail "other lines"
	get --append --scan "$url"
	expect 0
	[[ $(tail -n 1 out | tr -s ' ') == "scan_grown.log 0 0 -" ]] || fail "lines of a file that has not grown"
	grown 20
	get --append --scan --print --json --progress=none --regexp . "$url"
	expect 0
	[[ $(grep -c '"type":"match"' out) == 10002 ]] || fail "not the new lines"
	grep -q "\"absolute_offset\":$(head -n 9999 scan_grown.log | wc -c)," out || fail "no offset of the first line"
	same scan_grown.log "$DOCS/scan_grown.log"
}

# a compressed file that has grown cannot be scanned from its middle
test_get_scan_append_compressed() {
	make_log scan_grown.gz.log 3000
	{ head -n 1000 "$DOCS/scan_grown.gz.log" | gzip; tail -n +1001 "$DOCS/scan_grown.gz.log" | gzip; } >"$DOCS/scan_grown.gz"
	head -n 1000 "$DOCS/scan_grown.gz.log" | gzip >scan_grown.gz
	touch -d @1600000000 scan_grown.gz
	get --append --scan "$ORIGIN/ranges/etag/v2/lm/1600000100/scan_grown.gz"
	expect 0
	same_table scan_grown.gz
}

# a run that has to end has a summary of the scan all the same, before its own
test_get_scan_cut() {
	get --json --scan --progress=none --deadline 100ms "$ORIGIN/noanswer"
	expect 2
	tail -n 2 out | head -n 1 | grep -q '"type":"summary".*"incomplete":true' || fail "no summary of the scan"
	tail -n 1 out | grep -q '"run_summary"' || fail "no summary"
}

# so has one that is interrupted while it prints lines
test_get_scan_interrupted() {
	start get --json --scan --print --regexp . --progress=none "$ORIGIN/gen/40000000/1"
	until_true 20 grep -q '"match"' out
	kill -INT "$pid"
	finish 20
	[[ $status == 130 ]] || fail "exit status $status"
	tail -n 2 out | head -n 1 | grep -q '"type":"summary".*"incomplete":true' || fail "no summary of the scan"
	tail -n 1 out | grep -q '"run_summary"' || fail "no summary"
}

# the results have the name that the server gives
test_get_scan_server_name() {
	make_log scan_name.log 10
	get --content-disposition --scan --print --regexp last "$ORIGIN/header/Content-Disposition/attachment;filename=%22named.log%22/scan_name.log"
	expect 0
	same named.log "$DOCS/scan_name.log"
	[[ $(cat out) == "named.log:a last error" ]] || fail "another name"
	get --content-disposition --scan "$ORIGIN/header/Content-Disposition/attachment;filename=%22empty.log%22/gen/0/1"
	expect 0
	"$S" scan empty.log >want
	same want out
	make_log scan_name.log 60000
	local header=$ORIGIN/header/Content-Disposition/attachment
	get --content-disposition -k 1M --scan --print --regexp '99 has|last' "$header;filename=%22long.log%22/ranges/etag/v1/scan_name.log"
	expect 0
	"$S" scan -p -N --with-filename -e '99 has|last' long.log | sort >want
	sort out >sorted
	same sorted want
	gzip -kf "$DOCS/scan_name.log"
	cp "$DOCS/scan_name.log.gz" "$DOCS/scan_name"
	get -v --content-disposition --scan "$header;filename=%22long.log.gz%22/ranges/etag/v1/scan_name"
	expect 0
	! grep -q "is scanned when all" err || fail "it was not decoded on the way"
	same_table long.log.gz
}

# options that have no effect are refused
test_get_scan_usage() {
	local options
	for options in --print "--regexp x" --ignore-case --fixed-strings; do
		# shellcheck disable=SC2086
		get $options "$ORIGIN/gen/1/1"
		expect 28 "add --scan"
	done
	get --scan --dry-run "$ORIGIN/gen/1/1"
	expect 28 "--dry-run downloads nothing"
	get --scan --regexp '(' "$ORIGIN/gen/1/1"
	expect 28 "'('"
	nothing_left
}
