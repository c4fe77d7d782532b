/*
 * Names and directories: from --output, from out= and dir= of a list, or from the URL (of which
 * --tree makes directories, too); then the claim in the table of names.
 *
 * Rules:
 *  - A name is one component, never "." or "..", and without control bytes unless --output gave it.
 *  - A name is claimed together with the name of its part: NAME of one input and NAME.sluice-part
 *    of another would be the same file.
 *  - A path below the directory of the run is not used by one input as a file and by another as a
 *    directory: the later one is refused.
 *  - With --decompress the suffix of the name in the URL, or of the server's if that is used,
 *    decides what is decoded, whatever name the file gets.
 *  - The table's key is the directory's identity and the name: two paths may lead to one directory.
 */
#include "place_int.h"

#include "sluice/base/text.h"
#include "sluice/download/part.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_OF_PART 0u    /* in the table of names: the name of a part, or of a journal */
#define NUMBERS_MAX 1000000u /* NAME.1, NAME.2, ... for --if-exists=rename: an end to the search */

static int
refuse_name(const struct claim *claim, struct sl_span shown, const char *why)
{
	return sl_fail(claim->err, SL_PHASE_NONE, SL_E_NAME, "file name '%.*s' refused: %s",
		(int)SL_MIN(shown.len, 120u), shown.len ? shown.data : "", why);
}

/* One component of the path `shown`: what a list or the command line may call a file. The user's
 * own --output may have any byte a file name can have. */
static int
check_name(const struct claim *claim, struct sl_span name, struct sl_span shown)
{
	if (name.len == 0 || sl_span_is(name, ".") || sl_span_is(name, ".."))
		return refuse_name(claim, shown, "it names a directory, not a file in it");
	if (name.len > NAME_MAX)
		return refuse_name(claim, shown, "it is longer than 255 bytes");
	if (!claim->places->options.output && sl_text_has_control(name))
		return refuse_name(claim, shown, "it has control bytes in it");
	return 0;
}

/* "a/b/c" into directory "a/b" and name "c". */
static void
split(struct sl_span path, struct sl_span *directory, struct sl_span *name)
{
	size_t cut = path.len;
	while (cut > 0 && path.data[cut - 1] != '/')
		cut--;
	*name = sl_span(path.data + cut, path.len - cut);
	*directory = cut > 1 ? sl_span(path.data, cut - 1) : sl_span(path.data, cut);
}

/* ---- directories ---- */

static const char *
run_path(const struct sl_places *places)
{
	return places->options.dir ? places->options.dir : ".";
}

/* Openings that hang run side by side, but only one opens the directory of the run. */
SL_SUSPENDS
static int
open_run_directory(const struct claim *claim)
{
	struct sl_places *places = claim->places;
	if (places->run_directory)
		return 0;
	int code = sl_semaphore_take(&places->run_turn, SL_FOREVER);
	if (code)
		return sl_fail_code(claim->err, SL_PHASE_DIRECTORY, code,
			"cannot open or make the directory '%s'", run_path(places));
	if (!places->run_directory)
		code = sl_directories_open(&places->directories, NULL,
			sl_span_str(run_path(places)), &places->run_directory, claim->err);
	sl_semaphore_give(&places->run_turn);
	return code;
}

/* "first/second", either alone, or the second if it is absolute. */
static void
add_path(struct sl_buf *path, struct sl_span second)
{
	if (second.len > 0 && second.data[0] == '/')
		path->len = 0;
	if (path->len > 0 && second.len > 0 && path->data[path->len - 1] != '/')
		sl_buf_add_char(path, '/');
	sl_buf_add_span(path, second);
}

/* place->directory_path and ->wanted: below the directory of the run, or as `path` (taken) is. */
static int
set_directory(struct sl_place *place, const char *below, struct sl_buf *path)
{
	struct sl_buf wanted = { 0 };
	if (below && strcmp(below, ".") != 0)
		sl_buf_add_str(&wanted, below);
	add_path(&wanted, sl_buf_span(path));
	if (wanted.len == 0)
		sl_buf_add_str(&wanted, ".");
	place->is_below = below != NULL;
	place->directory_path = sl_buf_detach(path);
	place->wanted = sl_buf_detach(&wanted);
	return place->directory_path && place->wanted ? 0 : -ENOMEM;
}

/* By --output: given by the user. */
static int
set_users_directory(const struct claim *claim, struct sl_span directory)
{
	const char *dir = claim->places->options.dir;
	struct sl_buf path = { 0 };
	if (dir)
		sl_buf_add_str(&path, dir);
	add_path(&path, directory);
	return set_directory(claim->place, NULL, &path);
}

/* out= and dir= of a list: below the directory of the run, or with --allow-outside anywhere. */
static int
set_entrys_directory(const struct claim *claim, struct sl_span out_directory)
{
	const struct sl_entry *entry = claim->entry;
	const struct sl_places *places = claim->places;
	struct sl_buf path = { 0 };
	bool anywhere = places->options.allow_outside;
	if (!anywhere && out_directory.len > 0 && out_directory.data[0] == '/')
		return refuse_name(claim, entry->out,
			"it leaves the output directory (--allow-outside permits that)");
	if (anywhere && places->options.dir)
		sl_buf_add_str(&path, places->options.dir);
	add_path(&path, entry->dir);
	add_path(&path, out_directory);
	return set_directory(claim->place, anywhere ? NULL : run_path(places), &path);
}

SL_SUSPENDS
static int
open_directory(const struct claim *claim)
{
	struct sl_places *places = claim->places;
	struct sl_place *place = claim->place;
	int code = place->is_below ? open_run_directory(claim) : 0;
	if (code)
		return code;
	return sl_directories_open(&places->directories,
		place->is_below ? places->run_directory : NULL, sl_span_str(place->directory_path),
		&place->directory, claim->err);
}

/* ---- names ---- */

static int
set_name(const struct claim *claim, struct sl_span name, struct sl_span shown)
{
	int code = check_name(claim, name, shown);
	if (code)
		return code;
	free(claim->place->name);
	claim->place->name = sl_span_dup(name);
	return claim->place->name ? 0 : -ENOMEM;
}

static int
set_path(struct sl_place *place)
{
	struct sl_buf path = { 0 };
	sl_directory_join(place->directory, place->name, &path);
	free(place->path);
	place->path = sl_buf_detach(&path);
	return place->path ? 0 : -ENOMEM;
}

/* With --decompress, a compressed file loses the suffix that tells so. */
static int
take_suffix(const struct claim *claim, struct sl_span in_full, struct sl_buf *name)
{
	claim->place->codec = sl_codec_of_name(in_full, name);
	if (claim->place->codec == SL_CODEC_NONE)
		sl_buf_add_span(name, in_full);
	return name->failed ? -ENOMEM : 0;
}

static int
name_in_url(const struct claim *claim, struct sl_buf *name, struct sl_error *err)
{
	const struct sl_url *url = &claim->sources->url;
	struct sl_buf in_full = { 0 };
	if (!claim->places->options.decompress)
		return sl_url_file_name(url, name, err);
	int code = sl_url_file_name(url, &in_full, err);
	if (!code)
		code = take_suffix(claim, sl_buf_span(&in_full), name);
	sl_buf_release(&in_full);
	return code;
}

/* For a file that is given another name. A URL without a usable name has no suffix either. */
static int
set_codec(const struct claim *claim)
{
	struct sl_buf name = { 0 };
	int code = claim->places->options.decompress ? name_in_url(claim, &name, NULL) : 0;
	sl_buf_release(&name);
	return code == -ENOMEM ? code : 0;
}

static int
set_servers_name(const struct claim *claim, struct sl_span in_full)
{
	struct sl_buf name = { 0 };
	if (!claim->places->options.decompress)
		return set_name(claim, in_full, in_full);
	int code = take_suffix(claim, in_full, &name);
	if (!code)
		code = set_name(claim, sl_buf_span(&name), in_full);
	sl_buf_release(&name);
	return code;
}

/* By --output, which may lead anywhere. */
static int
set_by_output(const struct claim *claim)
{
	const struct sl_place_options *options = &claim->places->options;
	struct sl_span directory, name, output = sl_span_str(options->output);
	split(output, &directory, &name);
	int code = set_codec(claim);
	if (!code)
		code = set_name(claim, name, output);
	return code ? code : set_users_directory(claim, directory);
}

/* The URL's host and directories, and the last component of its path. */
static int
set_by_url(const struct claim *claim)
{
	const struct sl_url *url = &claim->sources->url;
	struct sl_buf name = { 0 }, directory = { 0 };
	int code = name_in_url(claim, &name, claim->err);
	if (!code && claim->places->options.tree)
		code = sl_url_directory_name(url, &directory, claim->err);
	if (!code)
		code = set_name(claim, sl_buf_span(&name), sl_buf_span(&name));
	if (!code)
		code = set_entrys_directory(claim, sl_buf_span(&directory));
	claim->place->awaits_name = claim->places->options.server_names;
	sl_buf_release(&name);
	sl_buf_release(&directory);
	return code;
}

/* By out= and dir= of a list, or the URL. */
static int
set_by_entry(const struct claim *claim)
{
	struct sl_span directory, name;
	if (claim->entry->out.len == 0)
		return set_by_url(claim);
	split(claim->entry->out, &directory, &name);
	int code = set_codec(claim);
	if (!code)
		code = set_name(claim, name, claim->entry->out);
	return code ? code : set_entrys_directory(claim, directory);
}

/* ---- the table ---- */

static char *
key_of(const struct sl_place *place, const char *name, const char *suffix)
{
	const struct sl_directory *directory = place->directory;
	return place_key(directory->dev_major, directory->dev_minor, directory->inode,
		sl_span_str(name), suffix);
}

/* The files that stand beside a file of this run, or may stand there. */
static const struct beside {
	char *(*name)(const char *name);
	const char *suffix;
} beside[] = {
	{ sl_part_name, SL_PART_SUFFIX },
	{ sl_part_journal_name, SL_JOURNAL_SUFFIX },
	{ sl_part_kept_name, SL_KEPT_SUFFIX },
};

/* Its name is too long for the suffix, and stands there cut, with a hash: who has that one cannot
 * be found by its end. */
static bool
is_cut(const struct sl_place *place, const struct beside *kind)
{
	return strlen(place->name) + strlen(kind->suffix) > NAME_MAX;
}

/* Of the file `kind` beside this one; NULL if out of memory. */
static char *
key_beside(const struct sl_place *place, const struct beside *kind)
{
	if (!is_cut(place, kind))
		return key_of(place, place->name, kind->suffix);
	/* By its key: the directory of a file that waits is closed. */
	struct sl_buf key = { 0 };
	char *name = kind->name(place->name);
	sl_buf_add(&key, place->key, strlen(place->key) - strlen(place->name));
	sl_buf_add_str(&key, name ? name : "");
	bool failed = !name;
	free(name);
	if (!failed)
		return sl_buf_detach(&key);
	sl_buf_release(&key);
	return NULL;
}

/* True if the file's name is that of another's part or journal, or one of its own has the name of
 * another file: then *owner is that file's owner. What has such a name is taken for a leftover. */
static bool
collides_with_part(
	const struct sl_names *names, const struct sl_place *place, struct sl_names_owner *owner)
{
	const struct sl_names_owner *other = NULL;
	for (size_t i = 0; i < SL_COUNT_OF(beside) && !other; i++) {
		size_t len = strlen(place->key), suffix_len = strlen(beside[i].suffix);
		char *key = key_beside(place, &beside[i]);
		other = key ? sl_names_find(names, key) : NULL;
		free(key);
		if (!other && len > suffix_len &&
			strcmp(place->key + len - suffix_len, beside[i].suffix) == 0) {
			char *stem = sl_span_dup(sl_span(place->key, len - suffix_len));
			other = stem ? sl_names_find(names, stem) : NULL;
			free(stem);
		}
	}
	if (other)
		*owner = *other;
	return other != NULL;
}

static void
give_up_names(struct sl_names *names, const struct sl_place *place)
{
	sl_names_give_up(names, place->key);
	for (size_t i = 0; i < SL_COUNT_OF(beside); i++) {
		char *key = is_cut(place, &beside[i]) ? key_beside(place, &beside[i]) : NULL;
		if (key)
			sl_names_give_up(names, key);
		free(key);
	}
}

/* The file's name, and those beside it that are cut. As sl_names_claim. */
static int
claim_names(struct sl_names *names, const struct sl_place *place, const struct sl_names_owner *self,
	struct sl_names_owner *other)
{
	struct sl_names_owner of_part = { .source = SOURCE_OF_PART, .index = self->index };
	int code = sl_names_claim(names, place->key, self, other);
	if (code != SL_NAMES_CLAIMED)
		return code;
	for (size_t i = 0; i < SL_COUNT_OF(beside) && code == SL_NAMES_CLAIMED; i++) {
		if (!is_cut(place, &beside[i]))
			continue;
		char *key = key_beside(place, &beside[i]);
		code = key ? sl_names_claim(names, key, &of_part, other) : -ENOMEM;
		free(key);
	}
	if (code != SL_NAMES_CLAIMED)
		give_up_names(names, place);
	return code;
}

enum claim_result {
	CLAIM_OK,
	CLAIM_NAME_TAKEN, /* another input has the name */
	CLAIM_PART_TAKEN, /* one of the two names is the other's part or journal */
};

/* An enum claim_result, with *owner if it is taken; -ENOMEM. The name is place->key's from here
 * on. */
static int
try_claim(struct sl_places *places, struct sl_place *place, struct sl_names_owner *owner)
{
	struct sl_names_owner self = { .source = place->identity };
	if (place->index > SL_NAMES_MAX)
		return SL_E_LIMIT;
	self.index = (uint32_t)place->index;
	place->owns_key = false;
	free(place->key);
	place->key = key_of(place, place->name, "");
	if (!place->key)
		return -ENOMEM;
	if (collides_with_part(&places->names, place, owner))
		return CLAIM_PART_TAKEN;
	int code = claim_names(&places->names, place, &self, owner);
	place->owns_key = code == SL_NAMES_CLAIMED;
	if (code == SL_NAMES_TAKEN)
		return owner->source == SOURCE_OF_PART ? CLAIM_PART_TAKEN : CLAIM_NAME_TAKEN;
	return code;
}

static int
refuse_twice(const struct claim *claim, enum claim_result result, uint64_t other)
{
	struct sl_buf path = { 0 }, url = { 0 };
	sl_text_shorten(&path, sl_span_str(claim->place->path), SHOWN_MAX);
	sl_text_shorten(&url, sl_span_str(sl_sources_show(claim->sources)), SHOWN_MAX);
	int code = sl_fail(claim->err, SL_PHASE_NONE, SL_E_TWICE,
		"'%s' %s input %llu, so '%s' (input %llu) is not downloaded "
		"(--if-exists=rename gives it a name of its own)",
		path.data ? path.data : "",
		result == CLAIM_NAME_TAKEN ? "is already the name of"
					   : "conflicts with the partial file or journal of",
		(unsigned long long)other + 1, url.data ? url.data : "",
		(unsigned long long)claim->place->index + 1);
	sl_buf_release(&path);
	sl_buf_release(&url);
	return code;
}

/* ---- the claim ---- */

/* Its directory, open. */
SL_SUSPENDS
static int
enter_directory(const struct claim *claim)
{
	const struct sl_place *place = claim->place;
	struct sl_tree *tree = &claim->places->tree;
	if (!place->is_below)
		return open_directory(claim);
	const struct sl_tree_node *node = sl_tree_find(tree, sl_span_str(place->directory_path));
	bool is_known = node && node->is_open;
	int code = is_known ? 0 : place_check_steps(claim);
	if (!code)
		code = open_directory(claim);
	return code || is_known ? code : place_add_directory(claim);
}

static int
claim_name(const struct claim *claim)
{
	struct sl_names_owner owner = { 0 };
	int code = place_check_path(claim);
	if (code)
		return code;
	int result = try_claim(claim->places, claim->place, &owner);
	if (result <= 0) /* CLAIM_OK or a code */
		return result < 0 ? result : SL_PLACE_CLAIMED;
	if (result == CLAIM_NAME_TAKEN && owner.source == claim->place->identity)
		return SL_PLACE_REPEAT;
	return refuse_twice(claim, (enum claim_result)result, owner.index);
}

static int
set_stdout(const struct claim *claim)
{
	claim->place->path = sl_span_dup(sl_span_str("-"));
	return claim->place->path ? set_codec(claim) : -ENOMEM;
}

int
sl_place_begin(struct sl_places *places, struct sl_place *place, const struct sl_sources *sources,
	uint64_t index, struct sl_error *err)
{
	const char *output = places->options.output;
	struct claim claim = { places, place, sources, sources->entry, err };
	place->index = index;
	place->identity = sl_sources_identity(sources);
	if (output && strcmp(output, "-") == 0)
		return set_stdout(&claim);
	return output ? set_by_output(&claim) : set_by_entry(&claim);
}

bool
sl_place_is_open(const struct sl_places *places, const struct sl_place *place)
{
	return !place->wanted || sl_directories_is_open(&places->directories, place->wanted);
}

int
sl_place_claim(struct sl_places *places, struct sl_place *place, const struct sl_sources *sources,
	struct sl_error *err)
{
	struct claim claim = { places, place, sources, sources->entry, err };
	if (!place->wanted) /* standard output */
		return SL_PLACE_CLAIMED;
	int code = enter_directory(&claim);
	if (!code)
		code = set_path(place);
	if (code || place->awaits_name)
		return code ? code : SL_PLACE_CLAIMED;
	return claim_name(&claim);
}

int
sl_place_claim_name(struct sl_places *places, struct sl_place *place,
	const struct sl_sources *sources, struct sl_span name, struct sl_error *err)
{
	struct claim claim = { places, place, sources, sources->entry, err };
	sl_assert(place->awaits_name);
	int code = name.len > 0 ? set_servers_name(&claim, name) : 0;
	if (!code)
		code = set_path(place);
	place->awaits_name = code != 0;
	return code ? code : claim_name(&claim);
}

/* ---- NAME.N ---- */

/* 0; -EEXIST if an input or a file has the name; a code. */
SL_SUSPENDS
static int
claim_if_free(struct sl_places *places, struct sl_place *place)
{
	struct statx st = { 0 };
	struct sl_names_owner owner;
	int code = sl_directory_stat(
		place->directory, place->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (code != -ENOENT)
		return code ? code : -EEXIST;
	int result = try_claim(places, place, &owner);
	return result > 0 ? -EEXIST : result;
}

void
sl_place_close(struct sl_place *place)
{
	sl_directory_unref(place->directory);
	place->directory = NULL;
}

int
sl_place_reopen(struct sl_places *places, struct sl_place *place, struct sl_error *err)
{
	struct claim claim = { .places = places, .place = place, .err = err };
	return place->wanted && !place->directory ? open_directory(&claim) : 0;
}

/* One more try: STEM.number. */
SL_SUSPENDS
static int
try_number(struct sl_places *places, struct sl_place *place, unsigned number, struct sl_error *err)
{
	struct claim claim = { .places = places, .place = place, .err = err };
	struct sl_buf name = { 0 };
	sl_buf_printf(&name, "%s.%u", place->stem, number);
	int code = name.failed ? -ENOMEM : set_name(&claim, sl_buf_span(&name), sl_buf_span(&name));
	if (!code)
		code = set_path(place);
	if (!code)
		code = claim_if_free(places, place);
	sl_buf_release(&name);
	return code;
}

int
sl_place_rename(struct sl_places *places, struct sl_place *place, struct sl_error *err)
{
	if (!place->stem)
		place->stem = sl_span_dup(sl_span_str(place->name));
	char *key = place->stem ? key_of(place, place->stem, "") : NULL;
	unsigned number = 0;
	int code = -EEXIST;
	while (code == -EEXIST && number < NUMBERS_MAX) {
		number = key ? sl_names_next_number(&places->names, key) : 0;
		code = number > 0 ? try_number(places, place, number, err) : -ENOMEM;
	}
	free(key);
	if (code)
		sl_fail_code(err, SL_PHASE_CREATE, code, "no free name for '%s'",
			place->stem ? place->stem : "");
	return code;
}

/* ---- beginning and end ---- */

void
sl_places_init(struct sl_places *places, const struct sl_place_options *options)
{
	*places = (struct sl_places){ .options = *options };
	sl_semaphore_init(&places->run_turn, "directory of the run", 1);
	sl_directories_init(&places->directories, options->keep, options->sync_made);
	places->directories.look_only = options->look_only;
}

void
sl_places_release(struct sl_places *places)
{
	sl_directory_unref(places->run_directory);
	places->run_directory = NULL;
	sl_directories_release(&places->directories);
	sl_names_release(&places->names);
	sl_tree_release(&places->tree);
}

struct sl_names_owner *
sl_place_owner(const struct sl_places *places, const struct sl_place *place)
{
	return place->key ? sl_names_find(&places->names, place->key) : NULL;
}

void
sl_place_give_up(struct sl_places *places, struct sl_place *place)
{
	if (place->owns_key)
		give_up_names(&places->names, place);
	place->owns_key = false;
}

void
sl_place_release(struct sl_place *place)
{
	sl_directory_unref(place->directory);
	free(place->directory_path);
	free(place->wanted);
	free(place->name);
	free(place->path);
	free(place->stem);
	free(place->key);
	*place = (struct sl_place){ 0 };
}
