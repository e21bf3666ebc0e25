/*
 * words - the table of the configuration language beside the items: calls,
 * stoppers, members of contexts and addresses, settings of shipped conditions.
 *
 * For the manual page and for the tests, which compare it with the Ruby classes
 * (milter-manager/lib); the program itself does not need it.
 *
 * Texts here and in items.c: sentences end in a full stop and a blank.  `X` is
 * something literal; in that form `nil`, `NAME(8)` and `$NAME` mean a value, a
 * manual page and a variable of the environment, and capitals with a blank in
 * between a section of the page.
 */
#ifndef MILTER_MANAGER_CONFIG_WORDS_H
#define MILTER_MANAGER_CONFIG_WORDS_H

struct word {
    const char *section;   /* list of the page */
    const char *owner;     /* Ruby class or module that has it, below Milter::Manager or Milter;
                              "manager": the class of that group of items */
    const char *receiver;  /* what stands before it: "manager."; "" for none */
    const char *name;      /* of the Ruby method, without the '=' of one that assigns */
    const char *arguments; /* what stands behind it: "(NAME) {|context| ...}" */
    const char *literal;   /* default of what is assigned like an item; NULL: a call */
    const char *text;      /* NULL: stands together with the next row */
};

extern const struct word configuration_words[];
extern const unsigned configuration_word_count;

/* A stage at which a condition is asked. */
struct stopper_word {
    const char *name;      /* of the stage: define_NAME_stopper */
    const char *arguments; /* of the block */
    const char *loss;      /* what a true answer takes the child out of */
};

extern const struct stopper_word stopper_words[];
extern const unsigned stopper_word_count;

#endif
