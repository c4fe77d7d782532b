#include "sluice/http/resource.h"

#include "sluice/http/date.h"

void
sl_resource_read(struct sl_resource *resource, const struct sl_head *head, int64_t now_s)
{
	int64_t seconds = 0;
	struct sl_span value = sl_head_find(head, "Last-Modified", 0);
	bool is_date = value.data && sl_date_parse(value, now_s, &seconds) && seconds > 0 &&
		       (uint64_t)seconds <= UINT64_MAX / SL_NS_PER_S;
	resource->modified_ns = is_date ? (uint64_t)seconds * SL_NS_PER_S : 0;
}
