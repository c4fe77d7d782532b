#include "sluice/net/dns.h"

#include "sluice/base/bytes.h"
#include "sluice/base/list.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct sl_list of_dns;
	char *host;
	uint64_t until_ns;
	struct sl_error *failure; /* NULL if there are addresses */
	size_t count;
	struct sl_address list[]; /* with port 0 */
};

/* A name that is being asked for: one at a time asks, the others wait for its answer. */
struct question {
	struct sl_list of_dns;
	struct sl_semaphore turn;
	unsigned users;
	char host[];
};

struct sl_dns {
	struct sl_list entries; /* newest first */
	size_t count;
	struct sl_list questions;
};

/* What the resolver thread works on: it may outlive the caller, so it holds copies only. */
struct lookup {
	char *host;
	struct sl_addresses found;
	int gai;      /* getaddrinfo's result */
	int os_error; /* errno if gai is EAI_SYSTEM */
};

static void
free_lookup(void *arg)
{
	struct lookup *lookup = arg;
	free(lookup->host);
	free(lookup);
}

static void
collect(struct sl_addresses *out, const struct addrinfo *list)
{
	for (const struct addrinfo *info = list; info; info = info->ai_next) {
		if (out->count == SL_DNS_ADDRESSES)
			return;
		if (info->ai_addrlen > sizeof(struct sockaddr_storage))
			continue;
		struct sl_address *address = &out->list[out->count++];
		memset(address, 0, sizeof(*address));
		memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
		address->len = info->ai_addrlen;
	}
}

static int
ask(struct lookup *lookup, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct addrinfo *list = NULL;
	int gai = getaddrinfo(lookup->host, NULL, &hints, &list);
	lookup->os_error = gai == EAI_SYSTEM ? errno : 0;
	if (gai == 0) {
		collect(&lookup->found, list);
		freeaddrinfo(list);
	}
	return gai;
}

/*
 * AI_ADDRCONFIG spares lookups of a family the machine has no address of, but loopback does not
 * count as one: a host without any network would not find ::1, and a name that has IPv6 addresses
 * only would look unknown instead of unreachable. So an empty answer is asked for again without it.
 */
static int
resolve(void *arg)
{
	struct lookup *lookup = arg;
	lookup->gai = ask(lookup, AI_ADDRCONFIG);
	if (lookup->gai == EAI_NONAME || lookup->gai == EAI_NODATA ||
		lookup->gai == EAI_ADDRFAMILY || lookup->gai == EAI_BADFLAGS)
		lookup->gai = ask(lookup, 0);
	return 0;
}

static void
free_entry(struct entry *entry)
{
	free(entry->failure);
	free(entry->host);
	free(entry);
}

static void
drop(struct sl_dns *dns, struct entry *entry)
{
	sl_list_remove(&entry->of_dns);
	dns->count--;
	free_entry(entry);
}

static struct entry *
find(struct sl_dns *dns, const char *host)
{
	sl_list_each(node, &dns->entries)
	{
		struct entry *entry = sl_list_item(node, struct entry, of_dns);
		if (strcmp(entry->host, host) == 0)
			return entry;
	}
	return NULL;
}

/* True if the cache answered: with addresses, or with the failure in *err and its code in *code. */
static bool
recall(struct sl_dns *dns, const char *host, struct sl_addresses *out, int *code,
	struct sl_error *err)
{
	struct entry *entry = find(dns, host);
	if (!entry)
		return false;
	if (entry->until_ns <= sl_now()) {
		drop(dns, entry);
		return false;
	}
	*code = entry->failure ? entry->failure->code : 0;
	if (entry->failure && err && !err->code)
		*err = *entry->failure;
	out->count = entry->count;
	memcpy(out->list, entry->list, entry->count * sizeof(out->list[0]));
	return true;
}

/* A cache that cannot grow only costs a lookup: no failure. */
static void
remember(struct sl_dns *dns, const char *host, const struct sl_addresses *found,
	const struct sl_error *failure)
{
	sl_dns_forget(dns, host);
	size_t list_size = found->count * sizeof(found->list[0]);
	struct entry *entry = calloc(1, sizeof(*entry) + list_size);
	if (!entry)
		return;
	entry->host = strdup(host);
	entry->failure = failure ? malloc(sizeof(*failure)) : NULL;
	if (!entry->host || (failure && !entry->failure)) {
		free_entry(entry);
		return;
	}
	if (failure)
		*entry->failure = *failure;
	entry->until_ns = sl_deadline_in(failure ? SL_DNS_FAILURE_LIFE_NS : SL_DNS_LIFE_NS);
	entry->count = found->count;
	memcpy(entry->list, found->list, list_size);
	if (dns->count == SL_DNS_CACHE_NAMES)
		drop(dns, sl_list_item(dns->entries.prev, struct entry, of_dns));
	sl_list_push_front(&dns->entries, &entry->of_dns);
	dns->count++;
}

static int
refuse(const struct lookup *lookup, const char *host, struct sl_error *err)
{
	if (lookup->gai == EAI_MEMORY)
		return sl_fail_code(err, SL_PHASE_RESOLVE, -ENOMEM, "cannot resolve '%s'", host);
	if (lookup->gai == EAI_SYSTEM)
		return sl_fail(err, SL_PHASE_RESOLVE, SL_E_RESOLVE, "cannot resolve '%s': %s", host,
			sl_code_text(-lookup->os_error));
	/* The library's words begin with a capital. */
	const char *text = lookup->gai ? gai_strerror(lookup->gai) : "no address for it";
	return sl_fail(err, SL_PHASE_RESOLVE, SL_E_RESOLVE, "cannot resolve '%s': %c%s", host,
		sl_lower((unsigned char)text[0]), text[0] ? text + 1 : "");
}

SL_SUSPENDS
static int
ask_in_pool(const char *host, uint64_t deadline_ns, struct sl_addresses *out, struct sl_error *err)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	if (lookup)
		lookup->host = strdup(host);
	if (!lookup || !lookup->host) {
		free(lookup);
		return sl_fail_code(err, SL_PHASE_RESOLVE, -ENOMEM, "cannot resolve '%s'", host);
	}
	bool abandoned = false;
	int code = sl_blocking_run(
		SL_BLOCKING_RESOLVER, resolve, lookup, free_lookup, deadline_ns, &abandoned);
	if (abandoned)
		return sl_fail_code(err, SL_PHASE_RESOLVE, code, "cannot resolve '%s'", host);
	if (lookup->found.count > 0)
		*out = lookup->found;
	else
		code = refuse(lookup, host, err);
	free_lookup(lookup);
	return code;
}

int
sl_dns_new(struct sl_dns **out)
{
	struct sl_dns *dns = calloc(1, sizeof(*dns));
	if (!dns)
		return -ENOMEM;
	sl_list_init(&dns->entries);
	sl_list_init(&dns->questions);
	*out = dns;
	return 0;
}

void
sl_dns_free(struct sl_dns *dns)
{
	if (!dns)
		return;
	sl_list_each(node, &dns->entries) drop(dns, sl_list_item(node, struct entry, of_dns));
	free(dns);
}

/* ---- one at a time ---- */

static struct question *
join_question(struct sl_dns *dns, const char *host)
{
	sl_list_each(node, &dns->questions)
	{
		struct question *question = sl_list_item(node, struct question, of_dns);
		if (strcmp(question->host, host) == 0) {
			question->users++;
			return question;
		}
	}
	size_t size = strlen(host) + 1;
	struct question *question = calloc(1, sizeof(*question) + size);
	if (!question)
		return NULL;
	memcpy(question->host, host, size);
	question->users = 1;
	sl_semaphore_init(&question->turn, "answer to a name lookup", 1);
	sl_list_push_back(&dns->questions, &question->of_dns);
	return question;
}

static void
leave_question(struct question *question)
{
	if (--question->users > 0)
		return;
	sl_list_remove(&question->of_dns);
	free(question);
}

/* Whoever was here before may have got the answer. A cancellation is nobody else's answer. */
SL_SUSPENDS
static int
ask_in_turn(struct sl_dns *dns, const char *host, uint64_t deadline_ns, struct sl_addresses *out,
	struct sl_error *err)
{
	struct sl_error failure = { 0 };
	int code = 0;
	if (recall(dns, host, out, &code, err))
		return code;
	code = ask_in_pool(host, deadline_ns, out, &failure);
	if (code == 0)
		remember(dns, host, out, NULL);
	else if (code == SL_E_RESOLVE || (code == -ETIMEDOUT && !sl_task_cancelled()))
		remember(dns, host, out, &failure);
	if (code && err && !err->code)
		*err = failure;
	return code;
}

SL_SUSPENDS
static int
ask_once(struct sl_dns *dns, const char *host, uint64_t deadline_ns, struct sl_addresses *out,
	struct sl_error *err)
{
	struct question *question = join_question(dns, host);
	if (!question)
		return sl_fail_code(err, SL_PHASE_RESOLVE, -ENOMEM, "cannot resolve '%s'", host);
	int code = sl_semaphore_take(&question->turn, deadline_ns);
	if (code == 0) {
		code = ask_in_turn(dns, host, deadline_ns, out, err);
		sl_semaphore_give(&question->turn);
	} else {
		(void)sl_fail_code(err, SL_PHASE_RESOLVE, code, "cannot resolve '%s'", host);
	}
	leave_question(question);
	return code;
}

int
sl_dns_lookup(struct sl_dns *dns, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_addresses *out, struct sl_error *err)
{
	out->count = 0;
	if (sl_address_parse(&out->list[0], host, port)) {
		out->count = 1;
		return 0;
	}
	int code = 0;
	if (!recall(dns, host, out, &code, err))
		code = ask_once(dns, host, deadline_ns, out, err);
	if (code < 0)
		return code;
	for (size_t i = 0; i < out->count; i++)
		sl_address_set_port(&out->list[i], port);
	return 0;
}

void
sl_dns_forget(struct sl_dns *dns, const char *host)
{
	struct entry *entry = find(dns, host);
	if (entry)
		drop(dns, entry);
}

void
sl_dns_prefer(struct sl_dns *dns, const char *host, const struct sl_address *address)
{
	struct entry *entry = find(dns, host);
	struct sl_address plain = *address;
	sl_address_set_port(&plain, 0);
	for (size_t i = 1; entry && i < entry->count; i++) {
		if (entry->list[i].len != plain.len ||
			memcmp(&entry->list[i].storage, &plain.storage, plain.len) != 0)
			continue;
		memmove(&entry->list[1], &entry->list[0], i * sizeof(entry->list[0]));
		entry->list[0] = plain;
		return;
	}
}
