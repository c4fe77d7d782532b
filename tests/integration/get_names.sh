# Names of files: from the URL as typed, never out of the directory, never with bytes that harm a terminal or a script.

# named URL-PATH NAME: a download without -o has that name
named() { # path behind /gen/10/1/, name
	get "$ORIGIN/gen/10/1/$1"
	expect 0
	is_gen "$2" 10 1
	rm -f -- "./$2"
	nothing_left
}

# refused URL-PATH: no name can be had from it, and nothing is asked for
refused() { # path behind /, text in the message
	get "$ORIGIN/tag/names/$1"
	expect 28 "${2-}"
	nothing_left
}

# the last component, decoded, without query and fragment
test_names_from_url() {
	named a.bin a.bin
	named a.bin?b=c/d a.bin
	named a.bin#frag a.bin
	named 'a.bin?' a.bin
	named 'a%20b' 'a b'
	named '%61%2e%62' a.b
	named 'a+b' a+b
	named '%c3%a4' ä
	named '%25' %
	named 'a%3fb' 'a?b'
	named 'a;b=c' 'a;b=c'
	named "a'b" "a'b"
	named 'a%5cb' 'a\b'
	named 'a%22b' 'a"b'
	named '%24%28id%29' '$(id)'
	named '%ff%fe' $'\xff\xfe'
	named 'x%c2%9bm' $'x\u009bm'
	named 'a%2fb' a%2fb
	named '%2F' %2F
	named '%2e%2e%2f' _..%2f
	named '..%2f..%2fetc%2fpasswd' _..%2f..%2fetc%2fpasswd
}

# no name, or one of a directory
test_names_index() {
	get "http://127.0.0.1:$PORT_http"
	expect 3 "404"
	nothing_left
	get "$ORIGIN/gen/10/1/"
	expect 0
	is_gen index.html 10 1
	get "$ORIGIN/redirect/302/gen/10/1/elsewhere?x" -o -
	expect 0
	rm -f index.html
	get "$ORIGIN/redirect-to?url=%2fgen%2f10%2f1%2felsewhere"
	expect 0
	is_gen redirect-to 10 1
	absent elsewhere
}

# a dot or a dash in front could hide the file or make it an option
test_names_dots_and_dashes() {
	named .bashrc _.bashrc
	named -rf _-rf
	named %2d%2dhelp _--help
	named ... _...
	named a..b a..b
	named .a%20 "_.a "
}

# names that leave the directory or hold control bytes are refused before anything is asked for
test_names_refused() {
	refused 'gen/10/1/a%0ab' "control byte"
	refused 'gen/10/1/a%00b' "control byte"
	refused 'gen/10/1/%00' "control byte"
	refused 'gen/10/1/%1b%5b2J' "control byte"
	refused 'gen/10/1/%7f' "control byte"
	refused 'gen/10/1/a%0d' "control byte"
	is_counter names requests 0 || fail "$(counter names requests) were asked for"
	get "$ORIGIN/gen/10/1/a%0ab" -o f
	expect 0
	is_gen f 10 1
}

# dot segments give no name
test_names_dot_segments() {
	local path
	for path in gen/10/1/.. gen/10/1/. gen/10/1/%2e%2e gen/10/1/%2e a/../..; do
		refused "$path" directory
	done
}

# -o and -d are the user's own word, and may point anywhere
test_names_users_word() {
	mkdir -p work/below other
	cd work || exit
	get -o ../up "$ORIGIN/gen/10/1"
	expect 0
	is_gen ../up 10 1
	get -d ../other -o below/f "$ORIGIN/gen/10/2"
	expect 0
	is_gen ../other/below/f 10 2
	get -d "$PWD/deep/deeper" "$ORIGIN/gen/10/3/g"
	expect 0
	is_gen deep/deeper/g 10 3
	get -d ignored -o "$PWD/absolute" "$ORIGIN/gen/10/4"
	expect 0
	is_gen absolute 10 4
	get -o -dash "$ORIGIN/gen/10/5"
	expect 0
	is_gen ./-dash 10 5
	get -o $'new\nline' "$ORIGIN/gen/10/5"
	expect 0
	is_gen $'new\nline' 10 5
	ln -s ../other link
	get -d link "$ORIGIN/gen/10/6/h"
	expect 0
	is_gen ../other/h 10 6
	get -o one "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2"
	expect 28 "-o"
	absent one
}

# entry OUT-OR-DIR LINE...: a list of one file with these option lines
entry() { # option line...
	printf '%s\n' "$ORIGIN/tag/lists/gen/10/1/name" "$@" >list
}

# names of a list stay below the directory of the run, step by step
test_names_of_lists() {
	mkdir -p run outside
	ln -s ../outside run/link
	ln -s /tmp run/abs
	ln -s . run/here
	local line wanted
	while read -r wanted line; do
		entry " $line"
		get -d run -i list
		expect "$wanted" "--allow-outside"
		[[ $wanted != 28 || $(<err) == *"line 1 of the list: "* ]] || fail "$line: which line?"
		[[ ! -e outside/x && ! -e outside/name && ! -e x && ! -e name && ! -e /tmp/sluice-x ]] || fail "$line: it left the directory"
	done <<-'END'
		28 out=../x
		28 out=/tmp/sluice-x
		28 dir=..
		28 dir=../outside
		28 dir=/tmp
		28 dir=a/../..
		28 out=a/../../x
		18 dir=link
		18 out=link/x
		18 dir=abs
		18 dir=here
		18 out=here/link/x
	END
	is_counter lists requests 0 || fail "$(counter lists requests) were asked for"
	for line in out=.. out=. out=a/.. out=a/ dir=$'a\001b' out=$'a\001b'; do
		entry " $line"
		get -d run -i list
		expect 28
	done
	nothing_left run outside link abs here list a
}

# what is below the directory is made and used
test_names_of_lists_below() {
	local line
	while read -r line file; do
		entry " $line"
		get -d run -i list
		expect 0
		is_gen "run/$file" 10 1
		rm -r run
	done <<-'END'
		out=x x
		out=a/x a/x
		out=a//x a/x
		out=./x x
		dir=a a/name
		dir=a/b a/b/name
		dir=a/./b a/b/name
		out=.hidden .hidden
		out=..x ..x
		out=a..b/..c a..b/..c
	END
}

# --allow-outside lifts that
test_names_allow_outside() {
	mkdir -p work/run outside
	ln -s ../../outside work/run/link
	cd work || exit
	entry " out=../x"
	get --allow-outside -d run -i list
	expect 0
	is_gen x 10 1
	entry " dir=../../outside" " out=y"
	get --allow-outside -d run -i list
	expect 0
	is_gen ../outside/y 10 1
	entry " dir=link" " out=z"
	get --allow-outside -d run -i list
	expect 0
	is_gen ../outside/z 10 1
	entry " out=$PWD/absolute"
	get --allow-outside -d run -i list
	expect 0
	is_gen absolute 10 1
}

# a directory of the run that is a link is the user's own; only steps below it are refused
test_names_linked_run_directory() {
	mkdir real
	ln -s real run
	entry " out=a/x"
	get -d run -i list
	expect 0
	is_gen real/a/x 10 1
}

# directories above that may only be searched, and a drop box that may only be written
test_names_search_permission() {
	mkdir -p above/home box
	chmod 711 above
	chmod 755 .
	chmod 777 above/home
	chmod 1733 box
	((EUID != 0)) || chown nobody above/home
	local sync
	for sync in auto all none; do
		as_user "$S" get --sync=$sync -d "$PWD/above/home/$sync/b" "$ORIGIN/gen/10/1/f" >out 2>err
		status=$?
		expect 0 "1 of 1 file done"
		is_gen "above/home/$sync/b/f" 10 1
		as_user "$S" get --sync=$sync -d "$PWD/box" "$ORIGIN/gen/5000000/2/$sync" "$ORIGIN/gen/10/2/small-$sync" >out 2>err
		status=$?
		expect 0 "2 of 2 files done"
		is_gen "box/$sync" 5000000 2
		is_gen "box/small-$sync" 10 2
		as_user "$S" get --sync=$sync -d "$PWD/box/made-$sync/deep" "$ORIGIN/gen/10/3/f" >out 2>err
		status=$?
		expect 0 "1 of 1 file done"
	done
	chmod 755 box
	no_parts
}

# modes OF TREE: of each directory below it, with its group and its ACL
modes() {
	(cd "$1" && find . -mindepth 1 -type d -printf '%p %m %g\n' | sort && getfacl -R . 2>/dev/null | grep -v '^# file: f')
}

# directories are made with the rights that mkdir -p gives: umask, group and default ACL of the parent
test_names_mkdir_rights() {
	command -v setfacl >/dev/null || skip "no setfacl here (package acl)"
	local mask parent
	for mask in 022 077 002 027 000 0277; do
		# Only root can write to a directory that the mask has taken the right from.
		[[ $mask != 0277 ]] || ((EUID == 0)) || continue
		for parent in plain setgid acl; do
			mkdir "$parent-$mask" "$parent-$mask/want" "$parent-$mask/got"
			case $parent in
			setgid) ((EUID != 0)) || chgrp nogroup "$parent-$mask"/*; chmod 2775 "$parent-$mask"/* ;;
			acl) setfacl -d -m u::rwx,g::r-x,o::-,u:nobody:rwx,m::rwx "$parent-$mask"/* 2>/dev/null || skip "no ACLs here" ;;
			esac
			(umask $mask && mkdir -p "$parent-$mask/want/a/b/c")
			(umask $mask && get -d "$parent-$mask/got/a/b/c" "$ORIGIN/gen/10/1/f")
			is_gen "$parent-$mask/got/a/b/c/f" 10 1
			rm "$parent-$mask/got/a/b/c/f"
			modes "$parent-$mask/want" >want
			modes "$parent-$mask/got" >got
			same want got
		done
	done
}

# names come to the terminal with their control bytes shown, not sent
test_names_shown_safely() {
	get "$ORIGIN/gen/10/1/x%c2%9b31m"
	expect 0
	get --if-exists=fail "$ORIGIN/gen/10/1/x%c2%9b31m"
	expect 13
	! grep -q $'\u009b' err || fail "a C1 control byte on stderr"
	get -o $'a\e[31mb' "$ORIGIN/gen/10/1"
	expect 0
	get -o $'a\e[31mb' --if-exists=fail "$ORIGIN/gen/10/1"
	expect 13 'a\x1b[31mb'
	get $'http://127.0.0.1/\e[31m'
	expect 28
	get -d $'d\e[31m' "$ORIGIN/status/404"
	expect 3
	get -d $'d\e[31m' "$ORIGIN/gen/10/1/x%c2%9b31m" --if-exists=fail
	expect 0
	get -d $'d\e[31m' "$ORIGIN/gen/10/1/x%c2%9b31m" --if-exists=fail
	expect 13 'd\x1b[31m/x'
}

# the server's name, if it is asked for; else one line with -v mentions it
test_names_content_disposition() {
	local url="$ORIGIN/header/Content-Disposition/attachment;filename=%22..%2f..%2fa%20b.bin%22/gen/10/1/x"
	get "$url"
	expect 0
	is_gen x 10 1
	! grep -q "a b.bin" err || fail "the name is mentioned without -v"
	get --if-exists=replace -v "$url"
	expect 0 "the server suggested the file name 'a b.bin' for 'x'"
	rm x
	get --content-disposition --json "$url"
	expect 0
	is_gen 'a b.bin' 10 1
	grep '"file_done"' out | grep -q '"path":"a b.bin"' || fail "file_done has another path"
	get --content-disposition --if-exists=rename "$url"
	expect 0
	is_gen 'a b.bin.1' 10 1
	nothing_left 'a b.bin' 'a b.bin.1'
	get --content-disposition -d d --tree "$url"
	expect 0
	is_gen "d/127.0.0.1:$PORT_http/header/Content-Disposition/attachment;filename=\"..%2f..%2fa b.bin\"/gen/10/1/a b.bin" 10 1
}

# what cannot be a name is not one
test_names_content_disposition_hostile() {
	local name
	for name in '' . .. %01 %1b%5b31m a%0bb; do
		get --content-disposition "$ORIGIN/header/Content-Disposition/attachment;filename=%22$name%22/gen/10/1/x"
		expect 0 "the URL gives the name"
		is_gen x 10 1
		rm x
		nothing_left
	done
	get --content-disposition -o y "$ORIGIN/gen/10/1/x"
	expect 28 "--content-disposition"
	get -J "$ORIGIN/gen/10/1/x"
	expect 28 "use --content-disposition"
}
