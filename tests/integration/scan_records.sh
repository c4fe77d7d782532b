# shellcheck shell=bash
# sluice scan --records: stack traces and indented lines belong to the line before them.

scan() { run 60 scan --records "$@"; }

make_traces() {
	cat >a <<'END'
2024-01-01 10:00:00 INFO start
2024-01-01 10:00:01 ERROR request failed
java.lang.RuntimeException: boom
	at com.foo.Bar.main(Bar.java:3)
Caused by: java.io.IOException: error
	... 23 more
2024-01-01 10:00:02 WARN job failed
Traceback (most recent call last):
  File "a.py", line 3, in <module>
ValueError: an error
2024-01-01 11:00:03 INFO end
  of the text
END
}

# counts, lines and context are those of records
test_scan_records() {
	make_traces
	scan a
	expect 0
	grep -qE '^input +lines +error records' out || fail "$(cat out)"
	grep -qE '^a +12 +2 +-' out || fail "$(cat out)"
	scan -p --no-filename -n a
	sed -n '2,10{=;p}' a | paste -d- - - | sed -E '/^(2|5|10)-/s/-/:/' >want
	same want out
	scan -p --no-filename -m1 -A1 a
	sed -n '2,10p' a >want
	same want out
	scan -p --no-filename -v -e job -e start a
	sed '1d;7,10d' a >want
	same want out
	scan -c -v a
	[[ $(cat out) == 2 ]] || fail "$(cat out)"
	scan -l -e 'of the text' -e boom a
	[[ $(cat out) == a ]] || fail "$(cat out)"
	scan -c --level=warning a
	[[ $(cat out) == 2 ]] || fail "$(cat out)"
	scan -q -e 'no such line' a
	expect 1
}

# what a record is named by: its first line that matches, and the time of its first line
test_scan_records_kinds() {
	make_traces
	gzip -c a >a.gz
	scan --top 5 --histogram=1h a.gz a
	expect 0
	expect_out '<time> ERROR request failed'
	expect_out 'ValueError: an error'
	grep -qE '^2024-01-01 10:00 +4 ' out || fail "$(cat out)"
	! grep -q 'IOException' out || fail "two kinds of one record"
	scan --json -p <a
	[[ $(grep -c '"type":"match"' out) == 3 && $(grep -c '"type":"context"' out) == 6 ]] || fail "$(cat out)"
	[[ $(grep -c '"record":2,' out) == 5 && $(grep -c '"record":7,' out) == 4 ]] || fail "$(cat out)"
	expect_out '"matched_lines":2,'
	scan --by-pattern a
	expect 2 'use one of them'
}

# any number of lines; of those before the match, what fits into memory
test_scan_records_long() {
	{ echo head; yes '  a line that belongs to it' | head -12000; echo '  error'; yes '  more' | head -20000; } >a
	scan -c a
	[[ $(cat out) == 1 ]] || fail "$(cat out)"
	scan -p --max-memory=8M --no-filename a
	expect 0 'lines of long records are not printed'
	sed -n "12002,\$p" a | cmp -s - <(tail -20001 out) || fail "lines behind the match"
	cmp -s <(head -1000 a) <(head -1000 out) || fail "lines before the match"
	scan -p --no-filename a
	expect 0
	same a out
}

# of a period, records have the lines inside: one outside ends a record, and the next one inside begins another
test_scan_records_of_a_period() {
	local options since=2015-10-18T12:20:00 until=2015-10-18T14:10:00
	awk 'BEGIN { for (i = 0; i < 9000; i++) {
		if (i % 7 < 2) # not sorted
			printf "2015-10-18T%02d:%02d:%02d ", 12 + (i * 37 % 9000) / 3600, i * 37 % 9000 / 60 % 60, i % 60
		print (i % 7 > 3 ? "\tat f" : "text"), (i % 11 ? "info" : "an error"), i } }' >log
	awk -v since="$since" -v until="$until" '
		function end() { if (hits) { printf "%s", text; records++ }; text = ""; hits = open = 0 }
		/^2015/ { inside = $1 >= since && $1 <= until }
		!open || !inside || !/^\t/ { end() }
		inside { open = 1; lines++; hit = /error/; hits += hit; text = text NR (hit ? ":" : "-") $0 "\n" }
		END { end(); print lines, records >"counts" }' log >want
	[[ $(wc -l <want) -gt 500 ]] || fail "few lines"
	for options in "--workers 1" "--workers 4 --chunk 64K" "--io direct --chunk 64K"; do
		# shellcheck disable=SC2086
		scan -p -n --no-filename --since "$since" --until "$until" $options log
		expect 0
		same want out
	done
	scan --since "$since" --until "$until" log
	[[ $(awk '$1 == "log" { print $2, $3 }' out) == "$(<counts)" ]] || fail "other counts: $(cat out)"
}

# -m 1 ends with the record: all lines up to its end are counted, also if a cut splits the line behind it, and at the end
test_scan_records_limit_of_a_period() {
	local log options
	awk 'BEGIN { for (i = 0; i <= 1310; i++)
		printf "%-49s\n", "2015-10-18 18:00:00 " (i == 1309 ? "an error" : "info") " " i }' >behind # a cut at 64 KiB is in its last line
	head -n 1310 behind >last
	head -c -1 behind >unfinished
	for log in behind last unfinished; do
		for options in "--chunk 64K" "--chunk 1M" "--io direct --chunk 64K"; do
			# shellcheck disable=SC2086
			scan --records -m 1 --since 2015-10-18T17:00 --json $options $log
			expect 0
			tail -n 1 out | grep -q '"matched_lines":1,.*"total_lines":1310,' || fail "other totals with $options of $log: $(tail -n 1 out)"
		done
	done
}
