#include "support/client_scene.h"

#include "support/origin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct client_scene *
client_scene_new(void)
{
	static const char *const names[CLIENT_SCENE_PORTS] = { "0", "1", "2" };
	struct sl_origin_options served = { .max_connections = 64,
		.port_count = CLIENT_SCENE_PORTS };
	struct client_scene *scene = calloc(1, sizeof(*scene));
	cr_assert_not_null(scene);
	for (unsigned i = 0; i < CLIENT_SCENE_PORTS; i++) {
		served.ports[i].name = names[i];
		served.ports[i].kind = SL_ORIGIN_HTTP;
	}
	scene->options = (struct sl_http_client_options){ .per_host = 8,
		.total = 8,
		.connect_timeout_ns = 60 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = 5 };
	cr_assert_eq(sl_origin_start(&scene->origin, &served, NULL), 0);
	for (unsigned i = 0; i < CLIENT_SCENE_PORTS; i++)
		scene->ports[i] = sl_origin_port_of(scene->origin, names[i]);
	return scene;
}

void
client_scene_free(struct client_scene *scene)
{
	sl_http_client_free(scene->client);
	sl_origin_stop(scene->origin);
	free(scene);
}

int
client_scene_begin(struct client_scene *scene)
{
	sl_http_client_free(scene->client);
	scene->client = NULL;
	sl_error_clear(&scene->err);
	return sl_http_client_new(&scene->client, &scene->options, &scene->err);
}

void
client_scene_url(const struct client_scene *scene, const char *text, struct sl_url *out)
{
	struct sl_buf filled = { 0 };
	for (; *text; text++) {
		if (*text == '$')
			sl_buf_printf(&filled, "%u", scene->ports[*++text - '0']);
		else
			sl_buf_add_char(&filled, *text);
	}
	cr_assert_eq(sl_url_parse(out, sl_buf_span(&filled), NULL), 0, "%s", filled.data);
	sl_buf_release(&filled);
}

SL_SUSPENDS
static int
take_response(struct client_scene *scene, struct sl_http_exchange *exchange)
{
	struct sl_buf url = { 0 };
	int got;
	sl_url_format(&url, sl_http_final_url(exchange));
	snprintf(scene->final_url, sizeof(scene->final_url), "%s", url.data);
	sl_buf_release(&url);
	scene->is_range = sl_http_is_range(exchange);
	scene->scope = sl_http_scope(exchange);
	scene->resource = sl_http_resource(exchange);
	size_t len = 0;
	while ((got = sl_http_read(exchange, scene->body + len, sizeof(scene->body) - 1 - len,
			&scene->err)) > 0)
		len += (size_t)got;
	scene->body[len] = '\0';
	scene->len = len;
	sl_http_close(exchange);
	return got;
}

int
client_scene_fetch(struct client_scene *scene, const char *text, const struct sl_http_request *more)
{
	struct sl_url url = { 0 };
	struct sl_http_exchange *exchange = NULL;
	struct sl_http_request request = more ? *more : (struct sl_http_request){ 0 };
	sl_error_clear(&scene->err);
	scene->body[0] = '\0';
	scene->len = 0;
	client_scene_url(scene, text, &url);
	request.method = request.method ? request.method : "GET";
	request.url = &url;
	int code = sl_http_open(scene->client, &request, &exchange, &scene->err);
	sl_url_release(&url);
	return code ? code : take_response(scene, exchange);
}
