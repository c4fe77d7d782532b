# Plain downloads over HTTP and HTTPS.

# sizes around every boundary come whole, many at once
test_get_sizes() {
	local size urls=()
	for size in 0 1 4095 4096 4097 1048575 1048576 1048577 4194303 4194304 4194305 8388609; do
		urls+=("$ORIGIN/gen/$size/$size/f$size")
	done
	get "${urls[@]}"
	expect 0
	for size in 0 1 4095 4096 4097 1048575 1048576 1048577 4194303 4194304 4194305 8388609; do
		is_gen "f$size" "$size" "$size"
	done
	no_parts
}

# the same over HTTPS
test_get_sizes_tls() {
	local size urls=()
	for size in 0 1 4097 16384 1048577 8388609; do
		urls+=("$ORIGINS/gen/$size/$size/f$size")
	done
	get --cacert "$CA" "${urls[@]}"
	expect 0
	for size in 0 1 4097 16384 1048577 8388609; do
		is_gen "f$size" "$size" "$size"
	done
	no_parts
}

# every way of framing a body
test_get_framings() {
	get "$ORIGIN/chunked/gen/3000000/1/chunked" "$ORIGIN/untilclose/gen/3000000/2/untilclose" \
		"$ORIGIN/linefeeds/gen/30000/3/linefeeds" "$ORIGIN/1xx/5/gen/30000/4/informational" \
		"$ORIGIN/last/gen/30000/5/last"
	expect 0
	is_gen chunked 3000000 1
	is_gen untilclose 3000000 2
	expect 0 "untilclose: the server sent no length"
	[[ $(grep -c 'sent no length' err) == 1 ]] || fail "more than one has this warning"
	is_gen linefeeds 30000 3
	is_gen informational 30000 4
	is_gen last 30000 5
}

# bodies in single bytes
test_get_drip() {
	get "$ORIGIN/drip/gen/3000/1/f" "$ORIGIN/drip/chunked/gen/3000/1/g"
	expect 0
	is_gen f 3000 1
	is_gen g 3000 1
}

# -d makes the directory, -o names the file, the last component of the URL else
test_get_names_and_directories() {
	get -d a/b "$ORIGIN/gen/10/1/x?query=1"
	expect 0
	is_gen a/b/x 10 1
	get -d a -o y "$ORIGIN/gen/10/1/x"
	expect 0
	is_gen a/y 10 1
	get -o "$PWD/abs" "$ORIGIN/gen/10/1/x"
	expect 0
	is_gen abs 10 1
	get "$ORIGIN/gen/10/1/with%20space"
	expect 0
	is_gen "with space" 10 1
}

# -o - writes to stdout and nothing else does
test_get_stdout() {
	get -o - "$ORIGIN/gen/5000000/7"
	expect 0
	is_gen out 5000000 7
	absent 7
	no_parts
}

# the time of the file is the server's, unless told otherwise
test_get_remote_time() {
	get "$ORIGIN/lm/1000000000/gen/10/1/f"
	expect 0
	[[ $(stat -c %Y f) == 1000000000 ]] || fail "mtime $(stat -c %Y f)"
	get --no-remote-time "$ORIGIN/lm/1000000000/gen/10/1/g" "$ORIGIN/lm/1000000000/gen/6000000/1/h"
	expect 0
	(($(stat -c %Y g) > 1700000000)) || fail "mtime $(stat -c %Y g)"
	get "$ORIGIN/lm/1000000000/gen/6000000/1/large"
	expect 0
	[[ $(stat -c %Y large) == 1000000000 ]] || fail "mtime $(stat -c %Y large)"
}

# the mode of a finished file follows the umask
test_get_umask() {
	(umask 027 && get "$ORIGIN/gen/10/1/f" "$ORIGIN/gen/5000000/1/g") || exit 1
	[[ $(stat -c %a f) == 640 && $(stat -c %a g) == 640 ]] || fail "modes $(stat -c %a f g)"
}

# redirects are followed, and the name stays that of the URL typed
test_get_redirects() {
	local code
	for code in 301 302 303 307 308; do
		get "$ORIGIN/redirect/$code/gen/100/$code/other" -o "f$code"
		expect 0
		is_gen "f$code" 100 "$code"
	done
	get "$ORIGIN/hops/20/gen/100/1"
	expect 0
}

# real nginx, HTTP and HTTPS, eight at once
test_get_nginx() {
	with_nginx
	local i urls=()
	for i in 1 2 3 4; do
		mkdir "d$i"
	done
	get -d h --cacert "$NGINX_CA" "$NGINX/file.bin" "$NGINX/large.bin" "$NGINX/empty"
	expect 0
	get -d s --cacert "$NGINX_CA" "$NGINXS/file.bin" "$NGINXS/large.bin" "$NGINXS/empty"
	expect 0
	for i in h s; do
		same "$i/file.bin" "$DOCS/file.bin"
		same "$i/large.bin" "$DOCS/large.bin"
		[[ -f $i/empty && ! -s $i/empty ]] || fail "$i/empty"
	done
	get -d h2 "$NGINX/nothing"
	expect 3 404
}

# large files by every kind of writing
test_get_io_modes() {
	local mode
	for mode in auto direct buffered; do
		get --io "$mode" "$ORIGIN/gen/20971521/1/$mode"
		expect 0
		is_gen "$mode" 20971521 1
	done
}

# the smallest memory still carries large files in parallel
test_get_little_memory() {
	get --max-memory 8M -j 8 "$ORIGIN"/gen/6000000/{1,2,3,4,5,6,7,8}
	expect 0
	is_gen 8 6000000 8
	no_parts
}

# waits of the kernel that are interrupted or refused for the moment lose and double nothing
test_get_ring_interrupted() {
	command -v strace >/dev/null || skip "no strace here"
	((SLOW == 1)) || skip "a sanitizer does not run under a tracer"
	local code
	for code in EINTR EAGAIN EBUSY; do
		timeout "$((60 * PATIENCE))" strace -f -q -o trace -e trace=io_uring_enter -e inject=io_uring_enter:error=$code:when=2+3 \
			"$S" get -s 4 -k 1M --sync=none "$ORIGIN/ranges/etag/v1/gen/9000000/1/f" "$ORIGIN/gen/1000/2/g" >out 2>err
		status=$?
		expect 0
		is_gen f 9000000 1
		is_gen g 1000 2
		grep -q "$code.*INJECTED" trace || fail "$code: nothing was injected"
		rm f g trace
	done
}

# a wall clock that is wrong by a day or by ten years changes neither timeouts nor waits; a certificate that it makes invalid is named
test_get_wall_clock() {
	command -v faketime >/dev/null || skip "no faketime here"
	((SLOW == 1)) || skip "a sanitizer wants to be the first library"
	local shift
	for shift in -1d +10y; do
		export FAKETIME_DONT_FAKE_MONOTONIC=1
		timeout "$LIMIT" faketime -f "$shift" "$S" get --retry-max-wait 100ms --stall-timeout 20s --deadline 100s \
			"$ORIGIN/only/1/header/Retry-After/1/only/1/status/503/gen/1000/1/f" "$ORIGIN/slow/20000/ranges/etag/v1/lm/1700000000/gen/10000/2/g" \
			"$ORIGIN/header/Date/Wed,%2015%20Nov%202023%2000:00:00%20GMT/only/1/header/Retry-After/Wed,%2015%20Nov%202023%2000:00:01%20GMT/only/1/status/503/gen/1000/3/h" \
			>out 2>err
		status=$?
		expect 0
		is_gen f 1000 1
		is_gen g 10000 2
		is_gen h 1000 3
		rm f g h
	done
	for shift in -20y +20y; do
		timeout "$LIMIT" faketime -f "$shift" "$S" get --retries 0 --cacert "$CA" "$ORIGINS/gen/10/1/i" >out 2>err
		status=$?
		expect 35 "$([[ $shift == +* ]] && echo expired || echo not yet valid)"
		absent i
	done
}

# localhost by name, and IPv6 by address
test_get_addresses() {
	get "http://localhost:$PORT_http/gen/100/1/f"
	expect 0
	[[ ${PORT_http6-} ]] || skip "no IPv6 here"
	get "http://[::1]:$PORT_http6/gen/100/1/g"
	expect 0
	is_gen g 100 1
}

# sources of the one file are tried in turn; it is named after the first
test_basic_mirrors() {
	get "$ORIGIN/status/404/first" --mirror "$ORIGIN/short/10/1000" --mirror "$ORIGIN/gen/1000/1/third" --mirror "$ORIGIN/gen/1000/2"
	expect 0 "trying the next source"
	is_gen first 1000 1
	rm first
	get "$ORIGIN/gen/1000/1/first" --mirror "$ORIGIN/gen/1000/2"
	expect 0
	is_gen first 1000 1
	get "$ORIGIN/status/404/second" --mirror "$ORIGIN/status/403"
	expect 24 "the last of 2 sources, all failed"
	get -o - "$ORIGIN/status/404/second" --mirror "$ORIGIN/gen/1000/2"
	expect 0
	is_gen out 1000 2
	nothing_left first
	mirrors=()
	for i in {1..32}; do
		mirrors+=(--mirror "$ORIGIN/gen/1000/$i")
	done
	get "$ORIGIN/gen/1000/1/x" "${mirrors[@]}"
	expect 28 "at most 31 mirrors"
}
