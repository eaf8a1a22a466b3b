/* board-compartment.c: the board's compartment.c, its part of libc under names that leave the host's alone. */
#define memcpy board_memcpy
#define memset board_memset
#define memmove board_memmove
#define strlen board_strlen
void *board_memcpy(void *restrict to, const void *restrict from, size_t length);
void *board_memset(void *to, int value, size_t length);
size_t board_strlen(const char *text);
#include "compartment.c"
