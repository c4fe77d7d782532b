# Downloads from servers that others have written, as Debian has them: in segments where the server has ranges and a validator,
# killed and resumed, again, and while the file is replaced.

. "$ROOT/scripts/lib/server.sh"

SIZE=30000000

# Start COMMAND..., which serves ./docs on $port until the case ends. Sets $url.
serve() { # command...
	start_server "$@"
	url=http://127.0.0.1:$port
}

prepare() { # program
	prepare_server "$1"
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

# The head of Apache's configuration, with these modules, into ./conf.
apache_conf() { # module...
	local modules=/usr/lib/apache2/modules module
	cat >conf <<-END
		ServerRoot $PWD
		ServerName localhost
		PidFile $PWD/pid
		Listen 127.0.0.1:$port
		DocumentRoot $PWD/docs
		ErrorLog $PWD/error.log
		DefaultRuntimeDir $PWD
		Mutex file:$PWD
		$( ((EUID != 0)) || printf 'User nobody\nGroup nogroup')
	END
	for module in mpm_event authz_core "$@"; do
		[[ -f $modules/mod_$module.so ]] || skip "no mod_$module here"
		echo "LoadModule ${module}_module $modules/mod_$module.so" >>conf
	done
}

# Apache: strong ETags of size and time
test_slow_servers_apache() {
	prepare apache2
	apache_conf
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
	prepare apache2
	printf 'me:tests, of all:%s\n' "$(printf 'me:tests, of all:pass word' | md5sum | cut -d ' ' -f 1)" >users
	chmod 644 users
	apache_conf authn_core authn_file authz_user auth_digest
	cat >>conf <<-END
		<Location "/">
			AuthType Digest
			AuthName "tests, of all"
			AuthDigestDomain /
			AuthUserFile $PWD/users
			Require valid-user
		</Location>
	END
	serve apache2 -X -f "$PWD/conf"
	digest
}

# lighttpd asks for Digest with SHA-256 and MD5
test_slow_servers_lighttpd_digest() {
	prepare lighttpd
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

# What the server has under text/ is text, and comes in each coding that it applies, and as it is: nothing is fetched again.
codings() { # url of text/, coding...
	local coding from=$1
	shift
	seq 1 2000000 >docs/text
	touch -d '2 days ago' docs/text
	for coding; do
		printf '%s/text\n header=Accept-Encoding: %s\n' "$from" "$coding" >list
		get -v --compressed -i list
		expect 0 "and decoded"
		same text docs/text
		get --json --compressed "$from/text"
		expect 0
		[[ $(number bytes) == 0 ]] || fail "$(number bytes) bytes were fetched again"
		rm text
	done
	get -v --compressed "$from/text"
	expect 0 "and decoded"
	same text docs/text
	segments --compressed "$url/large" # random bytes
	expect 0
	is_gen large $SIZE 1
}

# Apache with mod_deflate and mod_brotli, and a file that it takes for one with a coding
test_slow_servers_apache_codings() {
	prepare apache2
	gzip -c docs/small9 >docs/small9.gz
	apache_conf filter deflate brotli mime
	cat >>conf <<-END
		TypesConfig /dev/null
		AddEncoding x-gzip .gz
		<Location /text>
			SetOutputFilter BROTLI_COMPRESS;DEFLATE
		</Location>
	END
	serve apache2 -X -f "$PWD/conf"
	codings "$url" gzip br
	get --compressed "$url/small9.gz"
	expect 0
	same small9.gz docs/small9.gz
}

# nginx with gzip and brotli
test_slow_servers_nginx_codings() {
	prepare nginx
	local module=/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so
	[[ -e $module ]] || skip "no $module here"
	mkdir tmp
	cat >conf <<-END
		$( ((EUID != 0)) || echo 'user nobody nogroup;')
		load_module $module;
		pid $PWD/pid;
		daemon off;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
			server {
				listen 127.0.0.1:$port;
				root $PWD/docs;
				location /text { gzip on; gzip_types *; brotli on; brotli_types *; }
			}
		}
	END
	serve nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/conf"
	codings "$url" gzip br
}

# All files come by HTTP/2, and by HTTP/1.1 where that is asked for; the server logs the versions in ./versions.
by_http2() {
	url=https://127.0.0.1:$port
	get -q --cacert "$CA" "$url/large" "$url"/small{2,3,4,5,6,7,8,9} "$url/empty"
	expect 0
	everything
	until_true 20 has_logged 10
	! grep -v 'HTTP/2.0' versions || fail "not all requests were of HTTP/2"
	: >versions
	get -q --cacert "$CA" --http1.1 --if-exists replace "$url"/small{2,3,4,5,6,7,8,9}
	expect 0
	everything
	until_true 20 has_logged 8
	! grep -v 'HTTP/1.1' versions || fail "not all requests were of HTTP/1.1"
}

# Requests are logged when they are done, which may be after their last byte.
has_logged() { # count
	(($(wc -l <versions) >= $1))
}

# nginx with HTTP/2: all files on few connections; and by HTTP/1.1 where that is asked for
test_slow_servers_nginx_http2() {
	prepare nginx
	mkdir tmp
	cat >conf <<-END
		$( ((EUID != 0)) || echo 'user nobody nogroup;')
		pid $PWD/pid;
		daemon off;
		events { worker_connections 64; }
		http {
			log_format version '\$server_protocol';
			access_log $PWD/versions version;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
			server {
				listen 127.0.0.1:$port ssl http2;
				ssl_certificate ${CA%/*}/server.pem;
				ssl_certificate_key ${CA%/*}/server.key;
				root $PWD/docs;
			}
		}
	END
	serve nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/conf"
	by_http2
}

# Apache with HTTP/2: the same
test_slow_servers_apache_http2() {
	prepare apache2
	apache_conf http2 ssl
	cat >>conf <<-END
		Protocols h2 http/1.1
		LogFormat "%H" version
		CustomLog $PWD/versions version
		SSLEngine on
		SSLCertificateFile ${CA%/*}/server.pem
		SSLCertificateKeyFile ${CA%/*}/server.key
		SSLSessionCache none
	END
	serve apache2 -X -f "$PWD/conf"
	by_http2
}

# A page that nginx makes of a directory is a file like another; what it links to is not followed
test_slow_servers_nginx_autoindex() {
	prepare nginx
	mkdir tmp
	cat >conf <<-END
		$( ((EUID != 0)) || echo 'user nobody nogroup;')
		pid $PWD/pid;
		daemon off;
		events { worker_connections 64; }
		http {
			access_log $PWD/requests;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
			server {
				listen 127.0.0.1:$port;
				root $PWD/docs;
				autoindex on;
				gzip on;
			}
		}
	END
	mkdir "docs/old logs"
	cp docs/small2 "docs/old logs/a&b <1>"
	chmod -R a+rX docs
	serve nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/conf"
	get -q "$url/"
	expect 0
		grep -q 'href="large"' index.html || fail "not the list of files"
	get -q -d sub "$url/old%20logs/" # in its own directory: index.html is taken
	expect 0
	grep -q '>a&amp;b &lt;1&gt;</a>' sub/index.html || fail "not the list of files"
	get -q --compressed -d again "$url/old%20logs/"
	expect 0
	same sub/index.html again/index.html
	get -q -d whole "$url/old%20logs" # without the slash: by a redirect, named as it was typed
	expect 0
	same sub/index.html "whole/old logs"
	get -q "$url/old%20logs/a%26b%20%3C1%3E"
	expect 0
	is_gen "a&b <1>" 18000 2
	! grep -q 'large\|small' requests || fail "a link of the page was followed"
}

# nginx compresses the whole file and not a range of it, and then its ETag is a weak one
test_slow_servers_nginx_gzip_ranges() {
	prepare nginx
	mkdir tmp
	cat >conf <<-END
		$( ((EUID != 0)) || echo 'user nobody nogroup;')
		pid $PWD/pid;
		daemon off;
		events { worker_connections 64; }
		http {
			access_log off;
			default_type text/plain;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
			server {
				listen 127.0.0.1:$port;
				root $PWD/docs;
				gzip on;
				gzip_types *;
				gzip_min_length 1;
			}
		}
	END
	serve nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/conf"
	all_of_it ranges
	rm -f large small?
	cp -p docs/small9 docs/large2
	"$ORIGIN_TOOL" --gen $SIZE 1 >docs/large # all_of_it has replaced it
	touch -d '2 days ago' docs/large
	segments --compressed "$url/large" "$url"/small{2,3,4,5,6,7,8,9}
	expect 0
	everything
	killed_and_run_again stream large --compressed
	is_gen large $SIZE 1
}

# What is left of a run that was killed is used, or is not, for the right file.
killed_and_run_again() { # ranges | stream, path, options...
	local kind=$1 path=$2
	shift 2
	rm -f large
	start get -q "$@" -s 4 -x 4 -k 1M --limit-rate 4M "$url/$path"
	until_true 20 has_grown "$kind"
	kill -KILL $pid
	wait $pid 2>/dev/null
	absent large
	segments "$@" "$url/$path"
	expect 0
}

# What Apache can be told to do about ranges and validators: each name is a path with a rule of its own, all with the same
# files; and whether a run that is killed there keeps what the next one may use.
ODD_RANGES='
none    stream MaxRanges none
default ranges FileETag None
ignored ranges RequestHeader unset Range
open    ranges RequestHeader edit Range "-[0-9]+$" "-"
many    ranges RequestHeader edit Range "^bytes=" "bytes=0-0,"
early   ranges RequestHeader edit Range "^bytes=\d+-" "bytes=1-"
always  ranges RequestHeader unset If-Range
weak    ranges Header edit ETag "^" "W/"
bare    ranges Header unset ETag
'

# Apache answers ranges in each odd way that its modules have: the file is right, in segments and after a kill
test_slow_servers_apache_odd_ranges() {
	prepare apache2
	local name kind rule
	apache_conf headers
	while read -r name kind rule; do
		[[ $name ]] || continue
		ln -s . "docs/$name"
		printf '<Location /%s>\n\t%s\n</Location>\n' "$name" "$rule" >>conf
	done <<<"$ODD_RANGES"
	serve apache2 -X -f "$PWD/conf"
	while read -r name kind rule; do
		[[ $name ]] || continue
		segments "$url/$name/large" "$url/$name"/small{2,3,4,5,6,7,8,9} "$url/$name/empty"
		expect 0
		everything
		killed_and_run_again "$kind" "$name/large"
		everything
		rm large small? empty
	done <<<"$ODD_RANGES"
}

# lighttpd: validators for files of a known type
test_slow_servers_lighttpd() {
	prepare lighttpd
	cat >conf <<-END
		server.document-root = "$PWD/docs"
		server.bind = "127.0.0.1"
		server.port = $port
		mimetype.assign = ( "" => "application/octet-stream" )
	END
	serve lighttpd -D -f conf
	all_of_it ranges
}

# Caddy without an administration port and without a network: it has our certificate, which is ours to trust.
serve_caddy() { # protocols, directives...
	local protocols=$1
	shift
	export HOME=$PWD XDG_DATA_HOME=$PWD XDG_CONFIG_HOME=$PWD SSL_CERT_FILE=$CA
	cat >Caddyfile <<-END
		{
			admin off
			auto_https off
			servers {
				protocols $protocols
			}
		}
		$site {
			bind 127.0.0.1
			root * docs
			file_server
			log {
				output file $PWD/requests
			}
			$(printf '%s\n' "$@")
		}
	END
	serve caddy run --config Caddyfile --adapter caddyfile
}

# Caddy
test_slow_servers_caddy() {
	prepare caddy
	site=http://127.0.0.1:$port
	serve_caddy h1
	all_of_it ranges
}

# Caddy over TLS, by HTTP/1.1 and by HTTP/2
test_slow_servers_caddy_tls() {
	prepare caddy
	site=https://127.0.0.1:$port
	serve_caddy 'h1 h2' "tls ${CA%/*}/server.pem ${CA%/*}/server.key"
	url=$site
	all_of_it ranges
	grep -q '"proto":"HTTP/2.0"' requests || fail "no request was of HTTP/2"
	get --http1.1 -s 4 -k 1M --if-exists replace "$url"/small{2,3,4,5,6,7,8,9}
	expect 0
	grep -q '"proto":"HTTP/1.1"' requests || fail "no request was of HTTP/1.1"
	SSL_CERT_FILE=/dev/null get "$url/small2" -o none
	((status == 35)) || fail "exit status $status with a certificate that is not trusted"
}

# Caddy with HTTP/1.1 alone over TLS
test_slow_servers_caddy_http1() {
	prepare caddy
	site=https://127.0.0.1:$port
	serve_caddy h1 "tls ${CA%/*}/server.pem ${CA%/*}/server.key"
	url=$site
	all_of_it ranges
	! grep -q '"proto":"HTTP/2.0"' requests || fail "a request was of HTTP/2"
}

# Caddy compresses with gzip and zstd
test_slow_servers_caddy_codings() {
	prepare caddy
	site=https://127.0.0.1:$port
	serve_caddy 'h1 h2' "tls ${CA%/*}/server.pem ${CA%/*}/server.key" 'encode zstd gzip'
	url=$site
	codings "$url" gzip zstd
}

# busybox: ranges and Last-Modified, no ETag, a connection for each request
test_slow_servers_busybox() {
	prepare busybox
	serve busybox httpd -f -p "127.0.0.1:$port" -h docs
	all_of_it ranges
}

# python: no ranges, HTTP/1.0
test_slow_servers_python() {
	prepare python3
	serve python3 -m http.server --bind 127.0.0.1 --directory docs "$port"
	all_of_it stream
}
