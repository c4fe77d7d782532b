# A function that calls one marked SL_SUSPENDS must be marked itself, so that a reader sees where a task may switch.
# Every file is read twice: the first time for the marks, the second for the calls. Static names count in their file,
# marked function pointers wherever they are called as ->name() or .name().

FNR == 1 {
	depth = 0
	last = before = mark = ""
	start_declaration()
	if (FILENAME == FIRST)
		pass++
}

{
	c_line($0)
	text = text COMMENT
	n = c_tokens()
	for (i = 1; i <= n; i++)
		token(T[i])
	if ($0 ~ /^[ \t]*$/)
		text = ""
}

function start_declaration()
{
	is_static = is_marked = parens = 0
	declared = pointer = last_word = ""
}

function token(t)
{
	if (depth == 0 || in_struct)
		declaration(t)
	else
		statement(t)
	before2 = before
	before = last
	last = t
}

# Outside functions: the name before the first bracket that belongs to no attribute, or of the pointer inside it.
function declaration(t)
{
	if (t == "SL_SUSPENDS")
		is_marked = 1
	else if (t == "static")
		is_static = FILENAME !~ /\.h$/
	if (t == "(") {
		if (parens == 0 && declared == "" && last !~ /^(SL_[A-Z_]+|__attribute__)$/)
			declared = last
		parens++
	} else if (t == ")")
		parens--
	else if (t == "*" && last == "(" && parens == 1)
		pointer = "next"
	else if (pointer == "next")
		pointer = t
	if (parens > 0)
		return
	if (t == "{") {
		if (declared == "") {
			depth++
			in_struct = depth
		} else {
			end_declaration()
			function_name = declared
			function_marked = is_marked || marked(declared)
			depth = 1
		}
		start_declaration()
	} else if (t == "}") {
		depth--
		if (depth < in_struct)
			in_struct = depth
		start_declaration()
	} else if (t == ";") {
		end_declaration()
		start_declaration()
	}
}

function end_declaration()
{
	if (!is_marked || pass != 1)
		return
	if (pointer != "")
		method[pointer] = 1
	else if (is_static)
		local[FILENAME, declared] = 1
	else
		global[declared] = 1
}

function marked(f)
{
	return (f in global) || ((FILENAME, f) in local)
}

function statement(t)
{
	if (t == "{")
		depth++
	else if (t == "}")
		depth--
	else if (t == "(" && pass == 2)
		call(last)
	else if (pass == 2 && (t == "," || t == ")") && last_call ~ /^(sl_offload|sl_blocking_run|sl_blocking_wait)$/ && marked(last))
		report(last_call "() runs " last "() on a thread, where nothing can suspend")
	if (t == ";")
		last_call = ""
	if (depth == 0)
		start_declaration()
}

function call(f,    suspends)
{
	last_call = f
	suspends = (before == "->" || before == ".") ? f in method : marked(f)
	if (suspends && !function_marked && text !~ /never suspends: /)
		report(function_name "() calls " f "(), which may suspend: mark it SL_SUSPENDS too")
}

END { exit BAD }
