# HTTPS: nothing is downloaded from a server that is not authenticated, and no truncated stream counts as complete.

# tls PORT_NAME PATH: get it with the test authority
tls() { # port name, path
	local port=PORT_$1
	get --cacert "$CA" "https://localhost:${!port}/$2"
}

# each bad certificate is refused, with its reason and what to do
test_tls_certificates() {
	local name
	declare -A words=([expired]="expired" [future]="not yet valid" [wronghost]="mismatch" [nosan]="mismatch" [nulname]="mismatch"
		[selfsigned]="self" [stranger]="issuer" [falseca]="invalid CA")
	declare -A hints=([expired]="it ended on" [future]="it begins on" [wronghost]="it is for" [nosan]="holds no DNS name"
		[nulname]="it is for" [selfsigned]="--cacert" [stranger]="--cacert" [falseca]="must not")
	for name in "${!words[@]}"; do
		tls "$name" gen/10/1/f
		expect 35 "${hints[$name]}"
		grep -qi "${words[$name]}" err || fail "$name: does not say '${words[$name]}'"
		grep -q "cannot trust the certificate of 'localhost': .* (subject '/O=sluice tests/CN=.*', issuer '/O=sluice tests/CN=" err ||
			fail "$name: does not name the certificate"
		nothing_left
	done
}

# a certificate is trusted by the file given, and by no other
test_tls_cacert() {
	get "$ORIGINS/gen/10/1/f"
	expect 35 "--cacert"
	get --cacert "$WORK/certs/stranger.pem" "$ORIGINS/gen/10/1/f"
	expect 35
	nothing_left
	get --cacert "$WORK/certs/selfsigned.pem" "https://localhost:$PORT_selfsigned/gen/10/1/f"
	expect 0
	is_gen f 10 1
	get --cacert "$CA" "https://127.0.0.1:$PORT_https/gen/10/1/g"
	expect 0
	SSL_CERT_FILE=$CA get "$ORIGINS/gen/10/1/h"
	expect 0
	SSL_CERT_FILE=$CA get --cacert "$WORK/certs/stranger.pem" "$ORIGINS/gen/10/1/i"
	expect 35
	absent i
}

# a file of certificates that is missing or holds none
test_tls_bad_cacert() {
	echo "no certificate" >text
	: >empty
	mkdir directory
	local file
	for file in missing text empty directory; do
		get --cacert $file "$ORIGINS/gen/10/1/f"
		expect 35 "$file"
		nothing_left text empty directory
	done
}

# a directory of certificates, as openssl rehash prepares it, instead of a file
test_tls_capath() {
	mkdir hashed
	get --capath hashed "$ORIGINS/gen/10/1/f"
	expect 35 "openssl rehash"
	cp "$CA" hashed/
	openssl rehash hashed >rehash.log 2>&1 || fail "openssl rehash"
	get --capath hashed "$ORIGINS/gen/10/1/f"
	expect 0
	is_gen f 10 1
	get --capath hashed "https://localhost:$PORT_stranger/gen/10/1/g"
	expect 35 "in the directory given with --capath"
	absent g
}

# without verification, which the start and the end of the run report
test_tls_insecure() {
	get --insecure "https://localhost:$PORT_expired/gen/10/1/f" "https://localhost:$PORT_wronghost/gen/10/2/g"
	expect 0
	is_gen f 10 1
	is_gen g 10 2
	[[ $(grep -c "certificates are not verified (--insecure)" err) == 1 ]] || fail "not one warning"
	grep -q "; certificates were not verified (--insecure)" err || fail "not in the summary"
	get --insecure --cacert "$CA" "$ORIGINS/gen/10/1/h"
	expect 28 "use one of them"
	absent h
}

# -v names version, cipher and certificate; the secrets go to a file only if they are asked for
test_tls_verbose() {
	get -v --cacert "$CA" "$ORIGINS/gen/10/1/f"
	expect 0
	grep -Eq "connected to localhost \(127\.0\.0\.1:[0-9]+\) by TLSv1\.3, TLS_[A-Z0-9_]+, certificate '/O=sluice tests/CN=localhost' \
issued by '/O=sluice tests/CN=sluice test authority', valid until 20[0-9-]{8}$" err || fail "the connection is not described"
	! grep -q SSLKEYLOGFILE err || fail "secrets are named without need"
	SSLKEYLOGFILE=secrets get --cacert "$CA" "$ORIGINS/gen/10/1/g"
	expect 0 "(SSLKEYLOGFILE)"
	grep -q "^CLIENT_TRAFFIC_SECRET_0 " secrets || fail "no secrets"
	[[ $(stat -c %a secrets) == 600 ]] || fail "others may read the secrets"
	SSLKEYLOGFILE=no/such get --cacert "$CA" "$ORIGINS/gen/10/1/h"
	expect 35 "SSLKEYLOGFILE"
	absent h
}

# the oldest version of TLS, and a server's public key
test_tls_least_version_and_pin() {
	local pin
	with_nginx
	get --tls-min 1.3 --cacert "$CA" "$ORIGINS/gen/10/1/f"
	expect 0
	get --tls-min 1.3 --cacert "$NGINX_CA" "$NGINX_MTLS/who"
	expect 35 "server does not offer TLS 1.3, which --tls-min requires"
	pin=sha256//$(openssl x509 -in "$WORK/certs/server.pem" -pubkey -noout | tee public.pem |
		openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
	get --pinnedpubkey "$pin" --cacert "$CA" "$ORIGINS/gen/10/1/g"
	expect 0
	get --pinnedpubkey public.pem --cacert "$CA" "$ORIGINS/gen/10/1/h"
	expect 0
	get --pinnedpubkey "$pin" --cacert "$NGINX_CA" "$NGINXS/file.bin"
	expect 35 "the public key of 'localhost' is not one of those given with --pinnedpubkey"
	absent file.bin
	get --pinnedpubkey sha256//AAAA --cacert "$CA" "$ORIGINS/gen/10/1/i"
	expect 28 "44 characters"
}

# a server that asks for certificates of clients gets ours
test_tls_client_certificate() {
	local prefix=$WORK/nginx
	with_nginx
	get --cacert "$NGINX_CA" --cert "$prefix/client.pem" --key "$prefix/client.key" "$NGINX_MTLS/who" "$NGINX_MTLS/large.bin"
	expect 0
	[[ $(cat who) == "CN=nginx test client" ]] || fail "it is $(cat who)"
	same large.bin "$DOCS/large.bin"
	cat "$prefix/client.key" "$prefix/client.pem" >both.pem
	get --cacert "$NGINX_CA" --cert both.pem "$NGINX_MTLS/file.bin"
	expect 0
	same file.bin "$DOCS/file.bin"
	rm -f who large.bin file.bin
	get --cacert "$NGINX_CA" "$NGINX_MTLS/file.bin"
	[[ $status != 0 ]] || fail "without a certificate"
	get --cacert "$NGINX_CA" --cert "$WORK/certs/client.pem" --key "$WORK/certs/client.key" "$NGINX_MTLS/file.bin"
	[[ $status != 0 ]] || fail "with a certificate of another authority"
	get --cacert "$NGINX_CA" --cert "$WORK/certs/encrypted.pem" --key "$WORK/certs/encrypted.key" "$NGINX_MTLS/file.bin"
	expect 35 "is encrypted"
	get --cacert "$NGINX_CA" --cert "$prefix/client.pem" --key "$WORK/certs/client.key" "$NGINX_MTLS/file.bin"
	expect 35 "does not belong to the certificate"
	get --key "$prefix/client.key" "$NGINX_MTLS/file.bin"
	expect 28 "--cert"
	absent file.bin
}

# an address that the certificate holds, and a name that it does not hold, though it is the same machine
test_tls_other_address() {
	tls wronghost gen/10/1/f
	expect 35 "it is for other.example"
	nothing_left
	[[ ${PORT_https6-} ]] || skip "no IPv6 here"
	get --cacert "$CA" "https://[::1]:$PORT_https6/gen/10/1/f"
	expect 0
	is_gen f 10 1
}

# an intermediate certificate: sent by the server, missing, or the one that is trusted
test_tls_intermediate() {
	tls chained gen/10/1/f
	expect 0
	is_gen f 10 1
	tls incomplete gen/10/1/g
	expect 35 "the server did not send an intermediate certificate"
	grep -q "sluice test intermediate" err || fail "the issuer is not named"
	absent g
	get --cacert "$WORK/certs/intermediate.pem" "https://localhost:$PORT_incomplete/gen/10/1/g"
	expect 0
	is_gen g 10 1
}

# a machine without CA certificates: told so, with where they were looked for; http needs none
test_tls_empty_store() {
	export SSL_CERT_FILE=$PWD/none.pem SSL_CERT_DIR=$PWD/none
	get "$ORIGINS/gen/10/1/f" "$ORIGIN/gen/10/1/g"
	expect 35 "no CA certificates were found in '$PWD/none.pem' and '$PWD/none'"
	grep -q "install the package ca-certificates" err || fail "no remedy"
	is_gen g 10 1
	absent f
}

# TLS 1.1 is too old
test_tls_old_version() {
	tls old gen/10/1/f
	expect 35 "TLS 1.2"
	nothing_left
}

# a port without TLS where it is expected, and the other way round
test_tls_plain_server() {
	if [[ $NGINX ]]; then
		get "https://${NGINX#http://}/file.bin"
		expect 35 "does not use TLS"
	fi
	once "http://localhost:$PORT_https/gen/10/1/f"
	expect 6
	once --connect-timeout 300ms "https://127.0.0.1:$PORT_silent/f"
	expect 2 "TLS handshake with '127.0.0.1' failed: timed out; --connect-timeout sets this limit"
	# Its end may come before the hello or as the answer to it.
	once "https://127.0.0.1:$PORT_hangup/f"
	[[ $status == 6 || $status == 35 ]] || fail "a server that hangs up: exit $status"
	grep -q "TLS handshake with '127.0.0.1' failed" err || fail "the handshake is not named"
	once "https://127.0.0.1:$PORT_closed/f"
	expect 6 "refused"
	nothing_left
}

# a body whose end is the connection's needs TLS to say so; other bodies have their own end
test_tls_truncation() {
	get --cacert "$CA" "$ORIGINS/close/5000" -o f
	expect 0
	[[ $(stat -c %s f) == 5000 ]] || fail "$(stat -c %s f) bytes"
	local path
	for path in truncate/5000 truncate/3000000 nonotify/untilclose/gen/5000/1; do
		once --cacert "$CA" "$ORIGINS/$path" -o g
		expect 22 "close_notify"
		nothing_left f
	done
	get --cacert "$CA" "$ORIGINS/nonotify/gen/5000/1" -o g
	expect 0
	is_gen g 5000 1
	get --cacert "$CA" "$ORIGINS/nonotify/chunked/gen/5000/1" -o h
	expect 0
	is_gen h 5000 1
	once --cacert "$CA" "$ORIGINS/reset/3000/5000" -o i
	expect 6 "reset"
	absent i
}

# bad and good servers in one run, and sessions used again
test_tls_many() {
	get --cacert "$CA" -j 8 "$ORIGINS"/gen/300000/{1,2,3,4,5,6,7,8,9,10,11,12} "https://localhost:$PORT_expired/gen/10/99" \
		"$ORIGIN/gen/300000/13" "$ORIGINS"/last/gen/300000/{14,15,16,17,18,19,20}
	expect 35 "expired"
	local i
	for i in {1..20}; do
		is_gen "$i" 300000 "$i"
	done
	absent 99
	no_parts
}

# the memory of TLS connections counts in --max-memory: their number follows, and plain ones are not concerned
test_tls_memory() {
	local i most
	get --cacert "$CA" --max-memory 8M -j 30 -x 30 "$ORIGINS"/tag/tlsmemory/after/100/gen/1000/{1..40}
	expect 0 "at most 28 TLS connections at once: --max-memory is too small"
	most=$(counter tlsmemory most)
	((most <= 28)) || fail "$most at once"
	for i in {1..40}; do
		is_gen "$i" 1000 "$i"
	done
	rm -f ./[0-9]*
	get --max-memory 8M -j 30 -x 30 "$ORIGIN"/gen/1000/{1..40}
	expect 0
	! grep -q TLS err || fail "TLS is named without need"
}

# the system's store is used where no file is given, and nginx behaves as the test origin does
test_tls_nginx() {
	with_nginx
	get "$NGINXS/file.bin"
	expect 35
	get --cacert "$CA" "$NGINXS/file.bin"
	expect 35
	nothing_left
	get --cacert "$NGINX_CA" -j 4 "$NGINXS/large.bin" "$NGINXS/file.bin" "$NGINXS/empty"
	expect 0
	same large.bin "$DOCS/large.bin"
	same file.bin "$DOCS/file.bin"
	get --cacert "$NGINX_CA" "$ORIGIN/redirect-to?url=${NGINXS//:/%3a}%2ffile.bin" -o redirected
	expect 0
	same redirected "$DOCS/file.bin"
	get --cacert "$NGINX_CA" "$NGINXS/nothing"
	expect 3
}
