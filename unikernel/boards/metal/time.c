/*
 * time.c: how long and what time it is. The time-stamp counter and the LAPIC's timer are measured once against the PIT (8254, 1.193182
 * MHz) while the machine boots; the date comes from the CMOS clock (MC146818), which also corrects the counter's drift.
 */
#include "board.h"

enum { PIT_COUNTER0 = 0x40, PIT_COMMAND = 0x43, PIT_HZ = 1193182, PIT_SETTLE = PIT_HZ / 100, PIT_TRIES = 100000, LOOKS = 8 };
enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, CMOS_TRIES = 10000 };
enum { LAPIC_TIMER_COUNT = 0x380, LAPIC_TIMER_NOW = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0, DIVIDE_BY_16 = 3 };
#define LONGEST_IDLE 30000ul

static uint64_t micros_per_cycle; /* in 2^-32 */
static uint64_t lapic_per_milli, start_millis, corrected_at;
/* Of all three counters at once; `took`: how long it took, in cycles. */
static struct reading { uint64_t cycles, took; uint32_t ticks, lapic; } start;
static int64_t correction;

uint64_t cycles(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

uint64_t cycles_to_micros(uint64_t count) { return (unsigned __int128)count * micros_per_cycle >> 32; }

/* PIT ticks since time_start; more than 65535: too long ago to tell. */
static uint32_t pit_elapsed(void) {
  out8(PIT_COMMAND, 0xc2); /* latch status and count of counter 0 */
  uint8_t status = in8(PIT_COUNTER0);
  uint32_t low = in8(PIT_COUNTER0);
  uint32_t count = low | in8(PIT_COUNTER0) << 8;
  return status & 0x80 ? 65536 : 65535 - count;
}

/* The quickest of some readings: one during which this processor was taken away from us says nothing exact. */
static struct reading look(void) {
  struct reading best = {.took = UINT64_MAX};
  for (unsigned i = 0; i < LOOKS; i++) {
    uint64_t before = cycles();
    uint32_t ticks = pit_elapsed(), lapic = read32(LAPIC + LAPIC_TIMER_NOW);
    uint64_t took = cycles() - before;
    if (took < best.took) best = (struct reading){before + took / 2, took, ticks, lapic};
  }
  return best;
}

void time_start(void) {
  out8(PIT_COMMAND, 0x30); /* counter 0, mode 0: down from 65535, then its output goes high */
  out8(PIT_COUNTER0, 0xff), out8(PIT_COUNTER0, 0xff);
  write32(LAPIC + LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
  write32(LAPIC + LAPIC_TIMER_COUNT, 0xffffffff);
  start = look();
}

static void measure(void) {
  for (unsigned tries = 0; tries < PIT_TRIES; tries++) {
    struct reading now = look();
    if (now.ticks > 65535) time_start();
    uint64_t passed = now.cycles - start.cycles, ticks = now.ticks - start.ticks;
    if (now.ticks > 65535 || ticks < PIT_SETTLE || start.took + now.took > passed / 256) continue;
    micros_per_cycle = ((1000000ul << 32) / (passed * PIT_HZ / ticks));
    lapic_per_milli = (uint64_t)(start.lapic - now.lapic) * PIT_HZ / ticks / 1000;
    if (micros_per_cycle && lapic_per_milli) return;
  }
  fatal("the timer does not run (microvm: pit=on)");
}

static uint8_t cmos(uint8_t reg) { return out8(CMOS_INDEX, reg | 0x80), in8(CMOS_DATA); }

static uint32_t decimal(uint8_t value, bool binary) { return binary ? value : (value >> 4) * 10u + (value & 15); }

/* Seconds since 1970 by the CMOS clock. */
static uint64_t date(void) {
  for (unsigned tries = 0; tries < CMOS_TRIES; tries++) {
    if (cmos(10) & 0x80) continue; /* it is being counted on */
    bool binary = cmos(11) & 4;
    uint32_t second = decimal(cmos(0), binary), minute = decimal(cmos(2), binary), hour = decimal(cmos(4), binary);
    uint32_t day = decimal(cmos(7), binary), month = decimal(cmos(8), binary);
    uint32_t year = decimal(cmos(9), binary) + 2000;
    if (decimal(cmos(0), binary) != second || (cmos(10) & 0x80)) continue;
    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12) break;
    /* Days by the civil calendar, with years that begin in March. */
    uint32_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    uint64_t days = 365ul * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
  }
  fatal("the clock does not run (microvm: rtc=on)");
}

void time_init(void) {
  measure();
  start_millis = date() * 1000 - cycles_to_micros(cycles() - start.cycles) / 1000;
}

uint64_t steady_millis(void) { return start_millis + cycles_to_micros(cycles() - start.cycles) / 1000; }

uint64_t wall_millis(void) {
  uint64_t steady = steady_millis();
  if (steady - corrected_at >= 1000) {
    corrected_at = steady;
    uint64_t now = date() * 1000, ours = steady + correction;
    if (ours < now) correction += now - ours;
    if (ours > now + 999) correction -= ours - (now + 999);
  }
  return steady + correction;
}

void idle(uint64_t deadline) {
  uint64_t now = steady_millis(), most = now + LONGEST_IDLE;
  if (deadline && deadline <= now) return;
  uint64_t until = deadline && deadline < most ? deadline : most;
  write32(LAPIC + LAPIC_TIMER_COUNT, deadline ? (until - now) * lapic_per_milli : 0);
  __asm__ volatile("sti; hlt; cli" ::: "memory");
}
