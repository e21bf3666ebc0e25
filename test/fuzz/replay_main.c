/*
 * replay_main - runs a fuzz target over a corpus, without a fuzzer.
 *
 * Linked with one fuzz_<name>.c; its argument is the corpus directory, or any
 * number of files and directories.  Prints TAP, a test for each file, so that
 * a crash leaves tests that were announced and never passed.  Owns the bytes
 * of one file at a time, in a block of exactly their size so that a sanitizer
 * sees a read past the end.
 */
#include "libcore/base/memory.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct path_list {
    char **paths;
    size_t count;
};

static void path_list_add(struct path_list *list, char *path)
{
    list->paths = memory_resize(list->paths, list->count + 1, sizeof(*list->paths));
    list->paths[list->count++] = path;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect(struct path_list *list, const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (directory == NULL) {
        path_list_add(list, memory_copy_string(path));
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        char *file;
        struct stat status;

        if (entry->d_name[0] == '.') {
            continue;
        }
        file = memory_format("%s/%s", path, entry->d_name);
        if (stat(file, &status) == 0 && S_ISREG(status.st_mode)) {
            path_list_add(list, file);
        } else {
            free(file);
        }
    }
    (void)closedir(directory);
}

/* The whole file; NULL when it cannot be read. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    uint8_t *data;

    if (file == NULL) {
        return NULL;
    }
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)fclose(file);
        return NULL;
    }
    *size = (size_t)status.st_size;
    data = memory_resize(NULL, *size, 1);
    if (fread(data, 1, *size, file) != *size) {
        free(data);
        data = NULL;
    }
    (void)fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    struct path_list list = {0};
    int result = EXIT_SUCCESS;

    for (int i = 1; i < argc; i++) {
        collect(&list, argv[i]);
    }
    if (list.count > 0) {
        qsort(list.paths, list.count, sizeof(*list.paths), compare_paths);
    }
    /* One test more than files: the empty input is always tried. */
    (void)printf("1..%zu\n", list.count + 1);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    (void)printf("ok 1 - empty input\n");
    for (size_t i = 0; i < list.count; i++) {
        size_t size = 0;
        uint8_t *data = read_file(list.paths[i], &size);

        if (data == NULL) {
            (void)printf("not ok %zu - cannot read %s\n", i + 2, list.paths[i]);
            result = EXIT_FAILURE;
        } else {
            /* Told before, so that a crash names its file. */
            (void)printf("# %s\n", list.paths[i]);
            (void)fflush(stdout);
            (void)LLVMFuzzerTestOneInput(data, size);
            (void)printf("ok %zu - %s\n", i + 2, list.paths[i]);
            free(data);
        }
        (void)fflush(stdout);
        free(list.paths[i]);
    }
    free(list.paths);
    return result;
}
