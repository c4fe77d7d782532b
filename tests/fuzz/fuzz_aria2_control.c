/* A control file of aria2: what is accepted makes sense. */
#include "fuzz/fuzz.h"
#include "sluice/download/aria2_control.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_aria2_control control = { 0 };
	if (sl_aria2_control_read(&control, sl_span((const char *)data, len), NULL) != 0) {
		must(!control.done && control.count == 0);
		return 0;
	}
	for (size_t i = 0; i < control.count; i++) {
		must(control.done[i].begin < control.done[i].end);
		must(control.done[i].end <= control.total);
		must(i == 0 || control.done[i].begin > control.done[i - 1].end);
	}
	sl_aria2_control_release(&control);
	return 0;
}
