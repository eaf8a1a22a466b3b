/*
 * memory.c: the memory map. Built once at boot, on the monitor's memory map; nothing is mapped, unmapped or allocated later.
 * Writable or executable, never both; page 0 and everything that is not listed by `memory_build` is not mapped. The page
 * tables themselves are visible read-only through slot 510 of the top one, so that the map can be printed from what is in use.
 */
#include "board.h"

enum { PRESENT = 1, WRITABLE = 2, UNCACHED = 0x10 };
#define NO_EXECUTE (1ul << 63)
#define DATA (WRITABLE | NO_EXECUTE)
#define ADDRESS 0x000ffffffffff000ul
#define SELF 510ul
#define RANGES 16
/* What the boot page tables map (entry.S). */
#define BOOT_MAPPED (1ul << 30)

extern uint8_t image_start[], constants_start[], data_start[], image_end[];

uint32_t seal_length;

static struct range memory[RANGES], seal;
static unsigned ranges;
static uint64_t next_frame = PAGE;
static uint64_t *top;

void memory_init(const struct range *usable, unsigned count, struct range module) {
  for (unsigned i = 0; i < count && ranges < RANGES; i++) memory[ranges++] = usable[i];
  seal = module;
  if (seal.to <= seal.from) fatal("there is no seal (-initrd)");
  if (seal.to - seal.from > SEAL_MOST) fatal("the seal is refused: 2");
  if (seal.to > BOOT_MAPPED) fatal("the seal lies above the first GiB (-m: less than that)");
}

static bool is_taken(uint64_t frame) {
  if (frame >= (uint64_t)image_start && frame < (uint64_t)image_end) return true;
  return frame + PAGE > seal.from && frame < seal.to;
}

/* The next frame of usable memory, lowest first. Its contents are whatever was there. */
static uint64_t take_frame(void) {
  for (uint64_t frame = next_frame;; frame += PAGE) {
    struct range *best = NULL;
    for (unsigned i = 0; i < ranges; i++) {
      uint64_t to = (memory[i].to < BOOT_MAPPED ? memory[i].to : BOOT_MAPPED) & ~(PAGE - 1);
      if (to > frame && to > memory[i].from && to - memory[i].from >= PAGE && (!best || memory[i].from < best->from)) best = &memory[i];
    }
    if (!best) fatal("there is not enough memory (-m)");
    uint64_t from = (best->from + PAGE - 1) & ~(PAGE - 1);
    if (frame < from) frame = from;
    if (frame + PAGE > best->to || is_taken(frame)) continue;
    next_frame = frame + PAGE;
    return frame;
  }
}

static uint64_t *take_table(void) { return memset((void *)take_frame(), 0, PAGE); }

static void map(uint64_t virtual, uint64_t physical, uint64_t flags) {
  uint64_t *table = top;
  for (unsigned shift = 39; shift > 12; shift -= 9) {
    uint64_t *entry = &table[virtual >> shift & 511];
    if (!*entry) *entry = (uint64_t)take_table() | PRESENT | WRITABLE;
    table = (uint64_t *)(*entry & ADDRESS);
  }
  table[virtual >> 12 & 511] = physical | PRESENT | flags;
}

static void map_frames(uint64_t virtual, uint64_t length) {
  for (uint64_t at = 0; at < length; at += PAGE) map(virtual + at, take_frame(), DATA);
}

static void map_image(uint8_t *from, uint8_t *to, uint64_t flags) {
  for (uint64_t page = (uint64_t)from; page < (uint64_t)to; page += PAGE) map(page, page, flags);
}

void memory_map_registers(uint64_t physical) { map(physical & ADDRESS, physical & ADDRESS, DATA | UNCACHED); }

/* The seal goes to pages of its own, read-only from now on; where it was loaded nothing of it remains. */
static void move_seal(void) {
  seal_length = seal.to - seal.from;
  for (uint64_t at = 0; at < seal_length; at += PAGE) {
    uint64_t frame = take_frame(), rest = seal_length - at;
    memcpy((void *)frame, (void *)(seal.from + at), rest < PAGE ? rest : PAGE);
    map(SEAL_COPY + at, frame, NO_EXECUTE);
  }
  memset((void *)seal.from, 0, seal_length);
  __asm__ volatile("" ::: "memory");
}

uint64_t memory_build(void) {
  top = take_table();
  top[SELF] = (uint64_t)top | PRESENT | NO_EXECUTE;
  map_image(image_start, constants_start, 0);
  map_image(constants_start, data_start, NO_EXECUTE);
  map_image(data_start, image_end, DATA);
  memory_map_registers(LAPIC);
  memory_map_registers(IOAPIC);
  devices_map(memory_map_registers);
  move_seal();
  map_frames(STACK_TOP - STACK_SIZE, STACK_SIZE);
  map_frames(FAULT_STACK_TOP - FAULT_STACK_SIZE, FAULT_STACK_SIZE);
  for (unsigned i = 0; i < DMA_PAGES; i++) map_frames((uint64_t)dma_page(i), PAGE);
  map_frames(WINDOW(WINDOW_VAULT), VAULT_PAGES * WASM_PAGE);
  map_frames(WINDOW(WINDOW_NET), NET_PAGES * WASM_PAGE);
  for (unsigned i = 0; i < DOORS; i++) map_frames(WINDOW(i), DOOR_PAGES * WASM_PAGE);
  return (uint64_t)top;
}

/* The live entry for a virtual address: level 1 is that of the page, 4 that in the top table. */
static uint64_t entry_of(uint64_t virtual, unsigned level) {
  uint64_t at = virtual & 0xfffffffffffful;
  for (unsigned i = 0; i < level; i++) at = SELF << 39 | at >> 9;
  return *(volatile uint64_t *)(0xffff000000000000ul | (at & ~7ul));
}

uint64_t dma_physical(const void *address) {
  return (entry_of((uint64_t)address, 1) & ADDRESS) | ((uint64_t)address & (PAGE - 1));
}

static const char *name_of(uint64_t at) {
  if (at < (uint64_t)image_start) return "below the image";
  if (at < (uint64_t)constants_start) return "code";
  if (at < (uint64_t)data_start) return "constants";
  if (at < (uint64_t)image_end) return "data";
  if (at < WINDOWS) return "device registers";
  if (at >= SEAL_COPY && at < SEAL_COPY + SEAL_MOST) return "seal";
  if (at < WINDOW(DOORS)) return "door ";
  if (at < WINDOW(WINDOW_VAULT)) return "net";
  if (at < WINDOW(WINDOW_STACKS)) return "vault";
  if (at < STACK_TOP) return "stack";
  if (at < WINDOW(WINDOW_DMA)) return "fault stack";
  return "rings and frames";
}

static void print_region(uint64_t from, uint64_t to, uint64_t flags) {
  print("# map "), print_hex(from, 12), print("-"), print_hex(to, 12);
  print(flags & WRITABLE ? " rw" : " r-"), print(flags & NO_EXECUTE ? "- " : "x "), print(name_of(from));
  if (from >= WINDOWS && from < WINDOW(DOORS)) print_number((from - WINDOWS) / WINDOW_STRIDE);
  print_line_end();
}

void memory_print_map(void) {
  uint64_t from = 0, to = 0, flags = 0, tables = 0;
  for (uint64_t at = 0; at < 1ul << 48;) {
    uint64_t entry = 0, here = WRITABLE;
    unsigned level = 4;
    for (;; level--) {
      entry = entry_of(at, level);
      here = (here & entry & WRITABLE) | ((here | entry) & NO_EXECUTE);
      if (!(entry & PRESENT) || level == 1) break;
    }
    uint64_t size = 1ul << (3 + 9 * level);
    bool joins = (entry & PRESENT) && at == to && here == flags && to != (uint64_t)constants_start;
    if (!joins) {
      if (to > from) print_region(from, to, flags);
      from = at, to = at, flags = here;
    }
    if (entry & PRESENT) to = at + size;
    at += size;
    /* The tables are seen one by one all over this slot; a line for each would say nothing more. */
    if (from >> 39 != SELF || to == from) continue;
    if (here & WRITABLE || !(here & NO_EXECUTE)) fatal("the page tables are not read-only");
    tables++, from = to;
  }
  if (to > from) print_region(from, to, flags);
  print("# map "), print_hex(SELF << 39, 12), print("-"), print_hex((SELF + 1) << 39, 12);
  print(" r-- page tables, "), print_number(tables), print(" pages"), print_line_end();
}
