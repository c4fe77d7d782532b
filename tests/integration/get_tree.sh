# --tree: host and path of a URL become directories below that of the run, and none outside.

HOST=127.0.0.1:$PORT_http

# host, port and path, as wget -x names them
test_tree_directories() {
	get --tree -d run "$ORIGIN/gen/10/1/a/config.json" "$ORIGIN/gen/10/2/b/config.json?c=d" "$ORIGIN/gen/10/3/b/"
	expect 0
	is_gen "run/$HOST/gen/10/1/a/config.json" 10 1
	is_gen "run/$HOST/gen/10/2/b/config.json" 10 2
	is_gen "run/$HOST/gen/10/3/b/index.html" 10 3
	get --tree -d run "$ORIGIN/gen/10/1/a/config.json"
	expect 13 "$HOST/gen/10/1/a/config.json"
	no_parts
}

# the same list without it: one name for all
test_tree_is_off_by_default() {
	get "$ORIGIN/gen/10/1/a/config.json" "$ORIGIN/gen/10/2/b/config.json"
	expect 13 "is already the name of input 1"
	[[ ! -e $HOST ]] || fail "there is a directory"
}

# with wget -x as the example
test_tree_as_wget() {
	command -v wget >/dev/null || skip "no wget here"
	local url
	for url in "$ORIGIN/gen/10/1/a/b/c.bin" "$ORIGIN/gen/10/1/a%20b//c.bin" "$ORIGIN/gen/10/1/" "$ORIGIN/gen/10/1/a+b/%c3%a4"; do
		wget -q -x --restrict-file-names=nocontrol -P want "$url" || fail "wget: $url"
		get --tree -d got "$url"
		expect 0
	done
	(cd want && find . | sort) >names
	(cd got && find . | sort) | cmp - names || fail "other names than wget's"
}

# what is to leave the directory, or cannot be a name, is refused before anything is asked for
test_tree_hostile_paths() {
	local path
	for path in gen/10/1/../../x gen/10/1/%2e%2e/x gen/%2E/x 'a%00b/x' 'a%0ab/x' %2e%2e/%2e%2e/x "$(printf 'a/%.0s' {1..2100})x" \
		"$(printf 'a%.0s' {1..256})/x"; do
		get --tree -d run "$ORIGIN/tag/trees/$path"
		expect 28 "cannot take a file name from"
		nothing_left
	done
	is_counter trees requests 0 || fail "$(counter trees requests) were asked for"
	for path in 'gen/10/1/..%2f..%2f/x' gen/10/1/.git/x gen/10/1/-rf/x gen/10/1//x; do
		get --tree -d run "$ORIGIN/$path"
		expect 0
	done
	for path in 'gen/10/1/_..%2f..%2f/x' gen/10/1/_.git/x gen/10/1/_-rf/x gen/10/1/x; do
		is_gen "run/$HOST/$path" 10 1
	done
}

# directories below are never reached by a link
test_tree_follows_no_links() {
	mkdir -p run outside
	ln -s ../outside "run/$HOST"
	get --tree -d run "$ORIGIN/gen/10/1/x"
	expect 18 "$HOST"
	rm "run/$HOST"
	mkdir -p "run/$HOST/gen"
	ln -s / "run/$HOST/gen/10"
	get --tree -d run "$ORIGIN/gen/10/1/x"
	expect 18 "$HOST/gen/10"
	nothing_left run outside "$HOST" gen 10
}

# a list's own names go first, and its dir= is above the tree
test_tree_of_a_list() {
	printf '%s\n' "$ORIGIN/gen/10/1/a/x" " out=own" "$ORIGIN/gen/10/2/a/x" " dir=sub" "$ORIGIN/gen/10/3/a/x" >list
	get --tree -d run -i list
	expect 0
	is_gen run/own 10 1
	is_gen "run/sub/$HOST/gen/10/2/a/x" 10 2
	is_gen "run/$HOST/gen/10/3/a/x" 10 3
}

# a redirect names nothing
test_tree_of_a_redirect() {
	get --tree "$ORIGIN/redirect/302/gen/10/1/x"
	expect 0
	is_gen "$HOST/redirect/302/gen/10/1/x" 10 1
	[[ ! -e $HOST/gen ]] || fail "named after the redirect"
}

test_tree_usage() {
	get --tree -o x "$ORIGIN/gen/10/1/x"
	expect 28 "--tree"
	get -nH "$ORIGIN/gen/10/1/x"
	expect 28 "--tree"
	get --force-directories "$ORIGIN/gen/10/1/x"
	expect 28 "use --tree"
}
