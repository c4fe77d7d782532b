/*
 * client_scene.h - a client and an origin server of plain HTTP, for tests of what the client sends
 * and accepts. On the heap: tasks have small stacks.
 */
#ifndef TESTS_SUPPORT_CLIENT_SCENE_H
#define TESTS_SUPPORT_CLIENT_SCENE_H

#include "sluice/http/client.h"

#define CLIENT_SCENE_PORTS 3
#define CLIENT_SCENE_URL 1024

struct sl_origin;

struct client_scene {
	struct sl_origin *origin;
	unsigned ports[CLIENT_SCENE_PORTS]; /* each is an origin of its own */
	struct sl_http_client_options options;
	struct sl_http_client *client;
	/* of the last request */
	struct sl_error err;
	char body[4096]; /* with a NUL behind it */
	size_t len;
	bool is_range;
	struct sl_scope scope;
	struct sl_resource resource;
	char final_url[CLIENT_SCENE_URL];
};

/* The server runs, and there is no client yet. */
struct client_scene *client_scene_new(void);

SL_SUSPENDS
void client_scene_free(struct client_scene *scene);

/* A new client with the options as they are now. Returns what sl_http_client_new returns. */
SL_SUSPENDS
int client_scene_begin(struct client_scene *scene);

/* Parse a URL, in whose text "$0" and the like become the number of a port. To be released. */
void client_scene_url(const struct client_scene *scene, const char *text, struct sl_url *out);

/* Fetch such a URL. All but the URL is that of `more` (may be NULL), where no method is GET. */
SL_SUSPENDS
int client_scene_fetch(
	struct client_scene *scene, const char *text, const struct sl_http_request *more);

#endif
