/*
 * question - what stoppers are asked about a command of the MTA: a table, and
 * where the arguments stand.
 */
#include "milter-manager/session/question.h"

static const struct {
    bool asks;
    enum condition_stage stage;
} question_stages[COMMANDS] = {
    [COMMAND_CONNECT] = {true, CONDITION_CONNECT},
    [COMMAND_HELO] = {true, CONDITION_HELO},
    [COMMAND_MAIL] = {true, CONDITION_ENVELOPE_FROM},
    [COMMAND_RCPT] = {true, CONDITION_ENVELOPE_RECIPIENT},
    [COMMAND_DATA] = {true, CONDITION_DATA},
    [COMMAND_HEADER] = {true, CONDITION_HEADER},
    [COMMAND_END_OF_HEADER] = {true, CONDITION_END_OF_HEADER},
    [COMMAND_BODY] = {true, CONDITION_BODY},
    [COMMAND_END_OF_MESSAGE] = {true, CONDITION_END_OF_MESSAGE},
};

static const char *const question_stage_names[CONDITION_STAGES] = {
    [CONDITION_CONNECT] = "connect",
    [CONDITION_HELO] = "helo",
    [CONDITION_ENVELOPE_FROM] = "envelope-from",
    [CONDITION_ENVELOPE_RECIPIENT] = "envelope-recipient",
    [CONDITION_ENVELOPE] = "envelope",
    [CONDITION_DATA] = "data",
    [CONDITION_HEADER] = "header",
    [CONDITION_END_OF_HEADER] = "end-of-header",
    [CONDITION_BODY] = "body",
    [CONDITION_END_OF_MESSAGE] = "end-of-message",
};

const char *condition_stage_name(enum condition_stage stage)
{
    return question_stage_names[stage];
}

bool question_stage(enum command command, enum condition_stage *stage)
{
    *stage = question_stages[command].stage;
    return question_stages[command].asks;
}

void question_init(struct condition_question *question, const struct command_packet *command)
{
    *question = (struct condition_question){.stage = question_stages[command->command].stage};
    switch (command->command) {
    case COMMAND_CONNECT:
        question->arguments[question->argument_count++] = command->connect.host;
        question->family = command->connect.family;
        question->port = command->connect.port;
        question->address = command->connect.address;
        break;
    case COMMAND_HELO:
    case COMMAND_BODY:
        question->arguments[question->argument_count++] = command->text;
        break;
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        question->arguments[question->argument_count++] = command->envelope.address;
        break;
    case COMMAND_HEADER:
        question->arguments[question->argument_count++] = command->header.name;
        question->arguments[question->argument_count++] = command->header.value;
        break;
    default:
        break;
    }
}

void question_init_envelope(struct condition_question *question, struct slice sender,
                            const struct slice *recipients, unsigned recipient_count)
{
    *question = (struct condition_question){
        .stage = CONDITION_ENVELOPE,
        .arguments = {sender},
        .argument_count = 1,
        .recipients = recipients,
        .recipient_count = recipient_count,
    };
}
