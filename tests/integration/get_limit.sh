# Limits of a run: bytes a second, requests a second. Only a run that is too fast fails: one that is slow may be the machine's.

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# `get` with these arguments takes at least so long.
takes_at_least() { # ms, arguments...
	local least=$1 begin took
	shift
	begin=$(now_ms)
	get "$@"
	took=$(($(now_ms) - begin))
	expect 0
	((took >= least)) || fail "it took $took ms, not at least $least"
}

# 1.2 MB at 600 kB/s take two seconds less what is saved up in the first 0.1 s, over plain connections
test_get_limit_rate() {
	local i urls=()
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		urls+=("$ORIGIN/gen/75000/$i/f$i")
	done
	takes_at_least 1900 --limit-rate 600KB "${urls[@]}"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		is_gen "f$i" 75000 "$i"
	done
	no_parts
}

# the same over TLS and in chunks, where more may have been received than is handed on
test_get_limit_rate_tls() {
	local i urls=()
	for i in 1 2 3 4 5 6 7 8; do
		urls+=("$ORIGINS/gen/75000/$i/f$i" "$ORIGINS/chunked/gen/75000/$i/g$i")
	done
	takes_at_least 1900 --cacert "$CA" --limit-rate 600KB "${urls[@]}"
	for i in 1 2 3 4 5 6 7 8; do
		is_gen "f$i" 75000 "$i"
		is_gen "g$i" 75000 "$i"
	done
}

# a rate of bytes: what came with the head of the response is not handed on at once, and it is no stall
test_get_limit_rate_low() {
	takes_at_least 1900 --limit-rate 50 --stall-timeout 1s "$ORIGIN/gen/50/1/f" "$ORIGIN/gen/50/2/g"
	is_gen f 50 1
	is_gen g 50 2
}

# standard output is limited, too, and --stats tells the limit from the network
test_get_limit_rate_stdout() {
	takes_at_least 900 --limit-rate 300KB --stats -o - "$ORIGIN/gen/300000/1/f"
	is_gen out 300000 1
	grep -q 'rate limit' err || fail "--stats does not name the limit"
	get --stats -o - "$ORIGIN/gen/300000/1/f"
	expect 0
	! grep -q 'rate limit' err || fail "--stats names a limit that was not set"
}

# a rate far above what the machine can do changes nothing
test_get_limit_rate_high() {
	get --limit-rate 1T "$ORIGIN/gen/9000000/1/f" "$ORIGIN/gen/1/2/g"
	expect 0
	is_gen f 9000000 1
	is_gen g 1 2
}

# requests are spaced, and hops of redirects are requests
test_get_max_rps() {
	takes_at_least 1800 --max-rps 5 "$ORIGIN/redirect/302/gen/100/1/a" "$ORIGIN/gen/100/2/b" \
		"$ORIGIN/gen/100/3/c" "$ORIGIN/gen/100/4/d" "$ORIGIN/gen/100/5/e" \
		"$ORIGIN/gen/100/6/f" "$ORIGIN/gen/100/7/g" "$ORIGIN/gen/100/8/h" \
		"$ORIGIN/gen/100/9/i"
	is_gen i 100 9
}

# a fraction of a request a second
test_get_max_rps_fraction() {
	takes_at_least 2000 --max-rps 0.5 "$ORIGIN/gen/100/1/a" "$ORIGIN/gen/100/2/b"
	is_gen b 100 2
}

# bad rates are usage errors, and nothing is requested
test_get_limit_usage() {
	local value
	for value in 0 -1 x 1e3 2T 99999999999999999999 ''; do
		get --limit-rate "$value" "$ORIGIN/gen/1/1/f"
		expect 28 "'--limit-rate'"
	done
	for value in 0 -1 x 1e3 0.0001 1000001 99999999999999999999 ''; do
		get --max-rps "$value" "$ORIGIN/gen/1/1/f"
		expect 28 "'--max-rps'"
	done
	nothing_left
}
