/*
 * fuzz_page - any status becomes a well-formed page.
 *
 * The input is JSON; what is none is nobody's status.
 */
#include "milter-manager/control/page.h"

#include "test/unit/markup_form.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct page_options options = {.refresh = size % 2 == 0};
    struct buffer html = {0};
    const char *place;
    json_t *status = json_loadb((const char *)data, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

    if (status == NULL) {
        return 0;
    }
    page_render(status, &options, &html);
    if (markup_form_fault(buffer_slice(&html), &place) != NULL) {
        abort();
    }
    buffer_clear(&html);
    json_decref(status);
    return 0;
}
