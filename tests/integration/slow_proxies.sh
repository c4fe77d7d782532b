# Downloads through proxies that others have written, as Debian has them: over HTTP and HTTPS, in segments, with and without a
# user.

. "$ROOT/scripts/lib/server.sh"

# Start COMMAND..., a proxy. Sets $proxy, its address.
serve_proxy() { # command...
	start_server "$@"
	proxy=127.0.0.1:$port
}

# The same files as without a proxy.
all_of_it() { # options...
	rm -f large secure small? tree
	get "$@" -s 4 -x 4 -k 1M -o large "$ORIGIN/ranges/etag/v1/gen/9449529/7"
	expect 0
	is_gen large 9449529 7
	get "$@" --cacert "$CA" -s 4 -x 4 -k 1M -o secure "$ORIGINS/ranges/etag/v1/gen/9449529/8"
	expect 0
	is_gen secure 9449529 8
	get "$@" --cacert "$CA" "$ORIGIN"/gen/{10001/1/small1,10002/2/small2,10003/3/small3} "$ORIGINS"/gen/{10004/4/small4,10005/5/small5}
	expect 0
	local i
	for i in 1 2 3 4 5; do
		is_gen small$i $((10000 + i)) $i
	done
	once "$@" -o tree "$ORIGIN/echo-headers"
	expect 0
	! grep -qi '^proxy-' tree || fail "the origin got what is for the proxy"
	once "$@" "http://127.0.0.1:$PORT_closed/x"
	((status == 6 || status == 22 || status == 29)) || fail "exit status $status"
	once "$@" "https://127.0.0.1:$PORT_closed/x"
	((status == 6 || status == 22 || status == 29)) || fail "exit status $status"
}

refused() { # status, options...
	local wanted=$1
	shift
	once "$@" --cacert "$CA" "$ORIGIN/gen/3/1"
	expect "$wanted"
	once "$@" --cacert "$CA" "$ORIGINS/gen/3/1"
	expect "$wanted"
	! grep -q hunter2 err || fail "the password was shown"
}

# tinyproxy, without and with Basic credentials
test_slow_proxies_tinyproxy() {
	prepare_server tinyproxy
	printf '%s\n' "Port $port" 'Listen 127.0.0.1' 'Timeout 60' 'Allow 127.0.0.1' >conf
	serve_proxy tinyproxy -d -c conf
	all_of_it --proxy "http://$proxy"
	stop_server
	echo 'BasicAuth user secret' >>conf
	serve_proxy tinyproxy -d -c conf
	all_of_it --proxy "http://$proxy" --proxy-user user:secret
	refused 24 --proxy "http://user:hunter2@$proxy"
	refused 24 --proxy "http://$proxy"
}

squid_conf() {
	cat <<-END
		http_port 127.0.0.1:$port
		pid_filename none
		cache deny all
		access_log none
		cache_log $PWD/cache.log
		coredump_dir $PWD
		pinger_enable off
		shutdown_lifetime 0 seconds
		visible_hostname localhost
		$( ((EUID != 0)) || echo "cache_effective_user nobody")
	END
}

# Its log belongs to the user that it becomes.
serve_squid() {
	: >cache.log
	chmod 777 . cache.log
	serve_proxy squid -N -f "$PWD/conf"
}

# squid, without a user, with Basic and with Digest credentials
test_slow_proxies_squid() {
	prepare_server squid
	{ squid_conf; echo 'http_access allow all'; } >conf
	serve_squid
	all_of_it --proxy "http://$proxy"
	stop_server
	echo "user:$(openssl passwd -apr1 secret)" >users
	{
		squid_conf
		echo "auth_param basic program /usr/lib/squid/basic_ncsa_auth $PWD/users"
		printf '%s\n' 'acl known proxy_auth REQUIRED' 'http_access allow known' 'http_access deny all'
	} >conf
	serve_squid
	all_of_it --proxy "http://user:secret@$proxy"
	refused 24 --proxy "http://user:hunter2@$proxy"
	refused 24 --proxy "http://$proxy"
	stop_server
	echo user:secret >users
	{
		squid_conf
		echo "auth_param digest program /usr/lib/squid/digest_file_auth $PWD/users"
		printf '%s\n' 'auth_param digest realm squid' 'auth_param digest children 2' 'auth_param digest check_nonce_count on' \
			'acl known proxy_auth REQUIRED' 'http_access allow known' 'http_access deny all'
	} >conf
	serve_squid
	all_of_it --proxy "http://user:secret@$proxy"
	refused 24 --proxy "http://user:hunter2@$proxy"
}

# microsocks, without and with a user
test_slow_proxies_microsocks() {
	prepare_server microsocks
	serve_proxy microsocks -i 127.0.0.1 -p "$port"
	all_of_it --proxy "socks5h://$proxy"
	all_of_it --proxy "socks5://$proxy"
	stop_server
	serve_proxy microsocks -i 127.0.0.1 -p "$port" -u user -P secret
	all_of_it --proxy "socks5h://user:secret@$proxy"
	refused 24 --proxy "socks5h://user:hunter2@$proxy"
	refused 24 --proxy "socks5h://$proxy"
}

danted_conf() { # socksmethod
	cat <<-END
		logoutput: stderr
		internal: 127.0.0.1 port = $port
		external: 127.0.0.1
		user.unprivileged: nobody
		clientmethod: none
		socksmethod: $1
		client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
		socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 protocol: tcp }
	END
}

# dante without a user: SOCKS4 and SOCKS5 (SOCKS4a is not supported by it)
test_slow_proxies_dante() {
	prepare_server danted
	as_root # it gives that up
	danted_conf none >conf
	serve_proxy danted -f "$PWD/conf" -p "$PWD/pid" -N 1
	local kind
	for kind in socks4 socks5 socks5h; do
		all_of_it --proxy "$kind://$proxy"
	done
}

# dante takes its users from the system's files: in a mount namespace these are ours
test_slow_proxies_dante_user() {
	prepare_server danted
	as_root
	unshare --mount true 2>/dev/null || skip "this user may not make mount namespaces"
	danted_conf username >conf
	{ cat /etc/passwd; echo 'sluice-test:x:4242:4242::/nonexistent:/usr/sbin/nologin'; } >passwd
	{ cat /etc/shadow; echo "sluice-test:$(openssl passwd -6 secret):19000:0:99999:7:::"; } >shadow
	chmod 600 shadow
	serve_proxy unshare --mount sh -c 'mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow &&
		exec danted -f "$PWD/conf" -p "$PWD/pid" -N 1'
	all_of_it --proxy "socks5h://sluice-test:secret@$proxy"
	all_of_it --proxy "socks5://sluice-test:secret@$proxy"
	refused 24 --proxy "socks5h://sluice-test:hunter2@$proxy"
	refused 24 --proxy "socks5h://$proxy"
	once --proxy "socks4a://$proxy" "$ORIGIN/gen/3/1"
	((status != 0)) || fail "SOCKS4 without a user was let in"
}

# squid behind TLS: it is checked as any server, and gets its credentials over TLS only
test_slow_proxies_squid_tls() {
	prepare_server squid
	echo "user:$(openssl passwd -apr1 secret)" >users
	{
		squid_conf | sed "s|^http_port.*|https_port 127.0.0.1:$port tls-cert=${CA%/*}/server.pem tls-key=${CA%/*}/server.key|"
		echo "auth_param basic program /usr/lib/squid/basic_ncsa_auth $PWD/users"
		printf '%s\n' 'acl known proxy_auth REQUIRED' 'http_access allow known' 'http_access deny all'
	} >conf
	squid -k parse -f "$PWD/conf" >parsed 2>&1 || skip "squid is built without TLS: $(grep -m 1 -i 'tls\|ssl\|https' parsed)"
	serve_squid
	all_of_it --cacert "$CA" --proxy "https://user:secret@$proxy"
	refused 24 --proxy "https://user:hunter2@$proxy"
	refused 24 --proxy "https://$proxy"
	once --proxy "https://user:secret@$proxy" "$ORIGIN/gen/3/1"
	expect 35 "certificate"
}
