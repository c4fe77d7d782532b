# Configuration files: which is read, by whom it may be written, and what messages name.

# The default file of this case, with the text of standard input.
user_config() {
	export XDG_CONFIG_HOME=$PWD/xdg
	mkdir -p xdg/sluice
	cat >xdg/sluice/config
	chmod 644 xdg/sluice/config
}

# options of the default file count, and those of the command line win
test_config_default() {
	user_config <<-END
		# where files go on this host
		dir = "my files"
		progress = none

		[scan]
		regexp = 'lost|found'
	END
	get "$ORIGIN/gen/1000/1"
	expect 0
	is_gen "my files/1" 1000 1
	get -d other -v "$ORIGIN/gen/1000/2"
	expect 0 "options of '$PWD/xdg/sluice/config' are used"
	is_gen other/2 1000 2
	get --no-config "$ORIGIN/gen/1000/3"
	expect 0
	is_gen 3 1000 3
	printf 'found\nerror\nlost\n' >log
	run scan -c log
	[[ $(<out) == 2 ]] || fail "the section of scan was not used"
	run scan -c -e error log
	[[ $(<out) == 3 ]] || fail "patterns do not add up"
}

# without XDG_CONFIG_HOME the file is in ~/.config, and no file is no failure
test_config_home() {
	mkdir -p home/.config/sluice
	echo 'regexp = lost' >home/.config/sluice/config
	chmod 644 home/.config/sluice/config
	echo lost >log
	unset XDG_CONFIG_HOME
	HOME=$PWD/home run scan -c log
	expect 0
	HOME=$PWD/elsewhere run scan -c log
	expect 1
	env -u HOME "$S" scan -c log >out 2>err
	status=$?
	expect 1
}

# --config names another file, which may be a pipe, and must exist
test_config_named() {
	user_config <<<'regexp = lost'
	echo found >log
	run scan -c --config <(echo 'regexp=found') log
	expect 0
	run scan -c --config missing log
	expect 2 "cannot open 'missing': no such file or directory"
	get --config missing "$ORIGIN/gen/1000/1"
	expect 28 "cannot open 'missing'"
	get --config . "$ORIGIN/gen/1000/1"
	expect 28 "cannot use '.': is a directory"
	echo 'jobs = 3 # three' >named
	get --config named "$ORIGIN/gen/1000/1"
	expect 28 "'named' line 1: the value has a '#' after a blank"
	nothing_left log named xdg sluice config
}

# what is wrong in the file is named with its line, and nothing is done
test_config_wrong() {
	user_config <<-END
		jobs = 4

		[get]
		parallel = 7
	END
	get "$ORIGIN/gen/1000/1"
	expect 28 "'$PWD/xdg/sluice/config' line 4: unknown option 'parallel'"
	printf '[scan]\nregexp = "(a"\n' >bad
	run scan --config bad /dev/null
	expect 2
	nothing_left xdg sluice config bad
}

# a default file that others may write, or that is not the user's, is refused as ssh does
test_config_rights() {
	user_config <<<'dir = sub'
	chmod g+w xdg/sluice/config
	get "$ORIGIN/gen/1000/1"
	expect 28 "others may write it (use 'chmod go-w' on it, or ignore it with --no-config)"
	get --config xdg/sluice/config "$ORIGIN/gen/1000/1"
	expect 0
	is_gen sub/1 1000 1
	echo 'user = "me:s3cret"' >named
	chmod 644 named
	get --config named "$ORIGIN/gen/1000/2"
	expect 0 "'named' line 1: 'user' may be secret, and other users may read the file: use 'chmod 600' on it"
	! grep -q s3cret err || fail "$(cat err)"
	printf 'proxy = 127.0.0.1:9\nproxy-user = me:s3cret\n' >proxied
	chmod 644 proxied
	get --config proxied --noproxy '*' "$ORIGIN/gen/1000/9"
	expect 0 "'proxied' line 2: 'proxy-user' may be secret"
	chmod 600 named
	get --config named "$ORIGIN/gen/1000/3"
	expect 0
	! grep -q secret err || fail "a warning about a private file"
	printf '%s\n' 'proxy = me:s3cret@127.0.0.1:1' "noproxy = '*'" >named
	chmod 644 named
	get --config named "$ORIGIN/gen/1000/4"
	expect 0 "'named' line 1: 'proxy' may be secret"
	printf '%s\n' 'proxy = http://127.0.0.1:1' "noproxy = '*'" >named
	get --config named "$ORIGIN/gen/1000/5"
	expect 0
	! grep -q secret err || fail "a warning about a proxy without a password"
	rm xdg/sluice/config
	mkfifo xdg/sluice/config
	get "$ORIGIN/gen/1000/1"
	expect 28 "it is not a regular file"
}

# that of another user is refused, that of root is not
test_config_owner() {
	as_root
	user_config <<<'regexp = lost'
	chmod 755 . xdg xdg/sluice
	echo lost >log
	as_user timeout "$LIMIT" "$S" scan -c log >out 2>err
	status=$?
	expect 0
	chown nobody xdg/sluice/config
	run scan -c log
	expect 2 "it belongs to another user"
}

# a file that may not be read is an error, a directory that may not be searched is not
test_config_hidden() {
	as_root
	user_config <<<'regexp = lost'
	chmod 755 . xdg xdg/sluice
	echo lost >log
	chmod 600 xdg/sluice/config
	as_user timeout "$LIMIT" "$S" scan -c log >out 2>err
	status=$?
	expect 2 "cannot open '$PWD/xdg/sluice/config': permission denied (make it readable"
	chmod 700 xdg
	as_user timeout "$LIMIT" "$S" scan -c log >out 2>err
	status=$?
	expect 1
}
