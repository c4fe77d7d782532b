/*
 * The text of a configuration file. What was read is the same when it is written again, in quotes
 * or without; what is refused is so with the file and the line. Then the options of both commands
 * are set from it, which must end in a message or in values.
 */
#include "fuzz/fuzz.h"
#include "sluice/cli/options.h"

#include <errno.h>
#include <string.h>

static int
parse(struct sl_config *config, struct sl_span text, struct sl_error *err)
{
	*config = (struct sl_config){ .path = strdup("it") };
	must(config->path);
	int code = sl_config_parse(config, text, err);
	must(code == 0 || code == SL_E_USAGE);
	must(code == 0 || strncmp(err->text, "'it' ", 5) == 0);
	return code;
}

static void
add_quoted(struct sl_buf *out, const char *value, bool is_double)
{
	sl_buf_add_char(out, is_double ? '"' : '\'');
	for (; *value; value++) {
		if (is_double && (*value == '"' || *value == '\\'))
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, *value);
	}
	sl_buf_add_char(out, is_double ? '"' : '\'');
}

static void
write_again(struct sl_buf *out, const struct sl_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct sl_config_item *item = &config->items[i];
		sl_buf_printf(out, item->is_section ? "[%s]" : "%s", item->name);
		if (item->value) {
			sl_buf_add_str(out, i % 3 ? " = " : " ");
			add_quoted(out, item->value, strchr(item->value, '\'') || i % 2);
		}
		sl_buf_add_str(out, i % 5 ? "\n" : " # it's\r\n");
	}
}

static void
check_items(const struct sl_config *config, size_t len)
{
	must(config->store_len <= len + 2);
	must(config->count <= SL_CONFIG_ITEMS);
	for (size_t i = 0; i < config->count; i++) {
		const struct sl_config_item *item = &config->items[i];
		must(item->name[0]);
		must(!item->is_section || !item->value);
		must(i == 0 || item->line > config->items[i - 1].line);
	}
}

static void
check_again(const struct sl_config *config)
{
	struct sl_config again;
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 };
	write_again(&text, config);
	/* Quotation marks may make a line or the file too long. */
	if (parse(&again, sl_buf_span(&text), &err) == 0) {
		must(again.count == config->count);
		for (size_t i = 0; i < config->count; i++) {
			const struct sl_config_item *a = &config->items[i], *b = &again.items[i];
			must(a->is_section == b->is_section && strcmp(a->name, b->name) == 0);
			must(!a->value == !b->value);
			must(!a->value || strcmp(a->value, b->value) == 0);
		}
	} else {
		must(strstr(err.text, "more than"));
	}
	sl_config_release(&again);
	sl_buf_release(&text);
}

static void
check_options(const struct sl_config *config)
{
	char *argv[] = { (char[]){ "it" }, (char[]){ "http://a/b" } };
	struct sl_get_options get;
	struct sl_scan_options scan;
	struct sl_error get_err = { 0 }, scan_err = { 0 };
	int code = sl_get_options_parse(&get, config, 2, argv, &get_err);
	must(code == 0 || code == SL_E_USAGE);
	must(code == get_err.code);
	must(code != 0 || get.jobs > 0);
	sl_get_options_release(&get);
	code = sl_scan_options_parse(&scan, config, 2, argv, &scan_err);
	must(code == 0 || code == SL_E_USAGE);
	must(code == scan_err.code);
	sl_scan_options_release(&scan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_config config;
	struct sl_error err = { 0 };
	if (parse(&config, sl_span((const char *)data, len), &err) == 0) {
		check_items(&config, len);
		check_again(&config);
		check_options(&config);
	}
	sl_config_release(&config);
	return 0;
}
