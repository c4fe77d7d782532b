# sluice scan on good input: the totals are those of grep and wc, whatever the options.

scan() {
	run scan "$@"
}

# Lines of all lengths, some longer than a piece, some that match.
make_log() { # lines, seed
	awk -v lines="$1" -v seed="$2" 'BEGIN {
		srand(seed)
		split("ERROR error Error errno warning ERR ok eRRoR", words, " ")
		for (i = 0; i < 4096; i++)
			pad = pad substr("abcdefghij klmnopqrst,uvwxyz", int(rand() * 28) + 1, 1)
		while (length(long) < 300000)
			long = long pad
		for (n = 1; n <= lines; n++) {
			kind = rand()
			text = kind < 0.1 ? "" : substr(pad, 1, int(rand() * 200))
			if (kind > 0.9995)
				text = substr(long, 1, int(rand() * 300000))
			word = rand() < 0.3 ? words[int(rand() * 8) + 1] : "fine"
			print n " " text (rand() < 0.5 ? " " word " " n % 10 : word)
		}
	}'
}

lines_of() { # file...; a last line without newline counts
	cat -- "$@" | grep -ac ''
}

# The totals of a run with --json.
expect_totals() { # lines, error lines
	local last
	last=$(tail -n 1 out)
	[[ $last == *"\"matched_lines\":$2,"* && $last == *"\"total_lines\":$1,"* ]] || fail "not $1 lines and $2 error lines"
}

# real logs have the counts that other tools have made
test_scan_golden() {
	local logs=$ROOT/tests/data/logs file bytes lines hits folded
	while IFS=$'\t' read -r file bytes lines hits folded; do
		[[ $file != file ]] || continue
		scan --json "$logs/$file"
		expect_totals "$lines" "$hits"
		expect $((hits == 0))
		grep -q "\"bytes_searched\":$bytes," out || fail "not $bytes bytes"
		scan -i --json "$logs/$file"
		expect_totals "$lines" "$folded"
	done <"$logs/golden.tsv"
	scan "$logs"/*.log
	expect 0
	expect_row total 1280 217
}

# any workers, pieces, queue and memory: the same totals
test_scan_engine_options() {
	make_log 40000 1 >a
	make_log 3000 2 >b
	local lines hits options dir
	lines=$(lines_of a b)
	hits=$(cat a b | grep -acE 'ERROR|error')
	for options in "" "--workers 1" "--workers 2" "--workers 3" "--workers 4" "--chunk 64K" "--chunk 70000" "--chunk 16M" "--queue 1" \
		"--max-memory 8M" "--workers 1 --chunk 64K --queue 1 --max-memory 8M" "--workers 4 --chunk 64K --queue 1 --max-memory 8M" \
		"--workers 64 --queue 4096 --max-memory 8M" "--chunk 2M --max-memory 8M" "--io direct" "--io buffered"; do
		# shellcheck disable=SC2086
		scan --json $options a b
		expect 0
		expect_totals "$lines" "$hits"
		# shellcheck disable=SC2086
		scan --json -e 'err\o{157}r' -e 'ERR(OR)' $options a b
		expect 0
		expect_totals "$lines" "$hits"
	done
}

# what is in the page cache is not waited for: the bottleneck is never the input
test_scan_stats_bottleneck() {
	make_log 40000 5 >a
	mkdir d
	cp a d/a
	head -n 100 a >d/small
	local attempt
	for attempt in 1 2 3 4 5; do # another process may empty the page cache
		scan --stats a d
		expect 0
		! grep -q 'waited: input 0.00 s, .*; bottleneck: scan' err || return 0
	done
	fail "another bottleneck in $attempt runs"
}

# every kind of pattern finds what grep finds
test_scan_patterns() {
	make_log 20000 3 >a
	local lines
	lines=$(lines_of a)
	scan --json -i a
	expect_totals "$lines" "$(grep -acEi error a)"
	scan --json -F -e 'o' a
	expect_totals "$lines" "$(grep -acF o a)"
	scan --json -F -i -e 'ERR' -e 'fine' a
	expect_totals "$lines" "$(grep -aciF -e ERR -e fine a)"
	scan --json -F -e 'a.c' -e '(' a
	expect_totals "$lines" "$(grep -acF -e 'a.c' -e '(' a)"
	scan --json -e '[0-9]$' a
	expect_totals "$lines" "$(grep -acE '[0-9]$' a)"
	scan --json -e '^1' -e 'fine$' a
	expect_totals "$lines" "$(grep -acE -e '^1' -e 'fine$' a)"
	scan --json -e '^[0-9]+ $' -e 'Error \d' a
	expect_totals "$lines" "$(grep -acP '^[0-9]+ $|Error \d' a)"
	scan --json -e '(\d)\1\1' a
	expect_totals "$lines" "$(grep -acP '(\d)\1\1' a)"
	scan --json -i -e 'ERRNO [0-4]' a
	expect_totals "$lines" "$(grep -aciE 'errno [0-4]' a)"
	scan --json -e '' a
	expect_totals "$lines" "$lines"
	scan --json -e 'nowhere to be found' a
	expect 1
	expect_totals "$lines" 0
	scan --json -e ERROR --regexp=error -F a
	expect_totals "$lines" "$(grep -acE 'ERROR|error' a)"
	scan --json -e $'ERROR\nerror' a
	expect_totals "$lines" "$(grep -acE 'ERROR|error' a)"
}

# hundreds of strings: the lines are those of grep, whether counted or printed
test_scan_many_strings() {
	make_log 3000 9 >a
	awk 'BEGIN { for (i = 0; i < 300; i++) print "fine " i % 10 i "\n" i * 7 " ERR\nno" i "t" }' >strings
	local lines options
	lines=$(lines_of a)
	grep -naF -f strings a >want
	[[ -s want ]] || fail "the strings are nowhere"
	for options in "" "--workers 3 --chunk 64K"; do
		# shellcheck disable=SC2086
		scan --json $options -F -e "$(cat strings)" a
		expect_totals "$lines" "$(lines_of want)"
		# shellcheck disable=SC2086
		scan -pn --no-filename $options -F -e "$(cat strings)" a
		same want out
	done
	scan --json -i -e "$(paste -sd'|' strings)" a
	expect_totals "$lines" "$(grep -aciF -f strings a)"
}

# a match that a cut goes through is found once, at every place of the cut
test_scan_straddles_cuts() {
	local cut before
	for cut in 65536 262144 1048576; do
		for before in 0 1 2 3 4 5 6; do
			head -c $((cut - before - 3)) /dev/zero | tr '\0' 'x'
			printf '\nx\nerror'
			head -c $((cut - 5 + before)) /dev/zero | tr '\0' 'y'
			printf '\n'
		done
	done >a
	local options all=("--chunk 64K" "--chunk 64K --workers 4" "--chunk 256K" "" "-e err\o{157}r" "-e err\o{157}r --chunk 64K")
	((SLOW == 1)) || all=("--chunk 64K --workers 4")
	for options in "${all[@]}"; do
		# shellcheck disable=SC2086
		scan --json $options a
		expect_totals 63 21
		# shellcheck disable=SC2086
		scan --json $options <a
		expect_totals 63 21
		# shellcheck disable=SC2086
		scan --json $options < <(cat a)
		expect_totals 63 21
		# shellcheck disable=SC2086
		scan -pn --no-filename $options a
		grep -naE 'ERROR|error' a | cut -b 1-1048579 >want
		sed 's/ \[\.\.\. [0-9]* more bytes\]$//' out | cut -b 1-1048579 >got
		cmp want got || fail "lines differ with $options"
	done
}

# -p prints what grep -n prints
test_scan_print() {
	make_log 20000 4 >a
	make_log 500 5 | head -c -1 >b
	local workers
	for workers in 1 2 3 4; do
		scan -p --workers "$workers" --chunk 64K a b
		expect 0
		grep -nHaE 'ERROR|error' a b >want
		same want out
		scan -pn --no-filename --workers "$workers" -i -e 'err(or|no) [0-9]' a b
		expect 0
		grep -hnaiE 'err(or|no) [0-9]' a b >want
		same want out
	done
	scan -p a
	grep -nHaE 'ERROR|error' a >want
	same want out
	scan -pn a
	same want out
	scan -pn --no-filename a
	grep -naE 'ERROR|error' a >want
	same want out
	# numbers are left out by -N, and with the names unless -n asks for them
	scan -p --no-filename a
	grep -aE 'ERROR|error' a >want
	same want out
	scan -n -N -p --no-filename a
	same want out
	scan -p --no-filename -N -n a
	grep -naE 'ERROR|error' a >want
	same want out
	scan -p -N a b
	grep -HaE 'ERROR|error' a b >want
	same want out
	# as grep -Z
	scan -p --null a b
	grep -nHZaE 'ERROR|error' a b >want
	same want out
	scan -c -Z a b
	grep -cZaE 'ERROR|error' a b >want
	same want out
	scan -p -m 3 -N -e 'err\o{157}r' a
	grep -HaE -m 3 'error' a >want
	same want out
	scan -p <b
	expect 0
	grep -naE 'ERROR|error' b | sed 's/^/<stdin>:/' >want
	same want out
	scan -p -e 'nowhere to be found' a b
	expect 1
	[[ ! -s out ]] || fail "something was printed"
}

# -c counts as grep -c does, with names where grep has them
test_scan_count() {
	make_log 1000 6 >a
	printf 'fine\n' >b
	mkdir d
	cp a d/x
	scan -c a
	expect 0
	grep -acE 'ERROR|error' a >want
	same want out
	scan -cn a
	same want out
	scan -c -p --json a
	grep -q "\"matches\":$(cat want)}" out || fail "lines that are not printed match as well"
	scan -c a b
	expect 0
	grep -acE 'ERROR|error' a b >want
	same want out
	scan -c -H a
	grep -HacE 'ERROR|error' a >want
	same want out
	scan -c --no-filename a b
	grep -hacE 'ERROR|error' a b >want
	same want out
	scan -c d
	grep -racE 'ERROR|error' d >want
	same want out
	scan -c b
	expect 1
	[[ $(cat out) == 0 ]] || fail "not 0"
}

# -m leaves each input after so many error lines
test_scan_max_count() {
	make_log 30000 7 >a
	cp a b
	local m workers at
	for m in 1 2 7 1000; do
		for workers in 1 4; do
			scan -p -m "$m" --workers "$workers" --chunk 64K a b
			expect 0
			grep -nHaE -m "$m" 'ERROR|error' a b >want
			same want out
			scan -c --max-count="$m" --workers "$workers" -e 'ERRO[R]|error' a
			expect 0
			[[ $(cat out) == "$m" ]] || fail "not $m"
			at=$(grep -naE -m "$m" 'ERROR|error' a | tail -n 1 | cut -d: -f1)
			scan --json -m "$m" --workers "$workers" a
			expect_totals "$at" "$m"
			scan --json -m "$m" <a
			expect_totals "$at" "$m"
		done
	done
	scan -c -m 1000000 a
	grep -acE 'ERROR|error' a >want
	same want out
}

# -m 0 selects no line, as with grep
test_scan_max_count_of_none() {
	echo error >a
	local options
	for options in -p "-p -A 1" "-p -v" -l -q "-p --records"; do
		scan $options -m 0 -e error a a
		expect 1
		[[ ! -s out && ! -s err ]] || fail "$options: something was printed"
	done
	scan -L -m 0 -e error a
	expect 1
	[[ $(cat out) == a ]] || fail "-L did not name it"
	scan -c -m 0 -e error a
	expect 1
	[[ $(cat out) == 0 ]] || fail "not 0"
	scan --json -m 0 -e error a
	expect_totals 0 0
}

# -m ends without waiting for more of a stream
test_scan_max_count_of_a_stream() {
	scan -p -m 2 < <(echo error; echo ERROR; echo error; exec sleep 600)
	expect 0
	[[ $(wc -l <out) == 2 ]] || fail "not two lines"
	scan -c -m 2000 < <(exec yes error)
	expect 0
	[[ $(cat out) == 2000 ]] || fail "not 2000"
}

# -q ends at the first error line, and says so by its status only
test_scan_quiet() {
	printf 'fine\nerror\n' >a
	printf 'fine\n' >b
	scan -q a
	expect 0
	scan -q b
	expect 1
	scan -q b b a
	expect 0
	scan -q -e fine -m 1 b
	expect 0
	scan -q -e nothing a b
	expect 1
	[[ ! -s out && ! -s err ]] || fail "it was not quiet"
	scan -q < <(exec yes error)
	expect 0
	scan -q - a < <(echo fine; echo error; exec sleep 600)
	expect 0
	scan -q -e 'err\o{157}r' < <(echo error; exec sleep 600)
	expect 0
	scan -q missing a
	expect 0
	scan -q missing b
	expect 2
}

# NULs, escapes and bytes that are not text are bytes like others; a CR before the newline is printed, and does not
# belong to the line; a last line without newline counts
test_scan_any_bytes() {
	printf 'error\r\nfine\r\nx error\r\nERROR' >crlf
	scan --json crlf
	expect_totals 4 3
	scan -pn --no-filename crlf
	printf '1:error\r\n3:x error\r\n4:ERROR\n' >want
	same want out
	scan -c -e 'err\o{157}r$' crlf
	[[ $(cat out) == 2 ]] || fail "a carriage return hides the end of a line"
	scan -c -F -e $'error\r' crlf
	[[ $(cat out) == 0 ]] || fail "a string and an expression disagree"
	printf 'a\0error\n\0\0\nfine\0\n\0error' >nul
	scan --json nul
	expect_totals 4 2
	scan -c -e 'r\x00?$' nul
	[[ $(cat out) == 2 ]] || fail "not 2"
	printf '\377\376x error\n\303(\nerr\303\251or error\033[31m\n' | tail -c +3 >bytes
	scan --json bytes
	expect_totals 3 2
	scan -pn --no-filename bytes
	grep -na error bytes >want
	same want out
	scan -c -e '\xc3\xa9' bytes
	[[ $(cat out) == 1 ]] || fail "not 1"
	printf '\xef\xbb\xbferror\n' >bom
	scan --json bom
	expect_totals 1 1
	printf 'error' >one
	scan --json one
	expect_totals 1 1
	printf '\n' >newline
	scan --json newline
	expect_totals 1 0
	: >empty
	scan --json empty
	expect 1
	expect_totals 0 0
	scan --json -e '' empty
	expect 1
	expect_totals 0 0
	scan --json -e '^$' newline
	expect_totals 1 1
}

# a million empty lines
test_scan_empty_lines() {
	head -c 1000000 /dev/zero | tr '\0' '\n' >a
	scan --json a
	expect 1
	expect_totals 1000000 0
	scan --json -e '^$' a
	expect 0
	expect_totals 1000000 1000000
	scan --json -e x -m 3 <a
	expect 1
	expect_totals 1000000 0
}

# standard input: a pipe, a file from where it stands, twice, among others
test_scan_standard_input() {
	make_log 3000 8 >a
	local lines hits
	lines=$(lines_of a)
	hits=$(grep -acE 'ERROR|error' a)
	scan --json <a
	expect_totals "$lines" "$hits"
	scan --json - <a
	expect_totals "$lines" "$hits"
	scan --json < <(cat a)
	expect_totals "$lines" "$hits"
	scan --json a - a < <(cat a)
	expect_totals $((lines * 3)) $((hits * 3))
	scan --json - - <a
	expect 0
	expect_totals "$lines" "$hits"
	! grep -q '"state":"truncated"' out || fail "what was read already is missed"
	{ dd bs=1000 count=1 of=/dev/null 2>/dev/null && scan --json; } <a
	tail -c +1001 a >rest
	expect_totals "$(lines_of rest)" "$(grep -acE 'ERROR|error' rest)"
	scan --json /dev/stdin < <(cat a)
	expect_totals "$lines" "$hits"
	scan --json <(cat a) <(cat a)
	expect_totals $((lines * 2)) $((hits * 2))
	cp a ./-
	scan --json ./- </dev/null
	expect_totals "$lines" "$hits"
	scan </dev/null
	expect 1
	expect_row '<stdin>' 0 0
}

# lines of a stream are shown as they come
test_scan_stream_is_shown_at_once() {
	mkfifo pipe
	start scan -p pipe
	exec 8>pipe
	printf 'first error\n' >&8
	until_true 5 grep -q 'first error' out
	printf 'fine\nsecond ' >&8
	printf 'error\n' >&8
	until_true 5 grep -q '3:second error' out
	printf 'last ERROR' >&8
	exec 8>&-
	finish 5
	[[ $status == 0 ]] || fail "status $status"
	grep -q '4:last ERROR' out || fail "the last line is not there"
}

# directories are walked: files at every depth; what is not read is counted by kind, and named by --verbose
test_scan_directories() {
	mkdir -p d/a/b/c d/.hidden d/empty "d/with space"
	make_log 300 9 >d/x
	cp d/x d/a/y
	cp d/x d/a/b/c/z
	cp d/x d/.hidden/h
	cp d/x "d/with space/-e"
	mkfifo d/pipe
	ln -s x d/link
	ln -s . d/loop
	ln -s ../.. d/a/up
	ln -s nowhere d/dangling
	printf 'error\0error\n' >d/binary
	local lines hits options dir
	lines=$(lines_of d/x)
	hits=$(grep -acE 'ERROR|error' d/x)
	scan --json d
	expect 0 "skipped in directories: 1 binary file, 2 links, 1 device, socket or FIFO (--verbose lists them)"
	[[ $(grep -c 'skipped' err) == 1 ]] || fail "more than a line"
	expect_totals $((lines * 5)) $((hits * 5))
	tail -n 1 out | grep -qF '"states":{"ok":5,"limited":0,"binary":1,"link":2,"special":1,"undecided":0,' || fail "not counted in the summary"
	scan d
	expect 0 "skipped in directories: 1 binary file, 2 links, 1 device"
	expect_row d/binary - -
	expect_row d/dangling - -
	expect_row total $((lines * 5)) $((hits * 5))
	tail -n 1 out | grep -q '  4 skipped$' || fail "not counted in the table"
	for options in -c -p; do
		scan "$options" d --verbose
		expect 0 "'d/binary' is skipped: it is binary"
		expect 0 "'d/a/up' is skipped: it is a link to a directory"
		expect 0 "'d/dangling' is skipped"
		expect 0 "'d/pipe' is skipped"
		! grep -q 'd/link\|d/loop' err || fail "a link to what the walk finds anyway is reported"
	done
	# the status of none is for what was read
	scan -c d/a
	expect 0
	scan -e 'nowhere to be found' d/a
	expect 2 "1 link"
	scan -q -e 'nowhere to be found' d/.hidden
	expect 1
	[[ ! -s err ]] || fail "something was skipped"
	scan -q -e 'nowhere to be found' d
	expect 2 "1 binary file"
	mkdir e
	cp d/binary e/a
	echo error >e/b
	for dir in d e; do
		scan -q $dir
		expect 0
		[[ ! -s err ]] || fail "-q reports what was skipped in $dir, although lines were found"
	done
	scan -c -r d
	LC_ALL=C sort out >got
	grep -rIcE 'ERROR|error' d | grep -v 'd/binary' | LC_ALL=C sort >want
	diff want <(grep -v d/binary got) || fail "not what grep -r counts"
	scan --json d d/ ./d/a
	expect_totals $((lines * 12)) $((hits * 12))
	ln -s d linked
	scan --json linked
	expect_totals $((lines * 5)) $((hits * 5))
	scan --json d/binary d/link
	expect_totals $((lines + 1)) $((hits + 1))
	scan --json d/empty
	expect 1
	expect_totals 0 0
	(cd d && scan --json . && expect_totals $((lines * 5)) $((hits * 5))) || exit 1
}

# a link to a file is read, once, unless the walk meets that file anyway; --no-follow passes it over
test_scan_links() {
	mkdir d away
	printf 'error\nfine\n' >away/a.log
	printf 'ERROR\n' >d/b.log
	ln -s ../away/a.log d/current
	ln -s current d/newest
	ln -s "$PWD/away/a.log" d/zagain
	ln -s b.log d/today
	scan -p d
	expect 0
	printf 'd/b.log:1:ERROR\nd/current:1:error\n' >want
	same want out
	[[ ! -s err ]] || fail "something was skipped"
	scan -p --no-follow d
	expect 0 "4 links"
	head -n 1 want >less
	same less out
	scan -q -e fine --no-follow d
	expect 2 "4 links"
	chmod 0 away/a.log
	chmod 755 . d
	as_user timeout "$LIMIT" "$S" scan -c d >out 2>err
	status=$?
	expect 2 "cannot open 'd/current': permission denied"
}

# holes and stray NULs do not make a log binary, and named files are always read
test_scan_binary() {
	mkdir d
	{ head -c 50000 /dev/zero; printf 'error\nfine\n'; } >d/copytruncate
	{ printf 'error\n'; head -c 50000 /dev/zero; } >d/powercut
	{ printf 'an error with a \0 in its middle, %0100d\n' 0; yes 'all is well' | head -n 1000; } >d/stray
	scan --json d
	expect 0
	[[ ! -s err ]] || fail "something was skipped"
	expect_totals 1005 3
	head -c 9000 "$S" >program
	printf 'SQLite format 3\0error\n' >database
	mkdir e
	cp program database e
	printf 'error\n' >e/a
	scan --json e
	expect 0 "2 binary files"
	expect_totals 1 1
	printf 'PK\3\4 error\n' >e/logs.zip
	scan --json e
	expect 0 "3 binary files"
	scan e/logs.zip e/a
	expect 2 "cannot scan 'e/logs.zip': zip data is not supported (use: unzip -p FILE | sluice scan)"
	expect_row e/a 1 1
	scan --json program database
	expect_totals $(($(lines_of program) + 1)) $(($(grep -acE 'ERROR|error' program) + 1))
}

# lines that end with carriage returns alone are noted: the input counts as one line
test_scan_carriage_returns_only() {
	printf 'one\rtwo error\rthree\r' >a
	{ head -c 9000 a; yes 10% | head -n 4000 | tr '\n' '\r'; printf 'done, one error\n'; } >b
	scan a
	expect 0 "'a' has carriage returns but no newline: it counts as one line (use: tr '\\r' '\\n' <FILE | sluice scan)"
	expect_row a 1 1
	scan -c - <a
	expect 0 "standard input has carriage returns"
	scan b
	expect 0
	[[ ! -s err ]] || fail "it has a newline"
}

# directories deeper than one can name, and a hundred of them
test_scan_deep_directories() {
	local i
	mkdir d
	(cd d && for ((i = 0; i < 90; i++)); do
		echo error >f && mkdir a-directory && cd a-directory || exit 1
	done) || fail "no directories"
	scan --json d
	expect 0
	expect_totals 90 90
	(ulimit -n 64 && run scan --json d && [[ $status == 2 ]] && grep -q 'too many' err) || fail "descriptors ran out unseen"
}

# more files than may be open
test_scan_many_files() {
	local i
	mkdir d
	for ((i = 0; i < 3000; i++)); do
		printf 'fine\nerror %d' "$i" >"d/$i"
	done
	scan --json d
	expect 0
	expect_totals 6000 3000
	(ulimit -n 40 && scan --json d && expect_totals 6000 3000) || exit 1
	scan --json --workers 1 --queue 1 --max-memory 8M --chunk 64K -e 'error \d+5$' d/*
	expect_totals 6000 299
}

# --stats says what the run has cost
test_scan_stats() {
	make_log 3000 9 >a
	scan --stats a
	expect 0 'cpu: '
	is_small 64
	local word
	for word in 'operation ' 'read ' 'bottleneck' 'kernel' 'queue'; do
		expect 0 "$word"
	done
}

# a line longer than all memory, through a pipe and from a sparse file
test_scan_huge_line() {
	local size=$((SLOW > 1 ? 100 : 300))M
	scan --json --stats --max-memory 8M < <(head -c "$size" /dev/zero; printf 'error\nerror')
	expect 0
	expect_totals 2 2
	is_small 40
	truncate -s "$size" a
	printf 'error' >>a
	scan --json --stats --max-memory 8M a
	expect 0
	expect_totals 1 1
	is_small 40
	run scan --json --stats -p --max-memory 8M a
	expect 0
	expect_totals 1 1
	is_small 48
}

# a sparse file of 1 TiB: holes are not read, and offsets need more than 32 bits
test_scan_sparse_tib() {
	local options size=$(((1 << 40) + 14))
	printf 'error\n' >a
	truncate -s 16M a
	scan --stats a
	grep -q ' [1-9][0-9]* in holes' err || skip "no holes here"
	truncate -s 1T a || skip "no file of 1 TiB here"
	printf '\nerror at end\n' >>a
	for options in "" "-p" "--top 5" "-e err[o]r"; do
		# shellcheck disable=SC2086
		scan --json $options a
		expect_totals 3 2
		grep -qF "\"bytes_searched\":$size," out || fail "not $size bytes with '$options'"
	done
	scan --json -p a
	expect_out "\"line_number\":3,\"absolute_offset\":$((size - 13)),"
}

# long: a line of a GiB
test_scan_gib_line() {
	run 120 scan --json --stats < <(head -c 1G /dev/zero; printf 'error')
	expect 0
	expect_totals 1 1
	is_small 96
	truncate -s 1G a
	run 120 scan --json --stats a
	expect 1
	expect_totals 1 0
	is_small 96
	run 120 scan --stats -e 'err\o{157}r' a
	expect 2 'longer than'
	is_small 96
}

# a line with a million matches needs no more memory than others
test_scan_many_matches_in_a_line() {
	head -c $((SLOW > 1 ? 100000 : 1000000)) /dev/zero | tr '\0' o >a
	run 60 scan --json -p --stats --max-memory 8M --workers 1 -e 'o' a
	expect 0
	is_small 32
	[[ $(tr '}' '\n' <out | grep -c '"match":{"text":"o"') == $(wc -c <a) ]] || fail "not every match"
	run 60 scan -p --color always --stats -e 'o' a
	expect 0
	[[ $(tr -d '\n' <out | sed 's/\x1b\[[0-9;]*m//g' | tr -dc o | wc -c) == $(wc -c <a) ]] || fail "not every byte"
}

# colours only where they are asked for
test_scan_colour() {
	printf 'an error here\n' >a
	scan -p --color=always a
	expect 0
	grep -q $'\033' out || fail "no colours"
	scan -p --color=never a
	printf 'a:1:an error here\n' >want
	same want out
	scan -p a
	same want out
	scan -p --color=always --json a
	! grep -q $'\033' out || fail "colours in JSON"
}

# without a terminal lines about progress are written by request only: a cron job would mail them
test_scan_progress() {
	mkfifo silent told
	env --default-signal "$S" scan silent >/dev/null 2>silent.err &
	local first=$!
	exec 7>silent
	printf 'error\n' >&7
	start scan --progress plain told
	exec 8>told
	printf 'error\nfine\n' >&8
	until_true 20 grep -q 'inputs' err
	# the first began earlier: it would have written its line by now
	[[ ! -s silent.err ]] || fail "progress although none was asked for"
	exec 7>&- 8>&-
	finish 5
	[[ $status == 0 ]] || fail "status $status"
	wait "$first" || fail "status $?"
}

# JSON has a begin and an end for each input, and a summary
test_scan_json() {
	printf 'one error\nfine\ntwo errors: error' >a
	printf 'fine\n' >b
	scan --json -p a b missing
	expect 2 missing
	[[ $(grep -c '^{"type":"begin"' out) == 3 && $(grep -c '^{"type":"end"' out) == 3 ]] || fail "begin or end is missing"
	grep -qF '{"type":"match","data":{"path":{"text":"a"},"lines":{"text":"one error\n"},"line_number":1,"absolute_offset":0,"submatches":[{"match":{"text":"error"},"start":4,"end":9}]}}' out ||
		fail "the first match differs"
	grep -qF '"lines":{"text":"two errors: error"},"line_number":3,"absolute_offset":15,"submatches":[{"match":{"text":"error"},"start":4,"end":9},{"match":{"text":"error"},"start":12,"end":17}]' out ||
		fail "the last match differs"
	grep '"type":"end"' out | grep '"text":"a"' | grep -q '"matched_lines":2,"matches":3},"total_lines":3,"state":"ok"' || fail "the end of a differs"
	grep '"type":"end"' out | grep '"text":"missing"' | grep -q '"state":"unreadable","error":"cannot open' || fail "the end of missing differs"
	tail -n 1 out | grep -q '"troubles":1,"states":{"ok":2,.*"unreadable":1}' || fail "no trouble in the summary"
	printf '\377 error\n' >c
	scan --json -p c
	grep -qF '"lines":{"bytes":"/yBlcnJvcgo="}' out || fail "bytes that are no text are not in base64"
	scan --json a
	! grep -q '"type":"match"' out || fail "matches without -p"
	# a name that is not UTF-8 can be found again
	printf 'error\n' >$'caf\351'
	scan --json -p caf*
	[[ $(grep -cF '"path":{"bytes":"Y2Fm6Q=="}' out) == 3 ]] || fail "the name is not in base64"
}

# events of matches are those of ripgrep, and its totals
test_scan_json_as_ripgrep() {
	command -v rg >/dev/null || skip "no ripgrep here"
	make_log 5000 11 >a
	printf 'a\tb "error" \\ \x01 \303\251 \342\202\254 error\r\n\377 error\nlast error\n' >b
	local pattern file
	for file in a b; do
		for pattern in 'ERROR|error' 'err.r|[0-9]5' '(\w+) error' 'error\b' 'o*[0-9]*' '[0-9]?$'; do
			rg --no-config -a --crlf --json -e "$pattern" "$file" >theirs
			scan --json -p -e "$pattern" "$file"
			grep '^{"type":"match"' theirs >want
			grep '^{"type":"match"' out >got
			diff want got >differ || fail "matches differ for $pattern: $(head -n 5 differ)"
			sed -n 's/^{"type":"end".*\(.matched_lines.*.matches":[0-9]*\).*/\1/p' theirs >want
			sed -n 's/^{"type":"end".*\(.matched_lines.*.matches":[0-9]*\).*/\1/p' out >got
			diff want got >differ || fail "the end differs for $pattern: $(cat differ)"
		done
	done
}

# a log that writes Error is not silently without errors: a note says so, unless such lines are few
test_scan_note_on_other_case() {
	printf 'Error: a\nfine\nan eRROR and an Error\nError and error\n' >a
	scan -c a
	expect 0 "not counted: 2 with 'error' in another case"
	grep -qF '(use -i to count them)' err || fail "no remedy"
	scan a <a
	expect 0 "not counted: 2 with 'error' in another case"
	scan -c -i a
	expect 0
	[[ $(cat out) == 3 && ! -s err ]] || fail "a note with -i"
	scan -c -e error a
	expect 0
	[[ ! -s err ]] || fail "a note on a pattern of the user"
	scan -q a
	[[ ! -s err ]] || fail "a note with -q"
	{ yes error | head -n 50; echo Error; } >b
	scan -c b
	[[ ! -s err ]] || fail "a note on a few lines"
}

# options may follow inputs; what other tools have is accepted
test_scan_option_places() {
	printf 'error\n' >a
	printf 'error\n' >./-x
	scan a -c -r -E -P -z -a
	expect 0
	[[ $(cat out) == 1 ]] || fail "not 1"
	scan -c -- -x a
	expect 0
	[[ $(tail -n 1 out) == a:1 ]] || fail "not two counts"
	scan -c --top 0 a
	expect 0
}
