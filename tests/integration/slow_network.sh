# Networks as in get_network.sh, with the times that hold without options, and with worse losses.

. "$ROOT/tests/integration/get_network.sh"

# names whose servers fail or do not answer: errors within 15 s without any option, and the others come
test_slow_network_names() {
	in_network "${BASH_SOURCE[0]}" slow_names
}

slow_names() {
	printf '%s\n' "fails.test: servfail" "silent.test: silent" "good.test: 198.51.100.2" >names
	get 15 --retries 0 "http://fails.test:$PORT_http/a" "http://silent.test:$PORT_http/b" "http://good.test:$PORT_http/gen/10/1/c"
	expect 19 "cannot resolve 'fails.test'"
	expect 19 "cannot resolve 'silent.test'"
	is_gen c 10 1
}

# two of ten packets lost in each direction: requests are repeated, and what arrived is kept
test_slow_network_losses() {
	in_network "${BASH_SOURCE[0]}" slow_losses
}

slow_losses() {
	ip link set lo mtu 1500
	drop_input "tcp dport != 1 numgen random mod 100 < 20"
	get 300 --stall-timeout 10s --retry-max-wait 2s -s 2 -k 1M "http://198.51.100.2:$PORT_http/ranges/etag/v1/gen/2200000/1/f"
	expect 0
	is_gen f 2200000 1
	no_parts
}

# a link of 1 Mbit/s with small packets: as slow as it is, and right
test_slow_network_narrow() {
	in_network "${BASH_SOURCE[0]}" narrow
}

narrow() {
	command -v tc >/dev/null || skip "no tc here (package iproute2)"
	ip link set lo mtu 600
	tc qdisc add dev lo root tbf rate 1mbit burst 10kb latency 400ms || skip "no tbf here"
	get 120 -s 4 -k 1M "http://198.51.100.2:$PORT_http/ranges/etag/v1/gen/2500000/1/f" "http://198.51.100.2:$PORT_http/gen/100000/2/g"
	expect 0
	is_gen f 2500000 1
	is_gen g 100000 2
	no_parts
}
