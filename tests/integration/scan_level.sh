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
