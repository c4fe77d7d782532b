# shellcheck shell=bash
# Lines around the error lines: -A, -B, -C, as grep prints them.

scan() { run 60 scan "$@"; }

# An error line now and then, sometimes many in a row; with empty lines, and a last one without newline.
make_text() { # SEED
	awk -v seed="$1" 'BEGIN {
		srand(seed)
		for (i = 0; i < 400; i++) {
			if (rand() < 0.02) many = int(rand() * 6)
			if (many-- > 0 || rand() < 0.03) print "line " i " error"
			else print (rand() < 0.1 ? "" : "line " i)
		}
		printf "the end, %s", rand() < 0.5 ? "error" : "fine"
	}'
}

# what grep prints, byte for byte
same_as_grep() { # OPTION... of both
	scan -p -F -e error "$@"
	LC_ALL=C grep -nH -F -e error "$@" >want || :
	same want out
}

# byte for byte what grep prints: one input and several, files and streams, with -m, in any order of options
test_scan_context() {
	local seed options
	for seed in 1 2; do
		make_text $seed >a$seed
	done
	for options in -A1 -B1 -C1 -A0 -C0 '-A 3 -B 1' '-C5 -A0' '--after-context=2 --before-context=7' '--context 400' \
		'-m1 -A3' '-m4 -C2' '-m 3 -B 2' '-v -C1' '-v -A2 -m3' '-o -C1' '-o -v -C1' '-w -B1' '-x -C2'; do
		# shellcheck disable=SC2086
		same_as_grep $options a1 a2
	done
	scan -F -e error -C2 <a1
	LC_ALL=C grep -nH --label='<stdin>' -F -e error -C2 <a1 >want
	same want out
	scan -F -e error -C2 --no-filename < <(cat a2)
	LC_ALL=C grep -F -e error -C2 <a2 >want || :
	same want out
	scan -Z -C1 a1
	LC_ALL=C grep -ZnH -e error -C1 a1 >want
	same want out
}

# real logs: what was reviewed by eye
test_scan_context_golden() {
	cd "$ROOT/tests/data/logs" || fail "no logs"
	"$S" scan -C 2 HealthApp.log Hadoop.log OpenSSH.log 2>/dev/null | cmp - golden-context.txt || fail "not as reviewed"
}

# every match in a line is coloured, as grep does it; in lines around others only with -v
test_scan_context_colour() {
	printf 'before\nan error, eerrors\nerrorerror\nafter\nlast\n' >a
	local inverts
	for inverts in '' -v; do
		# shellcheck disable=SC2086
		scan --color=always --no-filename -F -e error -e s -C1 $inverts a
		# shellcheck disable=SC2086
		GREP_COLORS='mt=1;31:sl=:cx=:ne' grep --color=always -F -e error -e s -C1 $inverts a |
			sed 's/\x1b\[m/\x1b[0m/g' >want
		same want out
	done
}

# --max-columns: the part around the first match, on a terminal by default; JSON has the whole line
test_scan_context_long_lines() {
	{ head -c 5000 /dev/zero | tr '\0' x; printf ' error '; head -c 5000 /dev/zero | tr '\0' y; echo; echo short; } >a
	scan -p --no-filename -M 11 -A1 a
	printf '[... 4998 bytes] xx error yy [... 4998 bytes]\nshort\n' >want
	same want out
	scan -p --no-filename a
	head -n 1 a >want
	same want out
	scan --json -p -M 11 a
	grep -q 'x error y.*"start":5001' out || fail "not the whole line"
	command -v script >/dev/null || skip "no script(1) here (package bsdutils)"
	SHELL=$BASH TERM=dumb timeout "$LIMIT" script -qec "$S scan -p --no-filename a; $S scan -p --no-filename -M 0 a" typescript \
		>/dev/null 2>&1 </dev/null
	[[ $(grep -c '^\[... [0-9]* bytes\] x* error y* \[... [0-9]* bytes\]' typescript) == 1 ]] || fail "not a part on the terminal"
	[[ $(grep -c '^x* error y*.$' typescript) == 1 ]] || fail "not the whole line with -M 0"
}

# the number of workers and the size of chunks do not matter; neither does the memory, for lines of usual length
test_scan_context_of_large_files() {
	local seed
	for ((seed = 1; seed <= 40; seed++)); do
		make_text $seed
		head -c 20000 /dev/zero | tr '\0' 'x'
		echo
	done >a
	same_as_grep -C3 a
	cp want first
	scan -p -F -e error -C3 a --chunk 64K --workers 1 --queue 1 --max-memory 8M
	same first out
	scan -p -F -e error -C3 --chunk 64K a < <(cat a) -
	{ cat first; echo --; sed 's/^a\([:-]\)/<stdin>\1/' first; } >want
	same want out
}

# after the last error line that is asked for, lines behind it are awaited and printed; more is not read
test_scan_context_of_a_stream() {
	mkfifo pipe
	start scan -m 1 -B1 -A2 pipe
	exec 8>pipe
	printf 'one\ntwo\nan error\n' >&8
	until_true 20 grep -q 'pipe:3:an error' out
	printf 'error again\nla' >&8
	until_true 20 grep -q 'pipe-4-error again' out
	printf 'st\n' >&8
	finish 20
	exec 8>&-
	[[ $status == 0 ]] || fail "status $status"
	printf 'pipe-2-two\npipe:3:an error\npipe-4-error again\npipe-5-last\n' >want
	same want out
}

# JSON has events of ripgrep's kind; without -p there are neither matches nor context
test_scan_context_json() {
	make_text 5 >a
	if command -v rg >/dev/null; then
		local inverts
		for inverts in '' -v; do
			# shellcheck disable=SC2086
			rg --no-config -a --json -C2 -F $inverts error a | grep '"type":"\(match\|context\)"' >want
			# shellcheck disable=SC2086
			scan --json -p -C2 -F $inverts -e error a
			grep '"type":"\(match\|context\)"' out >got
			same want got
		done
	fi
	scan --json -C2 a
	! grep -q '"type":"\(match\|context\)"' out || fail "lines without -p"
	scan -c -C2 a
	[[ $(cat out) == $(grep -c error a) ]] || fail "not a count"
}
