#include "support.h"

TestSuite(error, .timeout = 10);

static const int codes[] = {GYRE_OK, GYRE_EINVAL, GYRE_EKEY, GYRE_EEXIST, GYRE_ENOTFOUND,
	GYRE_EPERM, GYRE_ESIZE, GYRE_ELOCK, GYRE_ENORES, GYRE_ESYSTEM, GYRE_ENOTSUP, GYRE_EUNSAFE,
	GYRE_EFORMAT, GYRE_EVERSION, GYRE_ECORRUPT, GYRE_ESTALE, GYRE_EMISMATCH, GYRE_EAGAIN,
	GYRE_ETIMEDOUT, GYRE_EMSGSIZE, GYRE_ECLOSED, GYRE_ELEFT, GYRE_EDIED, GYRE_EBUSY,
	GYRE_ESTATE, GYRE_EROLE, GYRE_ESUSPECT};

static const size_t codes_count = sizeof codes / sizeof codes[0];

Test(error, every_code_has_a_name_and_a_phrase_of_its_own)
{
	for (size_t i = 0; i < codes_count; i++) {
		cr_assert(ne(str, (char *)gyre_errname(codes[i]), "GYRE_E?"));
		cr_assert(ne(str, (char *)gyre_strerror(codes[i]), "unknown error"));
		for (size_t j = 0; j < i; j++) {
			cr_assert(ne(str, (char *)gyre_errname(codes[i]),
				(char *)gyre_errname(codes[j])));
			cr_assert(ne(str, (char *)gyre_strerror(codes[i]),
				(char *)gyre_strerror(codes[j])));
		}
	}
}

Test(error, no_code_is_left_out)
{
	size_t named = 0;

	for (int code = -1000; code <= 1000; code++)
		named += strcmp(gyre_errname(code), "GYRE_E?") != 0;
	cr_assert(eq(sz, named, codes_count));
}

Test(error, an_unknown_code_gets_a_fixed_phrase)
{
	cr_assert(eq(str, (char *)gyre_strerror(1), "unknown error"));
	cr_assert(eq(str, (char *)gyre_errname(-17), "GYRE_E?"));
	cr_assert(eq(str, (char *)gyre_errname(GYRE_EAGAIN), "GYRE_EAGAIN"));
}
