/*
 * AWS's own vectors: aws-signing-test-suite/v4, all cases without a body, and the examples of the
 * S3 API reference ("Authenticating Requests: Using the Authorization Header"). The canonical forms
 * follow from the signatures: another one has another hash.
 */
#include "sluice/http/sigv4.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

struct vector {
	const char *name, *target;
	const char *fields; /* "name:value" in lines; besides host and x-amz-date */
	bool normalizes;
	const char *signed_names, *signature;
};

struct setting {
	const char *host, *time, *service;
	struct sl_sigv4_keys keys;
};

static const struct setting suite = { "example.amazonaws.com", "20150830T123600Z", "service",
	{ "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } };

static const struct setting s3 = { "examplebucket.s3.amazonaws.com", "20130524T000000Z", "s3",
	{ "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" } };

static void
check_vector(const struct setting *setting, const char *method, const struct vector *vector)
{
	const struct sl_sigv4_variant variant = { sl_span_str("aws"), sl_span_str("amz"),
		sl_span_str("us-east-1"), sl_span_str(setting->service) };
	struct sl_http_header fields[8] = {
		{ sl_span_str("X-Amz-Date"), sl_span_str(setting->time) },
		{ sl_span_str("Host"), sl_span_str(setting->host) },
	};
	size_t count = 2;
	struct sl_span rest = sl_span_str(vector->fields), line;
	while (sl_span_take_until(&rest, '\n', &line)) {
		cr_assert(sl_span_take_until(&line, ':', &fields[count].name));
		fields[count++].value = line;
	}
	const struct sl_sigv4_request request = { .method = method,
		.target = vector->target,
		.fields = fields,
		.field_count = count,
		.normalizes = vector->normalizes };
	struct sl_buf out = { 0 };
	char want[400];
	int code = sl_sigv4_sign(&out, &variant, &setting->keys, setting->time, &request);
	snprintf(want, sizeof(want),
		"AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/aws4_request, "
		"SignedHeaders=%s, Signature=%s",
		setting->keys.id, setting->time, setting->service, vector->signed_names,
		vector->signature);
	cr_expect_eq(code, 0, "%s: %d", vector->name, code);
	cr_expect_str_eq(out.data ? out.data : "", want, "%s", vector->name);
	sl_buf_release(&out);
}

Test(sigv4, signs_the_vectors_of_the_test_suite)
{
	static const char plain[] = "host;x-amz-date", own[] = "host;my-header1;x-amz-date";
	static const struct vector vectors[] = {
		{ "get-vanilla", "/", "", true, plain, VANILLA },
		{ "get-vanilla-empty-query-key", "/?Param1=value1", "", true, plain,
			"a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
		{ "get-vanilla-query", "/?", "", true, plain, VANILLA },
		{ "get-vanilla-query-order-encoded",
			"/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "", true, plain,
			"371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
		{ "get-vanilla-query-order-key-case", "/?Param2=value2&Param1=value1", "", true,
			plain, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
		{ "get-vanilla-query-unreserved", "/?" UNRESERVED "=" UNRESERVED, "", true, plain,
			"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
		{ "get-vanilla-utf8-query", "/?%e1%88%b4=bar", "", true, plain,
			"2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
		{ "get-vanilla-with-session-token", "/",
			"X-Amz-Security-Token:"
			"6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267\n",
			true, "host;x-amz-date;x-amz-security-token",
			"07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
		{ "get-header-key-duplicate", "/",
			"My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1\n", true, own,
			"c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
		{ "get-header-value-multiline", "/", "My-Header1:value1   value2\t value3\n", true,
			own, "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd" },
		{ "get-header-value-order", "/",
			"My-Header1:value4\nMy-Header1:value1\nmy-header1:value3\nMY-HEADER1:"
			"value2\n",
			true, own,
			"08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
		{ "get-header-value-trim", "/", "My-Header2: \"a   b   c\"\nMy-Header1: value1 \n",
			true, "host;my-header1;my-header2;x-amz-date",
			"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
		{ "get-relative-normalized", "/example/..", "", true, plain, VANILLA },
		{ "get-relative-relative-normalized", "/example1/example2/../..", "", true, plain,
			VANILLA },
		{ "get-slash-dot-slash-normalized", "/./", "", true, plain, VANILLA },
		{ "get-slash-normalized", "//", "", true, plain, VANILLA },
		{ "get-slash-pointless-dot-normalized", "/./example", "", true, plain,
			"ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
		{ "get-slashes-normalized", "//example//", "", true, plain,
			"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
		{ "get-relative-unnormalized", "/example/..", "", false, plain,
			"eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282" },
		{ "get-relative-relative-unnormalized", "/example1/example2/../..", "", false,
			plain, "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b" },
		{ "get-slash-dot-slash-unnormalized", "/./", "", false, plain,
			"68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145" },
		{ "get-slash-unnormalized", "//", "", false, plain,
			"c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e" },
		{ "get-slash-pointless-dot-unnormalized", "/./example", "", false, plain,
			"beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff" },
		{ "get-slashes-unnormalized", "//example//", "", false, plain,
			"87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5" },
		{ "get-space-normalized", "/example%20space/", "", true, plain,
			"652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
		{ "get-space-unnormalized", "/example%20space/", "", false, plain,
			"652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
		{ "get-unreserved", "/" UNRESERVED, "", true, plain,
			"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
		{ "get-utf8", "/%e1%88%B4", "", true, plain,
			"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(vectors); i++)
		check_vector(&suite, "GET", &vectors[i]);
}

Test(sigv4, signs_the_examples_of_the_s3_reference)
{
	static const char hash[] = "x-amz-content-sha256:" SL_SIGV4_EMPTY "\n";
	static const char range[] = "Range: bytes=0-9\nx-amz-content-sha256:" SL_SIGV4_EMPTY "\n";
	static const char names[] = "host;x-amz-content-sha256;x-amz-date";
	static const struct vector vectors[] = {
		{ "GET Object", "/test.txt", range, false,
			"host;range;x-amz-content-sha256;x-amz-date",
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
		{ "GET Bucket Lifecycle", "/?lifecycle", hash, false, names,
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
		{ "GET Bucket (List Objects)", "/?prefix=J&max-keys=2", hash, false, names,
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(vectors); i++)
		check_vector(&s3, "GET", &vectors[i]);
	check_vector(&s3, "PUT",
		&(struct vector){ "PUT Object", "/test$file.text",
			"Date:Fri, 24 May 2013 00:00:00 GMT\n"
			"x-amz-storage-class:REDUCED_REDUNDANCY\n"
			"x-amz-content-sha256:"
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n",
			false, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" });
}

/* Only the part behind the last '='; to be freed. */
static char *
sign_target(const char *target, bool normalizes, bool encodes_twice)
{
	const struct sl_sigv4_variant variant = { sl_span_str("aws"), sl_span_str("amz"),
		sl_span_str("r"), sl_span_str("s") };
	const struct sl_http_header host = { sl_span_str("host"), sl_span_str("h") };
	const struct sl_sigv4_request request = { .method = "GET",
		.target = target,
		.fields = &host,
		.field_count = 1,
		.normalizes = normalizes,
		.encodes_twice = encodes_twice };
	struct sl_buf out = { 0 };
	cr_assert_eq(sl_sigv4_sign(&out, &variant, &suite.keys, suite.time, &request), 0);
	char *signature = sl_span_dup(sl_span_str(strrchr(out.data, '=') + 1));
	sl_buf_release(&out);
	return signature;
}

Test(sigv4, equivalent_targets_have_one_signature)
{
	static const struct {
		const char *one, *other;
		bool normalizes, encodes_twice, is_same;
	} rows[] = {
		{ "/a(b)", "/a%28b%29", false, false, true },
		{ "/%7Euser", "/~user", false, false, true },
		{ "/a+b", "/a%2Bb", false, false, true },
		{ "/a%20b", "/a%2520b", false, false, false },
		{ "/a%20b", "/a%2520b", false, true, false },
		{ "/a(b)", "/a%28b%29", false, true, false },
		{ "/?q=a+b", "/?q=a%20b", false, false, true },
		{ "/?q=a%2fb", "/?q=a/b", false, false, true },
		{ "/?q=a%2Bb", "/?q=a+b", false, false, false },
		{ "/?a=2&a=1", "/?a=1&a=2", false, false, true },
		{ "/?a&b", "/?b=&a=&", false, false, true },
		{ "/?a=1=2", "/?a=1%3D2", false, false, true },
		{ "/a/../b", "/b", true, true, true },
		{ "/../../b", "/b", true, true, true },
		{ "/a/./b/.", "/a/b/", true, true, true },
		{ "/a/b/..", "/a/", true, true, true },
		{ "/a", "/a/", true, true, false },
		{ "/a//b", "/a/b", true, true, true },
		{ "/a//b", "/a/b", false, false, false },
		{ "/%", "/%25", false, false, true },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		char *one = sign_target(rows[i].one, rows[i].normalizes, rows[i].encodes_twice);
		char *other = sign_target(rows[i].other, rows[i].normalizes, rows[i].encodes_twice);
		cr_expect_eq(strcmp(one, other) == 0, rows[i].is_same, "%s, %s", rows[i].one,
			rows[i].other);
		free(one);
		free(other);
	}
}

static int
sign_many(size_t parameters, size_t field_count)
{
	static const struct sl_http_header fields[SL_SIGV4_ITEMS_MAX + 1];
	const struct sl_sigv4_variant variant = { sl_span_str("aws"), sl_span_str("amz"),
		sl_span_str("r"), sl_span_str("s") };
	struct sl_buf target = { 0 }, out = { 0 };
	sl_buf_add_str(&target, "/?a");
	for (size_t i = 1; i < parameters; i++)
		sl_buf_add_str(&target, "&a");
	const struct sl_sigv4_request request = {
		.method = "GET", .target = target.data, .fields = fields, .field_count = field_count
	};
	int code = sl_sigv4_sign(&out, &variant, &suite.keys, suite.time, &request);
	cr_expect_eq(out.len > 0, code == 0);
	sl_buf_release(&target);
	sl_buf_release(&out);
	return code;
}

Test(sigv4, more_parameters_or_fields_than_the_limit_are_refused)
{
	cr_expect_eq(sign_many(SL_SIGV4_ITEMS_MAX, SL_SIGV4_ITEMS_MAX), 0);
	cr_expect_eq(sign_many(SL_SIGV4_ITEMS_MAX + 1, 1), SL_E_LIMIT);
	cr_expect_eq(sign_many(1, SL_SIGV4_ITEMS_MAX + 1), SL_E_LIMIT);
}

Test(sigv4, time_is_written_in_utc)
{
	static const struct {
		int64_t time_s;
		const char *want;
	} rows[] = { { 0, "19700101T000000Z" }, { 1440938160, "20150830T123600Z" },
		{ 1709251199, "20240229T235959Z" }, { 253402300799, "99991231T235959Z" } };
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		char out[SL_SIGV4_TIME_MAX];
		sl_sigv4_format_time(out, rows[i].time_s);
		cr_expect_str_eq(out, rows[i].want);
	}
}

Test(sigv4, a_query_with_a_signature_is_recognised)
{
	static const char *const yes[] = { "/?X-Amz-Signature=a",
		"/?a=b&x-amz-signature=", "/?AWSAccessKeyId=a&Signature=b&Expires=1" };
	static const char *const no[] = { "/", "/?", "/X-Amz-Signature=a", "/?a=X-Amz-Signature",
		"/?XX-Amz-Signature=a", "/?&&=" };
	for (size_t i = 0; i < SL_COUNT_OF(yes); i++)
		cr_expect(sl_sigv4_is_presigned(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < SL_COUNT_OF(no); i++)
		cr_expect_not(sl_sigv4_is_presigned(no[i]), "%s", no[i]);
}

/* ---- variants ---- */

static void
show_variant(char *out, size_t cap, const struct sl_sigv4_variant *variant)
{
	snprintf(out, cap, "%.*s:%.*s:%.*s:%.*s", (int)variant->provider1.len,
		variant->provider1.data, (int)variant->provider2.len, variant->provider2.data,
		(int)variant->region.len, variant->region.len ? variant->region.data : "",
		(int)variant->service.len, variant->service.len ? variant->service.data : "");
}

Test(sigv4, reads_the_variants_of_curl)
{
	static const struct {
		const char *text, *want;
	} rows[] = { { "aws:amz:eu-central-1:s3", "aws:amz:eu-central-1:s3" },
		{ "aws:amz", "aws:amz::" }, { "aws", "aws:amz::" }, { "AWS", "AWS:amz::" },
		{ "osc", "osc:osc::" }, { "goog:goog:auto", "goog:goog:auto:" },
		{ "aws:amz::s3", "aws:amz::s3" }, { "aws::r:s", "aws:amz:r:s" }, { "", NULL },
		{ ":amz", NULL }, { "aws:amz:r:s:more", NULL }, { "aws:amz:a b", NULL },
		{ "aws:amz:a/b", NULL }, { "aws\n", NULL } };
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_sigv4_variant variant;
		struct sl_error err = { 0 };
		char got[200] = "";
		int code = sl_sigv4_read_variant(&variant, sl_span_str(rows[i].text), &err);
		cr_expect_eq(code, rows[i].want ? 0 : SL_E_USAGE, "%s", rows[i].text);
		if (!code)
			show_variant(got, sizeof(got), &variant);
		cr_expect_str_eq(got, rows[i].want ? rows[i].want : "", "%s", rows[i].text);
	}
}

Test(sigv4, region_and_service_follow_from_the_host)
{
	static const struct {
		const char *given, *host, *region, *want;
	} rows[] = {
		{ "aws", "s3.eu-central-1.amazonaws.com", "x-1", "aws:amz:eu-central-1:s3" },
		{ "aws", "bucket.s3.eu-central-1.amazonaws.com", NULL, "aws:amz:eu-central-1:s3" },
		{ "aws", "my.logs.s3.us-gov-west-1.amazonaws.com", NULL,
			"aws:amz:us-gov-west-1:s3" },
		{ "aws", "bucket.s3.amazonaws.com", NULL, "aws:amz:us-east-1:s3" },
		{ "aws", "bucket.s3.amazonaws.com", "eu-west-3", "aws:amz:eu-west-3:s3" },
		{ "aws", "s3.amazonaws.com", NULL, "aws:amz:us-east-1:s3" },
		{ "aws", "s3-eu-west-1.amazonaws.com", NULL, "aws:amz:eu-west-1:s3" },
		{ "aws", "bucket.s3-eu-west-1.amazonaws.com", NULL, "aws:amz:eu-west-1:s3" },
		{ "aws", "bucket.s3.dualstack.ap-south-1.amazonaws.com", NULL,
			"aws:amz:ap-south-1:s3" },
		{ "aws", "bucket.s3-fips.us-east-2.amazonaws.com", NULL, "aws:amz:us-east-2:s3" },
		{ "aws", "bucket.s3-accelerate.amazonaws.com", "eu-west-1",
			"aws:amz:eu-west-1:s3" },
		{ "aws", "bucket.s3.cn-north-1.amazonaws.com.cn", NULL, "aws:amz:cn-north-1:s3" },
		{ "aws", "a1b2.execute-api.us-east-1.amazonaws.com", NULL,
			"aws:amz:us-east-1:execute-api" },
		{ "aws:amz:r-9", "bucket.s3.eu-central-1.amazonaws.com", NULL, "aws:amz:r-9:s3" },
		{ "aws:amz::other", "s3.eu-central-1.amazonaws.com", NULL,
			"aws:amz:eu-central-1:other" },
		{ "aws", "localhost", NULL, "aws:amz:us-east-1:s3" },
		{ "aws", "minio.example.com", "here", "aws:amz:here:s3" },
		{ "aws", "127.0.0.1", NULL, "aws:amz:us-east-1:s3" },
		{ "aws", "x.r2.cloudflarestorage.com", NULL, "aws:amz:auto:s3" },
		{ "aws", "amazonaws.com", NULL, "aws:amz:us-east-1:s3" },
		{ "aws", "evilamazonaws.com", NULL, "aws:amz:us-east-1:s3" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_sigv4_variant variant;
		char got[200];
		cr_assert_eq(sl_sigv4_read_variant(&variant, sl_span_str(rows[i].given), NULL), 0);
		sl_sigv4_locate(&variant, rows[i].host, rows[i].region);
		show_variant(got, sizeof(got), &variant);
		cr_expect_str_eq(got, rows[i].want, "%s", rows[i].host);
	}
}
