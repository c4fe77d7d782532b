# --compressed: what is stored is the file, complete and checked, whatever content coding it came with.

# Text that compresses, others for each size.
text() { # bytes
	seq 1 "$1" | head -c "$1"
	return 0 # head stops seq
}

# publish NAME: stdin is what the origin has under that name. It is at $ORIGIN/coded/CODING/$dir/NAME with a coding.
publish() {
	dir=compressed/${PWD##*/}
	mkdir -p "$DOCS/$dir"
	cat >"$DOCS/$dir/$1"
}

coded() { # coding, name
	echo "$ORIGIN/coded/$1/$dir/$2"
}

# what the tools of each format write is decoded, with any framing; nothing else is asked for without the option
test_compressed_tools() {
	local size framing name
	while read -r size framing; do
		text $size >text$size
		publish a$size < <(gzip -c <text$size)
		publish b$size < <(zstd -qc <text$size)
		publish c$size < <(brotli -q 4 -c <text$size)
		publish d$size < <(gzip -c <text$size; head -c 4 /dev/zero)
		publish e$size < <(pigz -zc <text$size)
		get --compressed -d got "$ORIGIN/$framing"coded/{gzip/$dir/a,zstd/$dir/b,br/$dir/c,x-gzip/$dir/d,deflate/$dir/e}$size
		expect 0 "5 of 5 files done"
		for name in a b c d e; do
			same got/$name$size text$size
		done
	done <<-END
		0
		300000 chunked/
		9000 untilclose/
	END
	get "$(coded gzip a9000)"
	expect 0
	same a9000 "$DOCS/$dir/a9000"
	no_parts
}

# all members are decoded; wget, wget2 and aria2 store the first one
test_compressed_members() {
	publish f < <(echo first. | gzip -c; echo second | gzip -c)
	get --compressed "$(coded gzip f)"
	expect 0
	[[ $(cat f) == $'first.\nsecond' ]] || fail "$(cat f)"
	get --compressed -v --stats "$(coded gzip f)" -o -
	expect 0 "content coding gzip and decoded"
	expect 0 "decode"
	[[ $(cat out) == $'first.\nsecond' ]] || fail "standard output: $(cat out)"
}

# whole files that are not compressed are asked for in a compressed form; ranges and compressed files as they are
test_compressed_requests() {
	accepts() { # url, value
		get --compressed "$1" -o asked
		expect 0
		grep -q "^Accept-Encoding: $2"$'\r'"\?$" asked || fail "$1: $(grep Accept-Enc asked)"
		rm asked
	}
	accepts "$ORIGIN/echo-headers" "gzip, br, zstd, deflate"
	accepts "$ORIGIN/echo-headers?x=.gz" "gzip, br, zstd, deflate"
	accepts "$ORIGIN/location/percent" "gzip, br, zstd, deflate"
	get "$ORIGIN/echo-headers" -o asked
	grep -q "^Accept-Encoding: identity" asked || fail "without the option: $(cat asked)"
	printf '%s\n header=Accept-Encoding: br\n' "$ORIGIN/echo-headers" >list
	get --compressed -i list
	expect 0
	grep -q "^Accept-Encoding: br" echo-headers || fail "the user's own: $(cat echo-headers)"
}

# what a server calls a coding and is in the name is the file: as it is, or decompressed by --decompress
test_compressed_names() {
	text 5000 >text
	publish f.gz < <(gzip -c <text)
	get --compressed "$(coded x-gzip f.gz)"
	expect 0
	same f.gz "$DOCS/$dir/f.gz"
	get --compressed --decompress "$(coded x-gzip f.gz)"
	expect 0
	same f text
	publish g < <(gzip -c <text | zstd -qc)
	get --compressed --decompress --content-disposition "$ORIGIN/header/Content-Disposition/attachment;%20filename=h.gz/coded/zstd/$dir/g"
	expect 0
	same h text
}

# damage is an error that says what is wrong, and leaves what was there
test_compressed_damaged() {
	local len
	echo mine >before
	text 100000 >text
	damaged() { # coding, words
		cp before f
		once --compressed --if-exists=replace "$(coded "$1" f)"
		expect 22 "cannot decode the body: $2"
		same f before
		nothing_left before text f packed
	}
	gzip -c <text >packed
	for len in 1 $(($(wc -c <packed) - 1)); do
		publish f < <(head -c "$len" packed)
		damaged gzip "the gzip data is truncated"
	done
	publish f < <(cat packed; echo '<html>')
	damaged gzip "the gzip data is followed by other data"
	publish f < <(head -c 5000 packed; head -c 9 /dev/zero; tail -c +5010 packed)
	damaged gzip "the gzip data is corrupt"
	damaged zstd "it is not zstd data"
	brotli -q 4 -c <text >packed
	publish f < <(head -c 500 packed)
	damaged br "the brotli data is truncated"
	publish f < <(cat packed; echo x)
	damaged br "the brotli data is followed by other data"
	publish f < <(zstd -qc --long=24 <text)
	damaged zstd "the zstd data needs a window of more than 8 MiB"
	get --compressed "$(coded gzip,br f)" -o g
	expect 22 "several content codings ('gzip, br'), which is not supported (without --compressed"
	get --compressed "$(coded compress f)" -o g
	expect 22 "the content coding 'compress', which is not supported"
	get --compressed "$(coded identity f)" -o g
	expect 0
}

# size and checksum are those of the file, from the server's digest there is nothing to compare
test_compressed_checksum() {
	local sum
	text 20000 >text
	sum=$(sha256sum <text)
	publish f < <(gzip -c <text)
	get --compressed --checksum "sha-256=${sum%% *}" "$(coded gzip f)"
	expect 0
	same f text
	get --compressed --checksum "sha-256=${sum%% *}" "$(coded gzip f)"
	expect 0 "1 already there"
	rm f
	get --compressed --checksum "sha-256=$(sha256sum <"$DOCS/$dir/f" | cut -d' ' -f1)" "$(coded gzip f)"
	expect 32
	nothing_left text
	printf '{"url":"%s","out":"f","size":%d}\n' "$(coded gzip f)" 20000 >list.jsonl
	get --compressed -i list.jsonl
	expect 0
	same f text
	printf '{"url":"%s","out":"g","size":%d}\n' "$(coded gzip f)" "$(stat -c %s "$DOCS/$dir/f")" >list.jsonl
	get --compressed -i list.jsonl
	expect 32 "size"
	absent g
	get --compressed "$ORIGIN/header/Repr-Digest/sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:/coded/gzip/$dir/f" -o h
	expect 0
	same h text
}

# what exists is compared: by time where the server's size is that of a coded body
test_compressed_exists() {
	text 20000 >text
	publish f < <(gzip -c <text)
	local url=$ORIGIN/lm/1700000000/coded/gzip/$dir/f
	get --compressed "$url"
	expect 0
	same f text
	get --compressed "$url"
	expect 0 "1 already there"
	touch -d '2001-01-01' f
	get --compressed "$url"
	expect 13
	same f text
}

# large files without a coding come in segments all the same
test_compressed_segments() {
	get --compressed -s 4 -k 1M "$ORIGIN/tag/seg/slow/8000000/ranges/etag/v1/gen/9000000/3/f"
	expect 0
	is_gen f 9000000 3
	(($(counter seg ranges) > 1)) || fail "not in segments"
}

# what breaks off begins again, since nothing of it can be asked for
test_compressed_again() {
	text 300000 >text
	publish f < <(gzip -c <text)
	get --compressed --retry-max-wait 1ms "$ORIGIN/tag/again/reset-nth/1/50000/ranges/etag/v1/coded/gzip/$dir/f"
	expect 0 "trying again"
	same f text
	is_counter again requests 2 || fail "$(counter again requests) requests"
	is_counter again ranges 0 || fail "$(counter again ranges) for ranges"
	once --compressed "$ORIGIN/short-first/9/50000/coded/gzip/$dir/f" -o g
	expect 22
	absent g
	no_parts
}

# by nginx, which has its own opinion of what to compress: a part that was there is completed as it was begun
test_compressed_nginx() {
	[[ $NGINX ]] || skip "no nginx here"
	text 3000000 >text
	publish f <text
	get --compressed -v "$NGINX/packed/$dir/f"
	expect 0 "content coding gzip and decoded"
	same f text
	get --compressed "$NGINX/packed/$dir/f"
	expect 0 "1 already there"
	rm f
	get -v "$NGINX/packed/$dir/f"
	expect 0
	! grep -q "content coding" err || fail "$(cat err)"
	same f text
	get --compressed "$NGINX/packed/$dir/f"
	expect 0 "1 already there"
	head -c 1000000 text >f
	get --compressed --append "$NGINX/packed/$dir/f"
	expect 0
	same f text
}

# lists and logs that come from URLs are decoded, though no coding was requested
test_compressed_list_and_scan() {
	printf '%s\n' "$ORIGIN/gen/10/1" "$ORIGIN/gen/20/2" >urls
	publish list < <(brotli -q 4 -c <urls)
	get -i "$(coded br list)"
	expect 0 "2 of 2 files done"
	is_gen 1 10 1
	is_gen 2 20 2
	printf 'ERROR one\nINFO two\nERROR three\n' >log
	publish log < <(brotli -q 4 -c <log)
	publish cut < <(head -c 9 "$DOCS/$dir/log")
	run scan -c "$(coded br log)"
	expect 0
	grep -q ':2$\|^2$' out || fail "$(cat out)"
	get --compressed --scan "$(coded br log)" -o got.log
	expect 0
	grep -q "^ *got.log .* 3  *2 " out || fail "$(cat out)"
	same got.log log
	run scan -c --compressed "$ORIGIN/echo-headers" -e 'Accept-Encoding: gzip, br, zstd, deflate'
	expect 0
	seq 1 100000 >log
	publish log < <(gzip -c <log)
	run scan --retry-max-wait 1ms -c -e '99$' --compressed "$ORIGIN/etag/v1/reset-nth/1/50000/coded/gzip/$dir/log"
	expect 0 "trying again"
	grep -q '^1000$' out || fail "after a reset: $(cat out)"
	publish plain.log <log
	run scan -c -e '99$' "$(coded x-unknown plain.log)"
	expect 0
	grep -q '^1000$' out || fail "$(cat out)"
	run scan -c "$(coded br cut)"
	expect 2 "the brotli data is truncated"
}
