/*
 * seam.h: included before each source of the board (gcc -include) when it is compiled for the host. What only a machine has (ports,
 * registers, the windows' places) is replaced by the harness's own; all else is the board's source as it is.
 */
#ifndef SEAM_H
#define SEAM_H
#define out8 machine_out8
#define in8 machine_in8
#define read8 machine_read8
#define read32 machine_read32
#define write32 machine_write32
#define dma_page machine_dma_page
#include "board.h"
#undef out8
#undef in8
#undef read8
#undef read32
#undef write32
#undef dma_page

/* Where a sanitized program may map memory. */
#undef WINDOWS
#define WINDOWS 0x200000000000ul

void out8(uint16_t port, uint8_t value);
uint8_t in8(uint16_t port);
uint8_t read8(uint64_t at);
uint32_t read32(uint64_t at);
void write32(uint64_t at, uint32_t value);
static inline uint8_t *dma_page(unsigned index) { return (uint8_t *)(WINDOW(WINDOW_DMA) + 2 * PAGE * index); }
#endif
