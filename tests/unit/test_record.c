#include "sluice/logline/record.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* ---- logs: a line that begins a record has a > before it ---- */

static const struct {
	const char *name, *log;
} logs[] = {
	{ "Java", ">2024-01-01 10:00:01 ERROR [main] c.f.Bar - request failed\n"
		  " java.lang.RuntimeException: boom\n"
		  " \tat com.foo.Bar.baz(Bar.java:12) ~[foo.jar:1.0]\n"
		  " \tSuppressed: java.io.IOException: close\n"
		  " \t\tat com.foo.Bar.close(Bar.java:9)\n"
		  " Caused by: java.lang.IllegalStateException\n"
		  " \tat com.foo.Bar.main(Bar.java:3)\n"
		  " \t... 23 more\n"
		  " ... 23 more\n"
		  " Suppressed: java.io.IOException: close\n"
		  ">2024-01-01 10:00:02 INFO [main] c.f.Bar - next\n" },
	{ "Java, of threads", ">Exception in thread \"main\" java.lang.NullPointerException\n"
			      " \tat A.main(A.java:3)\n"
			      ">Exception in thread \"x\" java.lang.Error: y\n" },
	{ "exceptions alone", ">java.io.IOException: one\n"
			      ">java.io.IOException: two\n"
			      " \tat A.main(A.java:3)\n"
			      ">java.io.IOException\n"
			      " Caused by: java.lang.Error\n"
			      ">ValueError: x\n"
			      ">ValueError: x\n" },
	{ "Python", ">ERROR:root:job failed\n"
		    " Traceback (most recent call last):\n"
		    "   File \"a.py\", line 3, in <module>\n"
		    "     run()\n"
		    " KeyError: 'x'\n"
		    " \n"
		    " During handling of the above exception, another exception occurred:\n"
		    " \n"
		    " Traceback (most recent call last):\n"
		    "   File \"b.py\", line 3, in run\n"
		    " requests.exceptions.Timeout: too slow\n"
		    " \n"
		    " The above exception was the direct cause of the following exception:\n"
		    " \n"
		    " Traceback (most recent call last):\n"
		    "   File \"b.py\", line 4, in run\n"
		    " KeyboardInterrupt\n"
		    ">INFO:root:next\n"
		    ">Timeout: not of a traceback\n" },
	{ "Go", ">panic: runtime error: index out of range [3] with length 3\n"
		" [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n"
		" \n"
		" goroutine 1 [running]:\n"
		" main.(*Server).run(0xc0000b4000, {0x1, 0x2})\n"
		" \t/tmp/x.go:8 +0x1d\n"
		" panic({0x45e0a0?, 0x1})\n"
		" \t/usr/lib/go/src/runtime/panic.go:770 +0x132\n"
		" created by net/http.(*Server).Serve in goroutine 7\n"
		" \t/usr/lib/go/src/net/http/server.go:3285 +0x4b4\n"
		" \n"
		" goroutine 18 [IO wait, 2 minutes]:\n"
		" internal/poll.runtime_pollWait(0x7f, 0x72)\n"
		" \t/usr/lib/go/src/runtime/netpoll.go:345 +0x85\n"
		" exit status 2\n"
		">2024/01/01 10:00:00 next\n"
		">main.run(1)\n" },
	{ "Rust", ">INFO start\n"
		  ">thread 'main' panicked at src/main.rs:4:5:\n"
		  " index out of bounds: the len is 3 but the index is 3\n"
		  " stack backtrace:\n"
		  "    0: rust_begin_unwind\n"
		  "              at /rustc/9fc6b4/library/std/src/panicking.rs:645:5\n"
		  " note: Some details are omitted, run with `RUST_BACKTRACE=full`\n"
		  ">thread 'a' panicked at src/main.rs:4:5:\n"
		  " Error: text\n"
		  " note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
		  ">thread 'main' panicked at 'text', src/main.rs:4:5\n"
		  ">next\n" },
	{ "JavaScript", ">/app/x.js:3\n"
			"     throw new Error('boom');\n"
			"     ^\n"
			" \n"
			" Error: boom\n"
			"     at Object.<anonymous> (/app/x.js:3:11)\n"
			"     at node:internal/main/run_main_module:23:47 {\n"
			"   [cause]: TypeError: x\n"
			"   }\n"
			">next\n" },
	{ "Java, what is thrown", ">ERROR dump of a thread\n"
				  " java.lang.Throwable: here\n"
				  " \tat A.main(A.java:3)\n"
				  " Caused by: [CIRCULAR REFERENCE: java.lang.Error: x]\n"
				  " \t... 23 common frames omitted\n"
				  ">ERROR x\n"
				  " kotlin.KotlinNullPointerException\n"
				  " \tat _COROUTINE._BOUNDARY._(CoroutineDebugging.kt:46)\n"
				  " \t(Coroutine boundary)\n"
				  " Caused by: kotlinx.coroutines.TimeoutCancellationException: x\n"
				  ">ERROR y\n" },
	{ "Python, groups and stacks",
		">ERROR:root:job failed\n"
		"   + Exception Group Traceback (most recent call last):\n"
		"   |   File \"a.py\", line 3, in <module>\n"
		"   | ExceptionGroup: x (1 sub-exception)\n"
		"   +-+---------------- 1 ----------------\n"
		"     | ValueError: 1\n"
		"     +------------------------------------\n"
		">WARNING:root:where\n"
		" Stack (most recent call last):\n"
		"   File \"a.py\", line 3, in <module>\n"
		">ERROR:asyncio:Task exception was never retrieved\n"
		" future: <Task finished name='Task-1' exception=ValueError('x')>\n"
		" Traceback (most recent call last):\n"
		"   File \"a.py\", line 3, in f\n"
		" __main__.f.<locals>.Failure: x\n"
		">Exception in thread Thread-1 (f):\n"
		" Traceback (most recent call last):\n"
		"   File \"a.py\", line 3, in f\n"
		"     1/0\n"
		"     ~^~\n"
		" ZeroDivisionError: division by zero\n"
		">Fatal Python error: Segmentation fault\n"
		" \n"
		" Current thread 0x00007f1c2b7fe740 (most recent call first):\n"
		"   File \"a.py\", line 3 in f\n"
		" \n"
		" Thread 0x00007f1c2b7fe741 (most recent call first):\n"
		"   File \"a.py\", line 4 in f\n"
		">Thread 0x1 has ended\n"
		">future: none\n" },
	{ "Go, of all threads", ">SIGQUIT: quit\n"
				" PC=0x45e0a1 m=0 sigcode=0\n"
				" \n"
				" goroutine 0 gp=0x55f0a0 m=0 mp=0x5600a0 [idle]:\n"
				" runtime.futex(0x55f0e8, 0x80, 0x0, 0x0, 0x0, 0x0)\n"
				" \t/usr/lib/go/src/runtime/sys_linux_amd64.s:557 +0x21\n"
				" gopkg.in/yaml%2ev3.(*Decoder).Decode(0xc0, {0x1, 0x2})\n"
				" \t/go/pkg/mod/gopkg.in/yaml.v3/yaml.go:123 +0x21\n"
				" main.Map[...](0x1)\n"
				" \t/tmp/x.go:8 +0x1d\n"
				" ...additional frames elided...\n"
				" created by main.main in goroutine 1\n"
				" \t/tmp/x.go:9 +0x1d\n"
				" ...23 frames elided...\n"
				" \n"
				" rax    0xca\n"
				" rflags 0x286\n"
				" fs     0x0\n"
				" exit status 2\n"
				">rax 0xca\n"
				">fatal error: concurrent map writes\n"
				" \n"
				" runtime stack:\n"
				" runtime.throw({0x1, 0x2})\n"
				" \t/usr/lib/go/src/runtime/panic.go:1077 +0x5c\n"
				" \n"
				" goroutine 7 [running]:\n"
				" main.main.func1()\n"
				" \t/tmp/x.go:8 +0x1d\n"
				">rax    0xca in a log\n"
				">...\n"
				">...more\n"
				">fs     0x0\n" },
	{ "Rust, in full",
		">\n"
		">thread 'main' (12345) panicked at src/main.rs:4:5:\n"
		" assertion `left == right` failed\n"
		"   left: 1\n"
		"  right: 2\n"
		" stack backtrace:\n"
		"    0:     0x55d0c0a0 - <std::sys::X as core::fmt::Display>::fmt::h1\n"
		"                                at /rustc/9fc6b4/library/std/x.rs:44:22\n"
		" note: Run with `RUST_BACKTRACE=full` for a verbose backtrace.\n"
		">INFO start\n"
		" Error: could not read\n"
		" \n"
		" Caused by:\n"
		"     No such file or directory (os error 2)\n"
		" \n"
		" Stack backtrace:\n"
		"    0: anyhow::error::X\n"
		">next\n" },
	{ "Node.js", ">node:internal/errors:496\n"
		     "     ErrorCaptureStackTrace(err);\n"
		     "     ^\n"
		     " \n"
		     " TypeError [ERR_INVALID_ARG_TYPE]: The \"path\" argument must be x\n"
		     "     at Object.open (node:fs:586:10) {\n"
		     "   code: 'ERR_INVALID_ARG_TYPE',\n"
		     "   [cause]: Error: inner\n"
		     "       at run (/app/x.js:3:11)\n"
		     " }\n"
		     " \n"
		     " Node.js v20.10.0\n"
		     ">node:internal/process/promises:288\n"
		     "             triggerUncaughtException(err, true /* fromPromise */);\n"
		     "             ^\n"
		     " \n"
		     " [UnhandledPromiseRejection: This error originated either by x] {\n"
		     "   code: 'ERR_UNHANDLED_REJECTION'\n"
		     " }\n"
		     ">/app/x.js:2\n"
		     " function f(){ throw new Error('boom') }\n"
		     "               ^\n"
		     " \n"
		     " Error: boom\n"
		     ">file:///app/x.mjs:12\n"
		     " throw 'text'\n"
		     ">/app/x.js:2:5\n"
		     ">C:\\app\\x.ts:2\n"
		     " f()\n"
		     ">see /app/x.js:2\n"
		     " UnhandledPromiseRejection: This error originated either by x\n"
		     ">x.jsx:2\n"
		     ">.js:\n"
		     ">2\n"
		     ">:2\n"
		     ">2024 request failed\n"
		     " AggregateError [ECONNREFUSED]:\n"
		     "     at internalConnectMultiple (node:net:1114:18) {\n"
		     "   [errors]: [\n"
		     "     Error: connect ECONNREFUSED ::1:80\n"
		     "   ]\n"
		     " }\n"
		     ">[Error] of a level\n"
		     " [TypeError: x]\n"
		     ">[TypeError: y] of the next\n"
		     ">[Warning: x]\n"
		     ">{\n"
		     "   \"a\": [\n"
		     " ]},\n"
		     ">} else\n" },
	{ "Ruby", ">app.rb:3:in `foo': boom (RuntimeError)\n"
		  " \tfrom app.rb:7:in `<main>'\n"
		  ">next\n" },
	{ "Erlang", ">=ERROR REPORT==== 1-Jan-2024::10:00:00.000000 ===\n"
		    ">** Generic server a terminating\n"
		    "    {badmatch,1}\n" },
	{ "C#", ">fail: Worker[0]\n"
		"       System.Exception: x\n"
		"    at A.B() in /src/A.cs:line 3\n"
		" --- End of stack trace from previous location ---\n"
		"    at A.C()\n"
		">info: Worker[0]\n" },
	{ "PHP", ">PHP Fatal error:  Uncaught Exception: x in /a.php:3\n"
		 " Stack trace:\n"
		 " #0 /a.php(7): f()\n"
		 " #1 {main}\n"
		 "   thrown in /a.php on line 3\n"
		 ">#x is no frame\n"
		 ">[Mon] next\n"
		 ">- item\n"
		 ">...\n" },
	{ "CR", ">2024 x\r\n"
		" Traceback (most recent call last):\r\n"
		"   File \"a.py\", line 3, in <module>\r\n"
		" KeyboardInterrupt\r\n"
		" \r\n"
		">f(x)\r\n"
		" goroutine 1 [running]:\r\n"
		" f(x)\r\n"
		">2024 y\r\n" },
};

/* The first character of each line says whether it begins a record. */
static void
check_log(const char *name, const char *log, struct guard *guard)
{
	enum sl_record_state state = SL_RECORD_PLAIN;
	bool is_first = true;
	for (const char *at = log, *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		size_t len = (size_t)(end - at) - 1;
		struct sl_span line = sl_span(guard_place(guard, at + 1, len), len);
		bool begins = sl_record_step(&state, sl_record_look(line)) || is_first;
		cr_assert_eq(begins, *at == '>', "%s: %.*s", name, (int)len, at + 1);
		is_first = false;
	}
}

Test(record, stack_traces_belong_to_the_line_before)
{
	struct guard guard;
	guard_init(&guard, 4096);
	for (size_t i = 0; i < SL_COUNT_OF(logs); i++)
		check_log(logs[i].name, logs[i].log, &guard);
	guard_release(&guard);
}

/* Flush against a page that cannot be read. */
Test(record, every_beginning_of_a_line_is_looked_at_within_its_bytes)
{
	static const char *const lines[] = { "Caused by: x",
		"Traceback (most recent call last):", "goroutine 12345 [running]:",
		"thread 'main' panicked at src/main.rs:4:5:", "#123 f", "... 23 more", "a.b.C(1)",
		"created by x",
		"Current thread 0x1 (most recent call first):", "TypeError [ERR_X]: x",
		"[TypeError: x]", "rflags 0x286", "/x.js:12", "node:a:3", "}]),;", "...23 frames",
		"...additional frames", "runtime stack:", "java.io.IOException: x\r",
		"note: run with `RUST_BACKTRACE=1`", "--- End of x", "[signal x" };
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(lines); i++)
		for (size_t len = 0; len <= strlen(lines[i]); len++) {
			const char *line = guard_place(&guard, lines[i], len);
			cr_assert_leq(sl_record_look(sl_span(line, len)), SL_RECORD_PANIC);
		}
	guard_release(&guard);
}

Test(record, a_long_line_is_looked_at_in_its_first_bytes)
{
	static char line[4 * SL_RECORD_LOOK];
	memset(line, 'a', sizeof(line));
	memcpy(line + sizeof(line) - 3, "(1)", 3);
	cr_assert_eq(sl_record_look(sl_span(line, sizeof(line))), SL_RECORD_OTHER);
	memcpy(line + SL_RECORD_LOOK / 2, "(1)", 3);
	cr_assert_eq(sl_record_look(sl_span(line, sizeof(line))), SL_RECORD_CALL);
	memcpy(line, "Error: ", 7);
	cr_assert_eq(sl_record_look(sl_span(line, sizeof(line))), SL_RECORD_EXCEPTION);
}

/* After any lines: what is called sure begins a record, and then the lines before do not matter. */
Test(record, what_certainly_begins_a_record_does_so_whatever_came_before)
{
	struct sl_random random;
	unsigned sure = 0;
	sl_random_init(&random, 5);
	for (unsigned round = 0; round < 20000; round++) {
		enum sl_record_state state = SL_RECORD_PLAIN, fresh = SL_RECORD_PLAIN;
		enum sl_record_look before = SL_RECORD_OTHER, look = SL_RECORD_OTHER;
		bool begins = false;
		for (uint64_t i = 2 + sl_random_below(&random, 5); i > 0; i--) {
			before = look;
			look = (enum sl_record_look)sl_random_below(&random, SL_RECORD_PANIC + 1);
			begins = sl_record_step(&state, look);
		}
		if (!sl_record_is_sure(before, look))
			continue;
		sure++;
		cr_assert(begins && sl_record_step(&fresh, look) && fresh == state, "%u after %u",
			(unsigned)look, (unsigned)before);
	}
	cr_assert_gt(sure, 1000);
}
