# What other programs got wrong with names, files and secrets, played as it was reported.

# a file of the user that no run may change
victim() { # file
	echo precious >"$1"
}

is_victim() { # file
	[[ $(<"$1") == precious ]] || fail "$1 was changed"
}

# CVE-2010-2252 (wget), CVE-2010-2251 (lftp), CVE-2016-4971 (wget), CVE-2019-10751 (HTTPie): a redirect or a header gave the file its name
test_known_names_of_servers() {
	local target n=0 cd=header/Content-Disposition/attachment\;filename=%22.bash_profile%22
	for target in .bash_profile .wgetrc authorized_keys -rf '..%2fx'; do
		n=$((n + 1))
		printf '%s\n\tout=wanted%d\n' "$ORIGIN/redirect-to?url=$(in_query "/gen/10/$n/$target")" $n
	done >list
	echo "$ORIGIN/$cd/gen/10/6/wanted6" >>list
	get -i list "$ORIGIN/redirect-to?url=%2fgen%2f10%2f1%2f.bash_profile"
	expect 0
	for n in {1..6}; do
		is_gen wanted$n 10 "$n"
	done
	is_gen redirect-to 10 1
	nothing_left list wanted{1..6} redirect-to
	get "$ORIGIN/redirect-to?url=ftp%3a%2f%2f127.0.0.1%3a$PORT_http%2f.bash_profile" -o ftp
	expect 23 "only http and https"
	# with the option the name is that of the response that is stored, made safe
	get --content-disposition "$ORIGIN/$cd/gen/10/2/x"
	expect 0
	is_gen _.bash_profile 10 2
	nothing_left list wanted{1..6} redirect-to _.bash_profile
}

# CVE-2010-3842 (curl: \), CVE-2016-0754 (curl: :), CVE-2010-1512 (aria2), CVE-2025-69194 (wget2), CVE-2005-1228 (gunzip): names that leave the directory
test_known_traversal() {
	mkdir run
	victim victim
	local name n=0 urls=() names=(../victim /tmp/sluice-known a/../../victim .. a/.. ./../victim '..&#x2f;victim' '../run/../victim' 'a&#10;b')
	{
		echo "<metalink version='3.0' xmlns='http://www.metalinker.org/'><files>"
		for name in "${names[@]}"; do
			echo "<file name='$name'><resources><url>$ORIGIN/tag/known/gen/10/1</url></resources></file>"
		done
		echo "</files></metalink>"
	} >list3
	{
		echo "<metalink xmlns='urn:ietf:params:xml:ns:metalink'>"
		for name in "${names[@]}"; do
			echo "<file name='$name'><url>$ORIGIN/tag/known/gen/10/1</url></file>"
		done
		echo "</metalink>"
	} >list4
	for name in list3 list4; do
		get -d run -i $name
		expect 28 "0 of ${#names[@]} files done, ${#names[@]} failed"
	done
	is_counter known requests 0 || fail "$(counter known requests) were asked for"
	absent /tmp/sluice-known
	nothing_left list3 list4 run victim
	for name in '..%5c..%5cvictim' '..%255c..%255cvictim' 'C:victim' 'c:%5cvictim' 'a%2f..%2f..%2fvictim' '%252e%252e%252fvictim' '..%2fvictim'; do
		n=$((n + 1))
		urls+=("$ORIGIN/header/Content-Disposition/attachment;filename=%22$name%22/gen/10/$n/x")
	done
	get -d run --content-disposition --if-exists=rename "${urls[@]}"
	expect 0
	is_victim victim
	[[ $(find run -type f | wc -l) == "$n" ]] || fail "$(find run)"
	# the name within a compressed file is not looked at (FNAME, RFC 1952 2.3.1)
	mkdir -p "$DOCS/known"
	echo text | gzip >x.gz
	{
		printf '\37\213\10\10\0\0\0\0\0\3../victim\0'
		tail -c +11 x.gz
	} >"$DOCS/known/a.gz"
	get --decompress -d run "$ORIGIN/known/a.gz"
	expect 0
	[[ $(<run/a) == text ]] || fail "$(<run/a)"
	is_victim victim
	nothing_left list3 list4 run victim x.gz $(ls run)
}

# CVE-2025-69195 (wget2): names that grow when they are made safe, at the limit of what a directory holds
test_known_long_names() {
	local len name what n=0
	for what in a .a %2da %c3%a4 %25a '%2f'; do
		for len in 84 125 126 127 128 243 244 254 255 256; do
			printf -v name "$what%.0s" $(seq $((len / 2)))
			n=$((n + 1))
			echo "$ORIGIN/gen/10/$n/${name:0:$((len * 3))}"
		done
	done >list
	# the longest name leaves no room for the number of a second file
	printf -v name 'x%.0s' {1..255}
	printf '%s\n' "$ORIGIN"/gen/10/{1,2}/"$name" >>list
	get -q --if-exists=rename -d run -i list
	((status == 0 || status == 28 || status == 13)) || fail "exit status $status"
	no_parts
	is_gen "run/$name" 10 1
}

# CVE-2020-8177 (curl): a name of the server overwrote a file; CVE-2022-27778 (curl): after an error the wrong file was removed
test_known_foreign_files() {
	victim x
	victim x.1
	local cd=header/Content-Disposition/attachment\;filename=x
	get --content-disposition "$ORIGIN/$cd/gen/10/1/other"
	expect 13 "'x' exists"
	nothing_left x x.1
	once --content-disposition --if-exists=rename "$ORIGIN/$cd/short/5/10"
	expect 22
	nothing_left x x.1
	once --if-exists=rename "$ORIGIN/short/5/10/x"
	expect 22
	nothing_left x x.1
	once --if-exists=rename -o x "$ORIGIN/short/5/10"
	expect 22
	nothing_left x x.1
	once --if-exists=replace -o x "$ORIGIN/short/5/10"
	expect 22
	nothing_left x x.1
	once --if-exists=replace -o x "$ORIGIN/reset/5/10"
	expect 6
	once --if-exists=replace -o x --checksum md5=00000000000000000000000000000000 "$ORIGIN/gen/10/1"
	expect 32
	nothing_left x x.1
	is_victim x
	is_victim x.1
	# another program takes the name of the partial file meanwhile: it is not removed
	start get --retries 0 -o y "$ORIGIN/gate/known_foreign/gen/400000/1"
	until_true 10 test -e y.sluice-part
	rm y.sluice-part
	victim y.sluice-part
	kill -TERM "$pid"
	opened known_foreign
	finish 20
	is_victim y.sluice-part
	absent y
}

# CVE-2014-4877 (wget), CVE-2014-7206 (apt): links where the program writes
test_known_links() {
	victim victim
	local name
	ln -s victim a
	ln -s victim b.sluice-part
	ln -s victim c.sluice-journal
	ln -s nowhere d
	ln -s nowhere e.sluice-part
	ln -s nowhere f.sluice-journal
	ln -s victim replaced
	ln victim hard.sluice-part
	get "$ORIGIN"/ranges/etag/v1/gen/5000000/{1/a,2/b,3/c,4/d,5/e,6/f,7/hard}
	is_victim victim
	absent nowhere
	for name in a b.sluice-part d e.sluice-part; do
		[[ -L $name ]] || fail "the link $name is gone"
	done
	for name in c:3 f:6 hard:7; do
		is_gen "${name%:*}" 5000000 "${name#*:}"
	done
	# a link that is to be replaced is: its target stays
	get --if-exists=replace "$ORIGIN/gen/10/1/replaced"
	expect 0
	is_victim victim
	[[ ! -L replaced ]] || fail "still a link"
	is_gen replaced 10 1
}

# CVE-2022-32207 (curl): a file that replaced another one could be read by all; CVE-2016-7098 (wget): one that was not wanted could be read meanwhile
test_known_modes() {
	umask 022
	echo old >f
	chmod 600 f
	start get --if-exists=replace -o f "$ORIGIN/gate/known_modes/ranges/etag/v1/gen/9000000/1"
	until_true 10 test -e f.sluice-journal
	[[ $(stat -c %a f.sluice-part) == 600 && $(stat -c %a f.sluice-journal) == 600 ]] || fail "$(ls -l)"
	opened known_modes
	finish 30
	[[ $status == 0 && $(stat -c %a f) == 600 ]] || fail "$(ls -l)"
	umask 077
	start get -o g "$ORIGIN/gate/known_mask/gen/400000/1"
	until_true 10 test -e g.sluice-part
	[[ $(stat -c %a g.sluice-part) == 600 ]] || fail "$(ls -l)"
	opened known_mask
	finish 30
	[[ $status == 0 && $(stat -c %a g) == 600 ]] || fail "$(ls -l)"
}

# a partial file is only what a journal of this program vouches for: wget, curl and aria2 have mixed two versions with exit status 0
test_known_partial() {
	"$ORIGIN_TOOL" --gen 3000000 7 >a
	cp a b.part
	cp a c.tmp
	cp a d.sluice-part
	cp a e.sluice-part
	cp a e.sluice-journal # a journal, but of nothing
	cp a before
	get -c "$ORIGIN"/ranges/etag/v2/gen/5000000/{1/a,2/b,3/c,4/d,5/e}
	expect 13 "'a' exists"
	same a before
	local name
	for name in b:2 c:3 d:4 e:5; do
		is_gen "${name%:*}" 5000000 "${name#*:}"
	done
	nothing_left a b b.part c c.tmp d e before
}

# CVE-2018-20483 (wget: extended attributes), CVE-2019-3500 (aria2: log), and what else could show a secret
test_known_secrets_shown() {
	local secret=hunter2 files
	start get -vv --json -o f -H "X-Api-Key: $secret" -H "Cookie: id=$secret" \
		"http://me:$secret@127.0.0.1:$PORT_http/gate/known_shown/header/Set-Cookie/a=%68unter2/ranges/etag/v1/gen/9000000/1?sig=$secret&X-Amz-Signature=$secret"
	until_true 10 test -e f.sluice-journal
	tr '\0' ' ' <"/proc/$pid/cmdline" >title
	cp f.sluice-journal journal
	opened known_shown
	finish 30
	[[ $status == 0 ]] || fail "status $status"
	: >attributes
	! command -v getfattr >/dev/null || getfattr -d -m - f >attributes 2>&1
	for files in out err journal attributes title; do
		! grep -aq "$secret" "$files" || fail "$files: $(grep -a "$secret" "$files")"
		! grep -aq "$(printf 'me:%s' "$secret" | base64)" "$files" || fail "$files: Base64"
	done
	grep -q 'file_done' out || fail "no events"
}

# CVE-2021-22923 (curl): what a metalink was fetched with went to its mirrors; CVE-2021-22922 (curl): content that did not match was kept
test_known_metalink() {
	local other=http://127.0.0.1:$PORT_other auth
	auth=$(printf 'me:hunter2' | base64)
	mkdir -p "$DOCS/known"
	cat >"$DOCS/known/list.meta4" <<-END
		<metalink xmlns="urn:ietf:params:xml:ns:metalink">
		<file name="sent"><url priority="1">${other/127/own:other@127}/status/404</url><url priority="2">$other/echo-headers</url></file>
		<file name="first"><url>${other/127/own:other@127}/echo-headers</url></file>
		<file name="wrong"><hash type="sha-256">$(printf '%064d' 0)</hash><url>$other/gen/10/1</url></file>
		</metalink>
	END
	get -u me:hunter2 -H "X-Key: hunter2" -i "$ORIGIN/auth/me/hunter2/known/list.meta4"
	expect 32 "'wrong'"
	grep -q '^Host: ' sent || fail "no head"
	! grep -qi '^Authorization' sent || fail "$(cat sent)"
	grep -q "^Authorization: Basic $(printf own:other | base64)" first || fail "$(cat first)"
	! grep -q "hunter2\|$auth" sent first err || fail "$(cat sent first)"
	absent wrong
	nothing_left sent first
}

# CVE-2015-3143, CVE-2022-22576 (curl): what one user had signed in to was used for another. Of HTTP/2, all share one connection
test_known_users_of_http2() {
	with_nginx
	local origin=localhost:$(sed -n 's/^h2=//p' "$WORK/nginx/ports")/private
	"$ORIGIN_TOOL" --gen 1000 1 | tee "$DOCS/known2" "$DOCS/known3" "$DOCS/known4" >"$DOCS/known1"
	once -v -j 1 --cacert "$NGINX_CA" "https://me:pass%20word@$origin/known1" "https://me:hunter2@$origin/known2" "https://$origin/known3" \
		"https://me:pass%20word@$origin/known4"
	expect 24 "2 of 4 files done, 2 failed"
	is_gen known1 1000 1
	is_gen known4 1000 1
	[[ $(grep -c '< HTTP/2 401' err) == 2 ]] || fail "not by HTTP/2"
	[[ $(grep -c 'TLS [0-9.]* ms' err) == 1 ]] || fail "more than one connection"
	nothing_left known1 known4
}
