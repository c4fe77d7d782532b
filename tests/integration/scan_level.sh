# sluice scan: lines by their own level and time.

scan() {
	run scan "$@"
}

make_levels() {
	printf '%s\n' '2015-10-18 18:01:47 ERROR x' '2015-10-18 18:01:48 INFO an error' 'java.lang.Error: x' '' \
		'[Sun Dec 04 04:47:44 2005] [crit] y' '{"level":40,"msg":"error"}' >a
	printf '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /error HTTP/1.0" 502 7' >b
}

# --level selects lines by their own level, and counts those without one
test_scan_level() {
	make_levels
	scan --level=error a b
	expect 0
	grep -qE '^a +6 +2 ' out || fail "$(cat out)"
	grep -qE '^b +1 +1 ' out || fail "$(cat out)"
	expect_out '2 lines without a level'
	scan --level=WARN -c a
	[[ $(cat out) == 3 ]] || fail "$(cat out)"
	scan --level error -p -v a b
	[[ $(wc -l <out) == 4 ]] || fail "$(cat out)"
	scan --level=error --json -m 2 a
	expect_out '"lines_without_level":2'
	expect_out '"total_lines":5'
	scan --level=fatal b
	expect 1
}

# without a pattern, a note compares the words with the levels of a sample
test_scan_level_note() {
	make_levels
	scan a
	expect 0 "in a sample of 4 lines with a level, 2 contain 'error' but have a lower level, and 1 are errors without it"
	scan -e error a
	expect 0
	! grep -q sample err || fail "a note about a pattern"
	printf '[error] x\n' >c
	scan c
	[[ ! -s err ]] || fail "a note about nothing"
}

# compressed logs have the same levels, times and kinds of lines
test_scan_level_compressed() {
	local options
	for _ in {1..300}; do
		printf '2015-10-18 18:01:47 ERROR x %s\n2015-10-18 19:01:47 [info] an error\nerror\n' "$RANDOM"
	done >a
	gzip -c a >b
	for options in '--histogram --top 2' '--level=error --histogram --top 1' '-v -e ERROR --histogram --top 3'; do
		# shellcheck disable=SC2086
		{
			scan $options a
			sed 1,2d out >want
			scan $options b
			sed '1,2d; s/\<b:/a:/g' out >shown
		}
		[[ $(wc -l <want) -gt 5 ]] || fail "nothing below the table"
		same want shown
	done
}

# --level refuses what it cannot mean
test_scan_level_usage() {
	make_levels
	scan --level=high a
	expect 2 "'high' is not a level (use trace, debug"
	scan --level=error -e x a
	expect 2 'not by a pattern'
	scan --level=error -i a
	expect 2 'which --level takes the place of'
}

# --include, --exclude and --exclude-dir choose files in directories; operands are always read
test_scan_rules() {
	mkdir -p d/old
	echo error >d/a.log
	echo error >d/b.txt
	echo error >d/old/c.log
	echo error >.log
	scan -l --include='*.log' --exclude-dir=old/ d .log
	[[ $(cat out) == $'d/a.log\n.log' ]] || fail "$(cat out)"
	scan -l --exclude '*.log' d
	[[ $(cat out) == d/b.txt ]] || fail "$(cat out)"
	scan --include d/a.log d
	expect 2 "option '--include': 'd/a.log' cannot match"
	scan -g '*.log' d
	expect 2 'use --include or --exclude'
}

# --histogram shows error lines by time, in intervals that fit or are given
test_scan_histogram() {
	printf '%s\n' '2015-10-18 18:01:47 ERROR x' '2015-10-18 18:01:59 INFO y' '2015-10-18 18:31:00 ERROR x' error \
		'2015-10-18 20:59:59 ERROR x' >a
	printf '%s\n' '2015-10-18T18:09:00+02:00 error' 'Oct 18 18:01:47 host error' >b
	scan --histogram=10m a b
	expect 0
	sed -n '/^time/,$p' out | sed 's/ *█*$//' >shown
	cat >want <<-'END'
		time              error lines
		2015-10-18 18:00            2
		2015-10-18 18:10            0
		2015-10-18 18:20            0
		2015-10-18 18:30            1
		...
		2015-10-18 20:50            1
		1 error line without a time stamp, 1 error line without a year
	END
	same want shown
	scan --histogram --json a
	expect_out '"interval_seconds":300,"buckets":[{"start":"2015-10-18 18:00","matched_lines":1}'
	scan --histogram b --level=critical
	expect 1
	scan --histogram=1x a
	expect 2 "'1x' is not an interval"
	scan --histogram -p a
	expect 2 'for the table and --json'
}
