# Downloads through proxies that others have written, as Debian has them: over HTTP and HTTPS, in segments, with and without a
# user.

. "$ROOT/scripts/lib/port.sh"

# Start COMMAND..., which listens on $port until the case ends. Sets $proxy, its address.
serve_proxy() { # command...
	"$@" >server.log 2>&1 &
	SERVER=$! # not local: the trap runs outside
	trap 'kill $SERVER; wait $SERVER' EXIT
	until_true 10 is_open
	proxy=127.0.0.1:$port
}

is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

prepare() { # program
	PATH=$PATH:/usr/sbin
	command -v "$1" >/dev/null || skip "no $1 here"
	port=$(free_port) || fail "no port"
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
	prepare tinyproxy
	printf '%s\n' "Port $port" 'Listen 127.0.0.1' 'Timeout 60' 'Allow 127.0.0.1' >conf
	serve_proxy tinyproxy -d -c conf
	all_of_it --proxy "http://$proxy"
	kill $SERVER
	wait $SERVER
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
	prepare squid
	{ squid_conf; echo 'http_access allow all'; } >conf
	serve_squid
	all_of_it --proxy "http://$proxy"
	kill $SERVER
	wait $SERVER
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
	kill $SERVER
	wait $SERVER
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
	prepare microsocks
	serve_proxy microsocks -i 127.0.0.1 -p "$port"
	all_of_it --proxy "socks5h://$proxy"
	all_of_it --proxy "socks5://$proxy"
	kill $SERVER
	wait $SERVER
	serve_proxy microsocks -i 127.0.0.1 -p "$port" -u user -P secret
	all_of_it --proxy "socks5h://user:secret@$proxy"
	refused 24 --proxy "socks5h://user:hunter2@$proxy"
	refused 24 --proxy "socks5h://$proxy"
}
