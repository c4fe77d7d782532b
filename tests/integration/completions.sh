# What the shells themselves make of `sluice completions`. They get what would be typed as it stands, and what they
# pass to the command is compared.

# Files to complete, the script, and a terminal for the shell.
completion_scene() { # shell
	command -v "$1" >/dev/null || skip "no $1 here (package $1)"
	run completions "$1"
	expect 0
	mv out script
	mkdir place
	touch place/report.txt "place/my file"
	mkdir place/subdir
}

# Standard input is typed in ./place; what the command gets is in ./got, a line for each call.
typed() { # shell command
	command -v script >/dev/null || skip "no script(1) here (package bsdutils)"
	cat >keys
	echo exit >>keys
	(cd place && TERM=dumb INPUTRC=/dev/null HOME=$PWD SHELL=$BASH timeout "$LIMIT" script -qec "$1" ../typescript <../keys >/dev/null 2>&1)
}

# In lines of the keys <tab> stands for that key, <all> for the one that inserts all completions.
keys() {
	sed $'s/<tab>/\t/g; s/<all>/\e*/g'
}

got() {
	diff - got >difference || fail "the shell completed otherwise (>):"$'\n'"$(cat difference; tail -n 20 typescript 2>/dev/null)"
}

# bash completes commands, options, values, files and directories
test_completions_bash() {
	completion_scene bash
	bash -n script || fail "not a script"
	cat >rc <<-'END'
		HISTFILE=
		source ../script
		sluice() { printf '<%s>' "$@" >>../got; echo >>../got; }
	END
	keys <<-'END' | typed "bash --noprofile --rcfile ../rc -i"
		sluice <all>
		sluice ge<tab>
		sluice help s<tab>
		sluice completions <all>
		sluice get --if-<tab>ren<tab>
		sluice get --sync=<all>
		sluice get --sync <all>
		sluice scan -p --level=cri<tab>
		sluice get -o rep<tab>
		sluice get --output=my<tab>
		sluice get --dir s<tab>
		sluice get --dir r<tab>
		sluice get rep<tab>
		sluice get -j <all>
		sluice scan rep<tab>
		sluice scan --histogram rep<tab>
	END
	got <<-'END'
		<--help><--version><completions><get><help><scan>
		<get>
		<help><scan>
		<completions><bash><fish><zsh>
		<get><--if-exists><rename>
		<get><--sync=all><auto><none>
		<get><--sync><all><auto><none>
		<scan><-p><--level=critical>
		<get><-o><report.txt>
		<get><--output=my file>
		<get><--dir><subdir/>
		<get><--dir><r>
		<get><rep>
		<get><-j>
		<scan><report.txt>
		<scan><--histogram><report.txt>
	END
}

# zsh completes the same; with menu_complete, each press of the key takes the next value
test_completions_zsh() {
	completion_scene zsh
	zsh -n script || fail "not a script"
	mkdir functions
	mv script functions/_sluice
	cat >.zshrc <<-'END'
		fpath=(${ZDOTDIR}/functions $fpath)
		autoload -Uz compinit
		compinit -u -D
		setopt menu_complete
		sluice() { printf '<%s>' "$@" >>../got; echo >>../got; }
	END
	keys <<-'END' | ZDOTDIR=$PWD typed "zsh -d -i"
		sluice ge<tab>
		sluice help s<tab>
		sluice completions z<tab>
		sluice get --if-<tab>ren<tab>
		sluice get --sync=<tab><tab><tab>
		sluice scan -p --level=cri<tab>
		sluice scan --histogram=<tab>
		sluice get -o rep<tab>
		sluice get --output=my<tab>
		sluice get --dir <tab>
		sluice get rep<tab>
		sluice scan rep<tab>
		sluice scan --histogram rep<tab>
	END
	got <<-'END'
		<get>
		<help><scan>
		<completions><zsh>
		<get><--if-exists=rename>
		<get><--sync=none>
		<scan><-p><--level=critical>
		<scan><--histogram=auto>
		<get><-o><report.txt>
		<get><--output=my file>
		<get><--dir><subdir>
		<get><rep>
		<scan><report.txt>
		<scan><--histogram><report.txt>
	END
}

# fish lists the same
test_completions_fish() {
	completion_scene fish
	cat >lines <<-'END'
		sluice 
		sluice get --if
		sluice get --sync=
		sluice scan -p --level cri
		sluice scan --histogram=
		sluice completions 
		sluice get -o rep
		sluice get --output=my
		sluice get --dir s
		sluice get --dir r
		sluice get rep
		sluice scan rep
	END
	(cd place && HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD fish --no-config -c '
		source ../script
		while read -l line
			echo (complete -C $line | string replace -r "\t.*" "")
		end <../lines') >got 2>err || fail "fish does not take the script"
	got <<-'END'
		completions get help scan
		--if-exists
		--sync=all --sync=auto --sync=none
		critical
		--histogram=auto
		bash fish zsh
		report.txt
		--output=my file
		subdir/


		report.txt
	END
}

# another shell is a usage error
test_completions_unknown() {
	run completions csh
	expect 28 "'sluice completions bash', zsh or fish"
	run completions
	expect 28
}
