/* machine.c: the simulated machine: ports, registers, two virtio devices, a clock, and how the machine and compartments end. */
#include "hosted.h"

#include <sys/mman.h>

enum { PIT_COUNTER = 0x40, PIT_COMMAND = 0x43, LAPIC_COUNT = 0x380, LAPIC_NOW = 0x390 };
enum { SERIAL = 0x3f8, SERIAL_STATUS = 0x3fd, CMOS_INDEX = 0x70, CMOS_DATA = 0x71 };

jmp_buf *catcher;
char said[256];
struct sim sims[SIMS];
void (*on_notify)(struct sim *sim);
uint8_t cmos_registers[16];
uint64_t serial_takes = UINT64_MAX, clock_cycles, clock_step = 1000;
uint64_t stall_cycles;
uint32_t stall_at, timer_accesses;
static uint8_t cmos_index;
static uint64_t pit_start, lapic_start;
static uint8_t latched[3];
static unsigned latched_at;

void not_so(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
  exit(1);
}

static NORETURN void leave(enum outcome outcome) {
  if (catcher) longjmp(*catcher, outcome);
  if (outcome == FATAL) printf("# %s\n", said);
  fflush(stdout);
  exit(outcome);
}

void fatal(const char *text) {
  snprintf(said, sizeof said, "%s", text);
  leave(FATAL);
}

void fatal_number(const char *text, uint64_t number) {
  snprintf(said, sizeof said, "%s%lu", text, number);
  leave(FATAL);
}

void trap(void) { leave(TRAPPED); }

/* What takes the processor away does so between any two of these. */
static void access_timer(uint64_t cycles) {
  clock_cycles += cycles;
  if (++timer_accesses == stall_at) clock_cycles += stall_cycles;
}

uint64_t cycles(void) {
  access_timer(clock_step);
  return clock_cycles;
}

static void latch(void) {
  access_timer(ACCESS_CYCLES);
  uint64_t ticks = (clock_cycles - pit_start) * 1193182 / (CLOCK_MHZ * 1000000ul);
  uint16_t count = 65535 - ticks;
  latched[0] = ticks > 65535 ? 0x80 : 0, latched[1] = count, latched[2] = count >> 8, latched_at = 0;
}

bool cpu_has_rdrand(void) { return false; }
bool cpu_has_rdseed(void) { return false; }
void wake_on_pin(uint32_t pin) { CHECK(pin < 24); }
uint32_t net_port(uint32_t door) { return 10000 + door; }
/* Nothing goes on after `leap`. */
void cpu_init(void) {}
void vault_init(void) {}
void net_init(const char *command_line) { (void)command_line; }
void net_run(void) { exit(1); }

void out8(uint16_t port, uint8_t value) {
  if (port == PIT_COMMAND && value == 0xc2) latch();
  if (port == PIT_COUNTER) access_timer(ACCESS_CYCLES), pit_start = clock_cycles;
  if (port == CMOS_INDEX) cmos_index = value & 0x7f;
  if (port != SERIAL) return;
  CHECK(serial_takes > 0);
  putchar(value);
  if (serial_takes != UINT64_MAX) serial_takes--;
}

uint8_t in8(uint16_t port) {
  if (port == SERIAL_STATUS) return serial_takes >= 16 ? 0x60 : 0;
  if (port == PIT_COUNTER) {
    access_timer(ACCESS_CYCLES);
    CHECK(latched_at < 3);
    return latched[latched_at++];
  }
  if (port == CMOS_DATA && cmos_index < sizeof cmos_registers) return cmos_registers[cmos_index];
  return 0;
}

void sims_reset(void) {
  for (unsigned i = 0; i < SIMS; i++) {
    sims[i] = (struct sim){.magic = 0x74726976, .version = 2, .kind = i == CARD ? 1 : 4, .has = {0xffffffff, 1}, .queue_most = 256};
  }
}

static struct sim *sim_at(uint64_t at, uint32_t *reg) {
  CHECK(at >= SIM_BASE && at < SIM_BASE + SIMS * 512);
  *reg = at % 512;
  return &sims[(at - SIM_BASE) / 512];
}

uint8_t read8(uint64_t at) {
  uint32_t reg;
  sim_at(at, &reg);
  return reg >= 0x100 && reg < 0x106 ? 0x52 + reg : 0;
}

uint32_t read32(uint64_t at) {
  if (at == LAPIC + LAPIC_NOW) {
    access_timer(ACCESS_CYCLES);
    return 0xffffffff - (clock_cycles - lapic_start) * LAPIC_KHZ / (CLOCK_MHZ * 1000ul);
  }
  uint32_t reg;
  struct sim *sim = sim_at(at, &reg);
  switch (reg) {
    case 0x000: return sim->magic;
    case 0x004: return sim->version;
    case 0x008: return sim->kind;
    case 0x010: return sim->has[sim->part & 1];
    case 0x034: return sim->queue_most;
    case 0x060: return sim->interrupt;
    case 0x070: return sim->status;
    default: CHECK(!"a register that is not read");
  }
  return 0;
}

void write32(uint64_t at, uint32_t value) {
  if (at == LAPIC + LAPIC_COUNT) access_timer(ACCESS_CYCLES), lapic_start = clock_cycles;
  if (at >= LAPIC) return;
  uint32_t reg;
  struct sim *sim = sim_at(at, &reg);
  struct ring_view *ring = &sim->rings[sim->queue & 1];
  if (reg == 0x014) sim->part = value;
  if (reg == 0x020) sim->wanted[sim->wanted_part & 1] = value;
  if (reg == 0x024) sim->wanted_part = value;
  if (reg == 0x030) sim->queue = value;
  if (reg == 0x038) CHECK(value == QUEUE_LENGTH);
  if (reg == 0x064) sim->interrupt &= ~value;
  if (reg == 0x070) sim->status = sim->refuses ? value & ~8u : value;
  if (reg >= 0x080 && reg < 0x0a8) {
    uint64_t *place = &ring->places[(reg - 0x080) / 0x10];
    *place = reg & 4 ? (*place & UINT32_MAX) | (uint64_t)value << 32 : (*place & ~(uint64_t)UINT32_MAX) | value;
  }
  if (reg == 0x044) {
    CHECK(value == 1 && !(sim->status & 4));
    ring->descriptors = (void *)ring->places[0];
    ring->offered = (void *)ring->places[1];
    ring->used = (void *)ring->places[2];
    ring->seen = 0;
  }
  if (reg == 0x050) {
    CHECK(sim->status & 4); /* not before DRIVER_OK */
    sim->notified++;
    if (on_notify) on_notify(sim);
  }
}

void give_back(struct ring_view *ring, uint32_t id, uint32_t length) {
  ring->used->ring[ring->used->index % QUEUE_LENGTH].id = id;
  ring->used->ring[ring->used->index % QUEUE_LENGTH].length = length;
  ring->used->index++;
}

void map_window(uint64_t at, uint64_t length) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  CHECK(mmap((void *)at, length, PROT_READ | PROT_WRITE, flags, -1, 0) == (void *)at);
}

/* Page by page, as the board does: nothing lies between them. */
void map_dma(void) { for (unsigned i = 0; i < DMA_PAGES; i++) map_window((uint64_t)dma_page(i), PAGE); }

uint64_t random_number(uint64_t *state) {
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return *state;
}

int main(int count, char **words) {
  if (count < 2) return 2;
  int status = devices_command(count, words);
  if (status < 0) status = memory_command(count, words);
  if (status < 0) status = parts_command(count, words);
  if (status < 0) status = net_command(count, words);
  fflush(stdout);
  return status < 0 ? 2 : status;
}
