# sluice scan on bad input: what cannot be read or decided is named, everything else is counted, and the exit status is 2.

scan() {
	run scan "$@"
}

expect_totals() { # lines, error lines
	local last
	last=$(tail -n 1 out)
	[[ $last == *"\"matched_lines\":$2,"* && $last == *"\"total_lines\":$1,"* ]] || fail "not $1 lines and $2 error lines"
}

expect_state() { # input, state
	grep '^{"type":"end"' out | grep -F "\"text\":\"$1\"" | grep -qF "\"state\":\"$2\"" || fail "$1 is not $2"
}

nothing_printed() {
	[[ ! -s out ]] || fail "something was printed"
}

# The program on a terminal of its own; what it shows comes to ./out.
on_terminal() { # shell command
	command -v script >/dev/null || skip "no script(1) here"
	SHELL=$BASH timeout "$LIMIT" script -qec "$1" /dev/null </dev/null >out 2>err
	status=$?
}

# a missing file does not stop the others
test_scan_missing() {
	printf 'error\n' >a
	scan --json a missing a no/such/directory a
	expect 2 "cannot open 'missing': no such file"
	expect 2 "'no/such/directory'"
	expect_totals 3 3
	expect_state missing unreadable
	scan missing
	expect 2 missing
	scan -c missing
	expect 2 missing
	nothing_printed
	scan -c a missing
	expect 2 missing
	[[ $(cat out) == a:1 ]] || fail "a count of what is not there"
	scan ''
	expect 2 'no such file'
	scan a/b
	expect 2 'not a directory'
}

# a pattern where an input should be is recognised
test_scan_pattern_as_input() {
	printf 'error\n' >a
	scan 'some pattern' a
	expect 2 'scan -e PATTERN'
	scan -e error a missing
	expect 2 missing
	! grep -q PATTERN err || fail "a hint that does not help"
}

# files and directories that may not be read are named
test_scan_unreadable() {
	mkdir d d/shut
	printf 'error\n' >d/a
	printf 'error\n' >d/b
	printf 'error\n' >d/shut/c
	chmod 0 d/b d/shut
	chmod 755 . d
	as_user timeout "$LIMIT" "$S" scan --json d d/b >out 2>err
	status=$?
	no_report
	expect 2 "cannot open 'd/b': permission denied"
	expect 2 "cannot read directory 'd/shut': permission denied"
	expect_totals 1 1
	expect_state d/b unreadable
	expect_state d/shut unreadable
	as_user timeout "$LIMIT" "$S" scan -q d >out 2>err
	status=$?
	expect 0
	nothing_printed
}

decoded() { # name, lines, error lines: of the input named alone, with another, and from a pipe
	scan --json "$1"
	expect 0
	expect_totals "$2" "$3"
	scan -c - <"$1"
	expect 0
	[[ $(cat out) == "$3" ]] || fail "$(cat out) error lines from standard input, not $3"
	scan -c < <(cat "$1")
	expect 0
	[[ $(cat out) == "$3" ]] || fail "$(cat out) error lines from a pipe, not $3"
}

# as many lines and error lines as the state and the exit status say that not all was counted
partly() { # name, state, words, lines, error lines
	scan --json "$1" plain
	expect 2 "$3"
	expect_state "$1" "$2"
	expect_totals $(($4 + 1)) $(($5 + 1))
	scan --json - <"$1"
	expect 2 "$3"
	expect_totals "$4" "$5"
	scan -p "$1"
	expect 2 "cannot decode all of '$1'"
	[[ $(wc -l <out) == "$5" ]] || fail "$(wc -l <out) lines are printed, not $5"
}

unsupported() { # name, words
	scan --json "$1"
	expect 2 "$2"
	expect_totals 0 0
	expect_state "$1" unsupported
	scan --json <"$1"
	expect 2 'standard input'
	expect_totals 0 0
	scan -c "$1"
	expect 2 "$2"
	nothing_printed
}

COMPRESSORS=(gzip zstd xz bzip2)

make_log() {
	awk 'BEGIN { for (i = 0; i < 20000; i++) print i * 7919 % 65537 (i % 50 ? " fine" : " an error") }' >log
	printf 'an error\n' >plain
}

# what is compressed is known by its first bytes and decoded: all members, with zeros behind them, whatever its name
test_scan_compressed() {
	local tool
	make_log
	for tool in "${COMPRESSORS[@]}"; do
		command -v "$tool" >/dev/null || continue
		"$tool" -c <log >one
		decoded one 20000 400
		scan -pn --no-filename one
		expect 0
		grep -n error log >want
		same want out
		{ cat one && "$tool" -c </dev/null && cat one; } >several
		decoded several 40000 800
		{ cat one && head -c 5000 /dev/zero; } >padded.log
		[[ $tool == zstd ]] || decoded padded.log 20000 400
		: | "$tool" -c >empty
		scan --json empty plain
		expect 0
		expect_totals 1 1
		scan -p -m 3 one
		expect 0
		grep error log | head -n 3 | sed 's/^/one:/' >want
	done
	mkdir d
	cp one several plain d
	scan --json d
	expect 0
	expect_totals 60001 1201
	scan -q one missing
	expect 0
}

# of what is cut, all that can be decoded is counted, as zcat and the like print it
test_scan_compressed_and_cut() {
	local tool lines hits
	make_log
	for tool in "${COMPRESSORS[@]}"; do
		command -v "$tool" >/dev/null || continue
		"$tool" -c <log >whole
		{ cat whole && head -c $(($(stat -c %s whole) / 2)) whole; } >cut
		"$tool" -dc <cut >text 2>/dev/null
		lines=$(grep -c '' text) hits=$(grep -c error text)
		scan --json cut plain
		expect 2 "the $tool data is truncated, at about byte $(stat -c %s cut) ("
		expect_state cut truncated
		# a program may keep the end of its output to itself
		local counted
		counted=$(sed -n 's/.*"total_lines":\([0-9]*\).*/\1/p' out | head -n 1)
		((counted >= lines && counted < 40000)) || fail "$counted lines are counted, $lines decoded by $tool"
		partly cut truncated "$tool data is truncated" "$counted" "$(cat log log | head -c "$(sed -n 's/.*"bytes_searched":\([0-9]*\).*/\1/p' out | head -n 1)" | grep -c error)"
		head -c 12 whole >short
		scan --json short
		expect 2 "the $tool data is truncated"
		expect_totals 0 0
		scan -c short
		expect 2
		nothing_printed
	done
}

# what precedes damage is counted, and so is what precedes other data
test_scan_compressed_and_damaged() {
	local tool half counted
	make_log
	for tool in "${COMPRESSORS[@]}"; do
		command -v "$tool" >/dev/null || continue
		"$tool" -c <log >one
		{ cat one && printf 'garbage'; } >trailing
		partly trailing damaged "$tool data is followed by other data" 20000 400
		half=$(($(stat -c %s one) / 2))
		{ cat one && head -c $half one && head -c 40 /dev/zero | tr '\0' '\252' && tail -c +$((half + 41)) one; } >damaged
		scan --json damaged
		expect 2 "the $tool data is corrupt, at about byte"
		expect_state damaged damaged
		counted=$(sed -n 's/.*"total_lines":\([0-9]*\).*/\1/p' out | head -n 1)
		((counted >= 20000)) || fail "$counted lines are counted"
	done
}

# what cannot be decoded is named, with what helps
test_scan_compressed_and_unsupported() {
	make_log
	gzip -c log | gzip -c >twice
	unsupported twice 'more than once'
	mkdir d
	cp twice plain d
	scan --json d
	expect 2 'skipped in directories: 1 unsupported file (--verbose lists them)'
	expect_totals 1 1
	scan --json --verbose d
	expect 2 "cannot scan 'd/twice'"
	command -v zstd >/dev/null || skip "no zstd here"
	zstd -q --long=27 -c <log >wide 2>/dev/null # without a size in the header
	unsupported wide ' MiB: 128 MiB (use --max-memory'
	scan --max-memory "$(sed -n 's/.*--max-memory \([0-9]*M\).*/\1/p' err)" -c wide
	expect 0
	[[ $(cat out) == 400 ]] || fail "with the memory that the message asks for"
	scan --max-memory 8M -c wide
	expect 2 'needs a window of more than 2 MiB: 128 MiB'
}

# --max-memory as the message asks for it suffices, whatever else takes memory
test_scan_window_that_fits() {
	command -v zstd >/dev/null || skip "no zstd here"
	make_log
	zstd -q --long=23 -c <log >wide # without a size in the header
	local options asked
	for options in '' -p '--top 3' '--workers 64' '-B 3 -e e.*r'; do
		# shellcheck disable=SC2086 # several options
		scan --max-memory 8M $options wide
		expect 2 ': 8 MiB (use --max-memory'
		asked=$(sed -n 's/.*--max-memory \([0-9]*M\).*/\1/p' err)
		# shellcheck disable=SC2086
		scan --max-memory "$asked" $options wide
		expect 0
	done
	printf '\050\265\057\375\340\377\377\377\377\377\377\377\377\1\0\0' >huge
	scan huge
	expect 2 ' MiB: 17592186044416 MiB, which is not supported'
}

# neither a line of any length nor a ratio needs memory
test_scan_compressed_needs_little_memory() {
	local tool
	for tool in gzip zstd; do
		command -v "$tool" >/dev/null || continue
		{ head -c 40000000 /dev/zero | tr '\0' a && printf ' error\n'; } | "$tool" -c >"$tool"
	done
	scan -p --json --stats --max-memory 8M --progress none gzip
	expect 0
	is_small 16
	scan -c --stats --max-memory 8M --progress none gzip gzip gzip gzip
	expect 0
	is_small 16
	[[ ! -e zstd ]] || scan -c --stats --max-memory 24M zstd gzip zstd zstd
	expect 0
	is_small 28
}

# beginnings of members that hold nothing are none
test_scan_beginnings_of_compressed_data() {
	printf '\x1f\x8b\x08\0\0\0\0\0\0\3error\n\n\n' >gz
	printf '\x28\xb5\x2f\xfd\x04\x58error\n\n' >zst
	printf '\x52\x2a\x4d\x18\x02\0\0\0xxerror\n' >skippable
	printf '\xfd7zXZ\0\0\4error\n' >xz
	printf 'BZh91AY&SYerror\n' >bz2
	local name
	for name in gz zst skippable xz bz2; do
		scan --json "$name"
		expect 2 "cannot decode all of '$name'"
		expect_totals 0 0
		scan -c "$name"
		expect 2
		nothing_printed
	done
}

# names and beginnings alone make nothing compressed
test_scan_almost_compressed() {
	printf 'error\n' >text.gz
	printf 'BZh error\n' >text.bz2
	printf '\x1f\x8b' >short
	printf '\x28\xb5\x2f' >shorter
	printf 'B' >one
	scan --json text.gz text.bz2 short shorter one
	expect 0
	expect_totals 5 2
	scan --json < <(printf 'BZh91A'; sleep 0.1; printf 'X error\nBZh')
	expect 0
	expect_totals 2 1
	printf '\x1f' >first
	scan --json first - < <(printf '\x1f')
	expect 1
	expect_totals 2 0
	scan --json < <(printf '\x1f'; sleep 0.1; printf '\x8b\x08error\n')
	expect 2 gzip
	expect_totals 0 0
}

# a file that was cut within its magic number, or has none of it, is named if its name shows what it was
test_scan_cut_within_the_magic_number() {
	local name names=(a.gz b.zst c.xz d.bz2 e.GZ)
	printf 'error\n' >plain
	printf '\x1f\x8b' >a.gz
	printf '\x28\xb5\x2f' >b.zst
	printf '\xfd7zXZ' >c.xz
	printf 'BZh91AY&S' >d.bz2
	: >e.GZ
	scan --json "${names[@]}" plain
	expect 2
	expect_totals 1 1
	for name in "${names[@]}"; do
		expect_state "$name" truncated
		expect 2 "cannot decode all of '$name'"
	done
	mkdir d
	mv "${names[@]}" d
	scan -c --verbose d plain
	expect 2 "'d/e.GZ': the gzip data is truncated"
	[[ $(cat out) == plain:1 ]] || fail "a count of what cannot be decoded"
	mkfifo pipe.zst
	start scan --json pipe.zst
	printf '\x28' >pipe.zst
	finish 5
	expect 2 "cannot decode all of 'pipe.zst'"
	scan --json - <d/a.gz # it has no name
	expect 1
	expect_totals 1 0
}

# data whose magic number is damaged is not counted as text if its name shows what it was
test_scan_damaged_magic_number() {
	make_log
	gzip -c log >a.gz
	printf '\x1e' | dd of=a.gz conv=notrunc status=none
	head -c 5000 /dev/zero >b.xz
	cp a.gz c.log
	scan --json a.gz b.xz plain
	expect 2 "cannot decode all of 'a.gz': it is not gzip data"
	expect 2 "cannot decode all of 'b.xz': it is not xz data"
	expect_state a.gz damaged
	expect_totals 1 1
	mkdir d
	mv a.gz c.log plain d
	scan --json d
	expect 2 "'d/a.gz': it is not gzip data"
	expect_state d/c.log binary
	expect_totals 1 1
}

# UTF-16 is decoded, with a byte order mark or without, also if it is compressed
test_scan_utf16() {
	local order
	make_log
	for order in LE BE; do
		iconv -t UTF-16$order <log >markless
		decoded markless 20000 400
		{ printf '\ufeff' | iconv -f UTF-8 -t UTF-16$order && cat markless; } >marked
		decoded marked 20000 400
		gzip -c marked >marked.gz
		decoded marked.gz 20000 400
		scan -pn --no-filename marked.gz
		grep -n error log >want
		same want out
	done
	printf 'an error of some words: \u00fc\u20ac\U0001f600\r\n' >text
	iconv -f UTF-8 -t UTF-16LE <text >wide
	scan -p --no-filename -N wide
	expect 0
	same text out
	# a pipe may bring its first byte alone
	scan --json < <(printf 'e'; sleep 0.1; printf '\0r\0r\0o\0r\0\n\0')
	expect 0
	expect_totals 1 1
	printf '\xff\xfe' >mark
	scan --json mark
	expect 1
	expect_totals 0 0
}

# half a surrogate is shown as one that was replaced; half a character at the end is named
test_scan_utf16_that_is_broken() {
	printf '\xff\xfee\0r\0r\0o\0r\0\x00\xd8\n\0' >lone
	printf 'error\ufffd\n' >want
	scan -p --no-filename -N lone
	expect 0
	same want out
	printf 'an error\n' >plain
	printf '\xff\xfee\0r\0r\0o\0r\0\n\0x' >odd
	partly odd truncated 'the UTF-16 text ends within a character, at about byte 15 (6 bytes' 1 1
	printf '\0\0\xfe\xff\0\0\0e' >utf32
	printf '\xff\xfe\0\0e\0\0\0' >utf32le
	unsupported utf32 'UTF-32 text is not supported (use: iconv -f UTF-32'
	unsupported utf32le UTF-32
}

# names that end with NULs are not UTF-16
test_scan_names_that_end_with_nuls() {
	printf 'an error\0b\0c\0d\0e\0f\0' >names
	printf 'a\0bc\0def\0error\0' >other
	scan --json names other
	expect 0
	expect_totals 2 2
}

# UTF-16 that begins in the middle of a log is not counted as if it were text: the log is counted up to the line before
test_scan_utf16_later() {
	local before=$((3 << 20)) options all=("" "--chunk 64K --workers 4" "-e err\o{157}r" "-p" "--max-memory 8M")
	yes 'an error here' | head -c "$before" >a
	yes 'an error here' | head -n 2000 | iconv -t UTF-16LE >wide
	cat a wide a >b
	{ cat a; printf 'an error\r\n' | iconv -t UTF-16LE; } >appended
	{ cat appended a; } >line
	for options in "${all[@]}"; do
		# shellcheck disable=SC2086
		scan --json $options b
		expect 2 "cannot scan all of 'b': it contains UTF-16 text (only its first"
		expect_state b unsupported
		expect_out '"bytes_searched":3145716,'
		expect_totals 224694 224694
		# shellcheck disable=SC2086
		scan -c $options <b
		expect 2 "cannot scan all of standard input"
		# shellcheck disable=SC2086
		scan -c $options appended line
		expect 2 "'appended': it contains UTF-16 text"
		expect 2 "'line': it contains UTF-16 text"
	done
	mkdir d
	mv appended d
	scan -c d
	expect 2 "cannot scan all of 'd/appended'"
	scan -c -m 5 b
	expect 0
}

# standard input that is closed, or a directory
test_scan_bad_standard_input() {
	printf 'error\n' >a
	mkdir d
	scan <&-
	expect 2 'standard input'
	scan - a --json <&-
	expect 2 'standard input'
	expect_totals 1 1
	scan -c <d
	expect 2 'is a directory'
	scan -c - <d
	expect 2 'is a directory'
	scan - 0>b
	expect 2 'standard input'
	scan -c a <&-
	expect 0
}

# a FIFO waits for its writer, and ends with it
test_scan_fifo() {
	mkfifo pipe
	start scan --json pipe
	until_true 10 is_open pipe
	[[ ! -s out ]] || fail "it did not wait"
	printf 'error\nfine\nerror' >pipe
	finish 5
	expect 0
	expect_totals 3 2
	start scan --json pipe
	: >pipe
	finish 5
	expect 1
	expect_totals 0 0
}

# files of /proc and /sys, which have no size or a wrong one, are read to their end
test_scan_files_without_size() {
	[[ -r /proc/cpuinfo && -r /proc/self/mounts ]] || skip "no /proc here"
	local file
	for file in /proc/cpuinfo /proc/filesystems /sys/kernel/mm/transparent_hugepage/enabled /sys/devices/system/cpu/online; do
		[[ -r $file ]] || continue
		scan --json -e . "$file"
		expect 0
		expect_totals "$(grep -c '' "$file")" "$(grep -c . "$file")"
		expect_state "$file" ok
	done
	scan --json -e . /proc/filesystems /dev/null
	expect 0
	expect_state /dev/null ok
	scan --json /proc/sys/kernel/ostype /proc/sys/kernel
	expect_state /proc/sys/kernel/ostype ok
}

# the page map of a process has a word for each page that it could have, and is binary
test_scan_page_map() {
	[[ -r /proc/self/pagemap ]] || skip "no page map here"
	scan --json --include pagemap /proc/self
	expect 2 "binary"
	expect_state /proc/self/pagemap binary
}

# a read that fails is named, and how much was counted
test_scan_read_error() {
	[[ -r /proc/self/mem ]] || skip "no /proc here"
	printf 'error\n' >a
	scan --json a /proc/self/mem a
	expect 2 '/proc/self/mem'
	expect 2 'input/output error'
	expect_totals 2 2
	expect_state /proc/self/mem unreadable
	scan -q a /proc/self/mem
	expect 0
	scan -c /proc/self/mem
	expect 2 '/proc/self/mem'
}

# a file found in a directory that never delivers data does not block other inputs
test_scan_silent_file_in_a_directory() {
	local d=/sys/kernel/tracing/per_cpu/cpu0
	[[ -r $d/trace_pipe ]] || skip "no trace_pipe here"
	scan --json "$d"
	expect 2 'trace_pipe'
	expect_state "$d/trace_pipe" unreadable
}

# names with line breaks and escapes are shown, not sent
test_scan_hostile_names() {
	local name=$'x\e[31m\nname\r\x7f'
	printf 'an error\n' >"$name"
	scan "$name" "missing$name"
	expect 2 'missingx'
	! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' out || fail "raw control bytes in the table"
	[[ $(wc -l <out) == 4 ]] || fail "a name breaks the table"
	scan --json -p "$name"
	expect 0
	! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' out || fail "raw control bytes in JSON"
	printf 'an error\n' >--version
	scan -- --version
	expect 0
	expect_out --version
	mkdir d
	cp "$name" d
	printf 'b\0\1' >"d/$name.binary"
	scan -c --verbose d
	expect 0 "it is binary"
	export name S
	# shellcheck disable=SC2016
	on_terminal '"$S" scan -p --color never --progress none "$name"'
	[[ $status == 0 ]] || fail "status $status"
	! tr -d '\r' <out | sed 's/\x1b\[?25h//g' | grep -qP '[\x00-\x09\x0b-\x1f\x7f]' || fail "raw control bytes on a terminal"
}

# lines with escapes are shown on a terminal, not sent; elsewhere they are as they are
test_scan_hostile_lines() {
	printf 'error \033]0;title\007 \033[2J \302\233 \177 tab\tend\n' >a
	scan -pn --no-filename a
	printf '1:' | cat - a >want
	same want out
	on_terminal "$S scan -p --color never --progress none a"
	[[ $status == 0 ]] || fail "status $status"
	! sed 's/\x1b\[?25h//g' out | grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2\x9b' || fail "raw control bytes on a terminal"
	grep -q 'end' out || fail "the line is not there"
}

# on a terminal the carriage return before a newline is not shown; others are, and a file has all of them
test_scan_carriage_returns_on_a_terminal() {
	printf 'an error\r\nerror\rhere\r\n' >a
	on_terminal "$S scan -p --no-filename --color never a"
	[[ $status == 0 ]] || fail "status $status"
	printf 'an error\r\nerror\\x0dhere\r\n' >want # \r\n: how a terminal is sent a newline
	same want out
	on_terminal "$S scan -p --no-filename -e 'error.?\$' --color always a"
	grep -q $'\033\\[' out || fail "the match is not coloured"
	scan -p --no-filename a
	same a out
}

# a terminal that takes no UTF-8 gets none: its bytes would be C1 controls there
test_scan_terminal_without_utf8() {
	printf 'error \303\233\n' >$'\303\233'
	local options
	for options in -p -c ''; do
		on_terminal "LC_ALL=C $S scan $options --color never --progress none *$'\233' missing$'\303\233'"
		[[ $status == 2 ]] || fail "status $status"
		LC_ALL=C grep -qF '\xc3\x9b' out || fail "not shown with '$options'"
		! LC_ALL=C grep -qP '[\x80-\xff]' out || fail "raw bytes on a terminal with '$options'"
	done
	on_terminal "$S scan -p --color never --progress none $'\303\233'"
	grep -qF $'error \303\233' out || fail "UTF-8 is shown where it can be"
}

# bars leave alone what is shown on the same terminal, through a pipe too; the table comes after them
test_scan_bars_do_not_erase_results() {
	local feed='for i in 1 2 3 4; do echo "error $i"; sleep 0.2; done' command
	printf 'error\n' >a
	export TERM=xterm
	for command in "$S scan -p | cat" "$S scan -p" "$S scan -c a -" "$S scan --json" "$S scan --json -p | grep error"; do
		on_terminal "{ $feed; } | $command"
		[[ $status == 0 ]] || fail "status $status of $command"
		grep -q error out || grep -q ':4' out || fail "no result of $command"
		! grep -qF $'\e[J' out || fail "something is erased by $command"
	done
	for command in "$S scan" "$S scan -p >file" "$S scan -p >/dev/null" "$S scan -p --progress bars | cat"; do
		on_terminal "{ $feed; } | $command"
		grep -qF $'\e[J' out || fail "no bars with $command"
	done
}

# what was found in a file does not wait for the silent stream behind it
test_scan_lines_before_a_silent_stream() {
	local line=
	printf 'error\n' >a
	mkfifo pipe reader
	timeout "$LIMIT" "$S" scan -p a pipe >reader 2>err &
	pid=$!
	exec 9<reader 8>pipe
	read -r -t "$((5 * PATIENCE))" line <&9
	exec 8>&- 9<&-
	wait "$pid"
	[[ $line == a:1:error ]] || fail "got '$line'"
}

# two expressions do not cost the square of a line
test_scan_matches_of_two_expressions() {
	{ head -c 400000 /dev/zero | tr '\0' a; printf '\n'; } >a
	scan -p --json -e 'a+?' -e '[0-9]{40}z' a
	expect 0
	grep -q '"matches":400000' out || fail "not 400000 matches"
}

# standard output that is closed or full: a message, and status 2
test_scan_bad_standard_output() {
	printf 'error\n' >a
	yes 'error' | head -n 300000 >large
	local option
	for option in '' -c -p --json '--json -p' --stats; do
		# shellcheck disable=SC2086
		timeout "$LIMIT" "$S" scan $option a large >/dev/full 2>err
		status=$?
		no_report
		expect 2 'cannot write standard output: no space left on device'
		[[ $(grep -c 'cannot write' err) == 1 ]] || fail "reported more than once"
		# shellcheck disable=SC2086
		timeout "$LIMIT" "$S" scan $option a large 2>err >&-
		status=$?
		no_report
		expect 2 'cannot write standard output'
	done
	rm -f out
	timeout "$LIMIT" "$S" scan -q a >/dev/full 2>err
	status=$?
	expect 0
	timeout "$LIMIT" "$S" scan --help >/dev/full 2>err
	status=$?
	((status != 0)) || fail "help that could not be shown"
}

# a reader that goes away ends the run, quietly
test_scan_reader_goes() {
	yes 'error' | head -n 1000000 >large
	local option codes
	for option in -p '--json -p' '-p --workers 4 --chunk 64K' '-p --max-memory 8M'; do
		# shellcheck disable=SC2086
		timeout "$LIMIT" "$S" scan $option --progress none large 2>err | head -n 1 >out
		codes=("${PIPESTATUS[@]}")
		no_report
		[[ ${codes[0]} == 0 && ! -s err && $(wc -l <out) == 1 ]] || fail "status ${codes[0]} with $option"
	done
	timeout "$LIMIT" "$S" scan -p --progress none < <(exec yes error) 2>err | head -n 1 >out
	codes=("${PIPESTATUS[@]}")
	[[ ${codes[0]} == 0 && ! -s err ]] || fail "status ${codes[0]} on a stream"
}

# A scan that has opened the files named and waits for the FIFO before them: for its second end, as the bytes of one stream are
# for the first input that has its name.
start_behind_fifo() { # file...
	mkfifo pipe
	start scan --json --progress none pipe pipe "$@"
	exec 8>pipe
	printf 'fine\n' >&8
	local file
	for file; do
		until_true 10 is_open "$file"
	done
}

is_open() { # file
	local path=$1
	[[ $path == /* ]] || path=$PWD/$path
	find "/proc/$pid/fd" -lname "$path" 2>/dev/null | grep -q .
}

end_fifo() {
	exec 8>&-
	finish 20
}

# a stream that stalls holds back no other input, and what is printed is in the order of the inputs. What is to be printed keeps
# its chunk, and what is read at once from a pipe whose writer is slow may be 4 KiB: of that, no more than chunks can hold.
test_scan_streams_side_by_side() {
	local mode lines
	mkfifo one two
	yes 'error' | head -n 200000 >a
	for mode in -c -p '-c -e err.r'; do
		lines=90000
		[[ $mode != -p ]] || lines=7000
		# shellcheck disable=SC2086
		start scan $mode one two a
		exec 8>one
		printf 'fine\nerr' >&8
		timeout "$LIMIT" bash -c 'yes "some error" | head -n $0 >two' $lines || fail "two was not read while one stalled ($mode)"
		printf 'or of one\n' >&8
		exec 8>&-
		finish 20
		expect 0
		if [[ $mode == -p ]]; then
			[[ $(wc -l <out) == $((200001 + lines)) ]] || fail "$(wc -l <out) lines"
			cut -d: -f1 out | uniq >order
			printf '%s\n' one two a | diff - order || fail "the order"
		else
			printf '%s\n' one:1 two:$lines a:200000 | diff - out || fail "counts"
		fi
	done
}

# the bytes of a stream that is named twice are for the first of its names
test_scan_stream_twice() {
	yes 'error' | head -n 50000 | { "$S" scan -c - /dev/stdin - >out 2>err; echo $? >status; }
	[[ $(<status) == 0 ]] || fail "status $(<status)"
	printf '%s\n' '<stdin>:50000' /dev/stdin:0 '<stdin>:0' | diff - out || fail "counts"
}

# a file that becomes shorter is counted to its new end, and named
test_scan_truncated() {
	yes 'error' | head -n 1000000 >a
	cp a b
	yes 'error' | head -n 20000 >c # too large to be read when it is opened
	start_behind_fifo a b c
	truncate -s 600003 a
	: >b
	end_fifo
	expect 2 "'a' became shorter"
	expect 2 "'b' became shorter"
	expect_totals 120002 120000
	expect_state a truncated
	expect_state b truncated
	expect_state c ok
}

# standard input that is a file and becomes shorter is reported as truncated
test_scan_truncated_standard_input() {
	yes 'error' | head -n 1000000 >a
	mkfifo pipe
	# Inputs are opened 32 at a time: when one behind them is open, the size of standard input is known.
	local i names=()
	for ((i = 0; i < 40; i++)); do
		: >"empty$i"
		names+=("empty$i")
	done
	yes 'fine' | head -n 40000 >empty39 # not one of the small files, which are closed at once
	env --default-signal "$S" scan --json pipe pipe - "${names[@]}" <a >out 2>err &
	pid=$!
	exec 8>pipe
	printf 'fine\n' >&8
	until_true 10 is_open empty39
	truncate -s 600000 a
	exec 8>&-
	finish 20
	expect 2 "standard input became shorter"
	expect_totals 140001 100000
}

# a file that grows is read to the size it had
test_scan_growing() {
	yes 'error' | head -n 100000 >a
	yes 'error' | head -n 20000 >b
	printf 'err' >>b
	start_behind_fifo a b
	yes 'error' | head -n 50000 >>a
	printf 'or\nerror\n' >>b
	end_fifo
	expect 0
	expect_totals 120002 120000
}

# a file that is renamed or removed while it is read is the one that was opened
test_scan_rotated() {
	yes 'error' | head -n 100000 >a
	cp a b
	start_behind_fifo a b
	mv a a.1
	printf 'fine\n' >a
	rm b
	end_fifo
	expect 0
	expect_totals 200001 200000
}

# what was found in a directory, and is gone or something else when its turn comes, is named; a FIFO is not waited for
test_scan_replaced() {
	local i
	mkdir d
	for ((i = 1000; i < 1400; i++)); do
		printf 'error\n' >"d/$i"
	done
	yes 'error' | head -n 20000 >d/1000 # too large to be read when it is opened
	mkfifo pipe
	start scan --json --progress none pipe pipe d
	exec 8>pipe
	printf 'fine\n' >&8
	until_true 10 is_open d/1000
	rm d/1399 d/1398 d/1397
	mkfifo d/1399
	ln -s 1000 d/1398
	end_fifo
	expect 2 "'d/1399'"
	expect 2 "'d/1398'"
	expect 2 "'d/1397'"
	expect_totals 20397 20396
}

# Start with these arguments, the last of which is the input; signal when that is open; expect the end by that signal. None
# of these runs would end by itself.
interrupted() { # signal number, arguments..., input
	local signo=$1 input=${!#}
	shift
	start scan "$@"
	until_true 10 is_running # a shell that is still to become the program ignores signals, and may have the input open
	until_true 10 is_open "$input"
	kill -"$signo" "$pid"
	finish 10
	[[ $status == $((128 + signo)) ]] || fail "status $status for signal $signo with $*"
}

is_running() {
	find "/proc/$pid/fd" -lname 'anon_inode:*uring*' 2>/dev/null | grep -q .
}

# a signal ends the run, as by that signal
test_scan_interrupted() {
	local signo
	mkfifo pipe
	for signo in 2 15 1; do
		interrupted "$signo" pipe
	done
	exec 8<>pipe
	printf 'error\n' >&8
	interrupted 2 -p pipe
	exec 8>&-
	interrupted 2 -p /dev/zero
	interrupted 2 -e 'a+b' /dev/zero
	[[ $(stat -f -c %T .) != tmpfs ]] || return 0
	fallocate -l 16G huge 2>/dev/null || return 0 # reserved, which is not a hole
	interrupted 2 --io direct huge
	interrupted 15 --io direct --max-memory 8M --workers 1 huge
	interrupted 2 --io direct -p -e 'err.r' huge
}

# a signal ends a run that waits for the reader of its output
test_scan_interrupted_at_output() {
	yes 'error' | head -n 3000000 >large
	local option
	for option in -p '-p --json' '-p --workers 4 --chunk 64K -e err\o{157}r'; do
		# One for each: a program that has ended may hold its end, with what it wrote, a moment longer.
		rm -f reader
		mkfifo reader
		# shellcheck disable=SC2086
		env --default-signal "$S" scan $option large 2>err >reader &
		pid=$!
		exec 9<reader
		# The first line is there, and the rest does not fit into the pipe.
		IFS= read -r -t "$LIMIT" _ <&9 || fail "no line with $option"
		kill -INT "$pid"
		finish 10
		exec 9<&-
		[[ $status == 130 ]] || fail "status $status"
	done
	rm -f out
}

# a stopped run goes on
test_scan_stopped() {
	mkfifo pipe
	start scan --json pipe
	exec 8>pipe
	printf 'error\n' >&8
	kill -STOP "$pid"
	printf 'error\n' >&8
	kill -CONT "$pid"
	exec 8>&-
	finish 5
	expect 0
	expect_totals 2 2
}

# a pattern that is not valid
test_scan_bad_pattern() {
	printf 'error\n' >a
	local pattern
	for pattern in '(' '[' '*' 'a{2,1}' '\' '(?<n' '\p{Foo}'; do
		scan -e "$pattern" a
		expect 2 'bad pattern'
		nothing_printed
		scan -e error -e "$pattern" a
		expect 2 'bad pattern'
	done
	scan -F -e '(' -e '*' -c a
	expect 1
	scan -F -c -e "$(head -c 40000 /dev/zero | tr '\0' x)" a
	expect 1
	scan -F -i -e "$(head -c 40000 /dev/zero | tr '\0' x)" a # the case of letters is folded by PCRE2
	expect 2 'too large'
	! grep -q 'use -F' err || fail "-F is advised although it is given"
}

# what only a newline matches is refused, since no line has one; what can do without is not
test_scan_newline_in_pattern() {
	printf 'error\r\n' >a
	local pattern
	for pattern in 'error\n' 'error\r\n' '\A....\n' '\R' 'a|b\n'; do
		scan -e "$pattern" a
		expect 2 'needs a line break'
		grep -qF 'use $' err || fail "no hint"
		nothing_printed
	done
	scan -c -e 'err\o{157}r(?:\n|$)' a
	expect 0
}

# a pattern with characters beyond ASCII means characters; a byte order mark does not hide the first line's begin
test_scan_characters() {
	printf '\357\273\277Schl\303\274ssel\n\320\276\321\210\320\270\320\261\320\272\320\260 x\n\377 \320\236\321\210\320\270\n' >a
	scan -c -e '[éï]' a
	expect 1
	scan -c -e '^Schl[ü]ssel$' a
	expect 0
	scan -c -e '\bошибка\b' a
	expect 0
	scan -c -i -F -e 'оши' a
	[[ $(cat out) == 2 ]] || fail "$(cat out) lines, not 2"
	scan -p --json -i -e 'ОШ' a
	grep -qF '"submatches":[{"match":{"text":"ош"},"start":0,"end":4}]' out || fail "other places"
	scan -p --json -e '^\w+ü' a
	grep -qF '"submatches":[{"match":{"text":"Schlü"},"start":3,"end":9}]' out || fail "other places"
}

# two lookaheads on a long line take the square of it: the line is undecided, in a bounded time
test_scan_costly_line() {
	{ head -c 700000 /dev/zero | tr '\0' a; printf '\nfoo bar\n'; } >a
	scan -c -e '(?=.*foo)(?=.*bar)' a
	expect 2 'cannot decide line '
	[[ $(cat out) == 1 ]] || fail "not the other line"
	# the matches found in a line are printed, with a note that there may be more
	scan -p --json -e '(?!.*b)a' a
	expect 0
	grep -q '"submatches":\[{"match":{"text":"a"},"start":0,"end":1},.*\],"submatches_incomplete":true' out ||
		fail "nothing says that matches are missing"
}

# all matches of a long line are located in time linear in it, with strings of several plans too
test_scan_matches_of_several_plans() {
	local i args=()
	for ((i = 0; i < 74; i++)); do
		args+=(-e "$(printf 'w%05dz' $i)")
	done
	for ((i = 0; i < 110000; i++)); do
		printf 'w%05dz ' $((64 + i % 10)) # of the second plan: the first has none
	done >a
	scan -p --json "${args[@]}" a
	expect 0
	grep -q '"matches":110000}' out || fail "not all matches"
	! grep -q submatches_incomplete out || fail "a limit was reached"
}

# lines on which a pattern takes too many steps are undecided: named, the rest counted, status 2
test_scan_undecided() {
	{ printf 'aaaa\n'; head -c 60 /dev/zero | tr '\0' a; printf '!\nfine\naaa'; } >a
	scan --json -e '^(a+)+$' a
	expect 2 "cannot decide line 2 of 'a': the pattern takes too many steps"
	expect_totals 4 2
	expect_state a undecided
	expect_out '"first_undecided_line":2'
	scan -pn --no-filename -e '^(a+)+$' a
	expect 2 'a'
	printf '1:aaaa\n4:aaa\n' >want
	same want out
	scan -c -e '^(a+)+$' <a
	expect 2 'too many steps'
	scan -v -p --no-filename -e '^(a+)+$' a # it is not among the other lines either
	expect 2 'cannot decide line 2'
	[[ $(cat out) == fine ]] || fail "not the other line"
	scan -q -e '^(a+)+$' a
	expect 0
	# strings as words have no steps, but are compared in the first MiB only
	{ echo fine; head -c 1100000 /dev/zero | tr '\0' x; printf ' error\nerror\n'; } >l
	scan -c -w -F -e error l
	expect 2 "cannot decide line 2 of 'l': the line is longer than 1 MiB"
	! grep -q steps err || fail "there are no steps"
	scan -c -F -e error l
	expect 0
	scan -c -x -F -e error l
	expect 0
	tail -n +2 a | head -n 2 >b
	scan -q -e '^(a+)+$' b
	expect 2
	# with -m only those before the last line that was asked for matter
	scan -c -m 1 -e '^(a+)+$' a
	expect 0
	{ cat b; printf 'aaaa\n'; cat b; } >c
	scan --json -m 1 -e '^(a+)+$' c
	expect 2 "cannot decide line 1 of 'c': the pattern takes too many steps"
	expect_totals 3 1
	expect_state c undecided
	{ cat b; printf 'fine\naaaa\nfine\naaaa\n'; cat b b; } >c
	scan --json -m 2 -e '^(a+)+$' c
	expect 2 'too many steps'
	grep -q '"undecided_lines":1,' out || fail "not one undecided line"
	{ head -c 3000000 /dev/zero | tr '\0' x; printf 'error\n'; } >long
	scan -c -e 'err\o{157}r' long
	expect 2 long
	scan -c -e 'error' long
	expect 0
	# of a string of more bytes than 128 only the rest is looked for in the first MiB
	scan -c -F -e "$(head -c 129 /dev/zero | tr '\0' y)" long
	expect 1
	{ head -c 3000000 /dev/zero | tr '\0' x; head -c 128 /dev/zero | tr '\0' y; echo; } >longer
	scan -c -F -e "$(head -c 129 /dev/zero | tr '\0' y)" longer
	expect 2 'at most 128 bytes'
	scan -c -F -e "$(head -c 128 /dev/zero | tr '\0' y)" long
	expect 1
	scan -c -e 'xx\o{170}x' long
	expect 0
}

# no input: standard input, unless that is a terminal
test_scan_no_input() {
	on_terminal "$S scan"
	[[ $status == 2 ]] || fail "status $status"
	grep -q 'no input' out || fail "no message"
	printf 'error\n' >a
	on_terminal "$S scan -c a"
	[[ $status == 0 ]] || fail "status $status"
}

# options that are not there
test_scan_bad_options() {
	printf 'error\n' >a
	local words
	for words in --bogus '--top 3 -p' '--top x' '--workers 0' '--workers x' '--chunk 1' '--chunk 3X' '--queue 0' '--max-memory 1M' \
		'--max-memory 8M --chunk 5M' '-m' '-m -1' '--color sometimes' '--progress later' '-f' '-l --json' '--level x' \
		'--follow=x' '--follow -c' '--json=yes' '--histogram=1' '--histogram -c'; do
		# shellcheck disable=SC2086
		run scan a $words
		expect 2
		nothing_printed
		[[ -s err ]] || fail "no message for $words"
	done
	run bogus
	expect 28
	run --bogus
	expect 28
}

# a file that is both input and output is named and skipped, as grep does: it would grow by what is found in it
test_scan_own_output() {
	yes 'error' | head -n 100000 >a
	timeout "$LIMIT" "$S" scan -pn --no-filename a >>a 2>err
	status=$?
	expect 2 "'a' is skipped: the results are written to it"
	[[ $(wc -l <a) == 100000 ]] || fail "$(wc -l <a) lines"
	timeout "$LIMIT" "$S" scan -pn --no-filename <a >>a 2>err
	status=$?
	expect 2 "standard input is skipped"
	[[ $(wc -l <a) == 100000 ]] || fail "$(wc -l <a) lines by way of standard input"
	mkdir d
	mv a d
	(ulimit -f 20000; timeout "$LIMIT" "$S" scan -p d >d/out 2>err)
	status=$?
	expect 2 "'d/out' is skipped"
	[[ $(wc -l <d/out) == 100000 ]] || fail "$(wc -l <d/out) lines of a directory"
	# a device is not such a file
	scan -p /dev/null
	expect 1
}

# the first error line ends a quiet run, whatever comes behind it
test_scan_quiet_does_not_wait() {
	printf 'fine\nerror\n' >a
	mkfifo f
	timeout "$LIMIT" "$S" scan -q a f >out 2>err
	status=$?
	expect 0
	timeout "$LIMIT" "$S" scan -q -e 'e.ror' a f >out 2>err
	status=$?
	expect 0
}

# what stderr is slow to take is not lost
test_scan_thousands_of_troubles() {
	local i
	mkdir d
	for ((i = 0; i < 6000; i++)); do
		printf '\x1f\x8b\x08\0\0\0\0\0' >"d/log-with-a-rather-long-name-so-that-the-lines-are-long-$i"
	done
	scan -c --verbose d
	expect 2 "the gzip data is truncated"
	[[ $(grep -c 'gzip data is truncated' err) == 6000 ]] || fail "$(wc -l <err) are named"
}

# a name that would be a command is not made one; a long path does not hide its file's name and the reason
test_scan_names_in_messages() {
	local long=d i
	mkdir d
	printf '\x1f\x8b\x08\0\0\0\0\0' >"d/x'; touch pwned; '.gz"
	scan --verbose d
	expect 2 "cannot decode all of 'd/x'; touch pwned; '.gz': the gzip data is truncated"
	for ((i = 0; i < 5; i++)); do
		long=$long/$(printf 'a%.0s' {1..200})
	done
	mkdir -p "$long"
	printf '\x1f\x8b\x08\0\0\0\0\0' >"$long/name.gz"
	scan --verbose "$long"
	expect 2 "/name.gz': the gzip data is truncated"
	scan "$long/missing"
	expect 2 "/missing': no such file"
	chmod 755 . d
	mkdir "$long/shut"
	chmod 0 "$long/shut"
	as_user timeout "$LIMIT" "$S" scan -c "$long" >out 2>err
	status=$?
	expect 2 "/shut': permission denied"
}

# a directory of links alone is not a silent zero
test_scan_directory_of_links() {
	mkdir d empty links
	printf 'error\n' >d/a
	ln -s ../d/a links/a
	ln -s d link
	scan -c links
	expect 0
	[[ ! -s err && $(cat out) == links/a:1 ]] || fail "the link is not read"
	scan -c --no-follow links
	expect 2 "1 link"
	scan --no-follow links
	expect 2
	tail -n 1 out | grep -q '^total .* 1 skipped$' || fail "the table is silent"
	scan -c link
	expect 0
	[[ ! -s err ]] || fail "a link that was named is followed"
	ln -s a d/b
	scan -c d
	expect 0
	[[ ! -s err ]] || fail "the walk meets the file"
	rm links/a
	ln -s ../nowhere links/a
	scan -c links
	expect 2 "1 link"
	scan -c empty
	expect 1
	[[ ! -s err ]] || fail "nothing was skipped"
}

# a line too long to be kept says so in JSON, too
test_scan_json_cut_line() {
	{ head -c 3000000 /dev/zero | tr '\0' a; printf ' error\n'; } >a
	scan -p --json --chunk 64K -e '^a' a
	expect 0
	grep -q '"truncated_before":0,"truncated_after":1951430,' out || fail "nothing says that it is cut"
	! grep -q 'a\\n"' out || fail "a newline behind the cut"
	scan -p --json --chunk 64K -e '^a|a$' a
	expect 0
	grep -qF '"submatches":[{"match":{"text":"a"},"start":0,"end":1}]' out || fail "the cut is taken for the end"
}

# of a long line the part around its first match is printed, wherever chunks end
test_scan_long_line_is_shown_around_its_match() {
	local chunk
	{ head -c 3000000 /dev/zero | tr '\0' x; printf ' error '; head -c 2000000 /dev/zero | tr '\0' y; printf '\n'; } >a
	for chunk in 64K 1M 4M; do
		scan -pn --no-filename --chunk $chunk a
		expect 0
		grep -q '^1:\[\.\.\. 2475713 bytes\] x* error y* \[\.\.\. 1475718 bytes\]$' out || fail "another part"
		[[ $(wc -c <out) == $((1024 * 1024 + 43)) ]] || fail "$(wc -c <out) bytes"
		scan -p --json --chunk $chunk a
		expect 0
		grep -q '"truncated_before":2475713,"truncated_after":1475718,"submatches":\[{"match":{"text":"error"},"start":524288,"end":524293}\]' out ||
			fail "another part"
	done
}

# what is shown of a long line begins and ends with a whole character, in text and in JSON
test_scan_cut_line_ends_with_a_character() {
	{ printf 'error a'; yes 'é' | head -n 700000 | tr -d '\n'; printf '\n'; } >a
	scan -pn --no-filename a
	expect 0
	grep -q 'é \[\.\.\. 351432 bytes\]$' out || fail "cut elsewhere"
	scan -p --json a
	expect 0
	grep -q '"lines":{"text":"error a[é]*"}' out || fail "no text any more"
	grep -q '"truncated_after":351432,' out || fail "cut elsewhere"
	{ yes 'é' | head -n 700000 | tr -d '\n'; printf 'x error\n'; } >a
	scan -pn --no-filename a
	expect 0
	grep -q '^1:\[\.\.\. 875714 bytes\] éé*x error$' out || fail "it begins elsewhere"
	scan -p --json a
	expect 0
	grep -q '"lines":{"text":"éé*x error\\n"}' out || fail "no text any more"
}

# long lines go out in pieces: what escaping adds to them needs no memory
test_scan_long_lines_need_little_memory() {
	local i
	for ((i = 0; i < 6; i++)); do
		head -c 1000000 /dev/zero | tr '\0' '\1'
		printf ' error\n'
	done >a
	scan -p --json --stats --max-memory 8M --progress none a
	expect 0
	is_small 13
	head -c 1000000 /dev/zero | tr '\0' '\377' >b
	printf ' error \377' >>b
	scan -p --json b
	expect 0
	sed -n 's/.*"lines":{"bytes":"\([^"]*\)".*/\1/p' out | base64 -d >got || fail "no base64"
	same b got
}

# many troubles are each named, once
test_scan_many_troubles() {
	local i names=()
	for ((i = 0; i < 500; i++)); do
		names+=("missing$i")
	done
	printf 'error\n' >a
	scan --json "${names[@]}" a
	expect 2 missing499
	[[ $(grep -c 'cannot open' err) == 500 ]] || fail "not 500 messages"
	expect_totals 1 1
}

# every input of a run whose ring fails is in the results, or named
test_scan_ring_fails() {
	command -v strace >/dev/null || skip "no strace here (package strace)"
	((SLOW == 1)) || skip "a sanitizer does not work under strace"
	local calls name names=(first directory/in_it missing last)
	printf 'error\n' | tee first last >/dev/null
	mkdir directory
	printf 'error\n' >directory/in_it
	for calls in 1 2 3 5 10 20 30 40; do
		strace -f -q -o trace -e trace=io_uring_enter -e inject=io_uring_enter:error=EIO:when=$calls+ \
			timeout "$LIMIT" "$S" scan first directory missing last >out 2>err
		status=$?
		expect 2
		no_report
		grep -q 'cannot continue' err || continue # it had ended before
		! grep -q 'results may be missing' err || continue # the table was being written
		if grep -q 'no input was read' err; then
			((calls < 10)) && continue # the ring was just being set up
			fail "after $calls calls inputs were read"
		fi
		for name in "${names[@]}"; do
			grep -q "^$name " out || grep -qE "'(${name%/*}|$name)' was not scanned to its end" err ||
				fail "after $calls calls $name is missing"
		done
	done
}
