/*
 * protocol - the vocabulary of the milter protocol as tables.  Pure data.
 */
#include "libcore/wire/protocol.h"

const struct command_info command_info[COMMANDS] = {
    [COMMAND_NEGOTIATE] = {'O', "negotiate", 0, 0, 1, true},
    [COMMAND_MACRO] = {'D', "define-macro", 0, 0, 1, false},
    [COMMAND_CONNECT] = {'C', "connect", STEP_NO_CONNECT, STEP_NO_REPLY_CONNECT, 1, true},
    [COMMAND_HELO] = {'H', "helo", STEP_NO_HELO, STEP_NO_REPLY_HELO, 1, true},
    [COMMAND_MAIL] = {'M', "envelope-from", STEP_NO_MAIL, STEP_NO_REPLY_MAIL, 1, true},
    [COMMAND_RCPT] = {'R', "envelope-recipient", STEP_NO_RCPT, STEP_NO_REPLY_RCPT, 1, true},
    [COMMAND_DATA] = {'T', "data", STEP_NO_DATA, STEP_NO_REPLY_DATA, 4, true},
    [COMMAND_UNKNOWN] = {'U', "unknown", STEP_NO_UNKNOWN, STEP_NO_REPLY_UNKNOWN, 3, true},
    [COMMAND_HEADER] = {'L', "header", STEP_NO_HEADERS, STEP_NO_REPLY_HEADER, 1, true},
    [COMMAND_END_OF_HEADER] = {'N', "end-of-header", STEP_NO_END_OF_HEADER,
                               STEP_NO_REPLY_END_OF_HEADER, 2, true},
    [COMMAND_BODY] = {'B', "body", STEP_NO_BODY, STEP_NO_REPLY_BODY, 1, true},
    [COMMAND_END_OF_MESSAGE] = {'E', "end-of-message", 0, 0, 1, true},
    [COMMAND_ABORT] = {'A', "abort", 0, 0, 1, false},
    [COMMAND_QUIT] = {'Q', "quit", 0, 0, 1, false},
    [COMMAND_QUIT_NEW_CONNECTION] = {'K', "quit-new-connection", 0, 0, 6, false},
};

const struct reply_info reply_info[REPLIES] = {
    [REPLY_NEGOTIATE] = {'O', "negotiate", 0, false},
    [REPLY_CONTINUE] = {'c', "continue", 0, false},
    [REPLY_ACCEPT] = {'a', "accept", 0, false},
    [REPLY_REJECT] = {'r', "reject", 0, false},
    [REPLY_TEMPORARY_FAILURE] = {'t', "temporary-failure", 0, false},
    [REPLY_DISCARD] = {'d', "discard", 0, false},
    [REPLY_CODE] = {'y', "reply-code", 0, false},
    [REPLY_SKIP] = {'s', "skip", 0, false},
    [REPLY_CONNECTION_FAILURE] = {'f', "connection-failure", 0, false},
    [REPLY_SHUTDOWN] = {'4', "shutdown", 0, false},
    [REPLY_PROGRESS] = {'p', "progress", 0, false},
    [REPLY_QUARANTINE] = {'q', "quarantine", ACTION_QUARANTINE, true},
    [REPLY_ADD_HEADER] = {'h', "add-header", ACTION_ADD_HEADERS, true},
    [REPLY_INSERT_HEADER] = {'i', "insert-header", ACTION_ADD_HEADERS, true},
    [REPLY_CHANGE_HEADER] = {'m', "change-header", ACTION_CHANGE_HEADERS, true},
    [REPLY_CHANGE_FROM] = {'e', "change-from", ACTION_CHANGE_FROM, true},
    [REPLY_ADD_RECIPIENT] = {'+', "add-recipient", ACTION_ADD_RECIPIENT, true},
    [REPLY_ADD_RECIPIENT_WITH_PARAMETERS] = {'2', "add-recipient-with-parameters",
                                             ACTION_ADD_RECIPIENT_WITH_PARAMETERS, true},
    [REPLY_DELETE_RECIPIENT] = {'-', "delete-recipient", ACTION_DELETE_RECIPIENT, true},
    [REPLY_REPLACE_BODY] = {'b', "replace-body", ACTION_CHANGE_BODY, true},
};

bool command_from_letter(char letter, enum command *command)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (command_info[i].letter == letter) {
            *command = (enum command)i;
            return true;
        }
    }
    return false;
}

bool reply_from_letter(char letter, enum reply_kind *kind)
{
    for (unsigned i = 0; i < REPLIES; i++) {
        if (reply_info[i].letter == letter) {
            *kind = (enum reply_kind)i;
            return true;
        }
    }
    return false;
}

const char *action_name(unsigned bit_number)
{
    static const char *const names[] = {
        "add-headers",
        "change-body",
        "add-envelope-recipient",
        "delete-envelope-recipient",
        "change-headers",
        "quarantine",
        "change-envelope-from",
        "add-envelope-recipient-with-parameters",
        "set-symbol-list",
    };

    return bit_number < sizeof(names) / sizeof(names[0]) ? names[bit_number] : NULL;
}

const char *step_name(unsigned bit_number)
{
    static const char *const names[] = {
        "no-connect",
        "no-helo",
        "no-envelope-from",
        "no-envelope-recipient",
        "no-body",
        "no-headers",
        "no-end-of-header",
        "no-reply-header",
        "no-unknown",
        "no-data",
        "skip",
        "envelope-recipient-rejected",
        "no-reply-connect",
        "no-reply-helo",
        "no-reply-envelope-from",
        "no-reply-envelope-recipient",
        "no-reply-data",
        "no-reply-unknown",
        "no-reply-end-of-header",
        "no-reply-body",
        "header-value-with-leading-space",
    };

    return bit_number < sizeof(names) / sizeof(names[0]) ? names[bit_number] : NULL;
}
