/*
 * start.c: from the entry to the main loop. The monitor passes a start info (Xen's public/arch-x86/hvm/start_info.h): command line, one module (the
 * seal), memory map. What is needed of it is copied before anything else, because its memory is given out later.
 */
#include "board.h"

enum { MAGIC = 0x336ec578, USABLE = 1, RANGES = 16, LINE_MOST = 2048 };

struct start_info {
  uint32_t magic, version, flags, modules;
  uint64_t module_list, command_line, rsdp, memory_map;
  uint32_t memory_entries, reserved;
};
struct module { uint64_t address, size, command_line, reserved; };
struct memory_entry { uint64_t address, size; uint32_t kind, reserved; };

NORETURN void leap(uint64_t tables, uint64_t stack, void (*go)(void));

static char command_line[LINE_MOST];

const char *find_word(const char *line, const char *word) {
  for (bool start = true; *line; start = *line++ == ' ') {
    size_t same = 0;
    while (word[same] && line[same] == word[same]) same++;
    if (start && !word[same]) return line + same;
  }
  return NULL;
}

static void run(void) {
  cpu_init();
  time_start();
  entropy_init();
  nic_init();
  vault_init();
  time_init();
  net_init(command_line);
  trace_init(command_line);
  if (find_word(command_line, "map=1")) memory_print_map();
  trace_boot();
  print("# ready"), print_line_end();
  net_run();
}

/* Called by entry.S with the low GiB mapped as it is. */
void boot(const struct start_info *info) {
  if (info->magic != MAGIC || info->version < 1) fatal("this is not a PVH boot with a memory map");
  const char *line = (const char *)info->command_line;
  for (unsigned i = 0; line && line[i]; i++) {
    if (i == LINE_MOST - 1) fatal("the command line is refused: 8");
    command_line[i] = line[i];
  }
  struct range usable[RANGES], seal = {0};
  unsigned count = 0;
  const struct memory_entry *entries = (const void *)info->memory_map;
  for (uint32_t i = 0; i < info->memory_entries && count < RANGES; i++) {
    if (entries[i].kind == USABLE) usable[count++] = (struct range){entries[i].address, entries[i].address + entries[i].size};
  }
  if (info->modules == 1) {
    const struct module *module = (const void *)info->module_list;
    seal = (struct range){module->address, module->address + module->size};
  }
  print("# pinata"), print_line_end();
  devices_read(command_line);
  memory_init(usable, count, seal);
  leap(memory_build(), STACK_TOP, run);
}
