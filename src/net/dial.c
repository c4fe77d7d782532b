/*
 * Dialling: the addresses of a host, within one deadline.
 *
 * Addresses are tried in their order. If one has not answered after a while, the next one is tried
 * beside it, and the first that accepts wins (RFC 8305): a host whose IPv6 leads nowhere costs a
 * quarter of a second. An address that failed or was overtaken is remembered for as long as the
 * dialler lives and comes after all others from then on, until it accepts a connection again: it
 * costs that time once, not once per connection.
 *
 * A failure of this machine (no memory, no descriptor) ends the trying of further addresses, not
 * the attempts under way. The code returned is the one that tells most about the server.
 */
#include "sluice/net/dial.h"

#include "sluice/base/bytes.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* Addresses named in the message of a host that answers at none of them. */
#define NAMED_ADDRESSES 4

/* No address gets a shorter time, however many there are: a handshake takes one round trip. */
#define SHARE_MIN_NS (250 * SL_NS_PER_MS)

/* RFC 8305, section 8: the Connection Attempt Delay, before the next address is tried as well. */
#define NEXT_AFTER_NS (250 * SL_NS_PER_MS)

/* Sockets of one dial at a time: a host with many dead addresses does not use up descriptors. */
#define RACERS_MAX 3u

/* What the addresses tried so far have shown. */
struct attempt {
	int code; /* the most specific */
	size_t tried;
	size_t text_len;
	char text[512];
};

/* ---- the memory ---- */

static bool
is_same(const struct sl_address *a, const struct sl_address *b)
{
	return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

static bool
has_failed(const struct sl_dialler *dialler, const struct sl_address *address)
{
	for (size_t i = 0; i < dialler->failed_count; i++)
		if (is_same(&dialler->failed[i], address))
			return true;
	return false;
}

static void
forget_failed(struct sl_dialler *dialler, const struct sl_address *address)
{
	size_t kept = 0;
	for (size_t i = 0; i < dialler->failed_count; i++)
		if (!is_same(&dialler->failed[i], address))
			dialler->failed[kept++] = dialler->failed[i];
	dialler->failed_count = kept;
}

static void
remember_failed(struct sl_dialler *dialler, const struct sl_address *address)
{
	forget_failed(dialler, address);
	if (dialler->failed_count == SL_DIAL_FAILED)
		memmove(&dialler->failed[0], &dialler->failed[1],
			--dialler->failed_count * sizeof(dialler->failed[0]));
	dialler->failed[dialler->failed_count++] = *address;
}

/* Indexes into `addresses` in the order of the dial. */
static void
sort(const struct sl_dialler *dialler, const struct sl_addresses *addresses, size_t *order)
{
	size_t count = 0, last = addresses->count;
	for (size_t i = 0; i < addresses->count; i++)
		if (!has_failed(dialler, &addresses->list[i]))
			order[count++] = i;
	for (size_t i = addresses->count; i-- > 0;)
		if (has_failed(dialler, &addresses->list[i]))
			order[--last] = i;
}

/* ---- one address ---- */

/* Higher: more about the server, less about the route to it. */
static int
specificity(int code)
{
	switch (code) {
	case -ECONNREFUSED:
		return 5;
	case -ECONNRESET:
		return 4;
	case -ETIMEDOUT:
		return 3;
	case -EHOSTUNREACH:
		return 2;
	case -ENETUNREACH:
		return 1;
	default:
		return 0;
	}
}

/* Failures of this machine, which another address would not cure. */
static bool
is_own_failure(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}

static void
note(struct attempt *attempt, const struct sl_address *address, int code)
{
	if (attempt->code == 0 || specificity(code) > specificity(attempt->code))
		attempt->code = code;
	if (attempt->tried++ >= NAMED_ADDRESSES)
		return;
	char text[SL_ADDRESS_TEXT];
	sl_address_format(text, sizeof(text), address);
	size_t room = sizeof(attempt->text) - attempt->text_len;
	int len = snprintf(attempt->text + attempt->text_len, room, "%s%s (%s)",
		attempt->text_len ? ", " : "", sl_code_text(code), text);
	attempt->text_len += len < 0 ? 0 : SL_MIN((size_t)len, room - 1);
}

static int
refuse(const struct attempt *attempt, const char *host, struct sl_error *err)
{
	if (attempt->tried > NAMED_ADDRESSES)
		return sl_fail(err, SL_PHASE_CONNECT, attempt->code,
			"cannot connect to '%s': %s, and %zu more addresses", host, attempt->text,
			attempt->tried - NAMED_ADDRESSES);
	return sl_fail(err, SL_PHASE_CONNECT, attempt->code, "cannot connect to '%s': %s", host,
		attempt->text);
}

/* Requests are written whole, so waiting for more bytes to send (Nagle) only delays them. A failure
 * costs speed alone; other sockets than TCP have no such delay. */
static void
set_nodelay(int fd)
{
	(void)sl_io_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* Before the connect, which announces it as the window. If it fails, more is buffered. */
static void
set_receive_buffer(int fd, int size)
{
	if (size > 0)
		(void)sl_io_set_option(fd, SOL_SOCKET, SO_RCVBUF, size);
}

SL_SUSPENDS
static int
dial_one(const struct sl_dialler *dialler, const struct sl_address *address, uint64_t deadline_ns)
{
	int protocol = address->storage.ss_family == AF_UNIX ? 0 : IPPROTO_TCP;
	int fd = sl_io_socket(address->storage.ss_family, SOCK_STREAM, protocol);
	if (fd < 0)
		return fd;
	set_receive_buffer(fd, dialler->receive_buffer);
	int code = sl_io_connect(
		fd, (const struct sockaddr *)&address->storage, address->len, deadline_ns);
	if (code < 0) {
		sl_io_close(fd);
		return code;
	}
	set_nodelay(fd);
	return fd;
}

/* ---- addresses side by side ---- */

/* One address of a dial, in a task of its own. */
struct racer {
	const struct sl_dialler *dialler;
	const struct sl_address *address;
	uint64_t deadline_ns;
	int fd; /* a code if it failed */
	bool has_ended, is_reaped;
};

struct race {
	struct sl_dialler *dialler;
	const struct sl_addresses *addresses;
	size_t order[SL_DNS_ADDRESSES]; /* of the addresses, as they are tried */
	uint64_t deadline_ns, next_ns;  /* next_ns: when to try one more */
	struct sl_group group;
	struct racer racers[SL_DNS_ADDRESSES]; /* in that order */
	size_t begun, running;
	struct attempt attempt;
	size_t winner; /* of the order, if fd >= 0 */
	int fd;
};

SL_SUSPENDS
static int
racer_main(void *arg)
{
	struct racer *racer = arg;
	racer->fd = dial_one(racer->dialler, racer->address, racer->deadline_ns);
	racer->has_ended = true;
	return 0;
}

/* When to give an address up, with `count` left to try, this one included: each gets an equal share
 * of the time, and as many as may run side by side get it together. */
static uint64_t
share_until(uint64_t deadline_ns, size_t count)
{
	size_t rounds = (count + RACERS_MAX - 1) / RACERS_MAX;
	uint64_t now_ns = sl_now();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	return SL_MIN(deadline_ns, sl_deadline_in(SL_MAX(left_ns / rounds, SHARE_MIN_NS)));
}

/* The first one is tried however late it is. */
static bool
has_next(const struct race *race)
{
	bool in_time = race->begun == 0 || sl_now() < race->deadline_ns;
	return in_time && race->begun < race->addresses->count && race->running < RACERS_MAX;
}

static struct racer *
next_racer(struct race *race)
{
	size_t left = race->addresses->count - race->begun;
	struct racer *racer = &race->racers[race->begun];
	*racer = (struct racer){ .dialler = race->dialler,
		.address = &race->addresses->list[race->order[race->begun]],
		.deadline_ns = share_until(race->deadline_ns, left) };
	race->begun++;
	race->running++;
	return racer;
}

/* A failure: the next address has its turn at once, unless it would not help. */
static void
take_failure(struct race *race, const struct racer *racer)
{
	note(&race->attempt, racer->address, racer->fd);
	race->next_ns = sl_now();
	if (is_own_failure(racer->fd))
		race->begun = race->addresses->count;
	else if (!sl_task_cancelled())
		remember_failed(race->dialler, racer->address);
}

/* Take the results of those that have ended. */
SL_SUSPENDS
static void
reap(struct race *race)
{
	for (size_t i = 0; i < race->addresses->count; i++) {
		struct racer *racer = &race->racers[i];
		if (!racer->has_ended || racer->is_reaped)
			continue;
		racer->is_reaped = true;
		race->running--;
		if (racer->fd >= 0 && race->fd >= 0) {
			sl_io_close(racer->fd);
		} else if (racer->fd >= 0) {
			race->fd = racer->fd;
			race->winner = i;
		} else if (race->fd < 0) {
			take_failure(race, racer);
		} else if (!is_own_failure(racer->fd)) {
			remember_failed(race->dialler, racer->address); /* overtaken */
		}
	}
}

/* An address for which no task can be made has failed like any other: those under way go on.
 * Returns 0, or the code of a cancellation. */
SL_SUSPENDS
static int
begin_next(struct race *race)
{
	struct racer *racer = next_racer(race);
	int code = sl_group_spawn(&race->group, "dial", racer_main, racer, NULL);
	race->next_ns = sl_deadline_in(NEXT_AFTER_NS);
	if (code) {
		racer->fd = code;
		racer->has_ended = true;
		reap(race);
	}
	return code ? sl_task_cancelled() : 0;
}

/* Until one has ended or the next one has its turn; the code of a cancellation. */
SL_SUSPENDS
static int
wait_for_change(struct race *race)
{
	struct sl_deadline scope;
	sl_deadline_begin(&scope, has_next(race) ? race->next_ns : SL_FOREVER);
	int code = sl_group_wait_below(&race->group, (unsigned)race->running);
	sl_deadline_end(&scope);
	reap(race);
	return code ? sl_task_cancelled() : 0;
}

SL_SUSPENDS
static void
run_race(struct race *race)
{
	int code = 0;
	sl_group_enter(&race->group, SL_GROUP_COLLECT);
	while (race->fd < 0 && !code) {
		if (has_next(race) && (race->running == 0 || sl_now() >= race->next_ns))
			code = begin_next(race);
		else if (race->running > 0)
			code = wait_for_change(race);
		else
			break;
	}
	if (race->fd >= 0 || code)
		sl_group_cancel(&race->group, -ECANCELED);
	(void)sl_group_leave(&race->group);
	reap(race);
	if (code)
		race->attempt.code = code;
}

/* The only address needs no task. */
SL_SUSPENDS
static void
run_alone(struct race *race)
{
	(void)racer_main(next_racer(race));
	reap(race);
	if (sl_task_cancelled())
		race->attempt.code = sl_task_cancelled();
}

/* ---- the dial ---- */

int
sl_dial(struct sl_dialler *dialler, const struct sl_addresses *addresses, const char *host,
	uint64_t deadline_ns, size_t *index, struct sl_error *err)
{
	sl_assert(addresses->count > 0);
	struct race race = {
		.dialler = dialler, .addresses = addresses, .deadline_ns = deadline_ns, .fd = -1
	};
	sort(dialler, addresses, race.order);
	if (addresses->count > 1)
		run_race(&race);
	else
		run_alone(&race);
	if (race.fd >= 0) {
		*index = race.order[race.winner];
		forget_failed(dialler, &addresses->list[*index]);
		return race.fd;
	}
	if (is_own_failure(race.attempt.code))
		return sl_fail_code(err, SL_PHASE_CONNECT, race.attempt.code,
			"cannot open a socket for '%s'", host);
	return refuse(&race.attempt, host, err);
}
