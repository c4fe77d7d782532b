# --aws-sigv4: which requests are signed, with which keys, and what is shown of them.

HOST=127.0.0.1
STORE=$ORIGIN/sigv4/AKID/hidden-secret/us-east-1

# sluice with an empty home directory and only the given variables of AWS
aws() { # variables -- arguments
	local name variables=()
	for name in $(compgen -e AWS_ || true); do
		variables+=(-u "$name")
	done
	while [[ $1 != -- ]]; do
		variables+=("$1")
		shift
	done
	shift
	status=0
	env "${variables[@]}" HOME="$PWD/home" timeout "$LIMIT" "$S" "$@" >out 2>err </dev/null || status=$?
}

KEYS=(AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=hidden-secret)

# keys of the environment and of --user sign each request, also of segments, in any notation of the URL
test_aws_keys() {
	aws "${KEYS[@]}" -- get --aws-sigv4 aws:amz "$STORE/gen/10/1?b=2&a=%2f+x&list&a=(1)"
	expect 0
	is_gen 1 10 1
	aws AWS_REGION=there -- get --aws-sigv4 aws -u AKID:a%2Fb~c "$ORIGIN/sigv4/AKID/a%2Fb~c/there/gen/10/2"
	expect 0
	is_gen 2 10 2
	aws AWS_REGION=there -- get --aws-sigv4 aws:amz:here:s3 -u "AKID:(!)" "$ORIGIN/sigv4/AKID/(!)/here/gen/10/3"
	expect 0
	aws "${KEYS[@]}" AWS_DEFAULT_REGION=us-east-1 -- get -vv --aws-sigv4 aws -s 4 -k 1M \
		"$ORIGIN/ranges/etag/v1/tag/aws_keys${STORE#"$ORIGIN"}/gen/4000000/77"
	expect 0
	is_gen 77 4000000 77
	(($(counter aws_keys ranges) > 1)) || fail "$(counter aws_keys ranges) ranges"
	aws "${KEYS[@]}" AWS_SESSION_TOKEN=hidden-token -- get -vv --aws-sigv4 aws \
		"$ORIGIN/sigv4/AKID+hidden-token/hidden-secret/us-east-1/gen/10/4"
	expect 0
	aws "${KEYS[@]}" AWS_SESSION_TOKEN=hidden-token -- get -vv --aws-sigv4 aws "$ORIGIN/echo-headers" -o f
	expect 0
	grep -qi '^x-amz-security-token: hidden-token' f || fail "$(cat f)"
	! grep 'Signature=[0-9a-f]\|: hidden-' err || fail "shown: $(cat err)"
}

# profiles, and what is wrong with them
test_aws_profiles() {
	mkdir -p home/.aws
	printf '[default]\naws_access_key_id = AKID\naws_secret_access_key = hidden-secret\n' >home/.aws/credentials
	printf '[profile other]\nregion = there\n[profile sso]\nsso_session = x\n' >home/.aws/config
	chmod 600 home/.aws/credentials
	aws -- get --aws-sigv4 aws "$STORE/gen/10/1"
	expect 0
	[[ ! -s err ]] || ! grep -q 'other users' err || fail "a warning: $(cat err)"
	printf '[other]\naws_access_key_id = OTHER\naws_secret_access_key = word\naws_session_token = t\n' >mine
	chmod 644 mine
	aws AWS_PROFILE=other AWS_SHARED_CREDENTIALS_FILE=mine -- get --aws-sigv4 aws "$ORIGIN/sigv4/OTHER+t/word/there/gen/10/2"
	expect 0 "'mine' contains passwords and can be read by other users"
	aws AWS_PROFILE=sso -- get --aws-sigv4 aws "$STORE/gen/10/3"
	expect 28 "has no access keys but sso_session"
	aws AWS_PROFILE=missing -- get --aws-sigv4 aws "$STORE/gen/10/3"
	expect 28 "the AWS profile 'missing' is neither in"
	aws AWS_SHARED_CREDENTIALS_FILE=none -- get --aws-sigv4 aws "$STORE/gen/10/3"
	expect 28 "--aws-sigv4 needs access keys"
	printf '[default]\nhidden-secret\n' >mine
	aws AWS_SHARED_CREDENTIALS_FILE=mine -- get --aws-sigv4 aws "$STORE/gen/10/3"
	expect 28 "'mine', line 2: it is neither"
	! grep -q hidden err || fail "shown: $(cat err)"
}

# redirects and lists: a signature is made for each URL, and only for those that credentials may go to
test_aws_scope() {
	local other=http://$HOST:$PORT_other
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/redirect-to?url=$STORE/gen/10/1" -o same
	expect 0
	is_gen same 10 1
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/redirect-to?url=$other/echo-headers" -o f
	expect 0
	! grep -qi 'authorization\|x-amz' f || fail "sent: $(cat f)"
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/redirect-to?url=$other/sigv4/AKID/hidden-secret/us-east-1/gen/10/1" -o g
	expect 24 "the credentials are not for this origin (--auth-origin"
	aws "${KEYS[@]}" -- get --aws-sigv4 aws --auth-origin "$other" "$ORIGIN/redirect-to?url=$other/sigv4/AKID/hidden-secret/us-east-1/gen/10/1" -o g
	expect 0
	printf '%s\n out=listed\n header=x-amz-request-payer: requester\n' "$STORE/gen/10/2" >"$DOCS/aws.list"
	aws "${KEYS[@]}" -- get -H 'x-amz-meta: a  b' --aws-sigv4 aws -i "$STORE/aws.list"
	expect 0
	is_gen listed 10 2
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/echo-headers?X-Amz-Credential=a&X-Amz-Signature=b" -o signed
	expect 0
	! grep -qi '^authorization\|^x-amz' signed || fail "sent: $(cat signed)"
}

# refusals say what to do
test_aws_refusals() {
	aws AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=wrong-word -- get -v --aws-sigv4 aws "$STORE/gen/10/1"
	expect 24 "signed for the region 'us-east-1': the server does not accept"
	grep -q '<Code>SignatureDoesNotMatch</Code>' err || fail "$(cat err)"
	! grep -q 'wrong-word\|<AWSAccessKeyId>AKID' err || fail "shown: $(cat err)"
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/sigv4-skewed"
	expect 24 "the clock of this computer differs from that of the server by"
	aws "${KEYS[@]}" -- get --aws-sigv4 aws "$ORIGIN/sigv4-elsewhere/eu-west-1/301" "$ORIGIN/sigv4-elsewhere/eu-west-1/400"
	[[ $(grep -c "the bucket is in the region 'eu-west-1', but the request was signed for 'us-east-1'" err) -ge 2 ]] || fail "$(cat err)"
}

# scan has the option too
test_aws_scan() {
	printf 'ERROR one\nfine\n' >"$DOCS/aws.log"
	aws "${KEYS[@]}" -- scan -c --no-filename --aws-sigv4 aws "$STORE/aws.log"
	expect 0
	[[ $(cat out) == 1 ]] || fail "$(cat out)"
}

# options that make no sense
test_aws_usage() {
	aws -- get --aws-sigv4 aws:amz:a/b "$STORE/gen/10/1"
	expect 28 "not PROVIDER1"
	aws "${KEYS[@]}" -- get --aws-sigv4 aws --netrc "$STORE/gen/10/1"
	expect 28 "a request has one kind of credentials"
	aws AWS_ACCESS_KEY_ID=AKID -- get --aws-sigv4 aws "$STORE/gen/10/1"
	expect 28 "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	aws AWS_ACCESS_KEY_ID=AKID "AWS_SECRET_ACCESS_KEY=a b" -- get --aws-sigv4 aws "$STORE/gen/10/1"
	expect 28 "contains a blank"
}
