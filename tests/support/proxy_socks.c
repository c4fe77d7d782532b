/* The SOCKS side of the test proxy: versions 4, 4a and 5. */
#include "support/proxy_wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct target {
	char host[PROXY_NAME_MAX];
	unsigned char bytes[PROXY_NAME_MAX], port[2];
};

static unsigned
port_of(const struct target *target)
{
	return target->port[0] * 256u + target->port[1];
}

/* ---- version 4 ---- */

static bool
receive_text(struct proxy_client *client, char *text, size_t cap)
{
	for (size_t len = 0; len < cap; len++) {
		if (!proxy_recv_all(&client->end, text + len, 1))
			return false;
		if (text[len] == '\0')
			return true;
	}
	return false;
}

/* The version was received. */
static bool
receive_target4(struct proxy_client *client, struct target *target)
{
	char command, user[PROXY_NAME_MAX];
	if (!proxy_recv_all(&client->end, &command, 1) ||
		!proxy_recv_all(&client->end, target->port, 2) ||
		!proxy_recv_all(&client->end, target->bytes, 4) ||
		!receive_text(client, user, sizeof(user)))
		return false;
	inet_ntop(AF_INET, target->bytes, target->host, sizeof(target->host));
	bool is_name = memcmp(target->bytes, "\0\0\0", 3) == 0;
	if (is_name && !receive_text(client, target->host, sizeof(target->host)))
		return false;
	proxy_log(client, "socks4%s %s:%u user '%s'", is_name ? "a" : "", target->host,
		port_of(target), user);
	return true;
}

/* ---- version 5 ---- */

static bool
receive_counted(struct proxy_client *client, char text[static PROXY_NAME_MAX])
{
	unsigned char len;
	if (!proxy_recv_all(&client->end, &len, 1) || !proxy_recv_all(&client->end, text, len))
		return false;
	text[len] = '\0';
	return true;
}

static bool
check_user(struct proxy_client *client)
{
	char version, user[PROXY_NAME_MAX], password[PROXY_NAME_MAX];
	if (!proxy_send(&client->end, "\x05\x02", 2) ||
		!proxy_recv_all(&client->end, &version, 1) || !receive_counted(client, user) ||
		!receive_counted(client, password))
		return false;
	bool good = strcmp(user, "user") == 0 && strcmp(password, "secret") == 0;
	proxy_log(client, "socks5 user '%s' %s", user, good ? "accepted" : "refused");
	return proxy_send(&client->end, good ? "\x01\x00" : "\x01\x01", 2) && good;
}

static bool
agree(struct proxy_client *client)
{
	unsigned char count, methods[256];
	if (!proxy_recv_all(&client->end, &count, 1) ||
		!proxy_recv_all(&client->end, methods, count))
		return false;
	if (strcmp(client->port_name, "socks_auth") != 0)
		return proxy_send(&client->end, "\x05\x00", 2);
	if (memchr(methods, 2, count))
		return check_user(client);
	proxy_send(&client->end, "\x05\xff", 2);
	return false;
}

static bool
receive_target5(struct proxy_client *client, struct target *target)
{
	unsigned char head[4];
	if (!agree(client) || !proxy_recv_all(&client->end, head, sizeof(head)))
		return false;
	bool good;
	if (head[3] == 3) {
		good = receive_counted(client, target->host);
	} else {
		good = proxy_recv_all(&client->end, target->bytes, head[3] == 1 ? 4 : 16);
		inet_ntop(head[3] == 1 ? AF_INET : AF_INET6, target->bytes, target->host,
			sizeof(target->host));
	}
	if (!good || !proxy_recv_all(&client->end, target->port, 2))
		return false;
	proxy_log(client, "socks5 %s %s:%u", head[3] == 3 ? "name" : "address", target->host,
		port_of(target));
	return true;
}

void
proxy_serve_socks(struct proxy_client *client)
{
	static const char granted4[8] = "\0\x5a", refused4[8] = "\0\x5b";
	static const char granted5[10] = "\5\0\0\1", refused5[10] = "\5\5\0\1";
	struct target target = { .host = "" };
	char version = 0;
	if (!proxy_recv_all(&client->end, &version, 1))
		return;
	bool is_v4 = version == 4;
	if (!(is_v4 ? receive_target4(client, &target) : receive_target5(client, &target)))
		return;
	struct proxy_end origin = { .fd = proxy_dial(target.host, port_of(&target)) };
	bool granted = origin.fd >= 0;
	if (is_v4)
		proxy_send(&client->end, granted ? granted4 : refused4, sizeof(granted4));
	else
		proxy_send(&client->end, granted ? granted5 : refused5, sizeof(granted5));
	if (!granted)
		return;
	proxy_pump(&client->end, &origin);
	close(origin.fd);
}
