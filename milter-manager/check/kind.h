/*
 * kind - what a milter probably does, guessed from its name and where it listens.
 */
#ifndef MILTER_MANAGER_CHECK_KIND_H
#define MILTER_MANAGER_CHECK_KIND_H

enum kind {
    KIND_DKIM_VERIFIER = 1 << 0,
    KIND_DKIM_SIGNER = 1 << 1,
    KIND_SPF = 1 << 2,
    KIND_DMARC = 1 << 3,
};

/* Bits of enum kind; 0: nothing that an advice is about.  spec may be NULL. */
unsigned kind_guess(const char *name, const char *spec);

#endif
