/*
 * test_header_list - the header list and the modification requests applied to it
 * (milter-protocol section 7, manager-semantics sections 17 row 9 and 18).
 *
 * Lists are compared as text "Name=value Name=value ...".
 */
#include "libcore/base/buffer.h"
#include "libcore/mail/edit.h"
#include "libcore/mail/header_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct header_list list;
    struct buffer text;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    header_list_init(&fixture.list, &fixture.arena);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    arena_clear(&fixture->arena);
    buffer_clear(&fixture->text);
    return 0;
}

static struct slice s(const char *text)
{
    return slice_from_string(text);
}

static void add(struct fixture *fixture, const char *name, const char *value)
{
    header_list_append(&fixture->list, s(name), s(value), HEADER_ORIGIN_MTA);
}

static void assert_list(struct fixture *fixture, const struct header_list *list,
                        const char *expected)
{
    buffer_reset(&fixture->text);
    for (size_t i = 0; i < list->count; i++) {
        const struct header_field *field = header_list_at(list, i);

        buffer_append_string(&fixture->text, i > 0 ? " " : "");
        buffer_append_slice(&fixture->text, field->name);
        buffer_append_byte(&fixture->text, '=');
        buffer_append_slice(&fixture->text, field->value);
    }
    buffer_append_byte(&fixture->text, '\0');
    assert_string_equal(buffer_slice(&fixture->text).data, expected);
}

static void assert_now(struct fixture *fixture, const char *expected)
{
    assert_list(fixture, &fixture->list, expected);
}

static void append_keeps_order_and_duplicates(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "From", "a");
    add(fixture, "X", "1");
    add(fixture, "from", "b");
    add(fixture, "X", "1");
    assert_now(fixture, "From=a X=1 from=b X=1");
    assert_null(header_list_at(&fixture->list, 4));
    assert_null(header_list_at(&fixture->list, HEADER_LIST_NONE));
}

static void an_empty_list_has_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(header_list_count(&fixture->list, s("X")), 0);
    assert_null(header_list_find(&fixture->list, s("X"), 1));
    assert_null(header_list_at(&fixture->list, 0));
    assert_false(header_list_delete(&fixture->list, s("X"), 1));
    assert_int_equal(header_list_nth(&fixture->list, 0), 0);
    assert_now(fixture, "");
}

static void the_list_keeps_its_own_bytes(void **state)
{
    struct fixture *fixture = *state;
    char name[] = "Name", value[] = "value";

    add(fixture, name, value);
    memset(name, '#', sizeof(name) - 1);
    memset(value, '#', sizeof(value) - 1);
    assert_now(fixture, "Name=value");
}

static void values_are_opaque(void **state)
{
    struct fixture *fixture = *state;
    static const char value[] = " \xff\xfe\r\n\tfolded\n more ";

    add(fixture, "X", value);
    add(fixture, "Y", "");
    assert_true(slice_equal_string(header_list_at(&fixture->list, 0)->value, value));
    assert_int_equal(header_list_at(&fixture->list, 1)->value.length, 0);
    assert_non_null(header_list_at(&fixture->list, 1)->value.data);
}

static void insert_takes_the_position_or_the_end(void **state)
{
    struct fixture *fixture = *state;

    header_list_insert(&fixture->list, 1, s("A"), s("1"), 0);
    header_list_insert(&fixture->list, 0, s("B"), s("2"), 0);
    header_list_insert(&fixture->list, 1, s("C"), s("3"), 0);
    header_list_insert(&fixture->list, 3, s("D"), s("4"), 0);
    header_list_insert(&fixture->list, UINT32_MAX, s("E"), s("5"), 0);
    assert_now(fixture, "B=2 C=3 A=1 D=4 E=5");
}

static void change_counts_one_name_without_case(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "X-Same", "1");
    add(fixture, "Other", "o");
    add(fixture, "x-same", "2");
    add(fixture, "X-SAME", "3");
    header_list_change(&fixture->list, s("X-Same"), 2, s("two"), 5);
    assert_now(fixture, "X-Same=1 Other=o X-Same=two X-SAME=3");
    header_list_change(&fixture->list, s("X-Same"), 0, s("zero"), 5);
    assert_now(fixture, "X-Same=zero Other=o X-Same=two X-SAME=3");
    assert_int_equal(header_list_at(&fixture->list, 0)->origin, HEADER_ORIGIN_MTA);
}

static void change_of_a_missing_field_appends(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "X", "1");
    header_list_change(&fixture->list, s("Y"), 1, s("new"), 3);
    header_list_change(&fixture->list, s("X"), 2, s("second"), 3);
    header_list_change(&fixture->list, s("X"), UINT32_MAX, s("third"), 3);
    assert_now(fixture, "X=1 Y=new X=second X=third");
    assert_int_equal(header_list_at(&fixture->list, 0)->origin, HEADER_ORIGIN_MTA);
    assert_int_equal(header_list_at(&fixture->list, 3)->origin, 3);
}

static void a_prefix_is_another_name(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "X", "1");
    add(fixture, "X-Long", "2");
    add(fixture, "X ", "3");
    assert_int_equal(header_list_count(&fixture->list, s("X")), 1);
    assert_false(header_list_delete(&fixture->list, s("X-Lon"), 1));
    assert_int_equal(header_list_count(&fixture->list, s("")), 0);
}

static void delete_renumbers(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 1; i <= 4; i++) {
        char value[] = {(char)('0' + i), '\0'};

        add(fixture, "X", value);
    }
    assert_true(header_list_delete(&fixture->list, s("x"), 2));
    assert_now(fixture, "X=1 X=3 X=4");
    assert_true(header_list_delete(&fixture->list, s("X"), 2));
    assert_now(fixture, "X=1 X=4");
    assert_false(header_list_delete(&fixture->list, s("X"), 3));
    assert_false(header_list_delete(&fixture->list, s("X"), UINT32_MAX));
    assert_true(header_list_delete(&fixture->list, s("X"), 0));
    assert_now(fixture, "X=4");
    assert_true(header_list_delete(&fixture->list, s("X"), 1));
    assert_false(header_list_delete(&fixture->list, s("X"), 1));
    assert_now(fixture, "");
}

static void delete_from_the_highest_down(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "X", "1");
    add(fixture, "Keep", "k");
    add(fixture, "x", "2");
    add(fixture, "X", "3");
    for (uint32_t nth = 3; nth >= 1; nth--) {
        assert_true(header_list_delete(&fixture->list, s("X"), nth));
        assert_int_equal(header_list_count(&fixture->list, s("X")), nth - 1);
    }
    assert_now(fixture, "Keep=k");
}

static void positions_and_numbers_fit_together(void **state)
{
    struct fixture *fixture = *state;
    struct header_list *list = &fixture->list;

    add(fixture, "A", "1");
    add(fixture, "B", "1");
    add(fixture, "a", "2");
    add(fixture, "A", "3");
    assert_int_equal(header_list_position(list, s("A"), 0), 0);
    assert_int_equal(header_list_position(list, s("A"), 1), 0);
    assert_int_equal(header_list_position(list, s("A"), 2), 2);
    assert_int_equal(header_list_position(list, s("A"), 3), 3);
    assert_true(header_list_position(list, s("A"), 4) == HEADER_LIST_NONE);
    assert_true(header_list_position(list, s("A"), UINT32_MAX) == HEADER_LIST_NONE);
    assert_int_equal(header_list_count(list, s("A")), 3);
    assert_int_equal(header_list_count_before(list, s("A"), 0), 0);
    assert_int_equal(header_list_count_before(list, s("A"), 3), 2);
    assert_int_equal(header_list_count_before(list, s("A"), 99), 3);
    assert_int_equal(header_list_nth(list, 1), 1);
    assert_int_equal(header_list_nth(list, 3), 3);
    assert_int_equal(header_list_nth(list, 4), 0);
    assert_true(slice_equal_string(header_list_find(list, s("A"), 2)->value, "2"));
}

static void a_copy_is_independent(void **state)
{
    struct fixture *fixture = *state;
    struct arena other = {0};
    struct header_list shared, separate;

    add(fixture, "A", "1");
    header_list_insert(&fixture->list, 1, s("B"), s("2"), 9);
    header_list_copy(&shared, &fixture->arena, &fixture->list);
    header_list_copy(&separate, &other, &fixture->list);
    header_list_change(&fixture->list, s("A"), 1, s("changed"), 0);
    header_list_delete(&shared, s("B"), 1);
    assert_now(fixture, "A=changed B=2");
    assert_list(fixture, &shared, "A=1");
    arena_clear(&fixture->arena);
    header_list_init(&fixture->list, &fixture->arena);
    assert_list(fixture, &separate, "A=1 B=2");
    assert_int_equal(header_list_at(&separate, 1)->origin, 9);
    arena_clear(&other);
}

static void a_copy_of_nothing_is_usable(void **state)
{
    struct fixture *fixture = *state;
    struct header_list copy;

    header_list_copy(&copy, &fixture->arena, &fixture->list);
    header_list_append(&copy, s("A"), s("1"), 0);
    assert_list(fixture, &copy, "A=1");
}

static void ten_thousand_fields(void **state)
{
    struct fixture *fixture = *state;
    char value[16];

    for (int i = 0; i < 10000; i++) {
        (void)snprintf(value, sizeof(value), "%d", i);
        header_list_insert(&fixture->list, 0, s(i % 2 == 0 ? "Even" : "Odd"), s(value), 0);
    }
    assert_int_equal(fixture->list.count, 10000);
    assert_true(slice_equal_string(header_list_at(&fixture->list, 0)->value, "9999"));
    assert_true(slice_equal_string(header_list_find(&fixture->list, s("even"), 5000)->value, "0"));
    for (uint32_t nth = 5000; nth > 0; nth--) {
        assert_true(header_list_delete(&fixture->list, s("odd"), nth));
    }
    assert_int_equal(fixture->list.count, 5000);
    assert_int_equal(header_list_count(&fixture->list, s("Odd")), 0);
}

/* What the requests do to the message [A=1 B=2 a=3]. */
static const struct {
    const char *what;
    struct edit edits[4];
    const char *expected;
} edit_rules[] = {
    {"add goes behind the last", {{'h', 0, 0, {"A", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 A=9"},
    {"add ignores the index", {{'h', 0, 1, {"Z", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 Z=9"},
    {"add of an empty value", {{'h', 0, 0, {"Z", 1}, {"", 0}, {0}}}, "A=1 B=2 a=3 Z="},
    {"insert 0 is the front", {{'i', 0, 0, {"Z", 1}, {"9", 1}, {0}}}, "Z=9 A=1 B=2 a=3"},
    {"insert 1 is behind the MTA's Received:",
     {{'i', 0, 1, {"Z", 1}, {"9", 1}, {0}}},
     "Z=9 A=1 B=2 a=3"},
    {"insert 2 is behind the first", {{'i', 0, 2, {"Z", 1}, {"9", 1}, {0}}}, "A=1 Z=9 B=2 a=3"},
    {"insert 4 is the end", {{'i', 0, 4, {"Z", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 Z=9"},
    {"insert 5 is the end", {{'i', 0, 5, {"Z", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 Z=9"},
    {"insert far beyond", {{'i', 0, UINT32_MAX, {"Z", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 Z=9"},
    {"insert never replaces", {{'i', 0, 0, {"A", 1}, {"9", 1}, {0}}}, "A=9 A=1 B=2 a=3"},
    {"two inserts at the front come out reversed",
     {{'i', 0, 0, {"Y", 1}, {"8", 1}, {0}}, {'i', 0, 0, {"Z", 1}, {"9", 1}, {0}}},
     "Z=9 Y=8 A=1 B=2 a=3"},
    {"insert 1 below an insert at the front",
     {{'i', 0, 0, {"Y", 1}, {"8", 1}, {0}}, {'i', 0, 1, {"Z", 1}, {"9", 1}, {0}}},
     "Y=8 Z=9 A=1 B=2 a=3"},
    {"insert 2 below an insert at the front is behind the MTA's Received:",
     {{'i', 0, 0, {"Y", 1}, {"8", 1}, {0}}, {'i', 0, 2, {"Z", 1}, {"9", 1}, {0}}},
     "Y=8 Z=9 A=1 B=2 a=3"},
    {"the front is the front again after its field was deleted",
     {{'i', 0, 0, {"Y", 1}, {"8", 1}, {0}},
      {'m', 0, 1, {"Y", 1}, {"", 0}, {0}},
      {'i', 0, 2, {"Z", 1}, {"9", 1}, {0}}},
     "A=1 Z=9 B=2 a=3"},
    {"insert of an empty value", {{'i', 0, 2, {"Z", 1}, {"", 0}, {0}}}, "A=1 Z= B=2 a=3"},
    {"change the first", {{'m', 0, 1, {"A", 1}, {"9", 1}, {0}}}, "A=9 B=2 a=3"},
    {"change 0 is the first", {{'m', 0, 0, {"A", 1}, {"9", 1}, {0}}}, "A=9 B=2 a=3"},
    {"change the second, other case", {{'m', 0, 2, {"A", 1}, {"9", 1}, {0}}}, "A=1 B=2 A=9"},
    {"change beyond appends", {{'m', 0, 3, {"A", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 A=9"},
    {"change far beyond", {{'m', 0, UINT32_MAX, {"b", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 b=9"},
    {"change of a missing name", {{'m', 0, 1, {"Z", 1}, {"9", 1}, {0}}}, "A=1 B=2 a=3 Z=9"},
    {"delete", {{'m', 0, 1, {"b", 1}, {"", 0}, {0}}}, "A=1 a=3"},
    {"delete 0 is the first", {{'m', 0, 0, {"a", 1}, {"", 0}, {0}}}, "B=2 a=3"},
    {"delete the second", {{'m', 0, 2, {"A", 1}, {"", 0}, {0}}}, "A=1 B=2"},
    {"delete beyond", {{'m', 0, 3, {"A", 1}, {"", 0}, {0}}}, "A=1 B=2 a=3"},
    {"delete a missing name", {{'m', 0, 1, {"Z", 1}, {"", 0}, {0}}}, "A=1 B=2 a=3"},
    {"delete without a value at all", {{'m', 0, 1, {"B", 1}, {NULL, 0}, {0}}}, "A=1 a=3"},
    {"a blank is a value", {{'m', 0, 1, {"B", 1}, {" ", 1}, {0}}}, "A=1 B=  a=3"},
    {"delete highest down",
     {{'m', 0, 2, {"A", 1}, {"", 0}, {0}}, {'m', 0, 1, {"A", 1}, {"", 0}, {0}}},
     "B=2"},
    {"after a deletion the rest is renumbered",
     {{'m', 0, 1, {"A", 1}, {"", 0}, {0}}, {'m', 0, 1, {"A", 1}, {"9", 1}, {0}}},
     "B=2 A=9"},
    {"the old number is gone after a deletion",
     {{'m', 0, 1, {"A", 1}, {"", 0}, {0}}, {'m', 0, 2, {"A", 1}, {"", 0}, {0}}},
     "B=2 a=3"},
    {"an inserted field counts for later numbers",
     {{'i', 0, 0, {"A", 1}, {"9", 1}, {0}}, {'m', 0, 2, {"A", 1}, {"", 0}, {0}}},
     "A=9 B=2 a=3"},
    {"an added field can be changed",
     {{'h', 0, 0, {"Z", 1}, {"8", 1}, {0}}, {'m', 0, 1, {"z", 1}, {"9", 1}, {0}}},
     "A=1 B=2 a=3 z=9"},
    {"delete, then the same name appended",
     {{'m', 0, 1, {"B", 1}, {"", 0}, {0}}, {'m', 0, 1, {"B", 1}, {"9", 1}, {0}}},
     "A=1 a=3 B=9"},
    {"other requests leave headers alone",
     {{'e', 0, 0, {"A", 1}, {"9", 1}, {0}},
      {'+', 0, 0, {"A", 1}, {"9", 1}, {0}},
      {'b', 0, 1, {"A", 1}, {"", 0}, {0}},
      {'q', 0, 0, {"A", 1}, {"9", 1}, {0}}},
     "A=1 B=2 a=3"},
};

static void edits_do_what_the_mta_does(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(edit_rules) / sizeof(edit_rules[0]); i++) {
        header_list_init(&fixture->list, &fixture->arena);
        add(fixture, "A", "1");
        add(fixture, "B", "2");
        add(fixture, "a", "3");
        for (size_t k = 0; k < 4 && edit_rules[i].edits[k].kind != 0; k++) {
            (void)header_list_apply(&fixture->list, &edit_rules[i].edits[k]);
        }
        print_message("# %s\n", edit_rules[i].what);
        assert_now(fixture, edit_rules[i].expected);
    }
}

static void apply_says_whether_it_changed_something(void **state)
{
    struct fixture *fixture = *state;
    struct edit edit = {.kind = EDIT_CHANGE_HEADER, .origin = 4, .name = SLICE_LITERAL("X")};

    assert_false(header_list_apply(&fixture->list, &edit));
    edit.kind = EDIT_ADD_HEADER;
    assert_true(header_list_apply(&fixture->list, &edit));
    assert_int_equal(header_list_at(&fixture->list, 0)->origin, 4);
    edit.kind = EDIT_CHANGE_HEADER;
    assert_true(header_list_apply(&fixture->list, &edit));
    edit.kind = EDIT_QUARANTINE;
    assert_false(header_list_apply(&fixture->list, &edit));
    assert_now(fixture, "");
}

static void insert_into_an_empty_list(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(edit_insert_position(&fixture->list, 0), 0);
    assert_int_equal(edit_insert_position(&fixture->list, 1), 0);
    assert_int_equal(edit_insert_position(&fixture->list, 2), 0);
    assert_int_equal(edit_insert_position(&fixture->list, UINT32_MAX), 0);
}

static void kinds_are_told_apart(void **state)
{
    static const char letters[] = "him"
                                  "+2-"
                                  "ebq";

    (void)state;
    for (int letter = 0; letter < 128; letter++) {
        const char *found = letter == 0 ? NULL : strchr(letters, letter);
        struct edit edit = {.kind = (enum edit_kind)letter};

        assert_int_equal(edit_kind_valid((char)letter), found != NULL);
        assert_int_equal(edit_changes_headers(&edit), found != NULL && found < letters + 3);
        assert_int_equal(edit_changes_recipients(&edit),
                         found != NULL && found >= letters + 3 && found < letters + 6);
        assert_int_equal(edit_deletes_header(&edit), letter == 'm');
    }
    assert_false(edit_kind_valid((char)0xff));
}

static void the_log_keeps_copies_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct edit_list list, other;
    struct arena arena = {0};
    char address[] = "<a@x>";
    struct edit edit = {.kind = EDIT_CHANGE_SENDER, .origin = 2, .value = s(address)};

    edit_list_init(&list, &fixture->arena);
    assert_null(edit_list_at(&list, 0));
    assert_null(edit_list_last(&list, EDIT_CHANGE_SENDER));
    edit_list_append(&list, &edit);
    address[1] = 'b';
    edit.arguments = s("");
    edit_list_append(&list, &edit);
    edit.kind = EDIT_ADD_RECIPIENT;
    for (int i = 0; i < 20; i++) {
        edit_list_append(&list, &edit);
    }
    assert_int_equal(list.count, 22);
    assert_true(slice_equal_string(edit_list_at(&list, 0)->value, "<a@x>"));
    assert_null(edit_list_at(&list, 0)->arguments.data);
    assert_true(slice_equal_string(edit_list_at(&list, 1)->value, "<b@x>"));
    assert_non_null(edit_list_at(&list, 1)->arguments.data);
    assert_int_equal(edit_list_at(&list, 1)->origin, 2);
    assert_ptr_equal(edit_list_last(&list, EDIT_CHANGE_SENDER), edit_list_at(&list, 1));
    assert_int_equal(edit_list_count(&list, EDIT_CHANGE_SENDER), 2);
    assert_int_equal(edit_list_count(&list, EDIT_ADD_RECIPIENT), 20);
    assert_int_equal(edit_list_count(&list, EDIT_REPLACE_BODY), 0);

    edit_list_init(&other, &arena);
    edit_list_append_list(&other, &list);
    edit_list_append_list(&other, &other);
    arena_clear(&fixture->arena);
    header_list_init(&fixture->list, &fixture->arena);
    assert_int_equal(other.count, 44);
    assert_true(slice_equal_string(edit_list_at(&other, 0)->value, "<a@x>"));
    assert_true(slice_equal_string(edit_list_at(&other, 23)->value, "<b@x>"));
    assert_null(edit_list_at(&other, 44));
    arena_clear(&arena);
}

/* Child 2 sees what child 1 left, and numbers sent to the MTA mean the same field there. */
static void a_log_of_two_children_replayed_on_the_mta_list(void **state)
{
    struct fixture *fixture = *state;
    struct header_list mta;
    struct edit_list log;
    const struct edit asked[] = {
        {'m', 1, 1, SLICE_LITERAL("X"), {0}, {0}},
        {'i', 1, 0, SLICE_LITERAL("X"), SLICE_LITERAL("first child"), {0}},
        {'m', 2, 2, SLICE_LITERAL("x"), SLICE_LITERAL("second child"), {0}},
        {'h', 2, 0, SLICE_LITERAL("Y"), SLICE_LITERAL("end"), {0}},
    };

    add(fixture, "X", "1");
    add(fixture, "From", "f");
    add(fixture, "X", "2");
    header_list_copy(&mta, &fixture->arena, &fixture->list);
    edit_list_init(&log, &fixture->arena);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        edit_list_append(&log, &asked[i]);
        assert_true(header_list_apply(&fixture->list, &asked[i]));
    }
    assert_now(fixture, "X=first child From=f x=second child Y=end");
    for (size_t i = 0; i < log.count; i++) {
        assert_true(header_list_apply(&mta, edit_list_at(&log, i)));
    }
    assert_list(fixture, &mta, "X=first child From=f x=second child Y=end");
    assert_int_equal(header_list_at(&mta, 0)->origin, 1);
    assert_int_equal(header_list_at(&mta, 2)->origin, HEADER_ORIGIN_MTA);
    assert_int_equal(header_list_at(&mta, 3)->origin, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append_keeps_order_and_duplicates),
        TEST(an_empty_list_has_nothing),
        TEST(the_list_keeps_its_own_bytes),
        TEST(values_are_opaque),
        TEST(insert_takes_the_position_or_the_end),
        TEST(change_counts_one_name_without_case),
        TEST(change_of_a_missing_field_appends),
        TEST(a_prefix_is_another_name),
        TEST(delete_renumbers),
        TEST(delete_from_the_highest_down),
        TEST(positions_and_numbers_fit_together),
        TEST(a_copy_is_independent),
        TEST(a_copy_of_nothing_is_usable),
        TEST(ten_thousand_fields),
        TEST(edits_do_what_the_mta_does),
        TEST(apply_says_whether_it_changed_something),
        TEST(insert_into_an_empty_list),
        TEST(kinds_are_told_apart),
        TEST(the_log_keeps_copies_in_order),
        TEST(a_log_of_two_children_replayed_on_the_mta_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
