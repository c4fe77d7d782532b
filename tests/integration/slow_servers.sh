# Downloads from servers that others have written, as Debian has them: in segments where the server has ranges and a validator,
# killed and resumed, again, and while the file is replaced.

. "$ROOT/scripts/lib/port.sh"

SIZE=30000000

# Start COMMAND..., which serves ./docs on $port until the case ends. Sets $url.
serve() { # command...
	command -v "$1" >/dev/null || skip "no $1 here"
	"$@" >server.log 2>&1 &
	SERVER=$! # not local: the trap runs outside
	trap 'kill $SERVER; wait $SERVER' EXIT
	until_true 10 is_open
	url=http://127.0.0.1:$port
}

is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

prepare() {
	PATH=$PATH:/usr/sbin
	port=$(free_port) || fail "no port"
	mkdir docs
	chmod 755 . docs # some servers give up root
	local i
	"$ORIGIN_TOOL" --gen $SIZE 1 >docs/large
	for i in 2 3 4 5 6 7 8 9; do
		"$ORIGIN_TOOL" --gen $((i * 9000)) $i >docs/small$i
	done
	: >docs/empty
	touch -d '2 days ago' docs/*
}

# The number of a field of the run's last event in ./out.
number() {
	sed -n "s/.*\"type\":\"run_summary\".*\"$1\":\([0-9]*\).*/\1/p" out
}

segments() { # url...
	get --json -s 4 -x 4 -k 1M --retry-max-wait 1s "$@"
}

everything() {
	local i
	for i in 2 3 4 5 6 7 8 9; do
		is_gen small$i $((i * 9000)) $i
	done
	is_gen large $SIZE 1
	[[ -f empty && ! -s empty ]] || fail "empty is not there, or not empty"
	no_parts
}

# What every server must do. With "ranges": what was there is used after a kill.
all_of_it() { # ranges | stream
	segments "$url/large" "$url"/small{2,3,4,5,6,7,8,9} "$url/empty"
	expect 0
	everything
	segments "$url/large" "$url"/small{2,3,4,5,6,7,8,9} "$url/empty"
	expect 0
	everything
	[[ $(number bytes) == 0 ]] || fail "$(number bytes) bytes were fetched again"
	rm large
	start get -q -s 4 -x 4 -k 1M --limit-rate 10M "$url/large"
	until_true 20 has_grown "$1"
	kill -KILL $pid
	wait $pid 2>/dev/null
	absent large
	segments "$url/large"
	expect 0
	everything
	[[ $1 == stream || $(number resumed) -gt 1000000 ]] || fail "$(number resumed) bytes were resumed"
	replaced
	segments "$url/none"
	expect 3 "404"
}

# More than 1 MB was received, and will be used if the server has ranges.
has_grown() { # ranges | stream
	if [[ $1 == ranges ]]; then
		has_records large 3 # of 1 MiB
	else
		has_part
	fi
}

has_part() {
	compgen -G 'large.sluice-part*' >/dev/null
}

# Another file with that name, as large, in the middle: one of both comes, or an error and nothing.
replaced() {
	rm large
	"$ORIGIN_TOOL" --gen $SIZE 11 >docs/new
	start get -q -s 4 -x 4 -k 1M --limit-rate 20M --retry-max-wait 1s "$url/large"
	until_true 10 has_part
	mv docs/new docs/large
	finish 60
	if ((status == 0)); then
		cmp -s large docs/large || is_gen large $SIZE 1
	else
		absent large
	fi
}

# Apache: strong ETags of size and time
test_slow_servers_apache() {
	prepare
	local modules=/usr/lib/apache2/modules
	cat >conf <<-END
		ServerRoot $PWD
		ServerName localhost
		PidFile $PWD/pid
		Listen 127.0.0.1:$port
		LoadModule mpm_event_module $modules/mod_mpm_event.so
		LoadModule authz_core_module $modules/mod_authz_core.so
		DocumentRoot $PWD/docs
		ErrorLog $PWD/error.log
		Mutex file:$PWD
		$( ((EUID != 0)) || printf 'User nobody\nGroup nogroup')
	END
	serve apache2 -X -f "$PWD/conf"
	all_of_it ranges
}

# Digest credentials: a request more for all files, in segments too; a wrong password fails
digest() { # [-j 1 ...]
	get -j 1 --digest -u "me:pass word" -s 4 -k 1M "$url/large" "$url"/small{2,3,4,5,6,7,8,9} "$url/empty"
	expect 0
	everything
	get --digest -u me:wrong "$url/small2" -o wrong
	expect 24 "it does not accept these credentials"
	get "$url/small2" -o none
	expect 24 "give credentials with --user"
	printf 'machine 127.0.0.1 login me password "pass word"\n' >netrc
	chmod 600 netrc
	get --netrc-file netrc "$url/small3?a=b&c" -o netrc3
	expect 0
	is_gen netrc3 27000 3
}

# Apache httpd asks for Digest with MD5
test_slow_servers_apache_digest() {
	prepare
	local modules=/usr/lib/apache2/modules
	[[ -f $modules/mod_auth_digest.so ]] || skip "no mod_auth_digest here"
	printf 'me:tests, of all:%s\n' "$(printf 'me:tests, of all:pass word' | md5sum | cut -d ' ' -f 1)" >users
	chmod 644 users
	cat >conf <<-END
		ServerRoot $PWD
		ServerName localhost
		PidFile $PWD/pid
		Listen 127.0.0.1:$port
		LoadModule mpm_event_module $modules/mod_mpm_event.so
		LoadModule authn_core_module $modules/mod_authn_core.so
		LoadModule authn_file_module $modules/mod_authn_file.so
		LoadModule authz_core_module $modules/mod_authz_core.so
		LoadModule authz_user_module $modules/mod_authz_user.so
		LoadModule auth_digest_module $modules/mod_auth_digest.so
		DocumentRoot $PWD/docs
		<Location "/">
			AuthType Digest
			AuthName "tests, of all"
			AuthDigestDomain /
			AuthUserFile $PWD/users
			Require valid-user
		</Location>
		ErrorLog $PWD/error.log
		DefaultRuntimeDir $PWD
		Mutex file:$PWD
		$( ((EUID != 0)) || printf 'User nobody\nGroup nogroup')
	END
	serve apache2 -X -f "$PWD/conf"
	digest
}

# lighttpd asks for Digest with SHA-256 and MD5
test_slow_servers_lighttpd_digest() {
	prepare
	echo 'me:pass word' >users
	chmod 644 users
	cat >conf <<-END
		server.modules = ( "mod_auth", "mod_authn_file" )
		server.document-root = "$PWD/docs"
		server.bind = "127.0.0.1"
		server.port = $port
		mimetype.assign = ( "" => "application/octet-stream" )
		auth.backend = "plain"
		auth.backend.plain.userfile = "$PWD/users"
		auth.require = ( "/" => ( "method" => "digest", "realm" => "tests", "require" => "valid-user", "algorithm" => "MD5|SHA-256" ) )
	END
	serve lighttpd -D -f conf
	digest
	get -vv --digest -u "me:pass word" "$url/small2" -o again
	expect 0
}

# lighttpd: validators for files of a known type
test_slow_servers_lighttpd() {
	prepare
	cat >conf <<-END
		server.document-root = "$PWD/docs"
		server.bind = "127.0.0.1"
		server.port = $port
		mimetype.assign = ( "" => "application/octet-stream" )
	END
	serve lighttpd -D -f conf
	all_of_it ranges
}

# Caddy
test_slow_servers_caddy() {
	prepare
	export HOME=$PWD XDG_DATA_HOME=$PWD XDG_CONFIG_HOME=$PWD
	printf '{\n\tadmin off\n\tauto_https off\n}\nhttp://127.0.0.1:%s {\n\troot * docs\n\tfile_server\n}\n' "$port" >Caddyfile
	serve caddy run --config Caddyfile
	all_of_it ranges
}

# busybox: ranges and Last-Modified, no ETag, a connection for each request
test_slow_servers_busybox() {
	prepare
	serve busybox httpd -f -p "127.0.0.1:$port" -h docs
	all_of_it ranges
}

# python: no ranges, HTTP/1.0
test_slow_servers_python() {
	prepare
	serve python3 -m http.server --bind 127.0.0.1 --directory docs "$port"
	all_of_it stream
}
