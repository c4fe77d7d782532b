# Names as dnsmasq answers them, in a network namespace as in get_network.sh, whose /etc/resolv.conf names it: addresses that are dead,
# answers that come late, names that do not exist.

. "$ROOT/tests/integration/get_network.sh"

in_dnsmasq() { # case
	PATH=$PATH:/usr/sbin command -v dnsmasq >/dev/null || skip "no dnsmasq here (package dnsmasq-base)"
	in_network "${BASH_SOURCE[0]}" "$1" serve_dnsmasq
}

# Names below .test are those of the command line and late.test, which another server answers 2 seconds later; others are refused.
serve_dnsmasq() {
	trap 'kill $(jobs -p)' EXIT
	trap exit TERM
	echo "late.test: 198.51.100.2" >names
	name_server 5353 2 >late.log 2>&1 &
	until_true 10 grep -qs ready late.log
	PATH=$PATH:/usr/sbin dnsmasq --keep-in-foreground --log-facility=- --log-queries --no-resolv --no-hosts --conf-file=/dev/null \
		--listen-address=127.0.0.1 --bind-interfaces --user=root --group=root --pid-file= --local=/test/ \
		--host-record=both.test,198.51.100.2,fd00::1 --host-record=four.test,198.51.100.2 --host-record=six.test,fd00::1 \
		--server=/late.test/127.0.0.1#5353 >dnsmasq.log 2>&1 &
	until_true 10 grep -qs started dnsmasq.log
	echo ready
	wait
}

# the IPv6 address of a name is dead and its IPv4 address is not: files come, and with -4 without a look at the other one
test_slow_dnsmasq_dead_family() {
	in_dnsmasq dead_family
}

dead_family() {
	ip -6 addr add fd00::1/128 dev lo nodad || skip "no IPv6 here"
	drop_input "ip6 daddr fd00::1"
	get 20 --retries 0 "http://both.test:$PORT_http/gen/10/1/a" "http://both.test:$PORT_http/gen/10/2/b"
	expect 0
	is_gen a 10 1
	is_gen b 10 2
	get 20 --retries 0 -4 "http://both.test:$PORT_http/gen/10/3/c"
	expect 0
	is_gen c 10 3
	[[ $(grep -c 'query\[AAAA\] both.test' dnsmasq.log) == 1 ]] || fail "-4 looked up IPv6 addresses: $(cat dnsmasq.log)"
	once --connect-timeout 1s -6 "http://both.test:$PORT_http/d"
	expect 2 "timed out ([fd00::1]:$PORT_http)"
	once -6 "http://four.test:$PORT_http/e"
	expect 19 "cannot resolve 'four.test' to an IPv6 address"
	once -4 "http://six.test:$PORT_http/f"
	expect 19 "cannot resolve 'six.test' to an IPv4 address"
}

# names that do not exist, and those whose server refuses, fail their own files; an answer that is late holds up its own alone
test_slow_dnsmasq_answers() {
	in_dnsmasq answers
}

answers() {
	get 60 --retries 0 --connect-timeout 5s "http://missing.test:$PORT_http/a" "http://four.test:$PORT_http/gen/10/1/b" \
		"http://late.test:$PORT_http/gen/10/2/c" "http://refused.example:$PORT_http/d"
	expect 19 "cannot resolve 'missing.test'"
	expect 19 "cannot resolve 'refused.example'"
	is_gen b 10 1
	is_gen c 10 2
	absent a d
}

# an answer is kept for the run: of two files of a host the second one comes though the name server is gone
test_slow_dnsmasq_cache() {
	in_dnsmasq cache
}

cache() {
	mkfifo list
	start get --retries 0 -i list
	exec 7>list
	printf 'http://four.test:%s/gen/10/1/a\nhttp://four.test:' "$PORT_http" >&7
	until_true 20 test -e a
	kill $DNS_PID
	wait $DNS_PID
	echo "$PORT_http/gen/10/2/b" >&7
	exec 7>&-
	finish 20
	expect 0
	is_gen a 10 1
	is_gen b 10 2
}
