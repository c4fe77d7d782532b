/*
 * cmd_help.c - `sluice help`, `sluice completions`, --help and --version. No runtime is started:
 * output is written by blocking calls. For --version an engine is opened, only to describe it.
 */
#include "sluice/cli/commands.h"

#include "sluice/base/cpu.h"
#include "sluice/base/log.h"
#include "sluice/cli/completion.h"
#include "sluice/cli/exit_status.h"
#include "sluice/cli/options.h"
#include "sluice/cli/output.h"
#include "sluice/codec/decoder.h"
#include "sluice/http/public_suffix.h"
#include "sluice/rt/engine.h"

#include <errno.h>
#include <expat.h>
#include <idn2.h>
#include <jansson.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <unistd.h>

/* Write and release *out. A reader that closes the pipe early is not an error. */
static int
show(struct sl_buf *out)
{
	struct sl_error err = { 0 };
	int code = out->failed ? sl_fail(&err, SL_PHASE_NONE, -ENOMEM, "out of memory")
			       : sl_output_write_now(STDOUT_FILENO, sl_buf_span(out), &err);
	sl_buf_release(out);
	if (code == 0 || code == -EPIPE)
		return SL_EXIT_DONE;
	sl_log_error("%s", err.text);
	return code == -ENOMEM ? SL_EXIT_OTHER : SL_EXIT_IO;
}

int
sl_show_help(const char *name)
{
	struct sl_buf out = { 0 };
	sl_command_help(sl_command_find(name), &out);
	return show(&out);
}

int
sl_show_commands(void)
{
	struct sl_buf out = { 0 };
	sl_command_list(&out);
	return show(&out);
}

int
sl_cmd_help(int argc, char **argv)
{
	if (argc < 2)
		return sl_show_commands();
	if (argc > 2 || !sl_command_find(argv[1])) {
		sl_log_error("no help for '%s'; 'sluice help' lists the commands",
			argv[argc > 2 ? 2 : 1]);
		return SL_EXIT_USAGE;
	}
	return sl_show_help(argv[1]);
}

int
sl_cmd_completions(int argc, char **argv)
{
	struct sl_buf out = { 0 };
	if (argc == 2 && sl_completion_script(&out, argv[1]))
		return show(&out);
	sl_log_error("completions are for one shell: 'sluice completions bash', zsh or fish");
	return SL_EXIT_USAGE;
}

static void
add_engine(struct sl_buf *out)
{
	struct sl_engine *engine = NULL;
	struct sl_error err = { 0 };
	char text[256];
	if (sl_engine_uring_new(&engine, &err) != 0) {
		sl_buf_printf(out, "engine:    none: %s\n", err.text);
		return;
	}
	engine->methods->describe(engine, text, sizeof(text));
	engine->methods->free(engine);
	sl_buf_printf(out, "engine:    %s\n", text);
}

static void
add_processor(struct sl_buf *out)
{
	static const struct {
		enum sl_cpu_feature feature;
		const char *name;
	} names[] = {
		{ SL_CPU_SSE42, "SSE4.2" },
		{ SL_CPU_AVX2, "AVX2" },
		{ SL_CPU_AVX512BW, "AVX-512BW" },
		{ SL_CPU_NEON, "NEON" },
	};
	unsigned features = sl_cpu_features();
	sl_buf_printf(out, "cpu:       %u usable,", sl_cpu_count());
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		if (features & names[i].feature)
			sl_buf_printf(out, " %s", names[i].name);
	if (!features)
		sl_buf_add_str(out, " no vector instructions");
	sl_buf_add_char(out, '\n');
}

int
sl_cmd_version(void)
{
	struct sl_buf out = { 0 };
	char pcre2[64] = "";
	XML_Expat_Version expat = XML_ExpatVersionInfo();
	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	sl_buf_printf(&out, "sluice %s\n", SL_VERSION);
	add_engine(&out);
	add_processor(&out);
	sl_buf_printf(&out,
		"libraries: liburing %s; %s; PCRE2 %s; libidn2 %s; libpsl %s; "
		"expat %d.%d.%d; jansson %s; ",
		SL_LIBURING_VERSION, OpenSSL_version(OPENSSL_VERSION), pcre2,
		idn2_check_version(NULL), sl_public_suffix_version(), expat.major, expat.minor,
		expat.micro, jansson_version_str());
	sl_decoder_libraries(&out);
	sl_buf_add_char(&out, '\n');
	return show(&out);
}
