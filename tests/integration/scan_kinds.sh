# sluice scan --top: the kinds of error lines, in the table and as JSON.

scan() {
	run scan "$@"
}

# the kinds of real logs are those that were reviewed by eye, however they are read
test_kinds_golden() {
	cd "$ROOT/tests/data/logs"
	"$S" scan --top 100 ./*.log >"$OLDPWD/out" 2>"$OLDPWD/err" || fail "status $?"
	"$S" scan --top 100 --chunk 64K --workers 1 ./*.log >"$OLDPWD/again" 2>"$OLDPWD/err" || fail "status $?"
	cd "$OLDPWD"
	cmp out again || fail "the kinds depend on how the files are read"
	sed -n '/kind$/,$p' out | cmp - "$ROOT/tests/data/logs/kinds.txt" || fail "other kinds"
}

# each error line is of one kind, also with -m and where a pattern has no literal
test_kinds_sum() {
	local options
	for options in "" "-m 7" "-e [Ee]rr?or" "--chunk 64K"; do
		# shellcheck disable=SC2086
		scan --json --top 10000 $options "$ROOT/tests/data/logs"
		[[ $(matched_lines template) == "$(matched_lines summary)" ]] || fail "counts do not add up: $options"
	done
}

matched_lines() { # type of events
	grep "\"type\":\"$1\"" out | grep -o '"matched_lines":[0-9]*' | awk -F: '{ sum += $2 } END { print sum }'
}

# of a stream as of a file, also for a last line without newline
test_kinds_stream() {
	printf 'error 1\nfine\nerror 2\nother error' >log
	scan --top 5 <log
	expect 0
	tail -n +4 out >tail
	printf 'error lines   share  kind\n          2  66.67%%  error <num>\n                     first <stdin>:1, last <stdin>:3\n' >want
	printf '                     error 1\n          1  33.33%%  other error\n                     <stdin>:4\n                     other error\n' >>want
	cmp tail want || fail "other kinds"
}

# only where it is asked for, unless the table is for a terminal
test_kinds_default() {
	printf 'error 1\n' >log
	scan log
	! grep -q kind out || fail "kinds without --top"
	scan --top 0 log
	! grep -q kind out || fail "kinds with --top 0"
	script -qec "$S scan log" /dev/null >terminal </dev/null
	grep -q 'error <num>' terminal || fail "no kinds on a terminal"
	script -qec "$S scan --top 0 log" /dev/null >terminal </dev/null
	! grep -q 'error <num>' terminal || fail "kinds on a terminal with --top 0"
	for option in -p -c -q; do
		scan --top 1 $option log
		expect 2
		grep -q 'cannot be combined' err || fail "--top $option is not refused"
	done
}
