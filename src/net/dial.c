/*
 * Dialling: the addresses of a host, within one deadline.
 *
 * If an address has not answered after a while, the next one is tried beside it, and the first that
 * accepts wins (RFC 8305); attempts that are under way then are given up. A host whose IPv6 leads
 * nowhere costs a quarter of a second. What accepted, and what failed or was overtaken, is
 * remembered for as long as the dialler lives, also when a name is looked up again: the next dial
 * begins with the one, and tries the others last, until they accept a connection. So a dead address
 * costs that time once, not once per connection.
 *
 * The system's order of addresses (RFC 6724) has all of one family first. Families take turns, so
 * that a family which leads nowhere holds up the dial once, however many addresses it has.
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

/* The higher, the later it was remembered; 0 = it is not. */
static size_t
rank_in(const struct sl_dial_memory *memory, const struct sl_address *address)
{
	for (size_t i = 0; i < memory->count; i++)
		if (is_same(&memory->list[i], address))
			return i + 1;
	return 0;
}

static void
forget(struct sl_dial_memory *memory, const struct sl_address *address)
{
	size_t kept = 0;
	for (size_t i = 0; i < memory->count; i++)
		if (!is_same(&memory->list[i], address))
			memory->list[kept++] = memory->list[i];
	memory->count = kept;
}

static void
remember(struct sl_dial_memory *memory, const struct sl_address *address)
{
	forget(memory, address);
	if (memory->count == SL_DIAL_REMEMBERED)
		memmove(&memory->list[0], &memory->list[1],
			--memory->count * sizeof(memory->list[0]));
	memory->list[memory->count++] = *address;
}

static void
remember_failed(struct sl_dialler *dialler, const struct sl_address *address)
{
	forget(&dialler->accepted, address);
	remember(&dialler->failed, address);
}

static void
remember_accepted(struct sl_dialler *dialler, const struct sl_address *address)
{
	forget(&dialler->failed, address);
	remember(&dialler->accepted, address);
}

/* ---- the order ---- */

/* What accepted a connection last is tried before all others, and what failed after them. */
enum turn { TURN_FIRST, TURN_USUAL, TURN_LAST, TURN_TAKEN };

/* Indexes into `addresses` in the order of the dial. */
struct order {
	const struct sl_addresses *addresses;
	enum turn turns[SL_DNS_ADDRESSES]; /* of each address, until it has its place */
	size_t index[SL_DNS_ADDRESSES];
	size_t count;
};

static void
set_turns(struct order *order, const struct sl_dialler *dialler)
{
	size_t newest = 0, first = 0;
	for (size_t i = 0; i < order->addresses->count; i++) {
		const struct sl_address *address = &order->addresses->list[i];
		size_t rank = rank_in(&dialler->accepted, address);
		order->turns[i] = rank_in(&dialler->failed, address) ? TURN_LAST : TURN_USUAL;
		if (rank > newest) {
			newest = rank;
			first = i;
		}
	}
	if (newest > 0)
		order->turns[first] = TURN_FIRST;
}

static bool
is_of_last_family(const struct order *order, size_t i)
{
	const struct sl_address *list = order->addresses->list;
	return order->count > 0 &&
	       list[i].storage.ss_family == list[order->index[order->count - 1]].storage.ss_family;
}

/* Of those with this turn the first of another family than the one before it, or else the first.
 * SL_DNS_ADDRESSES if there is none left. */
static size_t
next_of(const struct order *order, enum turn turn)
{
	size_t next = SL_DNS_ADDRESSES;
	for (size_t i = order->addresses->count; i-- > 0;) {
		bool is_better = next == SL_DNS_ADDRESSES || !is_of_last_family(order, i) ||
				 is_of_last_family(order, next);
		if (order->turns[i] == turn && is_better)
			next = i;
	}
	return next;
}

static void
sort(struct order *order, const struct sl_dialler *dialler)
{
	set_turns(order, dialler);
	for (enum turn turn = TURN_FIRST; turn < TURN_TAKEN; turn++) {
		size_t next;
		while ((next = next_of(order, turn)) < SL_DNS_ADDRESSES) {
			order->turns[next] = TURN_TAKEN;
			order->index[order->count++] = next;
		}
	}
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

/* " from 10.0.0.5" if that was chosen, else "". */
struct origin_text {
	char text[SL_INTERFACE_TEXT + 8];
};

static struct origin_text
format_from(const struct sl_interface *from)
{
	struct origin_text out = { "" };
	char text[SL_INTERFACE_TEXT];
	if (!from)
		return out;
	sl_interface_format(text, sizeof(text), from);
	snprintf(out.text, sizeof(out.text), " from %s", text);
	return out;
}

static int
refuse(const struct attempt *attempt, const struct sl_interface *from, const char *host,
	struct sl_error *err)
{
	struct origin_text where = format_from(from);
	if (attempt->tried > NAMED_ADDRESSES)
		return sl_fail(err, SL_PHASE_CONNECT, attempt->code,
			"cannot connect to '%s'%s: %s, and %zu more addresses", host, where.text,
			attempt->text, attempt->tried - NAMED_ADDRESSES);
	return sl_fail(err, SL_PHASE_CONNECT, attempt->code, "cannot connect to '%s'%s: %s", host,
		where.text, attempt->text);
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

/* The interface first: an address of a link is one of that interface. Unix sockets have neither. */
static int
bind_to(int fd, sa_family_t family, const struct sl_interface *from)
{
	if (!from || family == AF_UNIX)
		return 0;
	int code = from->device[0] ? sl_io_bind_device(fd, from->device) : 0;
	if (code < 0 || !from->has_address)
		return code;
	return sl_io_bind(fd, (const struct sockaddr *)&from->address.storage, from->address.len);
}

SL_SUSPENDS
static int
dial_one(const struct sl_dialler *dialler, const struct sl_address *address, uint64_t deadline_ns)
{
	sa_family_t family = address->storage.ss_family;
	int fd = sl_io_socket(family, SOCK_STREAM, family == AF_UNIX ? 0 : IPPROTO_TCP);
	if (fd < 0)
		return fd;
	set_receive_buffer(fd, dialler->receive_buffer);
	int code = bind_to(fd, family, dialler->from);
	if (code == 0)
		code = sl_io_connect(
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
	struct order order;
	uint64_t deadline_ns, next_ns; /* next_ns: when to try one more */
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
		.address = &race->addresses->list[race->order.index[race->begun]],
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

/* ---- public ---- */

int
sl_dial_check(const struct sl_interface *from, struct sl_error *err)
{
	sa_family_t family = from->has_address ? from->address.storage.ss_family : AF_INET;
	int fd = sl_io_socket(family, SOCK_STREAM, IPPROTO_TCP);
	if (fd == -EAFNOSUPPORT && !from->has_address)
		fd = sl_io_socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	int code = fd < 0 ? fd : bind_to(fd, family, from);
	if (fd >= 0)
		sl_io_close(fd);
	return code == 0 ? 0
			 : sl_fail_code(err, SL_PHASE_CONNECT, code, "cannot connect%s",
				   format_from(from).text);
}

int
sl_dial(struct sl_dialler *dialler, const struct sl_addresses *addresses, const char *host,
	uint64_t deadline_ns, size_t *index, struct sl_error *err)
{
	sl_assert(addresses->count > 0);
	struct race race = {
		.dialler = dialler, .addresses = addresses, .deadline_ns = deadline_ns, .fd = -1
	};
	race.order.addresses = addresses;
	sort(&race.order, dialler);
	if (addresses->count > 1)
		run_race(&race);
	else
		run_alone(&race);
	if (race.fd >= 0) {
		*index = race.order.index[race.winner];
		remember_accepted(dialler, &addresses->list[*index]);
		return race.fd;
	}
	if (is_own_failure(race.attempt.code))
		return sl_fail_code(err, SL_PHASE_CONNECT, race.attempt.code,
			"cannot open a socket for '%s'", host);
	return refuse(&race.attempt, dialler->from, host, err);
}
