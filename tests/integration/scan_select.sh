# sluice scan: which lines are selected, and what is shown of them, as grep does it: -f -w -x -v -o -l -L.

scan() {
	run scan "$@"
}

# The output of grep with these options, and its status, are those of scan with them. -n and -H, since scan prints names
# and numbers by default.
as_grep() { # options, files
	scan "$@"
	LC_ALL=C timeout 60 grep -a "$@" >want
	local wanted=$?
	[[ $status == "$wanted" ]] || fail "exit status $status, grep's is $wanted: $*"
	same want out
}

make_words() {
	printf '%s\n' 'an error here' 'errors' 'the_error x' 'foo error' ERROR '' 'error error-error' $'caf\xe9 error\xe9' \
		'last error1' >a
	printf '%s\n' fine '' 'all fine' >b
	printf 'no newline: error' >c
	: >d
}

# words, whole lines, and the lines that do not match
test_scan_words() {
	local options
	make_words
	for options in -w -x -v '-w -v' '-x -v' '-w -i' '-x -i' '-F -w' '-F -x -v' '-w -x'; do
		# shellcheck disable=SC2086
		{
			as_grep -c $options -e error a b c d
			as_grep -nH $options -e error -e fine a b c d
			[[ $options == *-F* ]] || as_grep -nH -P $options -e 'err[a-z]*|f' a b c d
			as_grep -nH $options -e '' a b c d
		}
	done
	scan -c -w a
	[[ $(cat out) == 5 ]] || fail "the default pattern is not two words"
	scan -c -v a
	[[ $(cat out) == 1 ]] || fail "not the one line without an error"
	scan --json -v b
	expect 0
	expect_out '"matched_lines":3'
	scan -p -v --color=always -e x b
	expect 0
	! grep -q $'\e\\[1;31m' out || fail "a match in a line without one"
	scan -q -v -e . a
	expect 0
	scan -q -v -e '' a b c
	expect 1
}

# only the matches, each on a line of its own, but no empty ones
test_scan_only_matching() {
	make_words
	as_grep -noH -e error a b c
	as_grep -oi --no-filename -e error a
	as_grep -noHw -e error a c
	as_grep -noHP -e 'e*' a c
	as_grep -noHPi -e 'r+|[a-z]' a c
	as_grep -noHv -e error a c
	as_grep -noH -m 2 -e r a c
	as_grep -coH -e r a c
	scan -o -e r b
	expect 1
}

# a line that is too long to be searched to its end is named, so that no match is missing without a word
test_scan_only_matching_of_a_long_line() {
	{
		echo error
		head -c 1100000 /dev/zero | tr '\0' x
		echo ' error error'
	} >a
	scan -o a
	expect 2 "cannot print all matches of line 2 of 'a'"
	scan -o --no-filename a
	expect 2 "the line at byte 6 of 'a'"
	scan -o -v a
	expect 1
}

# names of inputs
test_scan_list() {
	make_words
	local option
	for option in -l -L '-l -v' '-L -v' '-l -c' '-L -o' '-l -w -F' '-L -x' '-lZ' '-L -l' '-l -m 1' '-l -P'; do
		# shellcheck disable=SC2086
		as_grep $option -e error a b c d
	done
	mkdir dir
	cp a b dir
	scan -l dir
	expect 0
	[[ $(cat out) == dir/a ]] || fail "not the one with errors"
	scan -l missing a
	expect 2 missing
	[[ $(cat out) == a ]] || fail "what was found is not listed"
	scan -L missing b
	expect 2 missing
	[[ $(cat out) == b ]] || fail "what could not be read is listed, or what could is not"
	scan -l b
	expect 1
	scan -l --json b
	expect 2 'use one of them'
	# The first match is enough, also of a stream, and for a pattern that has no literal.
	scan -l < <(echo error; exec sleep 600)
	expect 0
	expect_out '<stdin>'
	scan -L -e 'e[r]+or' < <(echo error; exec sleep 600)
	expect 0
	[[ ! -s out ]] || fail "it is listed"
}

# patterns from files
test_scan_pattern_files() {
	make_words
	printf 'error\nfine\n' >p
	printf 'foo\r\nlast' >q
	: >none
	echo >every
	local options
	for options in '-f p' '-f p -f q' '-f q -e an' '-f none' '-f every' '-f none -v' '-f p -w' '-F -f q -o' '-f none -f p -x'; do
		# shellcheck disable=SC2086
		scan -nH $options a b c d
		tr -d '\r' <q >q.lf
		# shellcheck disable=SC2086
		grep -a -nH ${options/-f q/-f q.lf} a b c d >want
		same want out
	done
	scan -c -f - a <p
	[[ $(cat out) == 7 ]] || fail "patterns from standard input"
	scan -c -f none
	expect 1
	[[ $(cat out) == 0 ]] || fail "no pattern has matched"
	scan -c -f missing a
	expect 2 "cannot open 'missing' for -f: no such file"
	scan -c -f . a
	expect 2 "'.': is a directory"
	gzip -c p >p.gz
	scan -c -f p.gz a
	expect 2 "'p.gz': it is gzip-compressed"
	printf 'a\0b\n' >p.nul
	scan -c -f p.nul a
	expect 2 'line 1 has a NUL byte'
	printf '\xff\xfea\0\n\0' >p.utf16
	scan -c -f p.utf16 a
	expect 2 'UTF-16'
	head -c 5000000 /dev/zero | tr '\0' x >p.large
	scan -c --max-memory 8M -f p.large a
	expect 2 "--max-memory"
	echo '(' >wrong
	scan -c -f wrong a
	expect 2 "bad pattern '('"
}

# a FIFO without a writer, or with one that writes nothing, does not keep a signal from ending the program
test_scan_pattern_file_is_interruptible() {
	mkfifo p
	echo error >a
	"$S" scan -c -f p a >out 2>err &
	local pid=$!
	exec 5>p # returns once it is open for reading
	kill -TERM $pid
	wait $pid
	status=$?
	exec 5>&-
	expect 143
	[[ ! -s out ]] || fail "something was printed"
}

# nor the run beyond its deadline
test_scan_pattern_file_without_writer() {
	mkfifo p
	echo error >a
	scan -c --deadline 100ms -f p a
	expect 2 "cannot open 'p' for -f: timed out"
	exec 5<>p # a writer that writes nothing
	scan -c --deadline 100ms -f p a
	expect 2 "cannot read patterns from 'p': timed out"
	exec 5>&-
	! grep -q "did not stop" err || fail "the run was abandoned"
}

# each pattern has the lines that grep counts for it alone
test_scan_by_pattern() {
	make_words
	local patterns=(error 'err[a-z]+' 'foo|last' '' nothing '^fine$' "caf"$'\xe9') options pattern i
	for options in '' '-P -i' '-P -w' '-P -x' -F; do
		local args=() counts=()
		for pattern in "${patterns[@]}"; do
			args+=(-e "$pattern")
		done
		# shellcheck disable=SC2086
		scan --by-pattern --json $options "${args[@]}" a b c d
		expect 0
		mapfile -t counts < <(sed -n 's/^{"type":"pattern".*"matched_lines":\([0-9]*\)}}$/\1/p' out)
		((${#counts[@]} == ${#patterns[@]})) || fail "not a row for each pattern"
		for i in "${!patterns[@]}"; do
			# shellcheck disable=SC2086
			[[ ${counts[i]} == "$(cat a b c | LC_ALL=C grep -a -c ${options:--P} -e "${patterns[i]}")" ]] ||
				fail "'${patterns[i]}' $options: ${counts[i]}"
		done
	done
	scan --by-pattern -e foo -e error -e nothing a b
	expect 0
	[[ $(tail -n 3 out | awk '{ print $1, $3 }' | tr '\n' ' ') == '7 error 1 foo 0 nothing ' ]] || fail "not the table"
	scan --by-pattern -p a
	expect 2 'does not work with -p'
	scan --by-pattern -v a
	expect 2 'use one of them'
}
