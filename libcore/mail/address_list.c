/*
 * address_list - the addresses in a From:, To: or Cc: field (RFC 5322 section
 * 3.4, with the obsolete forms of section 4.4 and addresses in UTF-8, RFC 6532).
 *
 * A tokenizer that drops blanks and comments, and above it the list: words are
 * collected until it is known whether they are an address, a display name ("<"
 * follows) or the name of a group (":" follows).  Takes time in proportion to
 * the length whatever the input is: a parenthesis, quote or bracket that is
 * never closed makes all later ones ordinary characters.
 */
#include "libcore/mail/address_list.h"

#include "libcore/base/buffer.h"
#include "libcore/base/utf8.h"

#include <string.h>

enum { ENCODED_WORD_MAXIMUM = 255 }; /* bytes looked at; RFC 2047 allows 75 */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,    /* an atom, or an encoded word */
    TOKEN_QUOTED,  /* with its quotes */
    TOKEN_LITERAL, /* with its brackets */
    TOKEN_SPECIAL, /* one of <>,:;@. */
    TOKEN_JUNK,    /* a character that may not stand there */
};

struct token {
    enum token_kind kind;
    struct slice text; /* in the value */
};

/* An address whose tokens are still coming. */
struct draft {
    struct buffer text;
    size_t domain;   /* where it begins in text; 0: no '@' yet */
    bool after_word; /* the last token was a word: another one is too many */
    bool after_literal;
    bool closed; /* complete, and something follows that does not belong there */
    bool untidy; /* something was passed over */
    bool broken; /* no address */
};

struct parser {
    struct address_list *list;
    struct slice rest;
    const char *element; /* where it begins */
    struct draft draft;
    bool unclosed_comment, unclosed_quote, unclosed_literal;
    bool in_group;
    bool after_angle; /* the element's address has been read */
    bool understood;
};

static bool is_special(char byte)
{
    return byte != '\0' && strchr("()<>[]:;@\\,.\"", byte) != NULL;
}

static bool is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* ---- tokens */

/*
 * Length of what text begins with up to its closing character, 0 when that is
 * missing; a backslash hides the next character.
 */
static size_t delimited_length(struct slice text, char open, char close)
{
    size_t depth = 1;

    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == close) {
            if (--depth == 0) {
                return i + 1;
            }
        } else if (text.data[i] == open) {
            depth++;
        }
    }
    return 0;
}

static size_t delimited(struct slice text, char open, char close, bool *unclosed)
{
    size_t length = *unclosed ? 0 : delimited_length(text, open, close);

    *unclosed = length == 0;
    return length;
}

static void skip_blanks_and_comments(struct parser *parser)
{
    struct slice *rest = &parser->rest;

    while (rest->length > 0) {
        size_t length = 0;

        if (slice_blank_byte(rest->data[0])) {
            length = 1;
        } else if (rest->data[0] == '(') {
            length = delimited(*rest, '(', ')', &parser->unclosed_comment);
        }
        if (length == 0) {
            return;
        }
        slice_skip(rest, length);
    }
}

/* Characters from position on up to a question mark; SIZE_MAX when a blank or the end comes first.
 */
static size_t encoded_part(struct slice text, size_t position)
{
    for (size_t i = position; i < text.length; i++) {
        if (text.data[i] == '?') {
            return i - position;
        }
        if (slice_blank_byte(text.data[i])) {
            break;
        }
    }
    return SIZE_MAX;
}

/*
 * Length of the encoded word (RFC 2047) text begins with, or 0.  Some programs
 * leave commas and the like in it, which must not end the display name.
 */
static size_t encoded_word_length(struct slice text)
{
    size_t charset, encoding, encoded, end;

    if (!slice_starts_with(text, "=?")) {
        return 0;
    }
    if (text.length > ENCODED_WORD_MAXIMUM) {
        text.length = ENCODED_WORD_MAXIMUM;
    }
    charset = encoded_part(text, 2);
    encoding = charset == SIZE_MAX ? SIZE_MAX : encoded_part(text, charset + 3);
    encoded = encoding != 1 ? SIZE_MAX : encoded_part(text, charset + 5);
    if (encoded == SIZE_MAX || strchr("bBqQ", text.data[charset + 3]) == NULL) {
        return 0;
    }
    end = charset + 5 + encoded + 1; /* where '=' is to be */
    return end < text.length && text.data[end] == '=' ? end + 1 : 0;
}

static size_t word_length(struct slice text)
{
    size_t length = encoded_word_length(text);

    while (length < text.length && !slice_blank_byte(text.data[length]) &&
           !is_special(text.data[length])) {
        length++;
    }
    return length;
}

static struct token take_token(struct parser *parser)
{
    struct token token = {TOKEN_END, {NULL, 0}};
    size_t length = 0;
    char first;

    skip_blanks_and_comments(parser);
    token.text = parser->rest;
    if (parser->rest.length == 0) {
        return token;
    }
    first = parser->rest.data[0];
    if (first == '"') {
        token.kind = TOKEN_QUOTED;
        length = delimited(parser->rest, '"', '"', &parser->unclosed_quote);
    } else if (first == '[') {
        token.kind = TOKEN_LITERAL;
        length = delimited(parser->rest, ']', ']', &parser->unclosed_literal);
    } else if (!is_special(first)) {
        token.kind = TOKEN_WORD;
        length = word_length(parser->rest);
    } else if (strchr("<>,:;@.", first) != NULL) {
        token.kind = TOKEN_SPECIAL;
        length = 1;
    }
    if (length == 0) {
        token.kind = TOKEN_JUNK;
        length = 1;
    }
    token.text.length = length;
    slice_skip(&parser->rest, length);
    return token;
}

/* ---- one address */

static void draft_begin(struct draft *draft)
{
    struct buffer text = draft->text;

    buffer_reset(&text);
    *draft = (struct draft){.text = text};
}

static void draft_append_word(struct draft *draft, struct slice word)
{
    for (size_t i = 0; i < word.length; i++) {
        draft->broken |= is_control(word.data[i]) || is_special(word.data[i]);
    }
    buffer_append_slice(&draft->text, word);
}

/* Without the line breaks of folding. */
static void draft_append_quoted(struct draft *draft, struct slice quoted)
{
    for (size_t i = 0; i < quoted.length; i++) {
        char byte = quoted.data[i];

        if (byte == '\\' && i + 1 < quoted.length) {
            buffer_append_byte(&draft->text, byte);
            byte = quoted.data[++i];
            draft->broken |= is_control(byte);
        } else if (byte == '\r' || byte == '\n') {
            continue;
        } else if (byte == '\t') {
            byte = ' ';
        }
        draft->broken |= is_control(byte);
        buffer_append_byte(&draft->text, byte);
    }
}

static void draft_append_literal(struct draft *draft, struct slice literal)
{
    for (size_t i = 0; i < literal.length; i++) {
        char byte = literal.data[i];
        bool bracket = i == 0 || i + 1 == literal.length;

        if (!slice_blank_byte(byte)) {
            draft->broken |= is_control(byte);
            draft->broken |= !bracket && is_special(byte) && byte != ':' && byte != '.';
            buffer_append_byte(&draft->text, byte);
        }
    }
}

static bool draft_has_domain(const struct draft *draft)
{
    return draft->domain > 0 && buffer_length(&draft->text) > draft->domain;
}

/* A word right behind another one: an address that lacks its angle brackets, or text. */
static void draft_second_word(struct draft *draft)
{
    if (draft_has_domain(draft)) {
        draft->closed = true; /* "joe@example.com Joe" */
    } else {
        draft_begin(draft); /* "Joe joe@example.com" */
    }
    draft->untidy = true;
}

static void draft_add_word(struct draft *draft, const struct token *token)
{
    if (draft->after_word) {
        draft_second_word(draft);
    }
    if (draft->closed) {
        return;
    }
    draft->after_word = true;
    if (token->kind == TOKEN_WORD) {
        draft->broken |= draft->after_literal;
        draft_append_word(draft, token->text);
    } else if (token->kind == TOKEN_QUOTED) {
        draft->broken |= draft->domain > 0;
        draft_append_quoted(draft, token->text);
    } else {
        draft->broken |= draft->domain == 0 || draft_has_domain(draft);
        draft->after_literal = true;
        draft_append_literal(draft, token->text);
    }
}

static void draft_add_junk(struct draft *draft)
{
    draft->untidy = true;
    if (draft_has_domain(draft)) {
        draft->closed = true;
    } else if (buffer_length(&draft->text) > 0) {
        draft->broken = true;
    }
}

static void draft_add(struct draft *draft, const struct token *token)
{
    char special = token->kind == TOKEN_SPECIAL ? token->text.data[0] : '\0';

    if (draft->closed) {
        return;
    }
    if (special == '.') {
        draft->broken |= draft->after_literal;
        buffer_append_byte(&draft->text, '.');
        draft->after_word = false;
    } else if (special == '@') {
        draft->broken |= draft->domain > 0 || buffer_length(&draft->text) == 0;
        buffer_append_byte(&draft->text, '@');
        draft->domain = buffer_length(&draft->text);
        draft->after_word = false;
    } else if (special != '\0' || token->kind == TOKEN_JUNK) {
        draft_add_junk(draft);
    } else {
        draft_add_word(draft, token);
    }
}

static bool is_utf8(struct slice text)
{
    while (text.length > 0) {
        size_t length = utf8_length(text);

        if (length == 0) {
            return false;
        }
        slice_skip(&text, length);
    }
    return true;
}

static bool draft_is_address(const struct draft *draft)
{
    struct slice text = buffer_slice(&draft->text);

    if (draft->broken || text.length == 0 || text.data[0] == '.') {
        return false;
    }
    if (draft->domain == 0) {
        return !draft->untidy && text.data[text.length - 1] != '.' && is_utf8(text);
    }
    return draft_has_domain(draft) && text.data[draft->domain] != '.' && is_utf8(text);
}

/* ---- the list */

static void list_add(struct address_list *list, struct slice address)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 8;
        struct slice *items = arena_new(list->arena, capacity * sizeof(*items));

        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof(*items));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = arena_copy(list->arena, address);
}

/* The element up to here is not understood, or not all of it. */
static void note_trouble(struct parser *parser)
{
    struct slice element = slice_of(parser->element, (size_t)(parser->rest.data - parser->element));

    parser->understood = false;
    while (element.length > 0 && (slice_blank_byte(element.data[element.length - 1]) ||
                                  strchr(",;", element.data[element.length - 1]) != NULL)) {
        element.length--;
    }
    if (parser->list->not_understood.data == NULL) {
        parser->list->not_understood = element;
    }
}

/* Takes the draft into the list if it is an address. */
static void finish_draft(struct parser *parser)
{
    struct draft *draft = &parser->draft;

    if (draft_is_address(draft)) {
        list_add(parser->list, buffer_slice(&draft->text));
    } else if (buffer_length(&draft->text) > 0) {
        draft->untidy = true;
    }
    if (draft->untidy || draft->broken) {
        note_trouble(parser);
    }
    draft_begin(draft);
}

static void next_element(struct parser *parser)
{
    skip_blanks_and_comments(parser);
    parser->element = parser->rest.data;
    parser->after_angle = false;
    draft_begin(&parser->draft);
}

/*
 * What is between angle brackets, with a route of hosts in front of it
 * (obs-route) that mail no longer takes.  Ends behind ">", or where it
 * cannot go on.
 */
static void parse_angle(struct parser *parser)
{
    struct draft *draft = &parser->draft;
    bool in_route = false;

    draft_begin(draft);
    for (;;) {
        struct token token = take_token(parser);
        char special = token.kind == TOKEN_SPECIAL ? token.text.data[0] : '\0';

        if (special == '>') {
            break;
        }
        if (token.kind == TOKEN_END || ((special == ',' || special == ';') && !in_route)) {
            draft->untidy = true; /* the bracket is not closed */
            parser->after_angle = special != ',' && special != ';';
            finish_draft(parser);
            return;
        }
        if (special == '<') {
            draft_begin(draft);
            draft->untidy = true;
            in_route = false;
        } else if (in_route) {
            in_route = special != ':';
        } else if (special == '@' && buffer_length(&draft->text) == 0) {
            in_route = true;
        } else {
            /* Here is no guessing which of two words is meant. */
            bool second = special == '\0' && draft->after_word;

            draft_add(draft, &token);
            draft->broken |= second || special == ':';
        }
    }
    draft->broken |= in_route;
    finish_draft(parser);
    parser->after_angle = true;
}

static void begin_group(struct parser *parser)
{
    if (parser->in_group || parser->after_angle || parser->draft.domain > 0) {
        note_trouble(parser);
    }
    parser->in_group = true;
    next_element(parser);
}

static void take_special(struct parser *parser, const struct token *token)
{
    switch (token->text.data[0]) {
    case ';': /* outside of a group some programs mean a comma */
        parser->in_group = false;
        finish_draft(parser);
        next_element(parser);
        break;
    case ',':
        finish_draft(parser);
        next_element(parser);
        break;
    case ':':
        begin_group(parser);
        break;
    case '<':
        if (parser->after_angle) {
            note_trouble(parser);
        }
        parse_angle(parser);
        if (!parser->after_angle) {
            next_element(parser);
        }
        break;
    default:
        draft_add(&parser->draft, token);
    }
}

void address_list_init(struct address_list *list, struct arena *arena)
{
    *list = (struct address_list){.arena = arena};
}

bool address_list_parse(struct address_list *list, struct slice value)
{
    struct parser parser = {.list = list, .rest = value, .understood = true};

    next_element(&parser);
    for (;;) {
        struct token token = take_token(&parser);

        if (token.kind == TOKEN_END) {
            break;
        }
        if (token.kind == TOKEN_SPECIAL && strchr("<,:;", token.text.data[0]) != NULL) {
            take_special(&parser, &token);
        } else if (parser.after_angle) {
            note_trouble(&parser); /* "<a@example.com> text" */
        } else {
            draft_add(&parser.draft, &token);
        }
    }
    finish_draft(&parser);
    if (parser.in_group) {
        note_trouble(&parser);
    }
    buffer_clear(&parser.draft.text);
    return parser.understood;
}
