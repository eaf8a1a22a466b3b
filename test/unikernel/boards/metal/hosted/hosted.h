/* hosted.h: what the harness's parts offer each other: how a call of the board ended, the simulated machine, the commands. */
#ifndef HOSTED_H
#define HOSTED_H
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "seam.h"

/* How a call ended: it returned, the machine ended with `said`, or the compartment that is running was ended. */
enum outcome { RETURNED = 0, FATAL = 3, TRAPPED = 4 };
/* What a caught statement changes must be static: a jump back may undo it otherwise. */
extern jmp_buf *catcher;
extern char said[256];
#define CAUGHT(...)                                \
  ({                                               \
    jmp_buf here;                                  \
    catcher = &here;                               \
    int outcome = setjmp(here);                    \
    if (outcome == 0) { __VA_ARGS__; }             \
    catcher = NULL;                                \
    (enum outcome) outcome;                        \
  })

/* The harness's own checks. */
NORETURN void not_so(const char *file, int line, const char *condition);
#define CHECK(condition) ((condition) ? (void)0 : not_so(__FILE__, __LINE__, #condition))

/* A simulated virtio device; both answer behind SIM_BASE. */
#define SIM_BASE 0xfeb00000ul
enum { CARD, DICE, SIMS };
struct ring_view {
  volatile struct { uint64_t address; uint32_t length; uint16_t flags, next; } *descriptors;
  volatile struct { uint16_t flags, index, ring[QUEUE_LENGTH]; } *offered;
  volatile struct { uint16_t flags, index; struct { uint32_t id, length; } ring[QUEUE_LENGTH]; } *used;
  uint16_t seen;
  uint64_t places[3];
};
struct sim {
  uint32_t magic, version, kind, has[2], wanted[2], part, wanted_part, status, interrupt, queue_most, queue, notified;
  bool refuses;
  struct ring_view rings[2];
};
extern struct sim sims[SIMS];
/* Called when a device is notified. */
extern void (*on_notify)(struct sim *sim);
/* Both as they should be. */
void sims_reset(void);
/* The device returns a buffer. */
void give_back(struct ring_view *ring, uint32_t id, uint32_t length);

extern uint8_t cmos_registers[16];
/* What the serial line's other end takes, in bytes; the rest waits. */
extern uint64_t serial_takes;
/* The clock goes on by a step at each look at it; at each access of timers by an access's time, and once by the time of a stall. */
enum { CLOCK_MHZ = 2600, LAPIC_KHZ = 62500, ACCESS_CYCLES = 3000 };
extern uint64_t clock_cycles, clock_step;
extern uint64_t stall_cycles;
extern uint32_t stall_at, timer_accesses;

void map_window(uint64_t at, uint64_t length);
void map_dma(void);
uint64_t random_number(uint64_t *state);

uint64_t time_date(void), time_lapic_per_milli(void);
const uint32_t *entropy_key(void);
void *board_memcpy(void *restrict to, const void *restrict from, size_t length);
void *board_memset(void *to, int value, size_t length);
void *board_memmove(void *to, const void *from, size_t length);

int devices_command(int count, char **words);
int memory_command(int count, char **words);
int parts_command(int count, char **words);
int net_command(int count, char **words);
#endif
