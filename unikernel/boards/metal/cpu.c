/*
 * cpu.c: descriptor tables, protection bits, interrupt controllers, exceptions and the end of the machine (Intel SDM 3A).
 * An exception at an instruction of a compartment, or on a used-up stack, is that compartment's trap; any other ends the machine.
 */
#include "board.h"

enum { VECTOR_TIMER = 32, VECTOR_DEVICE = 33, VECTOR_SPURIOUS = 47, VECTORS = 48 };
enum { CODE_SELECTOR = 8, TSS_SELECTOR = 16, FAULT_IST = 1 };
enum { LAPIC_SPURIOUS = 0xf0, LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_TIMER = 0x320, MASKED = 0x10000 };
#define CR4_PAE (1ul << 5)
#define CR4_UMIP (1ul << 11)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)

struct fault { uint64_t vector, error, rip, cs, flags, rsp, ss; };

struct __attribute__((packed)) tss {
  uint32_t reserved0;
  uint64_t rsp[3], reserved1, ist[7], reserved2;
  uint16_t reserved3, io_map;
};

struct __attribute__((packed)) table_pointer { uint16_t limit; const void *base; };

extern uint8_t exception_entries[32][16], interrupt_wake[], interrupt_spurious[], guest_text_start[], guest_text_end[];
NORETURN void guard_return(struct guard *guard);

uint32_t wasm_rt_call_stack_depth;

static struct guard *guards;
static struct tss tss = {.ist = {FAULT_STACK_TOP}, .io_map = sizeof tss};
static uint64_t gdt[4] = {0, 0x00af9b000000ffff};
static uint64_t idt[VECTORS][2];

static struct cpuid { uint32_t a, b, c, d; } cpuid(uint32_t leaf) {
  struct cpuid r;
  __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
  return r;
}

bool cpu_has_rdrand(void) { return cpuid(1).c >> 30 & 1; }

bool cpu_has_rdseed(void) { return cpuid(0).a >= 7 && (cpuid(7).b >> 18 & 1); }

static void ioapic_write(uint32_t reg, uint32_t value) {
  write32(IOAPIC, reg);
  write32(IOAPIC + 0x10, value);
}

void wake_on_pin(uint32_t pin) {
  if (pin >= 24) fatal("a device's interrupt pin is out of range");
  ioapic_write(0x11 + 2 * pin, 0);
  ioapic_write(0x10 + 2 * pin, VECTOR_DEVICE); /* edge, active high, this processor */
}

static void set_gate(unsigned vector, uint64_t handler, uint64_t ist) {
  idt[vector][0] = (handler & 0xffff) | CODE_SELECTOR << 16 | ist << 32 | 0x8eul << 40 | (handler >> 16 & 0xffff) << 48;
  idt[vector][1] = handler >> 32;
}

void cpu_init(void) {
  uint64_t at = (uint64_t)&tss;
  gdt[2] = (sizeof tss - 1) | (at & 0xffffff) << 16 | 0x89ul << 40 | (at >> 24 & 0xff) << 56;
  gdt[3] = at >> 32;
  for (unsigned i = 0; i < 32; i++) set_gate(i, (uint64_t)exception_entries[i], FAULT_IST);
  for (unsigned i = 32; i < VECTORS; i++) set_gate(i, (uint64_t)interrupt_wake, 0);
  set_gate(VECTOR_SPURIOUS, (uint64_t)interrupt_spurious, 0);
  struct table_pointer gdt_pointer = {sizeof gdt - 1, gdt}, idt_pointer = {sizeof idt - 1, idt};
  __asm__ volatile("lgdt %0; lidt %1; ltr %w2" ::"m"(gdt_pointer), "m"(idt_pointer), "r"(TSS_SELECTOR) : "memory");

  uint64_t cr4 = CR4_PAE;
  struct cpuid features = cpuid(0).a >= 7 ? cpuid(7) : (struct cpuid){0};
  if (features.b >> 7 & 1) cr4 |= CR4_SMEP;
  if (features.b >> 20 & 1) cr4 |= CR4_SMAP;
  if (features.c >> 2 & 1) cr4 |= CR4_UMIP;
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));

  out8(0x21, 0xff); /* the old interrupt controllers, if there: all off */
  out8(0xa1, 0xff);
  write32(LAPIC + LAPIC_LVT_LINT0, MASKED);
  write32(LAPIC + LAPIC_LVT_LINT1, MASKED);
  write32(LAPIC + LAPIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
  write32(LAPIC + LAPIC_LVT_TIMER, VECTOR_TIMER);
}

void guard_enter(struct guard *guard) {
  guard->outer = guards;
  guard->depth = wasm_rt_call_stack_depth;
  guards = guard;
  wasm_rt_call_stack_depth = 0;
}

void guard_drop(struct guard *guard) {
  guards = guard->outer;
  wasm_rt_call_stack_depth = guard->depth;
}

void trap(void) {
  struct guard *guard = guards;
  if (!guard) fatal("a trap outside of every compartment");
  guard_drop(guard);
  guard_return(guard);
}

/* Called by entry.S on the fault stack. */
void exception(const struct fault *fault) {
  uint64_t address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  bool in_guest = fault->rip >= (uint64_t)guest_text_start && fault->rip < (uint64_t)guest_text_end;
  bool stack_end = fault->vector == 14 && address >= WINDOW(WINDOW_STACKS) && address < STACK_TOP - STACK_SIZE;
  if (guards && (in_guest || stack_end)) trap();
  print("# exception "), print_number(fault->vector), print(" error "), print_hex(fault->error, 4);
  print(" at "), print_hex(fault->rip, 12), print(" address "), print_hex(address, 12), print_line_end();
  power_off();
}

void fatal(const char *text) { print("# "), print(text), print_line_end(), power_off(); }

void fatal_number(const char *text, uint64_t number) { print("# "), print(text), print_number(number), print_line_end(), power_off(); }

/*
 * A machine of this kind has no power button. A monitor that offers QEMU's isa-debug-exit ends with status 3 at the first line;
 * on any other, a triple fault asks for a reset, which is the end with -no-reboot.
 */
void power_off(void) {
  out8(0xf4, 1);
  struct table_pointer nothing = {0, NULL};
  __asm__ volatile("lidt %0; ud2" ::"m"(nothing));
  __builtin_unreachable();
}
