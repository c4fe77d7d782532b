# sluice scan --since and --until: the lines of a period.

scan() {
	run scan "$@"
}

make_log() {
	printf '%s\n' 'begin: error' '2015-10-18 18:00:00 a error' '  at error' '2015-10-18 18:05:00 b error' 'x' \
		'2015-10-18 18:03:00 c error' >log
	printf 'last: error' >>log
}

# lines without a time stamp belong to the one before them, and the lines need not be sorted
test_since_until_lines() {
	make_log
	scan -p --since '2015-10-18 18:03' log
	expect 0
	[[ $(cut -d: -f2 out | tr '\n' ' ') == '4 6 7 ' ]] || fail "other lines since"
	scan -p --until '2015-10-18 18:03' log
	[[ $(cut -d: -f2 out | tr '\n' ' ') == '1 2 3 6 7 ' ]] || fail "other lines until"
	scan -p --since '2015-10-18 18:04' --until 2015-10-19 log
	[[ $(cut -d: -f2 out) == 4 ]] || fail "other lines between"
	scan --since 2015-10-19 log
	expect 1
}

# the table, counts, kinds, context and the histogram have only lines of the period
test_since_until_results() {
	make_log
	scan --json --top 9 --histogram --since '2015-10-18 18:03' log
	grep -q '"matched_lines":3,.*"total_lines":4' out || fail "other totals"
	[[ $(grep -c '"type":"template"' out) == 3 ]] || fail "other kinds"
	grep -q '"buckets":\[{"start":"2015-10-18 18:03:00","matched_lines":1},{"start":"2015-10-18 18:05:00","matched_lines":1}\]' out ||
		fail "another histogram"
	scan -c -v --since '2015-10-18 18:03' log
	[[ $(<out) == 1 ]] || fail "another count of lines that do not match"
	scan --no-filename -C 9 --since '2015-10-18 18:04' --until '2015-10-18 18:05' log
	[[ $(tr '\n' '|' <out) == '2015-10-18 18:05:00 b error|x|' ]] || fail "other context"
	scan --json -m 2 --since '2015-10-18 18:03' log
	grep -q '"matched_lines":2,.*"total_lines":3,"state":"limited"' out || fail "other totals with -m"
}

# instants, and times before now, in every zone
test_since_until_zones() {
	printf '%s error\n' "$(date -u -d '-3 hours' +%FT%TZ)" "$(TZ=UTC-5 date -d '-1 hour' +%FT%T+05:00)" \
		"$(date -d '-1 hour' +%s)" >log
	scan -c --since 2h log
	[[ $(<out) == 2 ]] || fail "other lines within two hours"
	scan -c --since '4 hours ago' --until -2h log
	[[ $(<out) == 1 ]] || fail "other lines before"
	printf '2015-10-18 18:00:00 error\n' >log
	TZ=UTC-2 run scan -c --since 2015-10-18T16:00:00Z log
	[[ $(<out) == 1 ]] || fail "not in the zone of the machine"
	TZ=UTC-2 run scan -c --since 2015-10-18T16:00:01Z log
	[[ $(<out) == 0 ]] || fail "not in the zone of the machine"
}

test_since_until_wrong() {
	make_log
	scan --since tomorrow log
	expect 2 "option '--since': 'tomorrow' is not a time"
	scan --since 1h --until 2h log
	expect 2 "--until '2h' is before --since '1h'"
}

# the same lines however a log is cut and read
test_since_until_cuts() {
	awk 'BEGIN { for (i = 0; i < 9000; i++) {
		if (i % 7 == 0 && (i < 3000 || i > 7000))
			printf "2015-10-18 %02d:%02d:%02d ", 12 + i / 3600, i / 60 % 60, i % 60
		print (i % 3 ? "info" : "an error"), i } }' >log
	gzip -k log
	scan -p --since 2015-10-18T12:30 --until 2015-10-18T14:10 --no-filename --workers 1 log
	expect 0
	mv out want
	[[ $(wc -l <want) -gt 1000 ]] || fail "few lines"
	for options in "--chunk 64K" "--chunk 64K --io direct" "--workers 4 --chunk 64K"; do
		# shellcheck disable=SC2086
		scan -p --since 2015-10-18T12:30 --until 2015-10-18T14:10 --no-filename $options log
		cmp want out || fail "other lines: $options"
	done
	scan -p --since 2015-10-18T12:30 --until 2015-10-18T14:10 --no-filename log.gz
	cmp want out || fail "other lines of compressed text"
	scan -c --since 2015-10-18T12:30 --until 2015-10-18T14:10 <log
	[[ $(<out) == $(wc -l <want) ]] || fail "another count of a stream"
}

# 36,000 lines of two hours; stamps go back by up to 20 s
make_sorted_log() {
	awk 'BEGIN { for (i = 0; i < 36000; i++) {
		s = int(i / 5) + (i * 7) % 20
		printf "2015-10-18 %02d:%02d:%02d %s of request %d\n", 12 + s / 3600, s / 60 % 60, s % 60,
			(i % 25 ? "a report" : "an error"), i } }' >sorted.log
}

# the period of a sorted log is found without reading all of it, and the results are the same
test_sorted() {
	local period=(--since '2015-10-18 13:00' --until '2015-10-18 13:01')
	make_sorted_log
	scan -p -N "${period[@]}" sorted.log
	mv out want
	scan -p --sorted "${period[@]}" sorted.log
	expect 0
	cmp want out || fail "other lines"
	scan -p -n --sorted=20s "${period[@]}" sorted.log
	[[ $(head -n 1 out) == 'sorted.log:17926:2015-10-18 13:00:00 an error of request 17925' ]] || fail "another number"
	[[ $(wc -l <out) == $(wc -l <want) ]] || fail "other lines with numbers"
	scan --json -p --sorted "${period[@]}" sorted.log
	grep '"type":"end"' out | grep -q '"bytes_skipped":[0-9]\{6,\},"state":"ok"' || fail "all was read"
	grep -q '"type":"match".*"line_number":null' out || fail "a line has a number"
	scan --json --top 1 --sorted "${period[@]}" sorted.log
	grep -q '"first":{"path":{"text":"sorted.log"},"line_number":null}' out || fail "a kind has a line number"
	scan --sorted "${period[@]}" sorted.log
	grep -q '^total .* MiB not read$' out || fail "the table does not say what was not read"
}

# a log that is not sorted is named, or read as a whole
test_sorted_wrong() {
	make_sorted_log
	echo '2015-10-18 12:00:00 too late' >>sorted.log
	scan -c --sorted --since '2015-10-18 13:59' sorted.log
	expect 2 "'sorted.log' is not sorted by time"
	scan --json --sorted=3h --since '2015-10-18 13:59' sorted.log
	expect 0
	tac sorted.log >reverse.log
	scan -c --since '2015-10-18 13:59' reverse.log
	mv out want
	scan -c --sorted --since '2015-10-18 13:59' reverse.log
	expect 0
	cmp want out || fail "another count"
	scan --sorted sorted.log
	expect 2 "--sorted is for finding a period of time"
	scan --sorted --since 1h --state state sorted.log
	expect 2 "--state and --follow scan what is new as a whole"
	scan --sorted=soon --since 1h sorted.log
	expect 2 "'soon' is not a time"
}
