# Failures that pass: attempts are repeated, as often and as late as the options and the server say.
# Waits are short (--retry-max-wait), and no case depends on how short.

JSON=$BUILD/tools/json_check
SOON=(--retry-max-wait 20ms)

# the first requests of a path fail in each way, and the file is right in the end
test_retry_until_it_works() {
	local shape n=0
	for shape in only/1/status/503/only/2/status/500/only/3/status/429 only/1/status/408/only/2/status/504 reset-nth/1/0 reset-nth/1/4000 \
		only/1/header/Retry-After/-5/only/1/status/503 only/1/header/Retry-After/1000000000000000000000000000000/only/1/status/503 \
		only/1/header/Retry-After/garbage/only/1/status/503 \
		only/1/header/Retry-After/Fri,%2031%20Dec%201999%2023:59:59%20GMT/only/1/status/503; do
		n=$((n + 1))
		get "${SOON[@]}" "$ORIGIN/$shape/gen/9000/$n/f$n"
		expect 0 "trying again in"
		is_gen "f$n" 9000 $n
		no_parts
	done
	get "${SOON[@]}" --stall-timeout 300ms "$ORIGIN/stall-nth/1/gen/9000/1/stalled"
	expect 0 "--stall-timeout"
	is_gen stalled 9000 1
	get "${SOON[@]}" --cacert "$CA" "$ORIGINS/reset-nth/1/4000/gen/9000/1/tls"
	expect 0 "trying again in"
	is_gen tls 9000 1
}

# 403 is for good, unless it reports a rate limit, as GitHub's do
test_retry_rate_limit() {
	local fields
	for fields in X-RateLimit-Remaining/0/header/X-RateLimit-Reset/1 Retry-After/1 RateLimit/limit=9,%20remaining=0,%20reset=1; do
		get "${SOON[@]}" "$ORIGIN/only/1/header/$fields/only/1/status/403/gen/9000/1/f"
		expect 0 "trying again in"
		is_gen f 9000 1
		rm f
	done
	get "${SOON[@]}" "$ORIGIN/header/X-RateLimit-Remaining/59/header/X-RateLimit-Reset/1/status/403/f"
	expect 24
	! grep -q "trying again" err || fail "tried again though the limit was not reached"
}

# the attempts are counted in the last message, in events and in the summary
test_retry_counts() {
	own_origin
	get "${SOON[@]}" --retries 2 "$ORIGIN/tag/always/status/503/f"
	expect 29 "(after 3 attempts)"
	expect 29 "trying again in 0.0 s (retry 2 of 2)"
	expect 29 "2 retries"
	nothing_left own.out own.ready own.log
	is_counter always requests 3 || fail "$(counter always requests) requests"
	get "${SOON[@]}" --retries 0 "$ORIGIN/tag/never/status/503/f"
	expect 29
	! grep -qE "attempt|trying|retr" err || fail "tried again"
	is_counter never requests 1 || fail "$(counter never requests) requests"
	get "${SOON[@]}" --retries 2 --json -q "$ORIGIN/only/1/status/503/gen/10/1/g"
	expect 0
	[[ $("$JSON" type attempt exit_status http_status <out | grep '"retry"') == $'"retry"\t1\t29\t503' ]] || fail "event"
	[[ $("$JSON" type retries done <out | tail -n 1) == $'"run_summary"\t1\t1' ]] || fail "summary"
	[[ $("$JSON" type <out | grep -c file_start) == 1 ]] || fail "begun twice"
}

# what another attempt would meet again is not tried again
test_retry_not_in_vain() {
	own_origin
	local path
	for path in status/404 status/403 status/400 cl/negative badchunk/hex loop; do
		get "$ORIGIN/tag/vain/$path" -o f
		[[ $status != 0 ]] || fail "$path: exit 0"
		! grep -q "trying again" err || fail "$path was tried again"
	done
	get --checksum md5=00000000000000000000000000000000 "$ORIGIN/tag/sum/gen/10/1/g"
	expect 32
	is_counter sum requests 1 || fail "$(counter sum requests) requests"
	get "$ORIGINS/gen/10/1"
	expect 35 "cannot trust the certificate"
	! grep -q "trying again" err || fail "a certificate was tried again"
}

# a refused connection is tried again; a name that does not exist is not waited for
test_retry_refused() {
	get "${SOON[@]}" --retries 3 "http://127.0.0.1:$PORT_closed/x"
	expect 6 "(after 4 attempts)"
	expect 6 "refused"
	get "${SOON[@]}" --retries 1 --cacert "$CA" "https://127.0.0.1:$PORT_hangup/x"
	[[ $status == 6 || $status == 35 ]] || fail "exit $status"
	grep -q "(after 2 attempts)" err || fail "a handshake that was closed is not tried again"
	nothing_left
}

# while one file waits for as long as its server asks, the others are downloaded by the only job
test_retry_others_go_on() {
	start get -j 1 --json "$ORIGIN/only/1/header/Retry-After/300/only/1/status/503/gen/10/1/late" "$ORIGIN"/gen/10/{2,3,4}
	until_true 10 grep -q '"file_done","index":3' out
	kill -INT "$pid"
	finish 10
	[[ $status == 130 ]] || fail "exit $status"
	is_gen 2 10 2
	is_gen 3 10 3
	is_gen 4 10 4
	absent late
	no_parts
	[[ $("$JSON" type index state http_status <out | grep file_error) == $'"file_error"\t0\t"cancelled"\t503' ]] || fail "not its own failure"
}

# the only job retries a file while the list it reads has no further line yet
test_retry_while_the_list_waits() {
	mkfifo list
	start get -j 1 --retry-max-wait 20ms -i list
	exec 9>list
	printf '%s\n' "$ORIGIN/only/1/status/503/gen/1000/1/late" "$ORIGIN/gen/1000/2/next" >&9 # the second may have options yet
	until_true 10 test -f late
	exec 9>&-
	finish 10
	[[ $status == 0 ]] || fail "exit $status"
	is_gen late 1000 1
	is_gen next 1000 2
}

# a wait that is longer than the time of the run is not begun
test_retry_deadline() {
	get --deadline 100s "$ORIGIN/header/Retry-After/300/status/503" --retry-max-wait 200s -o f
	expect 29 "(after 1 attempt; the run ended before the next)"
	nothing_left
}

# with other URLs of the file there is no wait
test_retry_mirrors() {
	printf '%s\t%s\n out=f\n' "$ORIGIN/header/Retry-After/300/status/503" "$ORIGIN/gen/10/1" >list
	get -i list
	expect 0 "trying the next source"
	is_gen f 10 1
	printf '%s\t%s\n out=g\n' "$ORIGIN/status/404/x" "$ORIGIN/only/1/status/503/only/2/status/503/gen/10/1" >list
	get "${SOON[@]}" -i list
	expect 0
	is_gen g 10 1
	[[ $(grep -c "answered 404" err) == 1 ]] || fail "a source that failed for good was tried again"
	printf '%s\t%s\n out=h\n' "$ORIGIN/status/503" "$ORIGIN/status/502" >list
	get "${SOON[@]}" --retries 1 -i list
	expect 29 "(the last of 2 sources, all failed; 2 attempts)"
}

# a dead host among good ones, and many of its files: the others are done, and it gets few requests
test_retry_dead_host() {
	local i
	for i in {1..60}; do
		echo "http://127.0.0.1:$PORT_closed/$i"
		echo "$ORIGIN/gen/1000/$i/f$i"
	done >list
	get "${SOON[@]}" -j 4 -i list
	expect 6 "keeps failing"
	for i in {1..60}; do
		is_gen "f$i" 1000 "$i"
	done
	[[ $(grep -c '^sluice: .*refused.*(retry' err) -le 30 ]] || fail "$(grep -c '(retry' err) retries"
	grep -q "not attempted" err || fail "each of its files was tried"
	no_parts
}

# the same when the requests are those of a dry run, or compare a file that was decompressed
test_retry_dead_host_compared() {
	local i
	for i in {1..60}; do
		printf 'http://127.0.0.1:%s/%s.gz\n checksum=md5=%032d\n' "$PORT_closed" "$i" "$i"
		echo content >"$i"
	done >list
	get "${SOON[@]}" -j 4 --dry-run -d none -i list
	expect 6 "'127.0.0.1:$PORT_closed' keeps failing"
	[[ $(grep -c '^sluice: .*refused.*(retry' err) -le 30 ]] || fail "dry run: $(grep -c '(retry' err) retries"
	grep -q "not attempted" err || fail "dry run: each of its files was tried"
	get "${SOON[@]}" -j 4 --decompress -i list
	expect 6 "keeps failing"
	[[ $(grep -c '^sluice: .*refused.*(retry' err) -le 30 ]] || fail "decompress: $(grep -c '(retry' err) retries"
	grep -q "not attempted" err || fail "decompress: each of its files was tried"
}

# a stream is tried again until its reader has got a byte, unless the rest can be requested
test_retry_stream() {
	own_origin
	get "${SOON[@]}" -q -o - "$ORIGIN/only/1/status/503/only/2/reset/0/10/gen/9000/1"
	expect 0
	is_gen out 9000 1
	get "${SOON[@]}" -q -o - "$ORIGIN/tag/stream/short/1000/5000"
	expect 22 "1000 of 5000"
	is_counter stream requests 1 || fail "the first bytes were sent again"
	mkfifo fifo
	cat fifo >copy &
	get "${SOON[@]}" -o fifo "$ORIGIN/only/1/status/503/gen/9000/2"
	expect 0 "trying again"
	wait $!
	is_gen copy 9000 2
}

# the reader of a stream gets each byte once, also if connections break off
test_retry_stream_resumes() {
	local segments bytes
	for segments in 1 4; do
		get "${SOON[@]}" --json -s $segments -k 1M -o - "$ORIGIN/ranges/etag/v1/reset-nth/1/600000/gen/9000000/$segments/f"
		((status == 0)) || fail "-s $segments: $status"
		is_gen out 9000000 $segments
		bytes=$("$JSON" type bytes <err | sed -n 's/^"run_summary"\t//p')
		((segments > 1 || bytes < 10500000)) || fail "-s $segments: $bytes bytes were received"
		# what one of several connections leaves, another takes at once, if it is not busy
		((segments > 1)) || grep -q '"retry"' err || fail "not tried again"
	done
	own_origin
	get "${SOON[@]}" -q -o - "$ORIGIN/tag/changed/ranges/change/2/reset-nth/1/600000/gen/9000000/1"
	expect 22 "has changed on the server"
	"$ORIGIN_TOOL" --gen 9000000 1 >first
	cmp -n "$(stat -c %s out)" first out || fail "bytes of another version"
}

# what has arrived of a large file is not requested again, and nothing is left of it in the end
test_retry_resumes() {
	get "${SOON[@]}" --json -s 1 "$ORIGIN/ranges/etag/v1/reset-nth/1/6000000/gen/9000000/1/f"
	expect 0 "trying again in"
	is_gen f 9000000 1
	nothing_left f
	local bytes
	bytes=$("$JSON" type bytes <out | sed -n 's/^"run_summary"\t//p')
	((bytes < 10500000)) || fail "$bytes bytes were received"
	grep -q '"kept":0' out || fail "counted as incomplete"
}

# the same of a small file, which has a journal only from then on, whatever breaks how often
test_retry_resumes_small() {
	local size route bytes
	for size in 1100000 3000000 4194304; do
		for route in reset-nth/1/900000 short-first/4/1000000; do
			rm -f f
			get "${SOON[@]}" --json -s 1 "$ORIGIN/$route/ranges/etag/v1/gen/$size/1/f"
			expect 0 "trying again in"
			is_gen f $size 1
			nothing_left f
			bytes=$("$JSON" type bytes <out | sed -n 's/^"run_summary"\t//p')
			((bytes == size)) || fail "$route: $bytes of $size bytes were received"
		done
	done
	rm f
	get "${SOON[@]}" --json "$ORIGIN/reset-nth/1/900000/ranges/etag/v1/gen/2000000/1/g" --no-continue
	expect 0 "trying again in"
	is_gen g 2000000 1
	nothing_left g
}
