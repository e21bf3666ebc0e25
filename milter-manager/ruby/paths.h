/*
 * paths - where the Ruby library and the configuration directories are.
 *
 * An installed program uses the compiled-in places; one that runs from a build
 * tree (lib/libcore.a stands beside it) uses the source tree.
 */
#ifndef MILTER_MANAGER_RUBY_PATHS_H
#define MILTER_MANAGER_RUBY_PATHS_H

/* Remembers the directory the process was started in; relative paths mean that one for ever. */
void paths_remember_start(void);
/* To be freed by the caller. */
char *paths_absolute(const char *path);

/* Both are to be freed by the caller. */
char *paths_library_directory(void);
char *paths_configuration_directory(void);

#endif
