# The rules of layout and vocabulary that the compiler and clang-format do not know. See check-style for the list.
# LEFTOVERS holds the marker words, in pieces nowhere else written whole.

function columns(line,    width, i, n, parts)
{
	gsub(/[\200-\277]/, "", line) # continuation bytes of UTF-8
	n = split(line, parts, "\t")
	width = 0
	for (i = 1; i < n; i++)
		width += length(parts[i]) + 8 - (width + length(parts[i])) % 8
	return width + length(parts[n])
}

function called(name)
{
	return CODE ~ ("(^|[^A-Za-z0-9_>.])" name "[ \t]*\\(")
}

# A comment on this line, or in the lines above up to an empty one, that begins with `word:` and gives a reason.
function allowed(word)
{
	return index(near, word ": ") > 0
}

FNR == 1 {
	in_src = FILENAME ~ /(^|\/)(src|include)\//
	stateless = in_src && FILENAME !~ /(src|include\/sluice)\/(rt|cli)\//
	prints = FILENAME ~ /(src|include\/sluice)\/cli\// || !in_src
	depth = 0
	near = ""
	name = ""
	body = 0
	table = 0
}

{
	c_line($0)
	near = $0 ~ /^[ \t]*$/ ? "" : near " " COMMENT
	if (COMMENT ~ /clang-format (off|on)/)
		table = COMMENT ~ /clang-format off/
	if (columns($0) > 100 && !table)
		report("longer than 100 columns (a tab is 8)")
	if ($0 ~ /[ \t]$/)
		report("blanks at the end")
	vocabulary()
	if (CODE !~ /^[ \t]*#/)
		state()
	functions()
}

function vocabulary(    i, n, words)
{
	if ($0 ~ LEFTOVERS)
		report("leftover marker")
	n = split("sprintf vsprintf strcpy strcat atoi atol atoll gets strtok alloca tmpnam mktemp", words, " ")
	for (i = 1; i <= n; i++)
		if (called(words[i]))
			report(words[i] "() is banned")
	if (in_src && (called("fork") || called("vfork") || called("system") || called("popen")))
		report("no fork and no shell: posix_spawn only")
	if (in_src && CODE ~ /(^|[ \t])typedef[ \t]+(struct|enum|union)/)
		report("no typedef of structs, unions and enums")
	if (prints || allowed("allowed"))
		return
	n = split("printf vprintf puts putchar perror exit _exit getenv secure_getenv", words, " ")
	for (i = 1; i <= n; i++)
		if (called(words[i]))
			report("only cli prints, exits and reads the environment: " words[i] "()")
	if (CODE ~ /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/)
		report("only cli prints")
}

# A variable that outlives its block and may change: outside functions, or static inside. `static const char *p` may
# change too; what is declared const must have const after its last star.
function state(    text)
{
	if (!stateless || allowed("state"))
		return
	text = CODE
	if (depth == 0 && text ~ /^static[ \t]+(struct|union)[ \t]*[a-z_0-9]*[ \t]*\{/)
		report("mutable state outside rt and cli: say why in a comment \"state: ...\"")
	sub(/=.*/, "=", text)
	sub(/\[.*/, "=", text)
	sub(/;.*/, "=", text)
	if (text !~ /=$/ || text ~ /\(/ || text ~ /(^|[ \t])(typedef|extern|return|inline|struct [a-z_0-9]+ *=|enum [a-z_0-9]+ *=)([ \t]|$)/)
		return
	if (depth > 0 ? text !~ /^[ \t]*static[ \t]/ : text !~ /^[A-Za-z_][A-Za-z0-9_ \t]*[ \t*]+[A-Za-z_][A-Za-z0-9_]*[ \t]*=$/)
		return
	sub(/.*\*/, "", text)
	if (text !~ /(^|[ \t])const[ \t]/)
		report("mutable state outside rt and cli: say why in a comment \"state: ...\"")
}

# Definitions have their name at the first column and their braces alone there: clang-format sees to that.
function functions(    opened)
{
	if ($0 ~ /^[A-Za-z_][A-Za-z0-9_]*\(/) {
		name = $0
		sub(/\(.*/, "", name)
		if (name == "Test" || name == "TestSuite")
			name = $0
		why = near
	}
	if ($0 ~ /^{/) {
		depth = 1
		body = FNR
	}
	if ($0 ~ /^}/) {
		if (name != "" && body && FNR - body - 1 > 70 && why !~ /long: / && inside !~ /long: /)
			report(name " has " (FNR - body - 1) " lines: past 70 split it, or say why in a comment \"long: ...\"")
		depth = body = 0
		name = inside = ""
	}
	if (body)
		inside = inside COMMENT
}

END { exit BAD }
