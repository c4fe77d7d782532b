# sluice scan: many patterns, and expressions that are found by the strings they need: as grep counts them.

scan() {
	run scan "$@"
}

lines() { # of every kind that the patterns below are about
	local i
	for ((i = 0; i < 400; i++)); do
		echo "$i user=u$i Error $((i * 7919 % 1000)) ms id=$((i * 104729 % 100003))"
		echo "$i failed after $((i % 13)) retries: FATAL: disk$i"
	done
}

expect_count() { # file
	local want
	want=$(cat want)
	expect $((want == 0))
	[[ $(cat out) == "$want" ]] || fail "$(cat out) lines, not $want"
}

# thousands of strings, long and short ones, equal ones among them
test_scan_thousands_of_strings() {
	lines >a
	{ seq 1 3 5000 | sed 's/^/id=/'; seq 50000 7 60000; echo disk39; echo disk39; echo 'us'; } >patterns
	grep -c -F -f patterns a >want
	scan -c -F -f patterns a
	expect_count
	grep -v '^us$' patterns >longer
	grep -c -i -F -f longer a >want
	scan -c -i -F -f longer a
	expect_count
}

# an expression alone and in company
test_scan_expressions_with_strings() {
	local pattern
	lines >a
	local all=('[Ee]rror|[Ff]ailed' 'user=\w+3 ' '\bdisk1?2$' '(?i)fatal: \w+9' 'after 1[0-2]? (re|un)tries' '=\d+7$' 'id=(?!1)\d{3}$')
	for pattern in "${all[@]}"; do
		grep -c -P "$pattern" a >want
		scan -c -e "$pattern" a
		expect_count
	done
	printf '%s\n' "${all[@]:1}" >patterns
	for pattern in "${all[@]:1}"; do
		grep -n -P "$pattern" a
	done | sort -u | wc -l >want
	scan -c -f patterns a
	expect_count
}

# a set that takes more memory than it may is refused, with a way out
test_scan_too_many_patterns() {
	seq 100000 130000 >patterns
	scan -c --max-memory 8M -F -f patterns patterns
	expect 2 'max-memory'
	[[ ! -s out ]] || fail "something was printed"
	scan -c --max-memory 32M -F -f patterns patterns
	expect 0
	[[ $(cat out) == 30001 ]] || fail "not every line"
}
