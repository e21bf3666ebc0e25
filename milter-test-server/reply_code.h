/*
 * reply_code - shows a filter's own SMTP reply (tools.md section 1.5).
 */
#ifndef MILTER_TEST_SERVER_REPLY_CODE_H
#define MILTER_TEST_SERVER_REPLY_CODE_H

#include "libcore/base/buffer.h"

/*
 * Appends " [CODE]<ENHANCED>(TEXT)", "(null)" for what is missing.  Lines after
 * the first lose their code and are separated by LF.  reply: as on the wire.
 */
void reply_code_describe(struct buffer *output, struct slice reply);

#endif
