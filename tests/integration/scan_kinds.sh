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

# counts, levels and kinds of logs of common programs, as reviewed: tests/data/formats/README.md
test_kinds_formats_golden() {
	local logs=$ROOT/tests/data/formats file bytes lines rest
	cp "$logs"/*.log .
	scan ./*.log
	while IFS=$'\t' read -r file bytes lines rest; do
		[[ $file == file || $(wc -c <"$file") == "$bytes" ]] || fail "not $bytes bytes"
		[[ $file == file ]] || expect_row "./$file" "$lines" "${rest%%$'\t'*}"
	done <"$logs/golden.tsv"
	scan --level error -c ./*.log
	cut -f 1,5 "$logs/golden.tsv" | sed '1d; s#^#./#; s/\t/:/' | cmp - out || fail "other lines of level error"
	scan --level warning -c ./*.log
	cut -f 1,6 "$logs/golden.tsv" | sed '1d; s#^#./#; s/\t/:/' | cmp - out || fail "other lines of level warning"
	scan --level error --top 100 -- *.log
	sed -n '/kind$/,$p' out >kinds
	scan --top 100 dmesg.log
	sed -n '/kind$/,$p' out >>kinds
	same kinds "$logs/kinds.txt"
}

# what --digest-out writes of these logs, and what --digest-base shows since: kinds that are new, gone, more, less and the same
test_kinds_digest_golden() {
	local logs=$ROOT/tests/data/formats
	cp "$logs"/{nginx-error,postgres,syslog,klog}.log .
	scan --level error --digest-out digest.txt nginx-error.log postgres.log syslog.log
	same digest.txt "$logs/digest.txt"
	head -n 40 postgres.log >shorter.log
	cat nginx-error.log nginx-error.log >longer.log
	grep -e sshd -e ntpd syslog.log >fewer.log
	scan --level error --top 100 --digest-base digest.txt longer.log shorter.log fewer.log klog.log
	sed -n '/kind$/,$p' out >changes
	same changes "$logs/changes.txt"
}

# each error line is of one kind, also with -m and where a pattern has no literal
test_kinds_sum() {
	local options
	for options in "" "-m 7" "-e [Ee]rr?or" "--chunk 64K" -v "--level error" "-w -e error --by-pattern"; do
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

# of compressed text as of plain text, also where the worker decodes it in several pieces
test_kinds_compressed() {
	mkdir plain packed
	for _ in {1..40}; do cat "$ROOT"/tests/data/logs/*.log; done >plain/log
	gzip -1 <plain/log >packed/log
	(cd plain && "$S" scan --top 100 log >../out 2>../err) || fail "status $?"
	(cd packed && "$S" scan --top 100 log >../again 2>../err) || fail "status $?"
	cmp out again || fail "other kinds"
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

# a digest is saved, and a later scan says what has changed since
test_kinds_changes() {
	printf 'error 1\nerror 2\nlost: error\n' >a.log
	printf 'error 7\nerror 8\nnew kind of error\n' >b.log
	scan --digest-out base a.log
	expect 0
	! grep -q kind out || fail "kinds without --top"
	[[ $(head -n 1 base) == 'sluice digest 2' ]] || fail "not a digest"
	scan --digest-base base b.log
	expect 0
	grep -q "compared with 'base': 1 new, 1 gone, 0 more, 0 less, 1 same" out || fail "other changes"
	grep -A 1 'new kind of error' out | grep -q 'new: b.log:3' || fail "nothing is new"
	grep -A 1 'lost: error' out | grep -q 'gone, 1 before: a.log:3' || fail "nothing is gone"
	scan --digest-base base --json b.log
	[[ $(grep -c '"change":"' out) == 3 ]] || fail "not three events"
	grep -q '"matched_lines":0,"change":"gone","matched_lines_before":1,"example":{"text":"lost: error"}' out ||
		fail "no event for a kind that is gone"
}

# the file is replaced as a whole, keeps its mode, and is not one of the inputs
test_kinds_digest_file() {
	mkdir d
	printf 'error 1\n' >d/a.log
	printf 'sluice digest 0\nan error of old\n' >d/digest
	chmod 640 d/digest
	ln -s d/digest link
	scan --digest-out link --digest-base d/digest d
	expect 2 "'d/digest' has version 0 of its format"
	scan --digest-out link d
	expect 0
	[[ $(head -n 2 out | tail -n 1) == d/a.log* ]] || fail "another input comes first"
	! grep -q d/digest out || fail "the digest was scanned"
	[[ -L link && $(stat -c %a d/digest) == 640 ]] || fail "the link or the mode is another one"
	[[ $(ls d) == $'a.log\ndigest' ]] || fail "other files are left"
	scan --digest-out link --digest-base link d d/digest
	expect 0
	grep -q '^d/digest ' out || fail "a digest that was named was not scanned"
	scan --digest-out missing/digest d
	expect 2 "cannot write 'missing/digest'"
	scan --digest-base missing d
	expect 2 "cannot read 'missing'"
	scan --digest-base - d
	expect 2 "a digest must be a file"
	scan --digest-out x -q d
	expect 2 "--digest-out needs all error lines"
	scan -p --digest-base d/digest d
	expect 2 "cannot be combined"
	scan -p --digest-out p.out d
	expect_digest p.out
	scan --digest-out /dev/stdout -c d
	grep -q '^sluice digest 2' out || fail "not written to standard output"
}

# a log is not lost to a wrong operand, nor the table to a digest in the same file
test_kinds_digest_file_is_kept() {
	printf 'error 1\n' >log
	scan --digest-out log log
	expect 2 "'log' is not replaced: it was not written by --digest-out"
	[[ $(<log) == 'error 1' ]] || fail "the log is lost"
	scan --digest-out /dev/stdout log
	expect 0
	expect_digest out
	grep -q '^log ' out || fail "the table is lost"
	ln -s new link
	scan --digest-out link log
	[[ -L link ]] || fail "the link is replaced"
	expect_digest new
}

expect_digest() { # file
	[[ $(head -n 1 "$1") == 'sluice digest 2' ]] || fail "'$1' is not a digest"
}

# also from a FIFO, whose reader can be interrupted
test_kinds_base_from_fifo() {
	mkfifo fifo
	printf 'error 1\n' >log
	scan --digest-out base log
	timeout $LIMIT cat base >fifo &
	scan --digest-base fifo log
	expect 0
	grep -q '0 new, 0 gone, 0 more, 0 less, 1 same' out || fail "other changes"
	"$S" scan --digest-base fifo log >out 2>err &
	local pid=$!
	until_true 10 has_threads $pid
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[[ $status == 143 ]] || fail "status $status instead of SIGTERM"
}

# to a FIFO that is read; one that nothing reads does not make the scan wait
test_kinds_digest_to_fifo() {
	mkfifo fifo
	printf 'error 1\n' >log
	scan --digest-out fifo log
	expect 2 "cannot write 'fifo': no process has it open for reading"
	expect_out log
	exec 9<>fifo
	scan --digest-out fifo log
	expect 0
	head -n 1 <&9 >first
	exec 9>&-
	expect_digest first
}

# One of them waits for the FIFO's writer.
has_threads() { # process
	local tasks=("/proc/$1/task"/*)
	((${#tasks[@]} > 1))
}

# what each of many workers has, and digests of pieces that wait, are part of --max-memory
test_kinds_little_memory() {
	awk 'BEGIN { # all words differ from line to line
		for (i = 0; i < 20000; i++) {
			line = "ERROR"
			for (word = 0; word < 6; word++) {
				line = line " "
				for (n = i * 31 + word * 1009 + 7; n > 0; n = int(n / 20))
					line = line sprintf("%c", 97 + n % 20)
			}
			print line
		}
	}' >log
	scan --top 3 --stats --workers 64 --max-memory 8M --progress none log log
	expect 0
	is_small 14
}
