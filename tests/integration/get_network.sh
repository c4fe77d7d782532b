# Networks that lose, refuse and delay, in a network namespace of their own: addresses that do not answer, names that no server
# resolves, packets that are lost. It needs iproute2 and nftables, and no root.

# The function CASE of FILE (BASH_SOURCE) in a network of its own: ./own.ready and $ORIGIN are those of an origin in it, and the name server (below)
# is the one it asks. 198.51.100.1 and 198.51.100.2 are its addresses, and nft leads 198.51.100.2 to the origin.
in_network() { # file, case [name server]
	local user=()
	((EUID == 0)) || user=(--user --map-root-user)
	command -v nft >/dev/null && command -v ip >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v nft >/dev/null || skip "no nft here (package nftables)"
	command -v ip >/dev/null || skip "no ip here (package iproute2)"
	unshare "${user[@]}" --net --mount true 2>/dev/null || skip "this user may not make network namespaces"
	unshare "${user[@]}" --net --mount bash -uo pipefail -c '
		. "$ROOT/tests/integration/lib.sh" && . "$0" || exit 1
		begin_network "${2-name_server}" && "$1"' "$@"
}

begin_network() { # name server
	ip link set lo up && ip addr add 198.51.100.1/32 dev lo && ip addr add 198.51.100.2/32 dev lo ||
		skip "no addresses can be added to a network here"
	nft -f - 2>nft.err <<-'END' || skip "nft: $(head -n 1 nft.err)"
		add table inet test
		add chain inet test in { type filter hook input priority 0; }
		add chain inet test nat { type nat hook output priority -100; }
		add rule inet test nat ip daddr 198.51.100.2 tcp dport 1-65535 dnat ip to 127.0.0.1
	END
	rm nft.err
	own_origin
	echo "hosts: files dns" >nsswitch.conf
	echo "nameserver 127.0.0.1" >resolv.conf
	mount --bind nsswitch.conf /etc/nsswitch.conf && mount --bind resolv.conf /etc/resolv.conf || skip "no bind mounts here"
	"$1" >dns.log 2>&1 &
	DNS_PID=$!
	trap 'kill $OWN_PID $DNS_PID' EXIT
	until_true 10 grep -qs ready dns.log
}

# Lines "NAME: ADDRESS..." of ./names are what it answers, in this order; "NAME: servfail" and "NAME: silent" are failures; other
# names do not exist.
name_server() { # [port, seconds before each answer]
	exec perl -MSocket=:all -e '
		my ($port, $delay) = @ARGV;
		$| = 1;
		my $s;
		socket($s, PF_INET, SOCK_DGRAM, 0) && bind($s, sockaddr_in($port, INADDR_LOOPBACK)) or die "cannot listen: $!";
		print "ready\n";
		while (my $peer = recv($s, my $query, 4096, 0)) {
			my ($id, $at, @labels) = (unpack("n", $query), 12);
			while ((my $len = ord(substr($query, $at++, 1))) > 0) { push @labels, substr($query, $at, $len); $at += $len; }
			my ($name, $type) = (lc join(".", @labels), unpack("n", substr($query, $at, 2)));
			my ($question, $known, $code, @answers) = (substr($query, 12, $at + 4 - 12), 0, 3);
			open my $names, "<", "names" or die;
			while (<$names>) {
				my ($who, @what) = split /:? +|\n/;
				next if $who ne $name;
				($known, $code) = (1, 0);
				for (@what) {
					$code = 2 if $_ eq "servfail";
					$code = -1 if $_ eq "silent";
					my $data = /:/ ? ($type == 28 ? inet_pton(AF_INET6, $_) : "") : /^[0-9]/ && $type == 1 ? inet_aton($_) : "";
					push @answers, $data if $data;
				}
			}
			next if $code < 0;
			my $reply = pack("n6", $id, 0x8180 | $code, 1, scalar @answers, 0, 0) . $question;
			$reply .= pack("n3Nn", 0xc00c, $type, 1, 60, length $_) . $_ for @answers;
			sleep $delay if $delay;
			send($s, $reply, 0, $peer);
		}' "${1-53}" "${2-0}"
}

drop_input() { # nft expression
	nft add rule inet test in "$1" drop || fail "nft does not take '$1'"
}

# a route that is unreachable or prohibited ends the attempt at once, with the reason; other files come
test_network_unreachable() {
	in_network "${BASH_SOURCE[0]}" unreachable
}

unreachable() {
	local kind
	for kind in unreachable:'no route to host' prohibit:'permission denied' blackhole:'invalid argument'; do
		ip route add "${kind%%:*}" 203.0.113.0/24 || fail "no such route"
		get 10 --retries 0 http://203.0.113.1/x "$ORIGIN/gen/10/1"
		expect 6 "${kind#*:}"
		is_gen 1 10 1
		rm 1
		ip route del 203.0.113.0/24
	done
}

# packets of a connection that are dropped: --connect-timeout ends it, and a source at another address is tried
test_network_silent_address() {
	in_network "${BASH_SOURCE[0]}" silent_address
}

silent_address() {
	drop_input "ip daddr 198.51.100.1"
	once --connect-timeout 500ms http://198.51.100.1/x "$ORIGIN/gen/10/1"
	expect 2 "--connect-timeout sets this limit"
	is_gen 1 10 1
	get --connect-timeout 500ms http://198.51.100.1/x --mirror "$ORIGIN/gen/10/2" -o f
	expect 0 "trying the next source"
	is_gen f 10 2
}

# of the addresses of a host the next one is tried if one refuses or does not answer, long before the time for it is over
test_network_addresses() {
	in_network "${BASH_SOURCE[0]}" addresses
}

addresses() {
	drop_input "ip daddr 203.0.113.0/24"
	drop_input "ip6 daddr fd00::1"
	ip addr add 203.0.113.1/32 dev lo
	ip addr add 203.0.113.2/32 dev lo
	ip -6 addr add fd00::1/128 dev lo nodad || echo "no IPv6 here"
	cat >names <<-'END'
		refuses.test: 198.51.100.1 198.51.100.2
		silent.test: 203.0.113.1 203.0.113.2 198.51.100.2
		six.test: fd00::1 198.51.100.2
		lossy.test: 198.51.100.3 203.0.113.1
		dead.test: 203.0.113.1 203.0.113.2
	END
	# The first packet to it is lost, and sent again after a second: it is not given up for that.
	ip addr add 198.51.100.3/32 dev lo
	nft -f - <<-'END' || fail "nft"
		add chain inet test out { type filter hook output priority -200; }
		add rule inet test out ip daddr 198.51.100.3 numgen inc mod 1000 < 1 drop
		add rule inet test nat ip daddr 198.51.100.3 tcp dport 1-65535 dnat ip to 127.0.0.1
	END
	local name
	for name in refuses silent six lossy; do
		get 8 --retries 0 "http://$name.test:$PORT_http/gen/1000/1/$name"
		expect 0
		is_gen "$name" 1000 1
	done
	within_a_deadline tries_both_dead
	expect 2
}

tries_both_dead() { # seconds, in which the name server answers as well
	once --connect-timeout "$1" "http://dead.test:$PORT_http/x"
	grep -qF "timed out (203.0.113.1:$PORT_http), timed out (203.0.113.2:$PORT_http)" err
}

# a name that does not exist, or whose servers fail or do not answer: an error of its files in time, and the others come
test_network_names() {
	in_network "${BASH_SOURCE[0]}" names
}

names() {
	printf '%s\n' "fails.test: servfail" "silent.test: silent" "good.test: 198.51.100.2" >names
	local name
	for name in missing fails silent; do
		within_a_deadline fails_beside_a_good_one $name
		expect "$status" "cannot resolve '$name.test'"
		is_gen "$name" 10 1
	done
}

fails_beside_a_good_one() { # name, seconds, in which the name server answers as well
	get 20 --retries 0 --connect-timeout "$2" "http://$1.test:$PORT_http/a" "http://good.test:$PORT_http/gen/10/1/$1"
	[[ -e $1 ]] && [[ $status == 19 || $1 == silent && $status == 2 ]]
}

# --interface ADDRESS is where connections come from: a firewall that lets no other address pass lets them
test_network_interface() {
	in_network "${BASH_SOURCE[0]}" interface
}

interface() {
	nft add rule inet test in tcp dport "$PORT_http" ip saddr != 127.0.0.77 reject with tcp reset || skip "nft does not reject"
	once "$ORIGIN/gen/10/1/a"
	expect 6 "connection refused"
	once --interface 127.0.0.77 "$ORIGIN/gen/10/1/b"
	expect 0
	is_gen b 10 1
}

# a tenth of all packets lost, and small ones: slower, and right
test_network_losses() {
	in_network "${BASH_SOURCE[0]}" losses
}

losses() {
	ip link set lo mtu 1500
	drop_input "tcp dport != 1 numgen random mod 100 < 10"
	get 60 --retry-max-wait 1s -s 4 -k 1M "http://198.51.100.2:$PORT_http/ranges/etag/v1/gen/6000000/1/f"
	expect 0
	is_gen f 6000000 1
	ip link set lo mtu 600
	get 60 --retry-max-wait 1s --stall-timeout 10s "http://198.51.100.2:$PORT_http/gen/100000/1/g"
	expect 0
	is_gen g 100000 1
	no_parts
}

is_told() { # status, what stderr has, arguments...
	local line
	once --progress=none "${@:3}"
	expect "$1"
	line=$(head -n 1 err)
	[[ $line =~ ^sluice:\ cannot\ fetch\ \'[^\']*/x\?token=\*\*\*\'$2$ ]] || fail "not '$2'"
	(($(wc -l <err) == 2)) || fail "more than one line about it"
}

# each phase of a request has a message of its own, with the address that was tried, the limit and its option
test_network_messages_by_phase() {
	local at='127\.0\.0\.1:[0-9]+' set='sets this limit' path="x?token=SECRET"
	local body="$ORIGIN/gate/message/gen/400000/1/$path"
	is_told 19 ": cannot resolve 'h.test' to an IPv4 address: --resolve gives none" -4 --resolve 'h.test:80:[::1]' "http://h.test/$path"
	is_told 6 ": cannot connect to '127.0.0.1': connection refused \\($at\\)" "http://127.0.0.1:$PORT_closed/$path"
	is_told 2 ": proxy 'http://$at' \\($at\\): the proxy has not .* within 0.03 s \\(--proxy-timeout $set\\)" \
		--proxy "http://127.0.0.1:$PORT_silent" --proxy-timeout 30ms "$ORIGINS/$path"
	is_told 2 ": proxy 'socks5h://$at' \\($at\\): the proxy has not .* within 0.03 s \\(--proxy-timeout $set\\)" \
		--proxy "socks5h://127.0.0.1:$PORT_silent" --proxy-timeout 30ms "$ORIGIN/$path"
	is_told 2 " \\($at\\): TLS handshake with '127.0.0.1' failed: not complete within 0.03 s \\(--tls-timeout $set\\)" \
		--tls-timeout 30ms "https://127.0.0.1:$PORT_silent/$path"
	is_told 35 " \\($at\\): cannot trust the certificate of .* give its certificate with --cacert FILE" "${ORIGINS/localhost/127.0.0.1}/$path"
	is_told 2 " \\($at\\): the server does not respond: no complete response header within 0.03 s \\(--first-byte-timeout $set\\)" \
		--first-byte-timeout 30ms "$ORIGIN/noanswer/$path"
	is_told 2 " \\($at\\): the body stopped after [0-9]+ of 400000 bytes: no data for 0.03 s \\(--stall-timeout $set\\)" \
		-o - --first-byte-timeout 60s --stall-timeout 30ms "$body"
	is_told 2 " \\($at\\): the body is too slow: [0-9]+ bytes .* \\(--speed-limit and --speed-time set this limit\\)" \
		--speed-limit 1G --speed-time 30ms "$body"
	once --speed-time 5s "$body"
	expect 28 "--speed-time needs the rate of --speed-limit"
}
