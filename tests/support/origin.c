#include "support/origin.h"

#include "support/origin_exchange.h"
#include "support/origin_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_TAGS 64
#define MAX_GATES 64
#define IDLE_TIMEOUT_MS (60 * 1000)
#define STACK_BYTES (2 * SL_MIB)

struct counter {
	char tag[SL_ORIGIN_WORD];
	uint64_t requests;
	uint64_t heads, ranges, conditionals; /* of those */
	unsigned now, most;
};

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_DONE };

struct slot {
	struct sl_origin *origin;
	const struct sl_origin_listener *listener;
	pthread_t thread;
	int fd;
	uint64_t id;
	enum slot_state state; /* under the origin's lock */
};

struct sl_origin {
	struct sl_origin_options options; /* its strings are borrowed */
	struct sl_origin_listener listeners[SL_ORIGIN_PORTS];
	size_t listener_count;
	int stop_fd; /* readable once the server is to end */
	int dir_fd;
	pthread_t acceptor;
	bool accepting;
	struct slot *slots;
	size_t slot_count;
	uint64_t connections; /* the acceptor's: names them */
	struct sl_origin_state state;

	pthread_mutex_t lock; /* what follows, and each slot's state */
	FILE *log;
	struct counter sockets; /* requests = connections accepted */
	struct counter all;
	struct counter tags[MAX_TAGS];
	size_t tag_count;
	char gates[MAX_GATES][SL_ORIGIN_WORD];
	size_t gate_count;
};

/* ---- counters, gates, files ---- */

static void
count_begin(struct counter *counter)
{
	counter->requests++;
	counter->now++;
	counter->most = SL_MAX(counter->most, counter->now);
}

static void
count_exchange(struct counter *counter, const struct sl_origin_exchange *x)
{
	struct sl_span value;

	count_begin(counter);
	counter->heads += x->head_only;
	counter->ranges += sl_origin_find_header(x, "Range", &value);
	counter->conditionals += sl_origin_is_conditional(x);
}

static void
count_reset(struct counter *counter)
{
	counter->requests = counter->heads = counter->ranges = counter->conditionals = 0;
	counter->most = counter->now;
}

/* Under the lock. NULL if it is not there and cannot be made. */
static struct counter *
find_tag(struct sl_origin *origin, const char *tag, bool make)
{
	for (size_t i = 0; i < origin->tag_count; i++)
		if (strcmp(origin->tags[i].tag, tag) == 0)
			return &origin->tags[i];
	if (!make || origin->tag_count == MAX_TAGS)
		return NULL;
	snprintf(origin->tags[origin->tag_count].tag, SL_ORIGIN_WORD, "%s", tag);
	return &origin->tags[origin->tag_count++];
}

void
sl_origin_tag_begin(struct sl_origin_exchange *x, const char *tag)
{
	struct counter *counter;

	pthread_mutex_lock(&x->origin->lock);
	counter = x->tag[0] ? NULL : find_tag(x->origin, tag, true);
	if (counter) {
		count_exchange(counter, x);
		snprintf(x->tag, sizeof(x->tag), "%s", tag);
	}
	pthread_mutex_unlock(&x->origin->lock);
}

static void
tag_end(struct sl_origin_exchange *x)
{
	struct counter *counter;

	if (!x->tag[0])
		return;
	pthread_mutex_lock(&x->origin->lock);
	counter = find_tag(x->origin, x->tag, false);
	if (counter)
		counter->now--;
	pthread_mutex_unlock(&x->origin->lock);
}

void
sl_origin_count(struct sl_origin *origin, const char *tag, struct sl_buf *out)
{
	struct counter none = { 0 };
	struct counter *counter = &origin->all;

	pthread_mutex_lock(&origin->lock);
	if (tag[0])
		counter = find_tag(origin, tag, false);
	if (!counter)
		counter = &none;
	sl_buf_printf(out,
		"{\"requests\":%llu,\"heads\":%llu,\"ranges\":%llu,\"conditionals\":%llu,"
		"\"now\":%u,\"most\":%u,\"connections\":%llu,\"connections_now\":%u,\"connections_"
		"most\":%u}\n",
		(unsigned long long)counter->requests, (unsigned long long)counter->heads,
		(unsigned long long)counter->ranges, (unsigned long long)counter->conditionals,
		counter->now, counter->most, (unsigned long long)origin->sockets.requests,
		origin->sockets.now, origin->sockets.most);
	pthread_mutex_unlock(&origin->lock);
}

void
sl_origin_count_reset(struct sl_origin *origin)
{
	pthread_mutex_lock(&origin->lock);
	count_reset(&origin->all);
	count_reset(&origin->sockets);
	for (size_t i = 0; i < origin->tag_count; i++)
		count_reset(&origin->tags[i]);
	pthread_mutex_unlock(&origin->lock);
	sl_origin_state_reset(&origin->state);
}

static bool
has_gate(const struct sl_origin *origin, const char *gate)
{
	for (size_t i = 0; i < origin->gate_count; i++)
		if (strcmp(origin->gates[i], gate) == 0)
			return true;
	return false;
}

void
sl_origin_gate_open(struct sl_origin *origin, const char *gate)
{
	pthread_mutex_lock(&origin->lock);
	if (!has_gate(origin, gate) && origin->gate_count < MAX_GATES)
		snprintf(origin->gates[origin->gate_count++], SL_ORIGIN_WORD, "%s", gate);
	pthread_mutex_unlock(&origin->lock);
}

bool
sl_origin_gate_is_open(struct sl_origin *origin, const char *gate)
{
	bool open;

	pthread_mutex_lock(&origin->lock);
	open = has_gate(origin, gate);
	pthread_mutex_unlock(&origin->lock);
	return open;
}

int
sl_origin_open_file(const struct sl_origin *origin, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	struct stat st;
	int fd;

	if (origin->dir_fd < 0)
		return -ENOENT;
	fd = (int)syscall(SYS_openat2, origin->dir_fd, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EISDIR;
	}
	return fd;
}

/* ---- one connection ---- */

static void
log_request(struct slot *slot, unsigned number, struct sl_span head)
{
	struct sl_origin *origin = slot->origin;
	int line_len = (int)strcspn(head.data, "\r\n");

	pthread_mutex_lock(&origin->lock);
	if (origin->log) {
		fprintf(origin->log, "%s %llu %u %.*s\n", slot->listener->port->name,
			(unsigned long long)slot->id, number, line_len, head.data);
		fflush(origin->log);
	}
	pthread_mutex_unlock(&origin->lock);
}

/* The next request's head, cut from the wire's input as a string of its own; false at the end of
 * the connection. */
static bool
read_head(struct sl_wire *wire, struct sl_buf *head)
{
	for (;;) {
		size_t len = wire->in_end - wire->in_begin;
		const char *begin = wire->in + wire->in_begin;
		const char *end = memmem(begin, len, "\r\n\r\n", 4);

		if (end) {
			size_t head_len = (size_t)(end - begin) + 4;

			sl_buf_add(head, begin, head_len);
			wire->in_begin += head_len;
			return !head->failed;
		}
		if (!sl_wire_receive(wire, IDLE_TIMEOUT_MS))
			return false;
	}
}

/* "GET /path?query HTTP/1.1" taken apart: *target keeps the storage of path and query. False if it
 * is not a request. */
static bool
parse_request(struct sl_origin_exchange *x, struct sl_buf *target)
{
	size_t line_len = (size_t)((char *)memchr(x->head.data, '\r', x->head.len) - x->head.data);
	const char *path = memchr(x->head.data, ' ', line_len);
	const char *end =
		path ? memchr(path + 1, ' ', line_len - (size_t)(path + 1 - x->head.data)) : NULL;
	char *query;

	x->head_only = strncmp(x->head.data, "HEAD ", 5) == 0;
	if (!end || path[1] != '/' || (!x->head_only && strncmp(x->head.data, "GET ", 4) != 0))
		return false;
	sl_buf_add(target, path + 2, (size_t)(end - path) - 2);
	if (target->failed)
		return false;
	query = target->data ? strchr(target->data, '?') : NULL;
	if (query)
		*query++ = '\0';
	x->path = x->rest = target->data ? target->data : "";
	x->query = query ? query : "";
	return true;
}

static void
count_request(const struct sl_origin_exchange *x, bool begin)
{
	struct sl_origin *origin = x->origin;

	pthread_mutex_lock(&origin->lock);
	if (begin)
		count_exchange(&origin->all, x);
	else
		origin->all.now--;
	pthread_mutex_unlock(&origin->lock);
}

/* Questions to the server itself are not the traffic it counts and logs. */
static bool
is_control(const char *path)
{
	return strncmp(path, "count", 5) == 0 || strncmp(path, "open/", 5) == 0;
}

static enum sl_origin_ending
serve_one(struct slot *slot, struct sl_wire *wire, struct sl_span head, unsigned number)
{
	struct sl_origin_exchange x = {
		.origin = slot->origin,
		.state = &slot->origin->state,
		.wire = wire,
		.head = head,
		.on_connection = number,
		.eol = "\r\n",
	};
	struct sl_buf target = { 0 };

	wire->drip = false;
	wire->rate_bytes_s = 0;
	wire->slow_link = false;
	if (strcasestr(head.data, "\r\nconnection: close\r\n"))
		x.ending = SL_ORIGIN_CLOSE;
	if (!parse_request(&x, &target)) {
		static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
					   "Connection: close\r\n\r\n";

		sl_wire_put(wire, text, sizeof(text) - 1);
		x.ending = SL_ORIGIN_CLOSE;
	} else if (is_control(x.rest)) {
		sl_origin_route(&x);
	} else {
		log_request(slot, number, head);
		count_request(&x, true);
		sl_origin_route(&x);
		tag_end(&x);
		count_request(&x, false);
	}
	sl_wire_flush(wire);
	sl_buf_release(&x.headers);
	sl_buf_release(&target);
	return x.ending;
}

static void
serve_connection(struct slot *slot)
{
	struct sl_wire *wire =
		sl_wire_new(slot->fd, slot->origin->stop_fd, slot->listener->context);
	enum sl_origin_ending ending = SL_ORIGIN_KEEP;
	struct sl_buf head = { 0 };
	unsigned number = 0;

	if (!wire)
		return;
	if (slot->listener->port->kind == SL_ORIGIN_SILENT) {
		sl_wire_pause(wire, 10 * IDLE_TIMEOUT_MS);
		ending = SL_ORIGIN_RESET;
	} else if (slot->listener->port->kind == SL_ORIGIN_HANGUP) {
		ending = SL_ORIGIN_CLOSE;
	}
	while (ending == SL_ORIGIN_KEEP && !wire->broken) {
		sl_buf_clear(&head);
		if (!read_head(wire, &head))
			break;
		ending = serve_one(slot, wire, sl_buf_span(&head), ++number);
	}
	sl_buf_release(&head);
	if (ending == SL_ORIGIN_RESET)
		sl_wire_reset(wire);
	else
		sl_wire_close(wire, ending != SL_ORIGIN_NO_NOTIFY);
}

static void *
connection_thread(void *argument)
{
	struct slot *slot = argument;

	serve_connection(slot);
	pthread_mutex_lock(&slot->origin->lock);
	slot->origin->sockets.now--;
	slot->state = SLOT_DONE;
	pthread_mutex_unlock(&slot->origin->lock);
	return NULL;
}

/* ---- accepting ---- */

static enum slot_state
slot_state(struct sl_origin *origin, const struct slot *slot)
{
	enum slot_state state;

	pthread_mutex_lock(&origin->lock);
	state = slot->state;
	pthread_mutex_unlock(&origin->lock);
	return state;
}

/* A slot that is free, or whose thread has ended; NULL if every one is busy. */
static struct slot *
find_slot(struct sl_origin *origin)
{
	for (size_t i = 0; i < origin->slot_count; i++) {
		struct slot *slot = &origin->slots[i];
		enum slot_state state = slot_state(origin, slot);

		if (state == SLOT_RUNNING)
			continue;
		if (state == SLOT_DONE)
			pthread_join(slot->thread, NULL);
		return slot;
	}
	return NULL;
}

static void
start_connection(struct sl_origin *origin, const struct sl_origin_listener *listener, int fd)
{
	struct slot *slot = find_slot(origin);
	pthread_attr_t attributes;
	int on = 1, rc;

	if (!slot) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	slot->origin = origin;
	slot->listener = listener;
	slot->fd = fd;
	slot->id = ++origin->connections;
	pthread_mutex_lock(&origin->lock);
	slot->state = SLOT_RUNNING;
	count_begin(&origin->sockets);
	pthread_mutex_unlock(&origin->lock);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	rc = pthread_create(&slot->thread, &attributes, connection_thread, slot);
	pthread_attr_destroy(&attributes);
	if (rc != 0) {
		close(fd);
		pthread_mutex_lock(&origin->lock);
		slot->state = SLOT_FREE;
		origin->sockets.now--;
		pthread_mutex_unlock(&origin->lock);
	}
}

static bool
is_accepting(const struct sl_origin_listener *listener)
{
	return listener->port->kind != SL_ORIGIN_CLOSED && listener->port->kind != SL_ORIGIN_FULL;
}

static void *
accept_thread(void *argument)
{
	struct sl_origin *origin = argument;
	struct pollfd fds[SL_ORIGIN_PORTS + 1];
	size_t n = origin->listener_count;

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){
			.fd = is_accepting(&origin->listeners[i]) ? origin->listeners[i].fd : -1,
			.events = POLLIN
		};
	fds[n] = (struct pollfd){ .fd = origin->stop_fd, .events = POLLIN };
	while (!fds[n].revents) {
		if (poll(fds, n + 1, -1) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < n; i++) {
			int fd = fds[i].revents ? accept4(fds[i].fd, NULL, NULL,
							  SOCK_NONBLOCK | SOCK_CLOEXEC)
						: -1;

			if (fd >= 0)
				start_connection(origin, &origin->listeners[i], fd);
		}
	}
	return NULL;
}

/* ---- the server ---- */

static int
open_listeners(struct sl_origin *origin, struct sl_error *err)
{
	for (size_t i = 0; i < origin->options.port_count; i++) {
		const struct sl_origin_port *port = &origin->options.ports[i];
		int rc = sl_origin_listener_open(&origin->listeners[origin->listener_count], port,
			port->optional ? NULL : err);

		if (rc == 0)
			origin->listener_count++;
		else if (!port->optional)
			return rc;
	}
	return 0;
}

static int
open_files(struct sl_origin *origin, struct sl_error *err)
{
	const struct sl_origin_options *options = &origin->options;

	if (options->dir) {
		origin->dir_fd = open(options->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (origin->dir_fd < 0)
			return sl_fail_code(
				err, SL_PHASE_DIRECTORY, -errno, "cannot open '%s'", options->dir);
	}
	if (options->log) {
		origin->log = fopen(options->log, "ae");
		if (!origin->log)
			return sl_fail_code(
				err, SL_PHASE_OPEN, -errno, "cannot open '%s'", options->log);
	}
	return 0;
}

int
sl_origin_start(
	struct sl_origin **out, const struct sl_origin_options *options, struct sl_error *err)
{
	struct sl_origin *origin = calloc(1, sizeof(*origin));
	int rc;

	sl_assert(options->port_count <= SL_ORIGIN_PORTS && options->max_connections > 0);
	if (!origin)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start the origin");
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&origin->lock, NULL);
	sl_origin_state_init(&origin->state);
	origin->options = *options;
	origin->dir_fd = -1;
	origin->slot_count = options->max_connections;
	origin->slots = calloc(origin->slot_count, sizeof(*origin->slots));
	origin->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!origin->slots || origin->stop_fd < 0)
		rc = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start the origin");
	else
		rc = open_files(origin, err);
	if (rc == 0)
		rc = open_listeners(origin, err);
	if (rc == 0) {
		rc = -pthread_create(&origin->acceptor, NULL, accept_thread, origin);
		origin->accepting = rc == 0;
	}
	if (rc < 0) {
		sl_origin_stop(origin);
		return sl_fail_code(err, SL_PHASE_NONE, rc, "cannot start the origin");
	}
	*out = origin;
	return 0;
}

void
sl_origin_stop(struct sl_origin *origin)
{
	if (!origin)
		return;
	if (origin->accepting) {
		eventfd_write(origin->stop_fd, 1);
		pthread_join(origin->acceptor, NULL);
		for (size_t i = 0; i < origin->slot_count; i++)
			if (slot_state(origin, &origin->slots[i]) != SLOT_FREE)
				pthread_join(origin->slots[i].thread, NULL);
	}
	for (size_t i = 0; i < origin->listener_count; i++)
		sl_origin_listener_release(&origin->listeners[i]);
	if (origin->log)
		fclose(origin->log);
	if (origin->dir_fd >= 0)
		close(origin->dir_fd);
	if (origin->stop_fd >= 0)
		close(origin->stop_fd);
	pthread_mutex_destroy(&origin->lock);
	sl_origin_state_release(&origin->state);
	free(origin->slots);
	free(origin);
}

unsigned
sl_origin_port_of(const struct sl_origin *origin, const char *name)
{
	for (size_t i = 0; i < origin->listener_count; i++)
		if (strcmp(origin->listeners[i].port->name, name) == 0)
			return origin->listeners[i].number;
	return 0;
}

void
sl_origin_print_ports(const struct sl_origin *origin, FILE *to)
{
	for (size_t i = 0; i < origin->listener_count; i++)
		fprintf(to, "%s=%u\n", origin->listeners[i].port->name,
			origin->listeners[i].number);
}
