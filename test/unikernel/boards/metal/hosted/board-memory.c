/* board-memory.c: the board's memory.c; where its image lies is an array of ours, and devices see the addresses that we see. */
#define dma_physical machine_dma_physical
#include "memory.c"
#undef dma_physical
uint64_t dma_physical(const void *address) { return (uint64_t)address; }
__asm__(".bss; .balign 4096; .globl image_start, constants_start, data_start, image_end\n"
        "image_start: .skip 8192; constants_start: .skip 4096; data_start: .skip 8192; image_end: .skip 1; .text");
