# Reads C a line at a time for the checks: c_line() splits a line into code and comment, c_tokens() splits code into
# tokens. Strings and character constants keep their quotes and lose their content; preprocessor lines have no tokens.

# Sets CODE (comments blanked, strings emptied) and COMMENT (text of comments on this line).
function c_line(line,    i, n, ch, quote)
{
	if (FNR == 1)
		IN_COMMENT = 0
	CODE = COMMENT = ""
	n = length(line)
	for (i = 1; i <= n; i++) {
		ch = substr(line, i, 1)
		if (IN_COMMENT) {
			if (ch == "*" && substr(line, i + 1, 1) == "/") {
				IN_COMMENT = 0
				i++
			} else
				COMMENT = COMMENT ch
		} else if (quote != "") {
			if (ch == "\\")
				i++
			else if (ch == quote) {
				CODE = CODE ch
				quote = ""
			}
		} else if (ch == "/" && substr(line, i + 1, 1) == "*") {
			IN_COMMENT = 1
			CODE = CODE " "
			i++
		} else if (ch == "/" && substr(line, i + 1, 1) == "/") {
			COMMENT = COMMENT substr(line, i + 2)
			return
		} else {
			if (ch == "\"" || ch == "'")
				quote = ch
			CODE = CODE ch
		}
	}
}

# Fills T[1..] with the tokens of CODE and returns their number. A directive and its continued lines have none.
function c_tokens(    rest, count, was)
{
	if (FNR == 1)
		IN_DIRECTIVE = 0
	was = IN_DIRECTIVE
	if (!was && CODE !~ /^[ \t]*#/)
		IN_DIRECTIVE = 0
	else
		IN_DIRECTIVE = CODE ~ /\\[ \t]*$/
	if (was || CODE ~ /^[ \t]*#/)
		return 0
	rest = CODE
	count = 0
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*|->|[0-9][A-Za-z0-9_.]*|[^ \tA-Za-z0-9_]/)) {
		T[++count] = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
	}
	return count
}

function report(text)
{
	print FILENAME ":" FNR ": " text
	BAD = 1
}
