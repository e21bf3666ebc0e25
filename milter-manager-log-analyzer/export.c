/*
 * export - the numbers for other programs.
 *
 * Rows go to a file first: whoever reads them slowly must not keep a run from storing.
 */
#include "milter-manager-log-analyzer/export.h"

#include "libcore/base/log_json.h"
#include "milter-manager-log-analyzer/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct writer {
    FILE *file;
    enum export_format format;
    enum store_span span;
    uint64_t rows;
    struct buffer line;
};

/* The finest that holds since to until: its first row may begin before since. */
static enum store_span export_span(int64_t now, int64_t since)
{
    enum store_span span = STORE_MINUTE;

    while (store_span_kept(span) != 0 && since < now - store_span_kept(span)) {
        span++;
    }
    return span;
}

/* RFC 4180 section 2. */
static void append_csv(struct buffer *line, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        buffer_append_string(line, text);
        return;
    }
    buffer_append_byte(line, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            buffer_append_byte(line, '"');
        }
        buffer_append_byte(line, *text);
    }
    buffer_append_byte(line, '"');
}

static void write_row(void *owner, const struct store_row *row)
{
    struct writer *writer = owner;
    struct buffer *line = &writer->line;
    bool json = writer->format == EXPORT_JSON;
    char time[MOMENT_TEXT];
    char number[SERIES_ITEM_NAME];

    buffer_reset(line);
    buffer_append_format(
        line,
        json ? "%s{\"time\": \"%s\", \"span\": \"%s\", \"kind\": \"%s\", \"name\": "
             : "%s%s,%s,%s,",
        !json               ? ""
        : writer->rows == 0 ? "\n  "
                            : ",\n  ",
        moment_text(row->time, time), store_span_name(writer->span), series_info(row->kind)->name);
    if (json) {
        log_json_string(line, slice_from_string(row->name));
    } else {
        append_csv(line, row->name);
    }
    buffer_append_format(line,
                         json ? ", \"item\": \"%s\", \"value\": %" PRIu64 ", \"peak\": %" PRIu64 "}"
                              : ",%s,%" PRIu64 ",%" PRIu64 "\n",
                         series_item_name(row->kind, row->item, number), row->value, row->peak);
    (void)fwrite(buffer_slice(line).data, 1, buffer_length(line), writer->file);
    writer->rows++;
}

static bool collect(struct store *store, struct writer *writer, int64_t since, int64_t until,
                    struct error *error)
{
    bool json = writer->format == EXPORT_JSON;

    fputs(json ? "[" : "time,span,kind,name,item,value,peak\n", writer->file);
    if (!store_read(store, writer->span, SERIES_KINDS, NULL,
                    since - since % store_span_seconds(writer->span),
                    until == 0 ? INT64_MAX : until, write_row, writer, error)) {
        return false;
    }
    fputs(json ? "\n]\n" : "", writer->file);
    if (fflush(writer->file) != 0 || ferror(writer->file) != 0) {
        error_set_errno(error, "cannot write a temporary file");
        return false;
    }
    return true;
}

static bool give_out(FILE *file, struct error *error)
{
    char bytes[65536];
    size_t count;

    rewind(file);
    while ((count = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        if (fwrite(bytes, 1, count, stdout) != count) {
            break;
        }
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        error_set_errno(error, "cannot write to standard output");
        return false;
    }
    if (ferror(file) != 0) {
        error_set_errno(error, "cannot read a temporary file");
        return false;
    }
    return true;
}

bool export_write(struct store *store, enum export_format format, int64_t now, int64_t since,
                  int64_t until, struct error *error)
{
    struct writer writer = {.format = format};
    int64_t oldest = 0;
    bool good;

    if (!store_oldest(store, &oldest, error)) {
        return false;
    }
    since = since < oldest ? oldest : since;
    writer.span = export_span(now, since);
    writer.file = tmpfile();
    if (writer.file == NULL) {
        error_set_errno(error, "cannot make a temporary file");
        return false;
    }
    good = collect(store, &writer, since, until, error) && give_out(writer.file, error);
    (void)fclose(writer.file);
    buffer_clear(&writer.line);
    return good;
}
