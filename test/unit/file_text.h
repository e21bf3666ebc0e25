/*
 * file_text - what a program under test has written to a file, and whether it
 * has a form.
 */
#ifndef TEST_UNIT_FILE_TEXT_H
#define TEST_UNIT_FILE_TEXT_H

/* The first 300 KiB, until the next call. */
const char *file_text(const char *path);
/* Fails the test when the extended expression matches nowhere in subject. */
void assert_matches(const char *subject, const char *expression);

#endif
