/*
 * kind - a table of words.  Pure functions.
 */
#include "milter-manager/check/kind.h"

#include <stddef.h>
#include <string.h>

/* The first row whose words are all there wins. */
static const struct {
    const char *word, *further; /* further: NULL or a second word */
    unsigned kinds;
} kinds[] = {
    {"dmarc", NULL, KIND_DMARC},
    {"dkim", "sign", KIND_DKIM_SIGNER},
    {"dkim", "verif", KIND_DKIM_VERIFIER},
    {"dkim", NULL, KIND_DKIM_SIGNER | KIND_DKIM_VERIFIER},
    {"spf", NULL, KIND_SPF},
    {"sid-milter", NULL, KIND_SPF},
};

static unsigned guess(const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcasestr(text, kinds[i].word) != NULL &&
            (kinds[i].further == NULL || strcasestr(text, kinds[i].further) != NULL)) {
            return kinds[i].kinds;
        }
    }
    return 0;
}

unsigned kind_guess(const char *name, const char *spec)
{
    unsigned found = guess(name);

    return found != 0 ? found : guess(spec);
}
