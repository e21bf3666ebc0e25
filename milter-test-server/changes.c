/*
 * changes - what a filter asked for at the end of one message.  Owns copies of
 * the bytes.
 */
#include "milter-test-server/changes.h"

static const enum edit_kind edit_kinds[REPLIES] = {
    [REPLY_QUARANTINE] = EDIT_QUARANTINE,
    [REPLY_ADD_HEADER] = EDIT_ADD_HEADER,
    [REPLY_INSERT_HEADER] = EDIT_INSERT_HEADER,
    [REPLY_CHANGE_HEADER] = EDIT_CHANGE_HEADER,
    [REPLY_CHANGE_FROM] = EDIT_CHANGE_SENDER,
    [REPLY_ADD_RECIPIENT] = EDIT_ADD_RECIPIENT,
    [REPLY_ADD_RECIPIENT_WITH_PARAMETERS] = EDIT_ADD_RECIPIENT_WITH_ARGUMENTS,
    [REPLY_DELETE_RECIPIENT] = EDIT_DELETE_RECIPIENT,
    [REPLY_REPLACE_BODY] = EDIT_REPLACE_BODY,
};

void changes_reset(struct changes *changes, bool keep)
{
    arena_clear(&changes->arena);
    buffer_reset(&changes->quarantine);
    buffer_clear(&changes->body);
    changes->keep = keep;
    changes->quarantined = false;
    changes->replaces_body = false;
    changes->count = 0;
    changes->body_octets = 0;
    edit_list_init(&changes->edits, &changes->arena);
}

static void changes_keep(struct changes *changes, const struct reply *reply)
{
    bool header = reply->name.length > 0;

    edit_list_append(&changes->edits, &(struct edit){
                                          .kind = edit_kinds[reply->kind],
                                          .index = reply->index,
                                          .name = reply->name,
                                          .value = header ? reply->value : reply->text,
                                          .arguments = reply->arguments,
                                      });
}

bool changes_take(struct changes *changes, const struct reply *reply)
{
    if (reply->kind == REPLY_REPLACE_BODY) {
        bool again = changes->replaces_body;

        changes->replaces_body = true;
        changes->body_octets += reply->text.length;
        if (changes->keep) {
            buffer_append_slice(&changes->body, reply->text);
        }
        if (again) { /* one edit, however many packets */
            return changes->body_octets <= MESSAGE_BODY_MAXIMUM;
        }
    } else if (reply->kind == REPLY_QUARANTINE) {
        changes->quarantined = true;
        buffer_reset(&changes->quarantine);
        buffer_append_slice(&changes->quarantine, reply->text);
    }
    if (changes->keep) {
        changes_keep(changes, reply);
    }
    changes->count++;
    return changes->count <= PROTOCOL_EDITS;
}

void changes_apply(const struct changes *changes, struct message *message, bool leading_space)
{
    message_apply(message, &changes->edits, buffer_slice(&changes->body), leading_space);
}

void changes_clear(struct changes *changes)
{
    arena_clear(&changes->arena);
    buffer_clear(&changes->quarantine);
    buffer_clear(&changes->body);
}
