/*
 * Name lookups and their cache.
 *
 * For each name one task at a time calls getaddrinfo in the resolver pool, holding the name's turn;
 * the others wait for the turn and then find the answer in the cache. The call works on a struct
 * lookup that the name and the thread hold together, since either may be gone first: a task that
 * gives up leaves it with the name, and the next task takes its result once there is one.
 *
 * What is an answer is decided in is_answer() alone; everything else is retried with growing
 * pauses until the deadline.
 */
#include "sluice/net/dns.h"

#include "sluice/base/bytes.h"
#include "sluice/base/list.h"
#include "sluice/base/log.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Pauses between two calls for a name without an answer: the first, and the longest after doubling.
 * A resolver that fails at once (no route to a name server) is not asked in a tight loop. */
#define RETRY_FIRST_NS (100 * SL_NS_PER_MS)
#define RETRY_LONGEST_NS (2 * SL_NS_PER_S)

/* One call of getaddrinfo. The thread writes the results, then sets `ended`. */
struct lookup {
	atomic_uint holders; /* the name, and the call until it has ended */
	atomic_bool ended;
	bool called;  /* false if it was given up before a thread took it */
	int family;   /* as of sl_dns_new */
	int gai;      /* getaddrinfo's result */
	int os_error; /* errno if gai is EAI_SYSTEM */
	struct sl_addresses found;
	char host[];
};

struct name {
	struct sl_list of_dns;
	struct sl_semaphore turn; /* held by the task that calls the resolver */
	unsigned users;           /* tasks in sl_dns_lookup */
	struct lookup *lookup;    /* the last call; NULL if its result was taken */
	bool unanswered;          /* a lookup came to its deadline, and there was no answer since */
	struct sl_error trouble;  /* why the last call brought no answer; {0} = it did, or hangs */
	uint64_t until_ns;        /* the answer below holds until then; 0 = none */
	struct sl_error *failure; /* NULL if the answer is addresses */
	size_t count;
	struct sl_address *list; /* with port 0 */
	int family;              /* as of sl_dns_new */
	char host[];
};

struct sl_dns {
	int family;
	struct sl_list names; /* most recently looked up first */
	size_t count;
};

/* ---- the call, in a resolver thread ---- */

static void
release_lookup(struct lookup *lookup)
{
	if (lookup && atomic_fetch_sub(&lookup->holders, 1) == 1)
		free(lookup);
}

static void
end_call(void *arg)
{
	struct lookup *lookup = arg;
	atomic_store(&lookup->ended, true);
	release_lookup(lookup);
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
call_resolver(struct lookup *lookup, int flags)
{
	struct addrinfo hints = {
		.ai_family = lookup->family, .ai_socktype = SOCK_STREAM, .ai_flags = flags
	};
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
	int gai = call_resolver(lookup, AI_ADDRCONFIG);
	if (gai == EAI_NONAME || gai == EAI_NODATA || gai == EAI_ADDRFAMILY || gai == EAI_BADFLAGS)
		gai = call_resolver(lookup, 0);
	lookup->gai = gai;
	lookup->called = true;
	return 0;
}

static struct lookup *
new_lookup(const struct name *name)
{
	size_t host_size = strlen(name->host) + 1;
	struct lookup *lookup = calloc(1, sizeof(*lookup) + host_size);
	if (!lookup)
		return NULL;
	atomic_init(&lookup->holders, 2u);
	lookup->family = name->family;
	memcpy(lookup->host, name->host, host_size);
	return lookup;
}

/* ---- the cache ---- */

static void
drop_answer(struct name *name)
{
	free(name->failure);
	free(name->list);
	name->failure = NULL;
	name->list = NULL;
	name->count = 0;
	name->until_ns = 0;
}

static void
free_name(struct sl_dns *dns, struct name *name)
{
	sl_list_remove(&name->of_dns);
	dns->count--;
	drop_answer(name);
	release_lookup(name->lookup);
	free(name);
}

static struct name *
find_name(struct sl_dns *dns, const char *host)
{
	sl_list_each(node, &dns->names)
	{
		struct name *name = sl_list_item(node, struct name, of_dns);
		if (strcmp(name->host, host) == 0)
			return name;
	}
	return NULL;
}

static struct name *
begin_use(struct sl_dns *dns, const char *host)
{
	struct name *name = find_name(dns, host);
	if (!name) {
		size_t host_size = strlen(host) + 1;
		name = calloc(1, sizeof(*name) + host_size);
		if (!name)
			return NULL;
		name->family = dns->family;
		memcpy(name->host, host, host_size);
		sl_semaphore_init(&name->turn, "answer to a name lookup", 1);
		sl_list_init(&name->of_dns);
		dns->count++;
	}
	sl_list_remove(&name->of_dns);
	sl_list_push_front(&dns->names, &name->of_dns);
	name->users++;
	return name;
}

/* Names in use are kept beyond the cache's bound. */
static void
end_use(struct sl_dns *dns, struct name *name)
{
	name->users--;
	struct sl_list *node = dns->names.prev;
	while (dns->count > SL_DNS_CACHE_NAMES && node != &dns->names) {
		struct name *oldest = sl_list_item(node, struct name, of_dns);
		node = node->prev;
		if (oldest->users == 0)
			free_name(dns, oldest);
	}
}

static bool
has_answer(const struct name *name)
{
	return name->until_ns > sl_now();
}

static bool
keep_addresses(struct name *name, const struct sl_addresses *found)
{
	size_t size = found->count * sizeof(found->list[0]);
	drop_answer(name);
	name->list = malloc(size);
	if (!name->list)
		return false;
	memcpy(name->list, found->list, size);
	name->count = found->count;
	name->until_ns = sl_deadline_in(SL_DNS_LIFE_NS);
	return true;
}

/* A failure that cannot be kept only costs another lookup. */
static void
keep_failure(struct name *name, const struct sl_error *failure)
{
	drop_answer(name);
	name->failure = malloc(sizeof(*failure));
	if (!name->failure)
		return;
	*name->failure = *failure;
	name->until_ns = sl_deadline_in(SL_DNS_FAILURE_LIFE_NS);
}

/* ---- asking ---- */

static int
fail(const struct name *name, int code, struct sl_error *err)
{
	return sl_fail_code(err, SL_PHASE_RESOLVE, code, "cannot resolve '%s'", name->host);
}

static int
fail_unanswered(const struct name *name, struct sl_error *err)
{
	if (!name->trouble.code)
		return fail(name, -ETIMEDOUT, err);
	return sl_fail(err, name->trouble.phase, name->trouble.code, "%s", name->trouble.text);
}

/* True if the result is about the name itself; false for failures of the lookup. */
static bool
is_answer(int gai)
{
	return gai != EAI_AGAIN && gai != EAI_SYSTEM && gai != EAI_MEMORY;
}

static void
describe(const struct lookup *lookup, struct sl_error *err)
{
	sl_error_clear(err);
	if (lookup->gai == EAI_SYSTEM) {
		(void)sl_fail_code(err, SL_PHASE_RESOLVE, -lookup->os_error, "cannot resolve '%s'",
			lookup->host);
		err->code = SL_E_DNS_FAILURE;
		return;
	}
	/* The library's messages begin with a capital. */
	const char *text = lookup->gai ? gai_strerror(lookup->gai) : "it has no address";
	int code = is_answer(lookup->gai) ? SL_E_RESOLVE : SL_E_DNS_FAILURE;
	bool is_chosen = lookup->family != AF_UNSPEC && code == SL_E_RESOLVE;
	(void)sl_fail(err, SL_PHASE_RESOLVE, code, "cannot resolve '%s'%s%s%s: %c%s", lookup->host,
		is_chosen ? " to an " : "", is_chosen ? sl_address_family_name(lookup->family) : "",
		is_chosen ? " address" : "", sl_lower((unsigned char)text[0]),
		text[0] ? text + 1 : "");
}

/*
 * Take what an ended call found into the cache. Returns 0 with addresses; SL_E_RESOLVE if the name
 * has none; -ENOMEM; -EAGAIN without an answer: name->trouble is the reason, unless the call never
 * ran.
 */
static int
take_result(struct name *name, const struct lookup *lookup, struct sl_error *err)
{
	if (!lookup->called)
		return -EAGAIN;
	if (lookup->gai == EAI_MEMORY)
		return fail(name, -ENOMEM, err);
	if (!is_answer(lookup->gai)) {
		describe(lookup, &name->trouble);
		return -EAGAIN;
	}
	name->unanswered = false;
	sl_error_clear(&name->trouble);
	if (lookup->found.count > 0)
		return keep_addresses(name, &lookup->found) ? 0 : fail(name, -ENOMEM, err);
	describe(lookup, err);
	keep_failure(name, err);
	return SL_E_RESOLVE;
}

/* Call the resolver. The call is then name->lookup, ended or not. Returns 0; the code of a
 * cancellation; -ENOMEM. */
SL_SUSPENDS
static int
call(struct name *name, uint64_t deadline_ns, struct sl_error *err)
{
	bool abandoned = false;
	name->lookup = new_lookup(name);
	if (!name->lookup)
		return fail(name, -ENOMEM, err);
	int code = sl_blocking_run(
		SL_BLOCKING_RESOLVER, resolve, name->lookup, end_call, deadline_ns, &abandoned);
	if (!abandoned)
		end_call(name->lookup);
	else if (sl_task_cancelled())
		return fail(name, code, err);
	else if (code != -ETIMEDOUT)
		(void)sl_fail(&name->trouble, SL_PHASE_RESOLVE, SL_E_DNS_FAILURE,
			"cannot resolve '%s': no thread can be started for it (%s)", name->host,
			sl_code_text(code));
	return 0;
}

/* One call, or a look at the one that was given up before. Returns as take_result; the code of a
 * cancellation. */
SL_SUSPENDS
static int
try_once(struct name *name, uint64_t deadline_ns, struct sl_error *err)
{
	int code = name->lookup ? 0 : call(name, deadline_ns, err);
	if (code < 0)
		return code;
	struct lookup *lookup = name->lookup;
	if (!atomic_load(&lookup->ended))
		return -EAGAIN;
	name->lookup = NULL;
	code = take_result(name, lookup, err);
	release_lookup(lookup);
	return code;
}

/* With the turn: until there is an answer or the deadline comes. */
SL_SUSPENDS
static int
ask(struct name *name, uint64_t deadline_ns, struct sl_error *err)
{
	uint64_t pause_ns = RETRY_FIRST_NS;
	for (unsigned tries = 1;; tries++) {
		int code = try_once(name, deadline_ns, err);
		if (code != -EAGAIN)
			return code;
		if (tries == 1 && name->trouble.code && !name->unanswered)
			sl_log_warn("%s; trying again", name->trouble.text);
		uint64_t now_ns = sl_now();
		if (now_ns >= deadline_ns)
			break;
		code = sl_sleep_until(SL_MIN(now_ns + pause_ns, deadline_ns));
		if (code < 0)
			return fail(name, code, err);
		pause_ns = SL_MIN(2 * pause_ns, RETRY_LONGEST_NS);
	}
	name->unanswered = true;
	return fail_unanswered(name, err);
}

SL_SUSPENDS
static int
ask_in_turn(struct name *name, uint64_t deadline_ns, struct sl_error *err)
{
	uint64_t longest_ns = name->unanswered ? SL_DNS_UNANSWERED_NS : SL_DNS_LONGEST_NS;
	deadline_ns = SL_MIN(deadline_ns, sl_deadline_in(longest_ns));
	int code = sl_semaphore_take(&name->turn, deadline_ns);
	if (code == -ETIMEDOUT && !sl_task_cancelled())
		return fail_unanswered(name, err);
	if (code < 0)
		return fail(name, code, err);
	/* The task before may have got the answer. */
	if (!has_answer(name))
		code = ask(name, deadline_ns, err);
	sl_semaphore_give(&name->turn);
	return code;
}

/* ---- public ---- */

int
sl_dns_new(struct sl_dns **out, int family)
{
	struct sl_dns *dns = calloc(1, sizeof(*dns));
	if (!dns)
		return -ENOMEM;
	sl_list_init(&dns->names);
	dns->family = family;
	*out = dns;
	return 0;
}

void
sl_dns_free(struct sl_dns *dns)
{
	if (!dns)
		return;
	sl_list_each(node, &dns->names)
	{
		struct name *name = sl_list_item(node, struct name, of_dns);
		sl_assert(name->users == 0);
		free_name(dns, name);
	}
	free(dns);
}

static int
copy_answer(const struct name *name, uint16_t port, struct sl_addresses *out, struct sl_error *err)
{
	if (name->failure)
		return sl_fail(
			err, name->failure->phase, name->failure->code, "%s", name->failure->text);
	out->count = name->count;
	memcpy(out->list, name->list, name->count * sizeof(out->list[0]));
	for (size_t i = 0; i < out->count; i++)
		sl_address_set_port(&out->list[i], port);
	return 0;
}

/* A numeric host, which may be of the family that is not wanted. */
static int
check_family(const struct sl_dns *dns, const struct sl_address *address, const char *host,
	struct sl_error *err)
{
	if (dns->family == AF_UNSPEC || address->storage.ss_family == dns->family)
		return 0;
	return sl_fail(err, SL_PHASE_RESOLVE, SL_E_RESOLVE,
		"cannot connect to '%s': it is not an %s address, and only these are used", host,
		sl_address_family_name(dns->family));
}

int
sl_dns_lookup(struct sl_dns *dns, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_addresses *out, struct sl_error *err)
{
	out->count = 0;
	if (sl_address_parse(&out->list[0], host, port)) {
		out->count = 1;
		return check_family(dns, &out->list[0], host, err);
	}
	struct name *name = begin_use(dns, host);
	if (!name)
		return sl_fail_code(err, SL_PHASE_RESOLVE, -ENOMEM, "cannot resolve '%s'", host);
	struct sl_error failure = { 0 };
	int code = has_answer(name) ? 0 : ask_in_turn(name, deadline_ns, &failure);
	if (code == 0)
		code = copy_answer(name, port, out, err);
	else
		(void)sl_fail(err, failure.phase, code, "%s", failure.text);
	end_use(dns, name);
	return code;
}

void
sl_dns_forget(struct sl_dns *dns, const char *host)
{
	struct name *name = find_name(dns, host);
	if (name)
		drop_answer(name);
}
