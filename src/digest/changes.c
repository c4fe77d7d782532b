/*
 * changes.c - the templates of both times are grouped together. In each group:
 *
 *     a saved kind belongs to the kind with its text, or to the first one of the group
 *     it is gone if the group has none
 *
 * Kinds of one time are hardly ever grouped with each other, since they were grouped before.
 */
#include "sluice/digest/changes.h"

#include "sluice/digest/masks.h"
#include "sluice/digest/templates.h"

#include <errno.h>
#include <stdlib.h>

const char *
sl_change_name(enum sl_change change)
{
	static const char *const names[SL_CHANGES] = { "new", "gone", "more", "less", "same" };
	return names[change];
}

/* A template of one of the times. */
struct entry {
	struct sl_span text; /* masked */
	struct sl_changed *now;
	const struct sl_saved_kind *then;
	size_t group;
};

static int
compare_span(struct sl_span a, struct sl_span b)
{
	size_t len = SL_MIN(a.len, b.len);
	int order = len ? memcmp(a.data, b.data, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_text(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = compare_span(left->text, right->text);
	return order ? order : (right->now != NULL) - (left->now != NULL);
}

/* By group; the kinds of now first; else as they were. */
static int
compare_group(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	if (left->group != right->group)
		return left->group < right->group ? -1 : 1;
	int order = (right->now != NULL) - (left->now != NULL);
	return order ? order : compare_span(left->text, right->text);
}

static uint64_t
lines_of(const struct sl_changed *item)
{
	return item->kind ? item->kind->count : item->before;
}

static struct sl_span
text_of(const struct sl_changed *item)
{
	return item->kind ? item->kind->text : item->gone->text;
}

static int
compare_change(const void *a, const void *b)
{
	const struct sl_changed *left = a, *right = b;
	if (left->change != right->change)
		return left->change < right->change ? -1 : 1;
	if (lines_of(left) != lines_of(right))
		return lines_of(left) > lines_of(right) ? -1 : 1;
	return compare_span(text_of(left), text_of(right));
}

/* The saved templates, masked again, one after the other. */
static int
add_saved(const struct sl_saved *saved, struct entry *entries, struct sl_buf *texts)
{
	for (size_t i = 0; i < saved->count; i++) {
		size_t begin = texts->len;
		sl_masks_read(texts, saved->kinds[i].text);
		entries[i] = (struct entry){ .text = sl_span(NULL, texts->len - begin),
			.then = &saved->kinds[i] };
	}
	const char *at = texts->data ? texts->data : "";
	for (size_t i = 0; i < saved->count; at += entries[i++].text.len)
		entries[i].text.data = at;
	return texts->failed ? -ENOMEM : 0;
}

static int
group(struct entry *entries, size_t count)
{
	struct sl_templates templates = { 0 };
	struct sl_span *lines = calloc(count + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	qsort(entries, count, sizeof(*entries), compare_text);
	for (size_t i = 0; i < count; i++)
		lines[i] = entries[i].text;
	int code = sl_templates_make(&templates, lines, count);
	for (size_t i = 0; i < count && code == 0; i++)
		entries[i].group = templates.group_of[i];
	sl_templates_release(&templates);
	free(lines);
	qsort(entries, count, sizeof(*entries), compare_group);
	return code;
}

static void
add_gone(struct sl_changes *changes, const struct sl_saved_kind *kind)
{
	changes->items[changes->count++] = (struct sl_changed){
		.change = SL_CHANGE_GONE, .before = kind->count, .gone = kind
	};
}

/* The entries of a group, of which the first `kinds` are of now. */
static void
match_group(struct sl_changes *changes, struct entry *entries, size_t count, size_t kinds)
{
	for (size_t i = kinds, j = 0; i < count; i++) {
		/* Both parts are sorted by text. */
		while (j < kinds && compare_span(entries[j].text, entries[i].text) < 0)
			j++;
		bool is_same = j < kinds && sl_span_equal(entries[j].text, entries[i].text);
		struct sl_changed *owner = kinds ? entries[is_same ? j : 0].now : NULL;
		if (owner)
			owner->before += entries[i].then->count;
		else
			add_gone(changes, entries[i].then);
	}
}

static void
match(struct sl_changes *changes, struct entry *entries, size_t count)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		size_t kinds = 0;
		for (end = begin; end < count && entries[end].group == entries[begin].group; end++)
			kinds += entries[end].now != NULL;
		match_group(changes, entries + begin, end - begin, kinds);
	}
}

static enum sl_change
change_of(uint64_t now, uint64_t before)
{
	double difference = (double)now - (double)before, sum = (double)now + (double)before;
	if (before == 0)
		return SL_CHANGE_NEW;
	if (difference * difference <= 9 * sum)
		return SL_CHANGE_NONE;
	return now > before ? SL_CHANGE_MORE : SL_CHANGE_LESS;
}

static void
decide(struct sl_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct sl_changed *item = &changes->items[i];
		if (item->kind)
			item->change = change_of(item->kind->count, item->before);
		changes->numbers[item->change]++;
	}
	if (changes->count)
		qsort(changes->items, changes->count, sizeof(*changes->items), compare_change);
}

int
sl_changes_make(struct sl_changes *changes, const struct sl_kind *kinds, size_t count,
	const struct sl_saved *saved)
{
	size_t all = count + saved->count;
	struct entry *entries = calloc(all + 1, sizeof(*entries));
	struct sl_buf texts = { 0 };
	*changes = (struct sl_changes){ .items = calloc(all + 1, sizeof(*changes->items)) };
	int code = entries && changes->items ? add_saved(saved, entries, &texts) : -ENOMEM;
	for (size_t i = 0; i < count && code == 0; i++) {
		changes->items[i].kind = &kinds[i];
		entries[saved->count + i] =
			(struct entry){ .text = kinds[i].text, .now = &changes->items[i] };
	}
	if (code == 0) {
		changes->count = count;
		code = group(entries, all);
	}
	if (code == 0) {
		match(changes, entries, all);
		decide(changes);
	}
	sl_buf_release(&texts);
	free(entries);
	return code;
}

void
sl_changes_release(struct sl_changes *changes)
{
	free(changes->items);
	*changes = (struct sl_changes){ 0 };
}
