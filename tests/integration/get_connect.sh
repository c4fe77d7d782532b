# How hosts are reached: addresses in place of lookups, one family, where connections come from, Unix sockets.

# --resolve gives a name its addresses, a later one instead of an earlier one, and the Host field stays the name
test_connect_resolve() {
	get --resolve "a.test:$PORT_http:192.0.2.1" --resolve "A.test:$PORT_http:127.0.0.1" --resolve "*:$PORT_other:127.0.0.1" \
		"http://a.test:$PORT_http/gen/10/1/a" "http://b.test:$PORT_other/gen/10/2/b"
	expect 0
	is_gen a 10 1
	is_gen b 10 2
	once --resolve "c.test:$PORT_http:127.0.0.1" "http://c.test:$PORT_http/status/404"
	expect 3 "http://c.test:$PORT_http/status/404"
	once --resolve "a.test:$PORT_closed:127.0.0.1,[::1]" "http://a.test:$PORT_closed/x"
	expect 6 "(127.0.0.1:$PORT_closed)"
	get --resolve "a.test:$PORT_http" "$ORIGIN/gen/10/1/c"
	expect 28 "option '--resolve': 'a.test:$PORT_http': write it as HOST:PORT:ADDRESS[,ADDRESS...]"
	absent c
}

# TLS uses the name: a certificate for another one is refused, whatever the address
test_connect_resolve_tls() {
	get --cacert "$CA" --resolve "localhost:$PORT_https:127.0.0.1" "$ORIGINS/gen/10/1/a"
	expect 0
	is_gen a 10 1
	once --cacert "$CA" --resolve "other.test:$PORT_https:127.0.0.1" "https://other.test:$PORT_https/gen/10/1/b"
	expect 35 "other.test"
	absent b
}

# -4 and -6 leave the addresses of the other kind out, and the last of them counts
test_connect_family() {
	get -6 -4 --resolve "a.test:$PORT_http:[::1],127.0.0.1" "http://a.test:$PORT_http/gen/10/1/a"
	expect 0
	is_gen a 10 1
	once -4 "http://[::1]:$PORT_http/b" "$ORIGIN/gen/10/1/c"
	expect 19 "cannot connect to '::1': it is not an IPv4 address, and only these are used"
	is_gen c 10 1
	once -6 --resolve "a.test:$PORT_http:127.0.0.1" "http://a.test:$PORT_http/d"
	expect 19 "cannot resolve 'a.test' to an IPv6 address: --resolve gives none"
	[[ ${PORT_http6-} ]] || skip "no IPv6 here"
	get -6 --resolve "a.test:$PORT_http6:127.0.0.1,::1" "http://a.test:$PORT_http6/gen/10/1/e"
	expect 0
	is_gen e 10 1
}

# --interface takes a name or an address; one that there is not ends the run at once
test_connect_interface() {
	local from
	for from in lo if!lo 127.0.0.77 host!127.0.0.77 ifhost!lo!127.0.0.77; do
		get --interface "$from" "$ORIGIN/gen/10/1/$from"
		expect 0
		is_gen "$from" 10 1
	done
	get --interface none-such "$ORIGIN/gen/10/1/a" "$ORIGIN/gen/10/1/b"
	expect 6 "cannot connect from interface 'none-such': no such device"
	get --interface 192.0.2.77 "$ORIGIN/gen/10/1/a"
	expect 6 "cannot connect from 192.0.2.77: cannot assign requested address"
	once --interface 127.0.0.77 "http://127.0.0.1:$PORT_closed/x"
	expect 6 "cannot connect to '127.0.0.1' from 127.0.0.77: connection refused (127.0.0.1:$PORT_closed)"
	once --interface 127.0.0.77 "http://[::1]:$PORT_http/x"
	expect 19 "cannot connect to '::1': it is not an IPv4 address"
	get -6 --interface 127.0.0.77 "$ORIGIN/x"
	expect 28 "--interface has an IPv4 address, which --ipv6 excludes"
	run scan --interface lo "$ORIGIN/gen/10/1/a"
	expect 1
	run scan --interface none-such "$ORIGIN/gen/10/1/a"
	expect 2 "cannot connect from interface 'none-such': no such device"
}

# a Unix socket stands for every host, which is not looked up, without a proxy; its failures name it
test_connect_unix() {
	local name=sluice-test-$$-$RANDOM
	"$ORIGIN_TOOL" --ready-file "$PWD/unix.ready" --log "$PWD/unix.log" --unix "$PWD/s" --unix "@$name" >unix.out 2>&1 &
	OWN_PID=$!
	trap 'kill $OWN_PID' EXIT
	wait_for_file unix.ready 10 || fail "no origin"
	get --unix-socket s http://a.invalid/gen/10/1/a http://b.invalid:81/gen/10/2/b -x 2
	expect 0
	is_gen a 10 1
	is_gen b 10 2
	export http_proxy=http://127.0.0.1:$PORT_closed
	once --unix-socket s http://a.invalid/gen/10/3/p
	expect 0
	is_gen p 10 3
	unset http_proxy
	get --abstract-unix-socket "$name" http://a.invalid/gen/10/1/c
	expect 0
	is_gen c 10 1
	run scan --unix-socket s http://a.invalid/gen/10/1/a
	expect 1
	kill $OWN_PID
	wait $OWN_PID
	trap - EXIT
	once --unix-socket s http://a.invalid/d
	expect 6 "cannot connect to 'a.invalid': connection refused (unix:s)"
	once --unix-socket none http://a.invalid/d
	expect 6 "cannot connect to 'a.invalid': no such file or directory (unix:none)"
	once --abstract-unix-socket "$name" http://a.invalid/d
	expect 6 "connection refused (unix:@$name)"
	get --unix-socket s --abstract-unix-socket s http://a.invalid/d
	expect 28 "exclude each other"
}
